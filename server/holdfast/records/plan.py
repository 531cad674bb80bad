"""A read request and the catalog become a plan: the statement to run, and with which values.

Planning costs many times what the request costs after it, so plans are kept (db/plans.py): first under the
query string as it came, then under its shape, which is everything but the values in it.
"""

from collections.abc import Hashable, Mapping
from datetime import timedelta
from typing import Final, Literal

import msgspec

from holdfast.catalog.scope import Scope
from holdfast.catalog.snapshot import Catalog
from holdfast.db.plans import Plans
from holdfast.db.sql import Inputs, Statement, join, raw
from holdfast.expressions.read import Reading, read_filter
from holdfast.expressions.value import ALWAYS
from holdfast.records import search
from holdfast.records.aggregate import Names, compile_aggregate, outputs
from holdfast.records.aggregate_query import AggregateQuery
from holdfast.records.cursor import AFTER, unseal
from holdfast.records.document import document, read_shape
from holdfast.records.list import (
    BASE,
    OFFSET,
    PAGE,
    Page,
    Rows,
    compile_all,
    compile_count,
    compile_estimate,
    compile_page,
    compile_walk,
)
from holdfast.records.order import sort_keys
from holdfast.records.past import Past, remembered, source
from holdfast.records.query import Count, ListQuery
from holdfast.records.view import compile_view
from holdfast.rules.access import Access, Audience, access
from holdfast.rules.facts import FACTS, Facts
from holdfast.rules.scope import RuleScope, holds
from holdfast.rules.sight import sight_of
from holdfast.schema.collection import Collection

MAX_KEPT_CHARS: Final = 32_768  # of a statement; a list with three rules and a filter has about 4,000
SHOWN: Final = timedelta(microseconds=999)  # what dates go out without: `asOf` a version's own date has that version


class Asked(msgspec.Struct, frozen=True):
    """Of what a read is asked, and by whom: everything that a plan depends on besides the request."""

    catalog: Catalog
    collection: Collection
    who: Audience

    @property
    def of_the_past(self) -> "Asked":
        """The same of what is remembered of the collection."""
        return msgspec.structs.replace(self, collection=remembered(self.collection))

    def access(self, action: Literal["list", "view"]) -> Access:
        """The ways in. Raises Forbidden if there is none."""
        return access(self.catalog, self.collection, action, self.who)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A list request as far as the text of its statement depends on it, the filter apart.

    `first` is whether nothing comes before a numbered page; `nulls` tells which of a cursor's values are null,
    and is None on the first page of a `walk` by cursor.
    """

    per_page: int
    sort: str
    search: bool
    shape: tuple[str, str]
    count: Count
    first: bool
    walk: bool
    nulls: tuple[bool, ...] | None
    past: Past = ""


class Compiled(msgspec.Struct, frozen=True):
    """What requests of one shape have in common. `ruled` is whether a rule leaves rows out.

    Then no total is estimated that `counted` can count: PostgreSQL's statistics know the rows that are hidden too.
    """

    statement: Statement
    spaced: bool
    estimate: Statement | None = None
    counted: Statement | None = None
    ruled: bool = False


class AggregatePlan(msgspec.Struct, frozen=True):
    """One aggregate request: what to run, and with which values. `guarded`: a rule and a filter meet in it."""

    statement: Statement
    literals: tuple[object, ...]
    guarded: bool = False


class Plan(msgspec.Struct, frozen=True):
    """One request: what to run, and with which values. `context` is what its cursor is bound to."""

    compiled: Compiled
    literals: tuple[object, ...] = ()
    named: Mapping[str, object] = {}
    query: ListQuery = ListQuery()
    context: bytes = b""

    @property
    def guarded(self) -> bool:
        """Whether a rule leaves out rows that the client's own filter or search might have found."""
        return self.compiled.ruled and bool(self.query.filter or self.query.search)


