"""What PostgreSQL does for a read: it takes the indexes that are there, and never goes through the whole table."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from client import Api
from holdfast.catalog.live import LiveCatalog
from holdfast.db.plans import Plans
from holdfast.db.sql import Inputs, Statement
from holdfast.identity import GUEST
from holdfast.records.cursor import seal
from holdfast.records.plan import Asked, inputs, plan_list, plan_view
from holdfast.records.query import ListQuery
from holdfast.records.view import RECORD_ID
from holdfast.rules.access import audience
from holdfast.rules.facts import Facts

pytestmark = pytest.mark.asyncio(loop_scope="package")

SECRET = b"s" * 32
FIELDS = [
    {"name": "kind", "type": "text"},
    {"name": "size", "type": "number", "onlyInt": True},
    {"name": "rank", "type": "number", "onlyInt": True},
    {"name": "seen", "type": "date"},
    {"name": "plain", "type": "number"},
    {"name": "owner", "type": "relation", "collectionId": "authors", "maxSelect": 1},
    {"name": "friends", "type": "relation", "collectionId": "authors", "maxSelect": 9},
]
INDEXES = [
    "CREATE INDEX large_kind ON large (kind, rank DESC)",
    "CREATE INDEX large_size ON large (size)",
    "CREATE INDEX large_seen ON large (seen)",
]
ROWS = """
    INSERT INTO large (id, kind, size, rank, seen, plain, owner, friends)
    SELECT lpad(n::text, 15, '0'), 'k' || n % 50, n, n, CASE WHEN n % 2 = 0 THEN now() + n * interval '1 s' END, n,
           CASE WHEN n % 500 = 0 THEN lpad('ada', 15, '0') END,
           CASE WHEN n % 500 = 1 THEN ARRAY[lpad('ada', 15, '0')] ELSE '{}' END
      FROM generate_series(1, 30000) AS n
