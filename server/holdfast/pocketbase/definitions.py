"""What PocketBase says of its collections becomes what `PUT /api/collections/import` would take. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from holdfast.pocketbase.names import Renames, renamed_index, renamed_rule, spare_index
from holdfast.pocketbase.report import Notes
from holdfast.pocketbase.source_collection import RULES, SourceCollection
from holdfast.schema.auth_options import AuthOptions
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.fields import FIELD_TYPES
from holdfast.schema.names import MAX_FIELD_ID_CHARS, id_problem
from holdfast.schema.system import EXTERNAL_AUTHS, SUPERUSERS
from holdfast.schema.system_fields import field_id, system_fields

_OPTIONS: Final = frozenset(option.encode_name for option in msgspec.structs.fields(AuthOptions))
_TYPES: Final = ("base", "auth", "view")
OWN: Final = frozenset((SUPERUSERS, EXTERNAL_AUTHS, "_mfas", "_otps", "_authOrigins"))
"""The system collections that every PocketBase and every Holdfast has; others are somebody's."""
PASSING: Final = frozenset(("_mfas", "_otps"))
"""What lives for minutes: first factors that wait for a second one, and one-time passwords."""


class Definition(msgspec.Struct):
    """A collection on its way: what is given of it can still be mended."""

    source: SourceCollection
    given: dict[str, Any]


def definitions(
    sources: Sequence[SourceCollection], renames: Renames, system: Mapping[str, Collection], notes: Notes
) -> list[Definition]:
    """The definitions of all collections that can come. `system` are the system collections that are here, by name."""
    found: list[Definition] = []
    for source in sources:
        if source.type not in _TYPES:
            notes.add(source.name, f"is a collection of a sort that is not known here ({source.type}): it is left out")
        elif source.name in OWN:
            found.append(Definition(source, _of_system(source, system[source.name], renames)))
        else:
            found.append(Definition(source, _given(source, renames, notes)))
    return found


def _of_system(source: SourceCollection, here: Collection, renames: Renames) -> dict[str, Any]:
    """Of a system collection the options, and the fields that somebody has added to it."""
    own = here.by_name
    added = [one for one in source.fields if one.get("name") not in own and one.get("type") in FIELD_TYPES]
    given: dict[str, Any] = {"id": here.id, "name": here.name}
    given["fields"] = [_field(source, one, renames) for one in added]
    return given | _options(source)


def _given(source: SourceCollection, renames: Renames, notes: Notes) -> dict[str, Any]:
    given: dict[str, Any] = {"id": source.id, "name": renames.collection(source), "type": source.type}
    if source.system:
        given["system"] = True
    if given["name"] != source.name:
        notes.add(source.name, f"cannot be the name of a collection here: it is called {given['name']} now")
    for rule in RULES:
        given[rule] = _rule(source, rule, source.rules[rule], renames, notes)
    if source.is_view:
        given["viewQuery"] = str(source.options.get("viewQuery", ""))
        return given
    given["fields"] = [_field(source, one, renames) for one in source.fields]
    for old, new in renames.fields.get(source.id, {}).items():
        notes.add(f"{source.name}.{old}", f"cannot be the name of a field here: it is called {new} now")
    given["indexes"] = [
        renamed_index(statement, renames.fields.get(source.id, {}), spare_index(source, at))
        for at, statement in enumerate(source.indexes)
        if statement
    ]
    if source.type == "auth":
        given |= _renamed_options(source, _options(source), renames, notes)
    return given


def _field(source: SourceCollection, field: Mapping[str, Any], renames: Renames) -> dict[str, Any]:
    old = str(field.get("name", ""))
    new = renames.field(source, old)
    # A field `roles` of people would be the server's own by its id, too, which is made of type and name.
    return dict(field) if new == old else {**field, "name": new, "id": field_id(str(field.get("type", "")), new)}


def _rule(source: SourceCollection, key: str, rule: str | None, renames: Renames, notes: Notes) -> str | None:
    if not rule or not renames.spoken:
        return rule
    found = renamed_rule(rule, renames)
    if found is None:
        what = f"speaks of a field that has another name now, and it cannot be told which: it is closed. It was: {rule}"
        notes.add(f"{source.name}.{key}", what)
    return found


def _options(source: SourceCollection) -> dict[str, Any]:
    return {key: content for key, content in source.options.items() if key in _OPTIONS}


def _renamed_options(
    source: SourceCollection, options: dict[str, Any], renames: Renames, notes: Notes
) -> dict[str, Any]:
    """The options of an auth collection, in which names of fields and rules are."""
    found = dict(options)
    for key in ("authRule", "manageRule"):
        if isinstance(found.get(key), str):
            found[key] = _rule(source, key, found[key], renames, notes)
    names = renames.fields.get(source.id, {})
    login: Any = found.get("passwordAuth")
    if isinstance(login, dict) and isinstance(login.get("identityFields"), list):  # pyright: ignore[reportUnknownMemberType]
        fields = cast(list[Any], login["identityFields"])
        found["passwordAuth"] = {**login, "identityFields": [names.get(str(one), str(one)) for one in fields]}
    oauth2: Any = found.get("oauth2")
    if isinstance(oauth2, dict) and isinstance(oauth2.get("mappedFields"), dict):  # pyright: ignore[reportUnknownMemberType]
        mapped = cast(dict[str, Any], oauth2["mappedFields"])
        found["oauth2"] = {**oauth2, "mappedFields": {key: names.get(str(to), to) for key, to in mapped.items()}}
    return found


def with_own_ids(collection: Collection, source: SourceCollection) -> Collection:
    """A new collection, in which the fields that every one has keep the ids that PocketBase gave them."""
    ids = {str(one.get("name")): one.get("id") for one in source.fields}
    own = {field.name for field in system_fields(collection.type)}
    taken = {field.id for field in collection.fields}

    def kept(field: Field) -> Field:
        id = str(ids.get(field.name, ""))
        if field.name not in own or id in taken or id_problem(id, MAX_FIELD_ID_CHARS) is not None:
            return field
        return msgspec.structs.replace(field, id=id)

    return msgspec.structs.replace(collection, fields=tuple(kept(field) for field in collection.fields))


class Column(msgspec.Struct, frozen=True):
    """A column of PocketBase's table, and the field that its values go to."""

    name: str
    field: Field


def columns(source: SourceCollection, collection: Collection, renames: Renames, notes: Notes) -> tuple[Column, ...]:
    """Which column goes where. Notes those that have nowhere to go, and fields without a column."""
    found: dict[str, Column] = {}
    for one in source.fields:
        name, id = str(one.get("name", "")), one.get("id")
        new = renames.field(source, name)
        field = (collection.by_id.get(str(id)) if new == name else None) or collection.by_name.get(new)
        if field is None:
            notes.add(f"{source.name}.{name}", "is no field here: its values are left out")
        elif name not in source.columns:
            notes.add(f"{source.name}.{name}", "has no column in PocketBase's table: it is empty")
        elif field.name not in found:
            found[field.name] = Column(name, field)
    return tuple(found.values())
