"""A list request becomes one statement that answers it. Pure."""

from collections.abc import Sequence
from typing import Final

import msgspec

from holdfast.db.sql import EMPTY, Sql, join, literal, name, named, number, raw
from holdfast.errors import BadRequest
from holdfast.records.cursor import Branch, Key, after
from holdfast.records.document import Document
from holdfast.records.query import Count

BASE: Final = raw("base")
"""The alias of the collection's row where it is looked for."""
PAGE: Final = raw("page")
"""The alias of a row that is on the page, where its JSON is made."""
OFFSET: Final = "offset"
"""The name under which `Inputs.named` holds how many records come before the page."""


MAX_ANSWER_BYTES: Final = 64 << 20
MAX_COUNTED: Final = 10_000  # rows, where an estimate could tell of rows that a rule hides
OVERSIZE: Final = "!"
"""What stands for the items of an answer that is larger than that."""


class Rows(msgspec.Struct, frozen=True):
    """Rows of a collection: `source` is what follows FROM, with the row itself as BASE."""

    source: Sql
    condition: Sql


class Page(msgspec.Struct, frozen=True):
    """How much of the rows is wanted: `size` records, in the order of `keys`.

    `first` is whether no record comes before it: then there is no OFFSET, for which PostgreSQL would plan as if
    a tenth of the table came before.
    """

    size: int
    keys: tuple[Key, ...]
    count: Count = "none"
    first: bool = True


def compile_page(rows: Rows, document: Document, page: Page) -> Sql:
    """A numbered page as one row: `items`, the records with commas between them, null if there are none, or OVERSIZE.

    If the count is exact, `total` follows; if it is estimated, how many records are on the page.

    The rows of the page are found first and only they are made into JSON: a sort carries no more columns than
    needed, and nothing is expanded that is not shown. The total is counted only where it does not follow from
    the page itself, being short.
    """
    # The numbers stand in the text: PostgreSQL plans for a LIMIT that is a parameter as if it were a tenth of
    # the table, and then makes a new plan on every run, which costs more than the run (version 18, 100,000 rows).
    found = (
        raw("(SELECT ")
        + _columns(document)
        + _from(rows)
        + _order_by([key.order for key in page.keys])
        + raw(" LIMIT ")
        + number(page.size)
        + (EMPTY if page.first else raw(" OFFSET ") + named(OFFSET, "bigint"))
        + raw(") AS page")
    )
    items = raw("SELECT string_agg(") + document.sql + raw(", ',') AS items")
    if page.count == "none":
        return _bounded(items + raw(" FROM ") + found, EMPTY)
    total = _total(rows, page) if page.count == "exact" else raw("count(*)")
    return _bounded(items + raw(", ") + total + raw(" AS total FROM ") + found, raw(", answer.total"))


def _bounded(sql: Sql, others: Sql) -> Sql:
    """The statement with OVERSIZE for items that would be more than MAX_ANSWER_BYTES.

    A thousand records that expand a thousand each would be gigabytes: they never leave PostgreSQL.
    """
    size = raw("octet_length(answer.items) > ") + number(MAX_ANSWER_BYTES)
    items = raw("SELECT CASE WHEN ") + size + raw(" THEN ") + literal(OVERSIZE) + raw(" ELSE answer.items END AS items")
    return items + others + raw(" FROM (") + sql + raw(") AS answer")


def _total(rows: Rows, page: Page) -> Sql:
    everything = raw("(SELECT count(*)") + _from(rows) + raw(")")
    short = raw("count(*) < ") + number(page.size)
    if page.first:
        return raw("CASE WHEN ") + short + raw(" THEN count(*) ELSE ") + everything + raw(" END")
    before = named(OFFSET, "bigint")
    return (
        raw("CASE WHEN count(*) > 0 AND ")
        + short
        + raw(" THEN ")
        + before
        + raw(" + count(*) ELSE ")
        + everything
        + raw(" END")
    )


