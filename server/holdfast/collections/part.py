"""One thing that hangs on a collection's table beside its columns, as a value that can be compared. Pure."""

from typing import Literal

import msgspec

from holdfast.db.sql import Sql
from holdfast.schema.collection import Collection

Sort = Literal["index", "relation", "function", "trigger", "capture", "history"]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One of them. `table` is the id of the collection that it hangs on, `source` of the one that asks for it.

    `where` is the place in the source's JSON that a problem with it belongs to. `basis` is what it depends on besides
    its own text: an index has to be made anew when the type of its column changes. What `follows` finds tables and
    columns under their new names by itself.
    """

    sort: Sort
    name: str
    table: str
    source: str
    create: Sql
    where: tuple[str, ...]
    basis: tuple[str, ...] = ()
    follows: bool = True
    duplicates: Sql | None = None


def trigger(
    table: Collection, source: Collection, label: str, create: Sql, where: tuple[str, ...], *, follows: bool
) -> Part:
    """A trigger on the table of one collection that another, or the same, asks for."""
    return Part(
        sort="trigger", name=label, table=table.id, source=source.id, create=create, where=where, follows=follows
    )
