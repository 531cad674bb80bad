"""The first of each record, found at the same price however much waits."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from holdfast.config import Settings
from holdfast.db.pool import Pool
from holdfast.db.session import session_settings
from holdfast.webhooks.heads import MOST_JUMPS, claim_heads

RECORDS = MOST_JUMPS + 200
LATER = """
    UPDATE holdfast.deliveries SET state = $1, next_at = now() + interval '1 h'
     WHERE id = (SELECT min(id) FROM holdfast.deliveries WHERE subject = 'c/0000' AND state < 2)
"""


@pytest.fixture
async def connection(database: str) -> AsyncIterator[Any]:
    """A database with an ordered webhook, and deliveries of many records: the first of them has a long backlog."""
    made: Any = await asyncpg.connect(database)
    await made.execute(
        "INSERT INTO holdfast.webhooks (id, url, events, timeout, ordered, secret)"
        " VALUES ('w', 'http://127.0.0.1/', '{*}', 15, true, '')"
    )
    insert = "INSERT INTO holdfast.deliveries (webhook_id, event_id, type, subject) SELECT 'w', 'e' || n, 't', "
    await made.execute(f"{insert} 'c/0000' FROM generate_series(1, 20000) AS n")
    await made.execute(f"{insert} 'c/' || lpad(n::text, 4, '0') FROM generate_series(1, {RECORDS}) AS n")
    await made.execute(f"{insert} '' FROM generate_series(1, 3) AS n")
    yield made
    await made.close()


async def test_every_record_has_its_turn_and_one_at_a_time(connection: Any, database: str, tmp_path: Path) -> None:
    pool = Pool(database, size=1, settings=session_settings(Settings(data=tmp_path)))
    places: dict[str, str] = {}
    claims = [await claim_heads(pool, {"w": 100}, places) for _ in range(12)]
    assert max(len(some) for some in claims) == 100
    ids = [claim.id for some in claims for claim in some]
    assert len(ids) == len(set(ids)) == RECORDS + 1 + 3
    subjects = await connection.fetch("SELECT subject FROM holdfast.deliveries WHERE state = 1 AND subject <> ''")
    assert len(subjects) == len({row["subject"] for row in subjects})
    assert await claim_heads(pool, {"w": 100}, {}) == []
    # The next of a record is free when the one before is done, or given up, and not while it waits for its next try.
    await connection.execute(LATER, 0)
    assert await claim_heads(pool, {"w": 100}, {}) == []
    await connection.execute(LATER, 3)
    (next,) = await claim_heads(pool, {"w": 100}, {})
    assert next.id == min(ids) + 1
    await pool.close()