def plan_list(plans: Plans, asked: Asked, query: ListQuery, secret: bytes) -> Plan:
    """The plan of a list request.

    Raises Forbidden where nothing may be listed, InvalidFilter, InvalidSort or BadRequest for what cannot be asked of
    this collection.
    """
    ways = asked.access("list")
    reading = read_filter(query.filter, dict(query.params)) if query.filter else None
    context = _context(asked, query)
    named: dict[str, object] = {OFFSET: query.offset}
    if query.search:
        named[search.WORDS] = search.read_search(query.search)
    nulls: tuple[bool, ...] | None = None
    if query.cursor:
        position = unseal(secret, context, query.cursor)
        named[AFTER] = position
        nulls = tuple(value is None for value in position)
    wanted = Wanted(
        per_page=query.per_page,
        sort=query.sort,
        search=bool(query.search),
        shape=(query.fields, query.expand),
        count=query.count if query.cursor is None else "none",
        first=query.offset == 0,
        walk=query.cursor is not None,
        nulls=nulls,
        past=query.past,
    )
    key = (asked.catalog.version, asked.collection.id, asked.who, wanted, reading and reading.shape)
    compiled = plans.get(key)
    if not isinstance(compiled, Compiled):
        compiled = _compile(asked, ways, wanted, reading)
        keep(plans, key, compiled, compiled.statement)
    return Plan(compiled, reading.literals if reading else (), named, query, context)


def _context(asked: Asked, query: ListQuery) -> bytes:
    """What a cursor is bound to: it means nothing for another collection, sort, filter or search."""
    if query.cursor is None:
        return b""
    past = (query.as_of, query.deleted) if query.past else ()
    return msgspec.msgpack.encode((asked.collection.id, query.sort, query.filter, query.params, query.search, *past))


class _Narrowing:
    """Gathers the conditions and the joins of the rows that a read is about."""

    def __init__(self, asked: Asked, ways: Access, reading: Reading | None, past: Past = "") -> None:
        self._table = source(asked.collection, past) + raw(" AS ") + BASE
        asked = asked.of_the_past if past else asked
        self.sight = sight_of(asked.catalog, asked.who)
        self.scope = Scope(asked.catalog, asked.collection, BASE, self.sight)
        self._rules = RuleScope(asked.catalog, asked.collection, BASE, asked.who)
        # The joins of a rule stand in the FROM of the rows, where PostgreSQL can choose their order.
        rule = self._rules.any_of(ways.rules)
        self.conditions = [] if rule is ALWAYS else [rule]
        if reading is not None:
            self.conditions.append(self.scope.condition(reading.tree))

    def rows(self) -> Rows:
        """The rows. The last to be asked for: sorts, groups and a search add to them."""
        return Rows(self._table + self._rules.joins() + self.scope.joins(), join(" AND ", self.conditions))


def _compile(asked: Asked, ways: Access, wanted: Wanted, reading: Reading | None) -> Compiled:
    found = _Narrowing(asked, ways, reading, wanted.past)
    asked = asked.of_the_past if wanted.past else asked
    collection, who = asked.collection, asked.who
    keys = sort_keys(found.scope, wanted.sort, walk=wanted.walk)
    if wanted.search:
        found.conditions += search.conditions(collection, found.sight, BASE)
        keys = keys if wanted.sort else (search.rank(collection, BASE), *keys)
    rows, ruled = found.rows(), ways.rules != ("",)
    shape = read_shape(*wanted.shape)
    seen = document(asked.catalog, who, collection, PAGE, shape, ways, source=BASE)
    page = Page(wanted.per_page, keys, count=wanted.count, first=wanted.first)
    if wanted.walk:
        statement = Statement.of(compile_walk(rows, seen, page, wanted.nulls))
        return Compiled(statement, seen.spaced, ruled=ruled)
    estimated = wanted.count == "estimated"
    estimate = Statement.of(compile_estimate(rows)) if estimated else None
    counted = Statement.of(compile_count(rows)) if estimated and ruled else None
    return Compiled(Statement.of(compile_page(rows, seen, page)), seen.spaced, estimate, counted, ruled)


