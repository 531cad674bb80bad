"""A rule becomes a condition in SQL about one row, true or false and never NULL. Pure."""

from collections.abc import Iterable
from typing import Final

import structlog

from holdfast.catalog.condition import Conditions
from holdfast.catalog.row import Frame, Rows
from holdfast.catalog.side import Sides
from holdfast.catalog.sight import EVERYTHING_SEEN, Sight
from holdfast.catalog.snapshot import Catalog
from holdfast.catalog.term import Names
from holdfast.db.sql import Sql, join
from holdfast.errors import InvalidFilter
from holdfast.expressions.emit import bracketed
from holdfast.expressions.read import read_filter
from holdfast.expressions.tree import Unreadable
from holdfast.expressions.value import ALWAYS, NEVER, Fixed
from holdfast.rules.access import Audience
from holdfast.rules.names import NOTHING_SPOKEN, ForeignNames, Spoken
from holdfast.schema.collection import Collection

_log: Final = structlog.get_logger("holdfast.rules")


class RuleScope:
    """Compiles rules about the row `alias` of a collection, as one audience asks.

    Rules see hidden fields and all records that a path leads to. The values that they are written with stand in the
    SQL as constants, for PostgreSQL to plan with; whatever differs between the callers of an audience is read from
    the Facts that the statement is run with (`Inputs.named[FACTS]`). With another `sight` it is the filter of somebody
    that sees less, and may speak of `@previous` all the same.

    The conditions need `joins` in the FROM that has the row, asked for last; `holds` gives one that needs none. Two
    scopes in one FROM need different prefixes.
    """

    def __init__(
        self,
        catalog: Catalog,
        collection: Collection,
        alias: Sql,
        who: Audience,
        spoken: Spoken = NOTHING_SPOKEN,
        prefix: str = "r",
        sight: Sight = EVERYTHING_SEEN,
    ) -> None:
        self._collection = collection
        self._sight = sight
        self._frame = Frame()
        self._rows = Rows(sight, prefix)
        base = self._rows.row(collection, alias, self._frame)
        foreign = ForeignNames(catalog, collection, who, spoken, self._rows, base, sight.knows)
        self._origins = foreign.origins()
        self._names = Names(catalog, collection, self._rows, sight.knows, foreign.find)

    def condition(self, rule: str) -> Sql:
        """The condition that one rule puts on the row. Raises InvalidFilter, with the place in the rule."""
        if not rule.strip():
            return ALWAYS
        reading = read_filter(rule)
        sides = Sides(self._origins, self._rows, self._sight, Fixed(reading.literals))
        try:
            return Conditions(self._names, sides, self._rows).compile(reading.tree)
        except Unreadable as failure:
            raise reading.tree.invalid(failure) from None

    def any_of(self, rules: Iterable[str]) -> Sql:
        """That one of the rules holds; of none, that none does. A rule that cannot be compiled lets nobody in."""
        found: list[Sql] = []
        for rule in rules:
            try:
                found.append(self.condition(rule))
            except InvalidFilter as failure:
                _log.warning(
                    "a rule cannot be used and lets nobody in",
                    collection=self._collection.name,
                    rule=rule,
                    reason=failure.message,
                )
        if not found:
            return NEVER
        return found[0] if len(found) == 1 else bracketed(join(" OR ", [bracketed(one) for one in found]))

    def joins(self) -> Sql:
        """The joins that the conditions need, each with a space before it; they never add or remove rows."""
        return self._frame.joins()

    def whole(self, condition: Sql) -> Sql:
        """A condition of this scope with its joins inside, so that it can stand anywhere where the row can be named."""
        return self._rows.whole(condition, self.joins())


def holds(
    catalog: Catalog,
    collection: Collection,
    rules: Iterable[str],
    alias: Sql,
    who: Audience,
    spoken: Spoken = NOTHING_SPOKEN,
    prefix: str = "r",
) -> Sql:
    """That one of the rules holds for the row `alias` (`Access.rules` are such rules; none of them: false).

    It needs nothing but the row, and so can stand in a WHERE, in an ON, or in a column of its own.
    """
    scope = RuleScope(catalog, collection, alias, who, spoken, prefix)
    return scope.whole(scope.any_of(rules))
