"""One step of a change: a statement, what it costs, and what of it can be brought back."""

from typing import Any, Literal

import msgspec

from holdfast.db.sql import Sql
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field

Lock = Literal["", "share", "share row exclusive", "access exclusive"]
Action = Literal[
    "create_extension",
    "drop_view",
    "stop_capture",
    "stop_history",
    "drop_index",
    "drop_relation",
    "drop_trigger",
    "drop_function",
    "keep_index",
    "rename_collection",
    "drop_collection",
    "keep_field",
    "drop_field",
    "rename_field",
    "create_collection",
    "comment",
    "keep_values",
    "alter_field",
    "convert_field",
    "empty_missing",
    "add_field",
    "fill_field",
    "create_index",
    "create_relation",
    "create_function",
    "create_trigger",
    "start_capture",
    "start_history",
    "create_view",
    "restore_collection",
    "restore_index",
    "restore_values",
]
"""What a step does, about in the order in which a change does it; docs/reference/schema-changes.md explains each."""


class Keep(msgspec.Struct, frozen=True, kw_only=True):
    """What goes to the trash with a step, and all that it takes to bring it back.

    `table` is in schema holdfast_trash; it is empty for a view, which has no rows of its own.
    """

    id: str
    kind: Literal["collection", "field", "values"]
    collection: Collection
    field: Field | None = None
    definition: dict[str, Any]
    table: str


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One statement. `collection` is the name that it goes by before the change, or the new one's; so is `field`, of
    the one field that it is about.

    `losses` counts the rows that lose a value, `writes` those that are written; both are asked before the
    change begins, so they go by the old names. A step that is `only_for_losses` is left out where none is lost.
    `locks` is the strongest lock on a table that somebody may be using, in PostgreSQL's words.
    """

    collection: str
    action: Action
    sql: Sql
    locks: Lock = ""
    rewrites: bool = False
    losses: Sql | None = None
    sample: Sql | None = None  # some of the rows that `losses` counts: id, value, becomes; the two as JSON
    writes: Sql | None = None
    only_for_losses: bool = False
    keeps: Keep | None = None
    source: str = ""  # the id of the collection that asked for it, with the place in its JSON, for what fails
    where: tuple[str, ...] = ()
    duplicates: Sql | None = None  # counts the rows that stand against a unique index
    field: str = ""


def trash_table(id: str) -> str:
    """The name of the table that holds what was dropped. No collection can have a name like this one."""
    return f"hf_{id}"
