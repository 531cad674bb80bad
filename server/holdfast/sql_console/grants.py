"""What the roles of the SQL console may do: as statements, made of the collections as they stand. Pure."""

from collections.abc import Iterator
from typing import Final

from holdfast.catalog.snapshot import Catalog
from holdfast.db.console_roles import role_name
from holdfast.db.sql import Sql, join, name, qualified, raw
from holdfast.schema.collection import Collection

SHOWN: Final = ("logs", "audit", "events")
"""The tables of the server's own that can be read: nothing in them is a secret."""


def grants(catalog: Catalog, owner: str, database: str) -> Iterator[Sql]:
    """The statements, in their order. Run them in one transaction: between two of them somebody could see too much."""
    reader, writer = (name(role_name(owner, mode)) for mode in ("read", "write"))
    both = reader + raw(", ") + writer
    yield raw("GRANT CONNECT ON DATABASE ") + name(database) + raw(" TO ") + both
    yield raw("GRANT USAGE ON SCHEMA public, holdfast TO ") + both
    for table in SHOWN:
        yield raw("GRANT SELECT ON ") + qualified("holdfast", table) + raw(" TO ") + both
    for collection in catalog.collections:
        yield raw("REVOKE ALL ON ") + qualified("public", collection.name) + raw(" FROM ") + both
        yield from _of(collection, both, writer)


def _of(collection: Collection, both: Sql, writer: Sql) -> Iterator[Sql]:
    columns = _columns(collection)
    on = raw(" ON ") + qualified("public", collection.name) + raw(" TO ")
    yield raw("GRANT SELECT") + columns + on + both
    if collection.is_view or collection.system:
        return
    yield raw("GRANT INSERT") + columns + raw(", UPDATE") + columns + on + writer
    yield raw("GRANT DELETE") + on + writer


def _columns(collection: Collection) -> Sql:
    """The columns that may be touched; empty for all, where none is a secret."""
    open_ones = readable(collection)
    if len(open_ones) == len(collection.fields):
        return Sql()
    return raw(" (") + join(", ", [name(column) for column in open_ones]) + raw(")")


def readable(collection: Collection) -> tuple[str, ...]:
    """The columns of a collection that are no secret."""
    return tuple(field.name for field in collection.fields if not collection.is_secret(field))


def secret_hint(catalog: Catalog, text: str) -> str:
    """What to say when a statement was not allowed: which columns can be read of the collections that it names."""
    named = [one for one in catalog.collections if one.name in text and len(readable(one)) < len(one.fields)]
    if not named:
        return ""
    lists = "; ".join(f"of {one.name}: {', '.join(readable(one))}" for one in named[:3])
    return f" Passwords and token keys cannot be read, so name the columns you want, {lists}."
