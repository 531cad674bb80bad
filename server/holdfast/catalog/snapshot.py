"""All collections, roles, options and states of plugins at one version, as one immutable value."""

from collections.abc import Iterable, Mapping
from functools import cached_property

import msgspec

from holdfast.errors import NotFound
from holdfast.schema.app_options import DEFAULT_OPTIONS, AppOptions
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.plugin_state import NO_PLUGINS, PluginState
from holdfast.schema.relation import RelationField
from holdfast.schema.role import Role


class Reference(msgspec.Struct, frozen=True):
    """A relation field, seen from the collection that it points at."""

    collection: Collection
    field: RelationField


class Catalog(msgspec.Struct, frozen=True, dict=True):
    """The collections, roles, options and states of plugins at `version`.

    It grows by one with every committed change of any.
    """

    version: int = 0
    collections: tuple[Collection, ...] = ()
    roles: tuple[Role, ...] = ()
    options: AppOptions = DEFAULT_OPTIONS
    plugins: Mapping[str, PluginState] = {}

    @classmethod
    def of(
        cls,
        version: int,
        collections: Iterable[Collection],
        roles: Iterable[Role] = (),
        options: AppOptions = DEFAULT_OPTIONS,
        plugins: Mapping[str, PluginState] = NO_PLUGINS,
    ) -> "Catalog":
        """A snapshot of these."""
        return cls(version, tuple(collections), tuple(roles), options, plugins)

    @cached_property
    def by_name(self) -> dict[str, Collection]:
        """The collections by name."""
        return {collection.name: collection for collection in self.collections}

    @cached_property
    def by_id(self) -> dict[str, Collection]:
        """The collections by id."""
        return {collection.id: collection for collection in self.collections}

    def find(self, id_or_name: str) -> Collection | None:
        """The collection with this id or this name, as PocketBase's clients may send either."""
        return self.by_name.get(id_or_name) or self.by_id.get(id_or_name)

    def name_of(self, id_or_name: str) -> str:
        """The name of the collection with this id or name; what was given where there is none."""
        found = self.find(id_or_name)
        return id_or_name if found is None else found.name

    def get(self, id_or_name: str) -> Collection:
        """The same, or NotFound."""
        collection = self.find(id_or_name)
        if collection is None:
            raise NotFound("There is no collection of that name.")
        return collection

    @cached_property
    def roles_by_id(self) -> dict[str, Role]:
        """The roles by id."""
        return {role.id: role for role in self.roles}

    def role(self, id_or_name: str) -> Role | None:
        """The role with this id or this name."""
        return self.roles_by_id.get(id_or_name) or next((role for role in self.roles if role.name == id_or_name), None)

    def role_ids(self, names: Iterable[str]) -> tuple[str, ...]:
        """The sorted ids of the roles with these names. A name that no role has is no role."""
        wanted = frozenset(names)
        return tuple(sorted(role.id for role in self.roles if role.name in wanted)) if wanted else ()

    @cached_property
    def _references(self) -> dict[str, tuple[Reference, ...]]:
        found: dict[str, list[Reference]] = {}
        for collection in self.collections:
            for field in collection.fields:
                if isinstance(field, RelationField):
                    found.setdefault(field.collection_id, []).append(Reference(collection, field))
        return {target: tuple(references) for target, references in found.items()}

    def references(self, collection: Collection) -> tuple[Reference, ...]:
        """Every relation field that points at the collection."""
        return self._references.get(collection.id, ())

    def target(self, field: Field) -> Collection:
        """The collection that a relation field points at."""
        if not isinstance(field, RelationField):
            raise TypeError(f"{field.name} is no relation")
        return self.by_id[field.collection_id]