"""


class Large:
    """A collection of 30,000 rows, and the plans of requests for them."""

    def __init__(self, api: Api, asked: Asked) -> None:
        self._api = api
        self._asked = asked

    async def view(self, record_id: str) -> dict[str, Any]:
        plan = plan_view(Plans(), self._asked, ("", "owner"))
        return await self._explain(plan.statement, inputs({RECORD_ID: record_id}, Facts()))

    async def list(self, position: tuple[str | None, ...] | None = None, **asked: Any) -> dict[str, Any]:
        query = ListQuery(**asked)
        if query.cursor is not None and position is not None:
            context = plan_list(Plans(), self._asked, query, SECRET).context
            query = msgspec.structs.replace(query, cursor=seal(SECRET, context, position))
        plan = plan_list(Plans(), self._asked, query, SECRET)
        return await self._explain(plan.compiled.statement, inputs(plan.named, Facts(), plan.literals))

    async def _explain(self, statement: Statement, given: Inputs) -> dict[str, Any]:
        connection = await self._api.pool.acquire()
        try:
            explain = "EXPLAIN (ANALYZE, TIMING OFF, BUFFERS OFF, FORMAT JSON) "
            text = await connection.fetchval(explain + statement.text, *statement.args(given))
        finally:
            self._api.pool.release(connection)
        return msgspec.json.decode(text)[0]["Plan"]


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def large(blog: Api) -> AsyncIterator[Large]:
    await blog.define("large", FIELDS, indexes=INDEXES)
    connection = await blog.pool.acquire()
    await connection.execute(ROWS)
    await connection.execute("ANALYZE large")
    blog.pool.release(connection)
    catalog = (await LiveCatalog.open(blog.pool)).now
    yield Large(blog, Asked(catalog, catalog.get("large"), audience(GUEST)))


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


def indexes(plan: dict[str, Any]) -> set[str]:
    return {node["Index Name"] for node in nodes(plan) if "Index Name" in node}


def uses(plan: dict[str, Any], index: str) -> bool:
    """Whether an index is used whose name begins so."""
    return any(found.startswith(index) for found in indexes(plan))


def rows_read(plan: dict[str, Any]) -> int:
    """Rows of the large table that were looked at, those thrown away included."""
    return sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in nodes(plan)
        if node.get("Relation Name") == "large"
    )


async def test_one_record_is_found_by_its_key(large: Large):
    plan = await large.view("000000000000500")
    assert uses(plan, "hf_pk_")
    assert rows_read(plan) == 1


async def test_a_page_without_a_sort_follows_the_key(large: Large):
    plan = await large.list(count="none")
    assert uses(plan, "hf_pk_")
    assert rows_read(plan) == 30


@pytest.mark.parametrize(
    ("filter", "index"),
    [
        ("size = 77", "large_size"),
        ("size > 100 && size <= 110", "large_size"),
        ("kind = 'k7' && rank > 29000", "large_kind"),
        ("seen > '2999-01-01'", "large_seen"),
        ("id = '000000000000077'", "hf_pk_"),
        ("owner = '000000000000ada'", "hf_ix_"),
        ("friends.id ?= '000000000000ada'", "hf_gin_"),
    ],
)
async def test_a_filter_on_an_indexed_field_takes_the_index(large: Large, filter: str, index: str):
    plan = await large.list(filter=filter, count="none")
    assert uses(plan, index), indexes(plan)
    assert rows_read(plan) < 1000


@pytest.mark.parametrize(
    ("sort", "index"),
    [("-size", "large_size"), ("size", "large_size"), ("-seen", "large_seen"), ("kind,-rank", "large_kind")],
)
async def test_a_sort_by_an_indexed_field_takes_the_index(large: Large, sort: str, index: str):
    plan = await large.list(sort=sort, count="none")
    assert uses(plan, index), indexes(plan)
    assert rows_read(plan) < 200


@pytest.mark.parametrize(
    ("sort", "position", "index"),
    [
        pytest.param("", ("000000000029000",), "hf_pk_", id="by id"),
        pytest.param("-id", ("000000000000900",), "hf_pk_", id="by id, downwards"),
        pytest.param("size", ("29000", "000000000029000"), "large_size", id="upwards"),
        pytest.param("-size", ("900", "000000000000900"), "large_size", id="downwards"),
        pytest.param("-seen", ("2000-01-01", "0"), "large_seen", id="downwards into the nulls"),
        pytest.param("kind,-rank", ("k7", "15000", "0"), "large_kind", id="in both directions"),
        pytest.param("-kind,rank", ("k7", "15000", "0"), "large_kind", id="in both directions, backwards"),
    ],
)
async def test_a_deep_page_by_cursor_starts_in_the_index(
    large: Large, sort: str, position: tuple[str, ...], index: str
):
    plan = await large.list(position, cursor="", sort=sort, per_page=20)
    assert uses(plan, index), indexes(plan)
    assert "Seq Scan" not in {node["Node Type"] for node in nodes(plan)}
    assert rows_read(plan) < 200


async def test_a_search_takes_the_full_text_index(blog: Api):
    connection = await blog.pool.acquire()
    await connection.execute("SET enable_seqscan = off")
    try:
        catalog = (await LiveCatalog.open(blog.pool)).now
        asked = Asked(catalog, catalog.get("posts"), audience(GUEST))
        plan = plan_list(Plans(), asked, ListQuery(search="first", count="none"), SECRET)
        args = plan.compiled.statement.args(inputs(plan.named, Facts()))
        text = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {plan.compiled.statement.text}", *args)
    finally:
        await connection.execute("RESET enable_seqscan")
        blog.pool.release(connection)
    assert uses(msgspec.json.decode(text)[0]["Plan"], "hf_fts_")


async def test_an_estimate_of_a_large_table_is_near(blog: Api, large: Large):
    query = {"count": "estimated", "filter": "plain > 15000", "perPage": "1"}
    page = (await blog.guest.get("/api/collections/large/records", params=query)).json()
    assert page["totalIsEstimate"]
    assert 14_000 < page["totalItems"] < 16_000
