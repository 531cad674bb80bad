"""What the names of a filter or sort mean in one statement, and the SQL that they become.

A path through one record becomes a LEFT JOIN, which all conditions share. A path through many becomes EXISTS:
under an operator with `?` once for all conditions that go the same way, so that they speak of one and the same
record; under a plain operator, which asks for all records, once for each condition.
"""

from holdfast.catalog.condition import Conditions
from holdfast.catalog.order import SortKey, read_sort
from holdfast.catalog.row import Frame, Rows
from holdfast.catalog.side import Sides
from holdfast.catalog.sight import EVERYTHING_SEEN, Sight
from holdfast.catalog.snapshot import Catalog
from holdfast.catalog.term import Names
from holdfast.db.sql import Sql
from holdfast.expressions.tree import Tree, Unreadable
from holdfast.expressions.value import Binds
from holdfast.schema.collection import Collection


class Scope:
    """The names that can be used in one statement about the rows of a collection.

    `alias` names the row, and `sight` says what is seen of it and of the rows that paths lead to. `prefix` begins
    the names of joined rows: two scopes in one FROM need different ones.

    Ask for `joins` last: conditions and sorts add to them.
    """

    def __init__(
        self, catalog: Catalog, collection: Collection, alias: Sql, sight: Sight = EVERYTHING_SEEN, prefix: str = "h"
    ) -> None:
        self._frame = Frame()
        self._rows = Rows(sight, prefix)
        self._base = self._rows.row(collection, alias, self._frame)
        self._names = Names(catalog, collection, self._rows, sight.knows)
        self._sides = Sides({"": self._base}, self._rows, sight, Binds())
        self._conditions = Conditions(self._names, self._sides, self._rows)

    def condition(self, tree: Tree) -> Sql:
        """The condition that a filter puts on the row: true or false, never NULL.

        Raises InvalidFilter, with the place, for names that are not there and comparisons that cannot be made.
        """
        try:
            return self._conditions.compile(tree)
        except Unreadable as failure:
            raise tree.invalid(failure) from None

    def sort(self, text: str) -> tuple[SortKey, ...]:
        """The keys of a sort such as `-created,author.name`. Raises InvalidSort."""
        return read_sort(text, self._names, self._sides, self._base)

    def joins(self) -> Sql:
        """The joins that conditions and sorts need, each with a space before it; they never add or remove rows."""
        return self._frame.joins()
