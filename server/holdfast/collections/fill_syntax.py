"""What a new field is filled with: one SQL expression over the records that are there, in the words of a view.

This file costs the import of sqlglot (about 40 MB): import it where a fill is at hand, and not before.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
from sqlglot import exp

from holdfast.collections.view_query import ViewQuery, read_view
from holdfast.collections.view_syntax import InvalidView
from holdfast.schema.collection import Collection

_VALUE: Final = "value"
_ONE: Final = "A field is filled with one expression."


class FillQuery(msgspec.Struct, frozen=True):
    """The ids of a collection's records with the expression's `value` for each; `field` if it is that field itself."""

    query: ViewQuery
    field: str


def read_fill(expression: str, collection: Collection, collections: Mapping[str, Collection]) -> FillQuery:
    """Resolve an expression over the collection's records; subqueries can read the other collections (by name).

    Raises InvalidView for what is no single expression that a view could have.
    """
    # This text is never run, only taken apart. The line's end: a comment of the expression ends with it.
    text = f'SELECT id, ({expression}\n) AS {_VALUE} FROM "{collection.name}"'  # noqa: S608
    query = read_view(text, collections)
    tree = query.tree
    _refuse_more(tree)
    output = query.outputs[1]
    own = output.origin is not None and output.origin.collection == collection.name
    field = output.origin.field if own and output.origin is not None else ""
    value = tree.selects[1]
    if isinstance(value.this, exp.Tuple):
        raise InvalidView(_ONE)
    # PostgreSQL refuses what gives several rows inside of COALESCE: one record would get any of them.
    value.set("this", exp.Coalesce(this=value.this, expressions=[exp.Null()]))
    return FillQuery(query, field)


def _refuse_more(tree: exp.Query) -> None:
    """Raise InvalidView where the text has ended the expression, and begun something else."""
    parts = {name for name, part in tree.args.items() if part}
    if not isinstance(tree, exp.Select) or len(tree.selects) != 2 or parts - {"expressions", "from_", "kind"}:
        raise InvalidView(_ONE)
