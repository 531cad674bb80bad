"""A filter over the rows of a collection becomes one condition in SQL.

Where a path goes to many records, a comparison with `?` looks for one of them that fulfils it, together with
all other comparisons with `?` that go the same way; a plain one wants all of them to. No record at all counts as
one in which everything is null.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from holdfast.catalog.listed import Lists
from holdfast.catalog.row import Row, Rows
from holdfast.catalog.side import Here, Sides
from holdfast.catalog.term import Asked, Comparison, Found, Joined, Key, Many, Names, Planned, manys_of
from holdfast.db.sql import Sql, join
from holdfast.expressions.compare import null_meets
from holdfast.expressions.emit import both, bracketed, negated
from holdfast.expressions.kind import Kind
from holdfast.expressions.tree import MIRRORED, Constant, Macro, Operator, Slot, Tree
from holdfast.expressions.value import ALWAYS


class Membership(msgspec.Struct, frozen=True):
    """A comparison that asks if a text of the row is among those at the end of a way that does not depend on it."""

    comparison: Comparison
    text: Found
    among: Found


class Conditions:
    """Compiles filters over the rows of one collection."""

    def __init__(self, names: Names, sides: Sides, rows: Rows) -> None:
        self._names = names
        self._sides = sides
        self._rows = rows
        self._lists = Lists(rows, sides.binds)

    def compile(self, tree: Tree) -> Sql:
        """The condition: true or false, never NULL. Raises Unreadable."""
        return self._every((self._names.plan(tree),), {})

    def _condition(self, planned: Planned, here: Here) -> Sql:
        """One condition, when all ways that it shares with others are in `here`."""
        if isinstance(planned, Comparison):
            return self._compare(planned, here, here) if planned.some else self._closed(planned)
        # Some record fulfils one or the other: the same as some record the one, or some record the other.
        return bracketed(join(" OR ", [self._every((part,), here) for part in planned.parts]))

    def _every(self, parts: Sequence[Planned], here: Here) -> Sql:
        """All of the conditions, those that share a way to many about one and the same record."""
        conditions: list[Sql] = []
        for together in _together(list(_flat(parts)), here):
            many = _outermost(together, here)
            if many is None or (len(together) == 1 and isinstance(together[0], Joined)):
                conditions += [self._condition(part, here) for part in together]
            else:
                conditions.append(self._some(many, together, here))
        return conditions[0] if len(conditions) == 1 else bracketed(join(" AND ", conditions))

    def _some(self, many: Many, parts: Sequence[Planned], here: Here) -> Sql:
        """That one record or item on a way fulfils all of the conditions."""
        alone = parts[0] if len(parts) == 1 else None
        if isinstance(alone, Comparison) and [other.key for other in alone.shared].count(many.key) == 1:
            without = self._names.without_ids(alone, lists=True)
            if all(other.key != many.key for other in without.shared):
                return self._every((without,), here)
        loose = not any(_when_absent(part, many.key) is False for part in parts)
        membership = self._membership(many, parts)
        if membership is not None:
            return self._gathered(many, parts, membership, here, loose=loose)

        def inner(row: Row | Sql) -> Sql:
            return self._every(parts, {**here, many.key: row})

        return self._exists(many, here, inner, loose=loose)

    def _membership(self, many: Many, parts: Sequence[Planned]) -> Membership | None:
        """The one comparison that is about the row, if all else is the same for all rows: is its text among some?"""
        about = [part for part in parts if not self._is_fixed(part)]
        found = about[0] if len(about) == 1 else None
        if not isinstance(found, Comparison) or not found.some or found.operator is not Operator.EQ:
            return None
        text, among = (found.right, found.left) if self._sides.is_fixed(found.left) else (found.left, found.right)
        if not isinstance(text, Found) or not isinstance(among, Found) or among.manys != (many,) or text.manys:
            return None
        both_texts = all(
            one.route.leaf.field.kind is Kind.TEXT and one.route.leaf.modifier == "" for one in (text, among)
        )
        return Membership(found, text, among) if both_texts and not text.route.leaf.is_list else None

    def _is_fixed(self, planned: Planned) -> bool:
        if isinstance(planned, Joined):
            return all(self._is_fixed(part) for part in planned.parts)
        return self._sides.is_fixed(planned.left) and self._sides.is_fixed(planned.right)

    def _gathered(
        self, many: Many, parts: Sequence[Planned], membership: Membership, here: Here, *, loose: bool
    ) -> Sql:
        """That a text is among those that a way from the request leads to: they are gathered once for all rows."""
        others = [part for part in parts if part is not membership.comparison]

        def inner(row: Row) -> tuple[Sql, Sql]:
            there = {**here, many.key: row}
            item = self._lists.item(self._sides.side(membership.among, there))
            return item, self._every(others, there) if others else ALWAYS

        parent = self._sides.row(many.origin, many.hops[:-1], here)
        items = self._rows.gather(parent, many.hops[-1], inner, loose=loose)
        return self._lists.among(self._sides.side(membership.text, here), items)

    def _exists(self, many: Many, here: Here, inner: Callable[[Row | Sql], Sql], *, loose: bool) -> Sql:
        if many.leaf is not None:
            items = self._sides.row(many.origin, many.hops, here).column(many.leaf.field.name)
            return self._rows.exists_item(items, inner, loose=loose)
        return self._rows.exists(self._sides.row(many.origin, many.hops[:-1], here), many.hops[-1], inner, loose=loose)

    def _closed(self, comparison: Comparison) -> Sql:
        """A plain comparison: every value of one side with every value of the other."""
        absent = _absent(comparison)

        def left(here: Here) -> Sql:
            return self._all(
                manys_of(comparison.right), {}, lambda there: self._compare(comparison, here, there), absent
            )

        return self._all(manys_of(comparison.left), {}, left, absent)

    def _all(self, manys: tuple[Many, ...], here: Here, inner: Callable[[Here], Sql], absent: bool | None) -> Sql:
        """That all records fulfil a condition, which gives `absent` for none."""
        if not manys:
            return inner(here)
        many = manys[0]

        def broken(row: Row | Sql) -> Sql:
            return negated(self._all(manys[1:], {**here, many.key: row}, inner, absent))

        whole = negated(self._exists(many, here, broken, loose=absent is None))
        if absent is not False:
            return whole
        return both(self._exists(many, here, lambda _: ALWAYS, loose=False), whole)

    def _compare(self, comparison: Comparison, here: Here, there: Here) -> Sql:
        left, right = self._sides.side(comparison.left, here), self._sides.side(comparison.right, there)
        return self._lists.compare(left, comparison.operator, right, comparison.at, some=comparison.some)


def _flat(parts: Sequence[Planned]) -> Iterator[Planned]:
    """The conditions one by one, where some of them are several of which all have to hold."""
    for part in parts:
        if isinstance(part, Joined) and not part.either:
            yield from _flat(part.parts)
        else:
            yield part


def _together(parts: Sequence[Planned], here: Here) -> list[list[Planned]]:
    """The conditions in groups, of which no two share a way that is not in `here`; in their order."""
    groups: list[tuple[set[Key], list[Planned]]] = []
    for part in parts:
        keys = {many.key for many in part.shared} - here.keys()
        same = [group for group in groups if group[0] & keys]
        if not same:
            groups.append((keys, [part]))
            continue
        first = same[0]
        first[0].update(keys)
        for other in same[1:]:
            first[0].update(other[0])
            first[1].extend(other[1])
            groups.remove(other)
        first[1].append(part)
    return [group for _, group in groups]


def _outermost(parts: Sequence[Planned], here: Here) -> Many | None:
    """The way to look at first: none leads to it but those in `here`, and the most conditions go along it."""
    ways = {many.key: many for part in parts for many in part.shared if many.key not in here}
    if not ways:
        return None
    uses = [many.key for part in parts for many in {many.key: many for many in part.shared}.values()]
    return min(ways.values(), key=lambda many: (len(many.hops) + (many.leaf is not None), -uses.count(many.key)))


def _when_absent(planned: Planned, key: Key) -> bool | None:
    """What a condition gives when there is no record on a way; None where that depends on the row."""
    if isinstance(planned, Joined):
        results = [_when_absent(part, key) for part in planned.parts]
        return _disjunction(results) if planned.either else _conjunction(results)
    if not any(many.key == key for many in planned.shared):
        return None
    return _absent(planned, key)


def _absent(comparison: Comparison, key: Key | None = None) -> bool | None:
    """The same for one comparison: of the way `key`, or of any."""
    left, right = comparison.left, comparison.right
    along = [side for side in (left, right) if any(key in (None, many.key) for many in manys_of(side))]
    if len(along) != 1 or not _is_null_when_absent(along[0]):
        return None
    if along[0] is left:
        return null_meets(comparison.operator, _literal(right))
    return null_meets(MIRRORED.get(comparison.operator, comparison.operator), _literal(left))


def _is_null_when_absent(asked: Asked) -> bool:
    """Whether a path gives null when a record on it is not there: all do but the length of a list."""
    return isinstance(asked, Found) and asked.route.leaf.modifier != "length"


def _literal(asked: Asked) -> Slot | Constant | Macro | None:
    return asked if isinstance(asked, Slot | Constant | Macro) else None


def _conjunction(results: Iterable[bool | None]) -> bool | None:
    found = set(results)
    return False if False in found else None if None in found else True


def _disjunction(results: Iterable[bool | None]) -> bool | None:
    found = set(results)
    return True if True in found else None if None in found else False