def compile_all(rows: Rows, document: Document, keys: Sequence[Key]) -> Sql:
    """All rows in this order, each with its JSON as `item`: for a cursor, which takes them a few at a time."""
    return raw("SELECT ") + document.sql + raw(" AS item") + _from(rows) + _order_by([key.order for key in keys])


def compile_walk(rows: Rows, document: Document, page: Page, nulls: tuple[bool, ...] | None) -> Sql:
    """A page by cursor as one row: `items` as above, and `position`, text[], the end of the page or null.

    `nulls` tells which of the cursor's values are null; it is None for the first page. The position is null
    where the page is the last one.
    """
    more = number(page.size + 1)
    branches = [Branch(EMPTY, page.keys)] if nulls is None else after(page.keys, nulls)
    parts = [_branch(rows, document, branch, page.keys, more) for branch in branches]
    found = parts[0]
    if len(parts) > 1:
        # UNION ALL gives no order: the branches are merged by the keys, which are columns of each.
        ways = [_key(at) + key.way for at, key in enumerate(page.keys)]
        found = raw("SELECT * FROM (") + join(" UNION ALL ", parts) + raw(") AS page") + _order_by(ways)
        found += raw(" LIMIT ") + more
    keys = join(", ", [_key(at) + raw("::text") for at in range(len(page.keys))])
    walk = (
        raw("WITH found AS MATERIALIZED (")
        + found
        + raw(") SELECT string_agg(")
        + document.sql
        + raw(", ',') AS items, (SELECT ARRAY[")
        + keys
        + raw("] FROM found WHERE (SELECT count(*) FROM found) = ")
        + more
        + raw(" OFFSET ")
        + number(page.size - 1)
        + raw(" LIMIT 1) AS position FROM (SELECT * FROM found LIMIT ")
        + number(page.size)
        + raw(") AS page")
    )
    return _bounded(walk, raw(", answer.position"))


def _branch(rows: Rows, document: Document, branch: Branch, keys: Sequence[Key], more: Sql) -> Sql:
    named_keys = [key.sql + raw(" AS ") + _key(at) for at, key in enumerate(keys)]
    columns = join(", ", [*document.select(BASE), *named_keys])
    narrowed = Rows(rows.source, join(" AND ", [part for part in (rows.condition, branch.condition) if part]))
    # A branch where everything but the id is fixed is still limited: the others may be needed to fill the page.
    order = _order_by([key.order for key in branch.order])
    return raw("(SELECT ") + columns + _from(narrowed) + order + raw(" LIMIT ") + more + raw(")")


def check_size(items: object) -> None:
    """Raise BadRequest for OVERSIZE."""
    if items == OVERSIZE:
        limit = MAX_ANSWER_BYTES >> 20
        raise BadRequest(f"The answer would be larger than {limit} MiB: ask for fewer records, fields or relations.")


def compile_estimate(rows: Rows) -> Sql:
    """An EXPLAIN of the count: as JSON it tells how many rows the planner expects, and reads none of them."""
    return raw("EXPLAIN (FORMAT JSON) SELECT 1") + _from(rows)


def compile_count(rows: Rows) -> Sql:
    """The number of rows, counted no further than MAX_COUNTED + 1."""
    return (
        raw("SELECT count(*) AS total FROM (SELECT")
        + _from(rows)
        + raw(" LIMIT ")
        + number(MAX_COUNTED + 1)
        + raw(") AS counted")
    )


def _from(rows: Rows) -> Sql:
    return raw(" FROM ") + rows.source + (raw(" WHERE ") + rows.condition if rows.condition else EMPTY)


def _order_by(parts: Sequence[Sql]) -> Sql:
    return raw(" ORDER BY ") + join(", ", parts) if parts else EMPTY


def _columns(document: Document) -> Sql:
    # A page of nothing but constants still has to have its rows.
    return join(", ", document.select(BASE)) or raw("1")


def _key(at: int) -> Sql:
    return name(f"hf key {at}")
