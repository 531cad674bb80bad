"""An import as one value: whose it is, where it goes and how."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from holdfast.catalog.snapshot import Catalog
from holdfast.engine import Engine
from holdfast.errors import BadRequest, Forbidden, Unauthenticated
from holdfast.events.context import Context, write_context
from holdfast.identity import Principal
from holdfast.records.permit import Attempt
from holdfast.rules.access import Access, Audience, audience, ways_in
from holdfast.rules.facts import Facts
from holdfast.rules.speaks import speak_of
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.ids import new_id
from holdfast.schema.role import Action
from holdfast.transfer.asked import ImportAsked, refused
from holdfast.transfer.columns import PASSWORD, PASSWORD_HASH, Into, is_unique

_OF_BODY: Final = "@request.body"


class ImportJob(msgspec.Struct, frozen=True, kw_only=True):
    """One import. `context` is what the log of events says of its changes, `size` how long the file is, if known."""

    id: str
    catalog: Catalog
    collection: Collection
    who: Principal
    context: Context
    facts: Facts
    asked: ImportAsked
    create: Access
    update: Access
    hooked: bool = False
    size: int | None = None

    @property
    def audience(self) -> Audience:
        """Whom the rules are asked for."""
        return audience(self.who)

    @property
    def into(self) -> Into:
        """Where the columns of the file go."""
        ways = [self.create] if self.asked.creates else []
        ways += [self.update] if self.asked.updates else []
        ignore = self.asked.ignore_unknown
        return Into(self.catalog, self.collection, self.audience, tuple(ways), ignore_unknown=ignore)

    @property
    def key(self) -> Field:
        """The field by which records are told that are there already."""
        return self.collection.by_name[self.asked.key]

    @property
    def told(self) -> str:
        """The context as the setting of PostgreSQL holds it."""
        return write_context(self.context)

    def attempt(self, action: Action, given: tuple[str, ...]) -> Attempt:
        """The writes of one sort that the import comes to, as far as rules are asked about them."""
        way = self.create if action == "create" else self.update
        names = () if way.is_plain else tuple(sorted(given))
        return Attempt(catalog=self.catalog, collection=self.collection, who=self.audience, access=way, given=names)


def make_job(
    engine: Engine, collection: Collection, facts: Facts, context: Context, asked: ImportAsked, size: int | None = None
) -> ImportJob:
    """An import that may be done.

    Raises Unauthenticated and Forbidden for who may not, BadRequest for a collection that takes none, ValidationFailed
    for a key that tells no records apart.
    """
    catalog, who = engine.catalog, facts.who
    if who.kind == "guest":
        raise Unauthenticated
    if collection.is_view:
        raise BadRequest("This collection is a view: its records can only be read.")
    if collection.system:
        raise BadRequest("Nothing can be imported into a system collection.")
    create, update = (ways_in(catalog, collection, action, audience(who)) for action in ("create", "update"))
    _check_who(who, collection, asked, {"create": create, "update": update})
    field = collection.by_name.get(asked.key)
    if field is None or field.hidden or not field.readable or not is_unique(collection, field):
        raise refused("key", "It has to be id, or a field of which no two records have the same value.")
    return ImportJob(
        id=new_id(),
        catalog=catalog,
        collection=collection,
        who=who,
        context=context,
        facts=facts,
        asked=asked,
        create=create,
        update=update,
        hooked=asked.hooks and ((asked.creates and engine.hooks.creates) or (asked.updates and engine.hooks.updates)),
        size=size,
    )


def _check_who(who: Principal, collection: Collection, asked: ImportAsked, ways: Mapping[Action, Access]) -> None:
    """Superusers may import, and who has roles that give it: what a rule gives everyone is given record by record."""
    if who.is_superuser:
        return
    if collection.is_auth:
        raise Forbidden("Only superusers may import accounts.")
    if not asked.hooks:
        raise Forbidden("Only superusers may import without the plugins.")
    for action, way in ways.items():
        if not (asked.creates if action == "create" else asked.updates):
            continue
        if not any(grant.source.startswith("role:") for grant in way.grants):
            raise Forbidden(f"Only superusers may import here, and who has a role with the permission to {action}.")
        if speak_of(way.rules, _OF_BODY):
            raise Forbidden(f"A rule to {action} asks about {_OF_BODY}, which an import has not: superusers may do it.")


def refuse_passwords(job: ImportJob, labels: Iterable[str]) -> None:
    """Raise ValidationFailed for passwords that would have to wait in the open until plugins were asked."""
    if not job.hooked or not job.collection.is_auth:
        return
    for label in {PASSWORD, PASSWORD_HASH}.intersection(labels):
        raise refused(label, "It cannot be imported while plugins are asked about every record: add hooks=false.")