def plan_all(asked: Asked, query: ListQuery) -> Plan:
    """The plan of an export: one row for each record that may be listed, with its JSON as `item`.

    `fields` of the query name what goes out. It is not kept: exports are few. Raises what `plan_list` raises.
    """
    ways = asked.access("list")
    reading = read_filter(query.filter, dict(query.params)) if query.filter else None
    found = _Narrowing(asked, ways, reading)
    keys = sort_keys(found.scope, query.sort, walk=False)
    seen = document(asked.catalog, asked.who, asked.collection, BASE, read_shape(query.fields, query.expand), ways)
    statement = Statement.of(compile_all(found.rows(), seen, keys))
    ruled = ways.rules != ("",)
    return Plan(Compiled(statement, seen.spaced, ruled=ruled), reading.literals if reading else (), {}, query)


def plan_rows(asked: Asked, query: ListQuery) -> tuple[Rows, Inputs]:
    """The rows that a list of this filter and search has, for a superuser's write of all of them, and its values.

    Raises what `plan_list` raises.
    """
    reading = read_filter(query.filter, dict(query.params)) if query.filter else None
    found = _Narrowing(asked, asked.access("list"), reading)
    named: dict[str, object] = {}
    if query.search:
        named[search.WORDS] = search.read_search(query.search)
        found.conditions += search.conditions(asked.collection, found.sight, BASE)
    return found.rows(), Inputs(reading.literals if reading else (), named)


def plan_aggregate(plans: Plans, asked: Asked, query: AggregateQuery) -> AggregatePlan:
    """The plan of an aggregate request. Raises Forbidden, InvalidFilter, InvalidSort or BadRequest."""
    ways = asked.access("list")
    reading = read_filter(query.filter, dict(query.params)) if query.filter else None
    shape = (query.group_by, query.select, query.sort, query.limit, reading and reading.shape)
    key = (asked.catalog.version, asked.collection.id, asked.who, "aggregate", shape)
    statement = plans.get(key)
    if not isinstance(statement, Statement):
        found = _Narrowing(asked, ways, reading)
        groups, measures = outputs(Names(asked.catalog, asked.collection, found.sight, found.scope), query)
        statement = Statement.of(compile_aggregate(found.rows(), groups, measures, query))
        keep(plans, key, statement, statement)
    guarded = reading is not None and ways.rules != ("",)
    return AggregatePlan(statement, reading.literals if reading else (), guarded)


def plan_view(plans: Plans, asked: Asked, shape: tuple[str, str], past: Past = "") -> Compiled:
    """The plan of a request for one record; `shape` is its `fields` and its `expand`. Raises Forbidden, BadRequest."""
    key = (asked.catalog.version, asked.collection.id, asked.who, "view", shape, past)
    kept = plans.get(key)
    if isinstance(kept, Compiled):
        return kept
    ways, whole = asked.access("view"), asked.collection
    asked = asked.of_the_past if past else asked
    rule = holds(asked.catalog, asked.collection, ways.rules, BASE, asked.who)
    seen = document(asked.catalog, asked.who, asked.collection, BASE, read_shape(*shape), ways)
    compiled = Compiled(Statement.of(compile_view(whole, seen, rule, past)), seen.spaced)
    keep(plans, key, compiled, compiled.statement)
    return compiled


def keep(plans: Plans, key: Hashable, plan: object, statement: Statement) -> None:
    """Keep a plan, unless it is so long that many like it would fill the memory."""
    if len(statement.text) <= MAX_KEPT_CHARS:
        plans.put(key, plan)


def inputs(named: Mapping[str, object], facts: Facts, literals: tuple[object, ...] = ()) -> Inputs:
    """What a plan is run with for this request."""
    return Inputs(literals, {**named, FACTS: facts})
