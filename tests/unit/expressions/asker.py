"""What a rule may speak of besides the row, in plain Python: who asks, what they send, the row before."""

import json
from typing import Any

import msgspec

from holdfast.catalog.path import Route, find_route
from holdfast.catalog.snapshot import Catalog
from holdfast.expressions.tree import Path, Unreadable
from holdfast.schema.collection import Collection
from holdfast.schema.relation import RelationField
from holdfast.schema.select import SelectField
from holdfast.schema.text import TextField

Record = dict[str, Any]


class Asker(msgspec.Struct, kw_only=True, frozen=True):
    """Who asks, and with what request, as a rule may speak of it.

    `record` is the caller's own, of `collection`; `body` has values of the columns for the fields that were given, and
    `sent` other keys, as JSON. `previous` is the record before a change.
    """

    collection: Collection | None = None
    record: Record | None = None
    roles: tuple[str, ...] = ()
    method: str = "GET"
    context: str = "default"
    query: dict[str, str] = {}
    headers: dict[str, str] = {}
    body: Record = {}
    sent: Record = {}
    previous: Record | None = None


class Origin(msgspec.Struct):
    """What a path begins at: the first part of the names of its ways, the collection there, and the rest of it."""

    names: tuple[str, ...]
    collection: Collection
    path: Path
    record: Record | None = None


def origin_of(asker: Asker, catalog: Catalog, collection: Collection, path: Path) -> Origin | None:
    """Where a path begins; None if there is nothing that it could begin at."""
    names = path.names
    if not names[0].startswith("@"):
        return Origin((), collection, path)
    if names[0] == "@collection":
        return Origin((f"@collection.{names[1]}:{path.alias}",), catalog.get(names[1]), rest(path, 2))
    if names[0] == "@previous":
        return None if asker.previous is None else Origin(("@previous",), collection, rest(path, 1), asker.previous)
    if names[1] == "auth" and asker.collection is not None and asker.record is not None:
        texts = [TextField(id=name, name=name) for name in ("collectionId", "collectionName")]
        roles = SelectField(id="roles", name="roles", max_select=99)
        bearer = msgspec.structs.replace(asker.collection, fields=(*asker.collection.fields, *texts, roles))
        own = {"collectionId": bearer.id, "collectionName": bearer.name, "roles": list(asker.roles)}
        return Origin(("@auth",), bearer, rest(path, 2), asker.record | own)
    if names[1] == "body" and names[2] in asker.body:
        return Origin(("@body",), collection, rest(path, 2), asker.body)
    if names[1] == "body" and path.modifier == "each" and not is_followed(collection, names):
        items = inside(asker.sent, names[2:])
        key = ".".join(names[2:])
        bearer = Collection(id="", name="", fields=(SelectField(id=key, name=key, max_select=99),))
        listed = [_text(item) for item in items] if isinstance(items, list) else []
        held: Record = {key: listed}
        return Origin(("@sent", key), bearer, Path((key,), "each", path.at), held)
    return None


def _text(item: Any) -> str:
    return item if isinstance(item, str) else json.dumps(item, separators=(",", ":"), ensure_ascii=False)


def is_followed(collection: Collection, names: tuple[str, ...]) -> bool:
    """Whether a path of the body goes through a relation of the collection."""
    return len(names) > 3 and isinstance(collection.by_name.get(names[2]), RelationField)


def rest(path: Path, skipped: int) -> Path:
    return Path(path.names[skipped:], path.modifier, path.at)


def route_of(asker: Asker, catalog: Catalog, collection: Collection, path: Path) -> Route | None:
    """Where a path leads from there; None if it leads to nothing."""
    origin = origin_of(asker, catalog, collection, path)
    if origin is None or path.modifier in ("isset", "changed"):
        return None
    try:
        return find_route(catalog, origin.collection, origin.path)
    except Unreadable:  # another auth collection has it
        return None


def is_sent(asker: Asker, names: tuple[str, ...]) -> bool:
    holder = inside(asker.sent, names[2:-1])
    if isinstance(holder, list):
        return names[-1].isdigit() and int(names[-1]) < len(holder)
    return isinstance(holder, dict) and names[-1] in holder


def inside(content: Any, names: tuple[str, ...]) -> Any:
    for name in names:
        if isinstance(content, dict):
            content = content.get(name)
        elif isinstance(content, list) and name.isdigit() and int(name) < len(content):
            content = content[int(name)]
        else:
            return None
    return content
