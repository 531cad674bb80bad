"""The statements that took long: their texts, which are kept once, and the plans that PostgreSQL has for them."""

import re
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final

import asyncpg
import msgspec

from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Connection, Pool
from holdfast.db.timing import StatementTimes
from holdfast.errors import NotFound
from holdfast.metrics.figures import StatementFigures

MOST_TEXT_CHARS: Final = 50_000
"""What is longer is cut, and cannot be planned."""
SWEPT_AT_ONCE: Final = 10_000
_DIGEST_BYTES: Final = 8
_PLANNED: Final = re.compile(r"\s*\(*\s*(select|with|insert|update|delete|merge|values)\b", re.IGNORECASE)
_CAREFUL: Final = "SET LOCAL statement_timeout = 5000; SET LOCAL plan_cache_mode = force_generic_plan"
"""The plan that is good for all values; in all that PostgreSQL can do within 5 s."""
# Once a day is enough to know that it is still met.
_KEEP: Final = """
    INSERT INTO holdfast.statements AS s (id, text, seen)
    SELECT n.id, n.text, now() FROM unnest($1::text[], $2::text[]) AS n (id, text)
        ON CONFLICT (id) DO UPDATE SET seen = excluded.seen WHERE s.seen < excluded.seen - interval '1 day'
"""
_TEXTS: Final = "SELECT s.id, s.text FROM holdfast.statements AS s WHERE s.id = ANY ($1::text[])"
_SWEEP: Final = """
    DELETE FROM holdfast.statements WHERE id = ANY (ARRAY(
        SELECT s.id FROM holdfast.statements AS s WHERE s.seen < now() - make_interval(days => $1) LIMIT $2))
"""


def taken(times: StatementTimes) -> tuple[dict[str, str], dict[str, StatementFigures]]:
    """What was counted since the last time: the texts and the figures of the statements, by their ids."""
    texts: dict[str, str] = {}
    figures: dict[str, StatementFigures] = {}
    for text, time in times.take().items():
        id = blake2b(text.encode(), digest_size=_DIGEST_BYTES).hexdigest()
        texts[id] = text[:MOST_TEXT_CHARS]
        figures[id] = StatementFigures(round(time.ms, 1), round(time.most, 1), tuple(time.spread))
    return texts, figures


async def keep_texts(connection: Connection, texts: Mapping[str, str]) -> None:
    """Write down what the statements of these ids say, where it is not known yet."""
    ids = sorted(texts)  # in one order, so that two processes cannot wait for each other
    if ids:
        await connection.execute(_KEEP, ids, [texts[id] for id in ids])


async def texts_of(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    """What the statements of these ids say."""
    return {row["id"]: row["text"] for row in await connection.fetch(_TEXTS, list(ids))}


async def sweep_texts(pool: Pool, days: int) -> int:
    """Let go what was not met for longer than the history is kept; says how much that was."""
    async with pool.transaction() as tx:
        done = await tx.connection.execute(_SWEEP, days + 2, SWEPT_AT_ONCE)
    return int(done.rpartition(" ")[2])


async def view_statement(pool: Pool, id: str) -> dict[str, Any]:
    """A statement with its plan, or with why it has none. It is planned, and never run. Raises NotFound."""
    with as_api_errors():
        async with pool.transaction() as tx:
            text = (await texts_of(tx.connection, [id])).get(id)
        if text is None:
            raise NotFound("No statement of this id is known.")
        plan, reason = await _plan(pool, text)
    return {"id": id, "text": text, "plan": plan, "reason": reason}


async def _plan(pool: Pool, text: str) -> tuple[msgspec.Raw | None, str]:
    if _PLANNED.match(text) is None:
        return None, "Only what reads or writes rows has a plan."
    if len(text) >= MOST_TEXT_CHARS:
        return None, "It is too long to be kept whole, and what was cut cannot be planned."
    connection = await pool.acquire()
    try:
        # Nothing of it is run: it is prepared, EXPLAIN without ANALYZE only plans, and nothing here could write.
        async with connection.transaction(readonly=True):
            await connection.execute(_CAREFUL)
            prepared = await connection.prepare(text)
            # EXPLAIN (GENERIC_PLAN) would ask for PostgreSQL 16, and does not go over the protocol of prepared ones.
            nulls = ", ".join("NULL" for _ in prepared.get_parameters())
            places = f"({nulls})" if nulls else ""
            found = await connection.fetchval(f'EXPLAIN (FORMAT JSON) EXECUTE "{prepared.get_name()}"{places}')
    except asyncpg.PostgresError as failure:
        return None, f"PostgreSQL does not plan it now: {str(failure).partition(chr(10))[0]}."
    finally:
        pool.release(connection)
    return msgspec.Raw(str(found).encode()), ""
