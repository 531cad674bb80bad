"""What the doctor asks about deliveries, on a real database; and what is cleared away."""

from datetime import timedelta

import asyncpg

from holdfast.config import Settings
from holdfast.db.pool import Pool
from holdfast.db.session import session_settings
from holdfast.webhooks.queue import GONE, sweep_attempts_made, sweep_deliveries, sweep_outlived
from holdfast.webhooks.state import WebhooksState, webhooks_state

WEBHOOKS = """
    INSERT INTO holdfast.webhooks (id, url, events, timeout, secret, active, disabled, circuit, ordered, rate_limit)
    VALUES ('works', '', '{*}', 15, '', true, '', '{}', false, NULL),
           ('off', '', '{*}', 15, '', false, '', '{}', false, NULL),
           ('disabled', '', '{*}', 15, '', true, 'It was gone.', '{}', false, NULL),
           ('fails', '', '{*}', 15, '', true, '', '{"opened": 5.0}', false, NULL),
           ('ordered', '', '{*}', 15, '', true, '', '{}', true, NULL),
           ('slow', '', '{*}', 15, '', true, '', '{}', false, '{"maxRequests": 1, "duration": 60}')
"""
DELIVERIES = """
    INSERT INTO holdfast.deliveries (webhook_id, event_id, type, seq, state, next_at, finished)
    SELECT id, 'evt', 't', 5, state, now() + due, CASE WHEN state > 1 THEN now() + due END
      FROM holdfast.webhooks, unnest($1::smallint[], $2::interval[]) AS made (state, due)
     WHERE id <> 'works' OR $3
"""


async def test_only_what_the_server_could_have_sent_is_late(database: str) -> None:
    connection = await asyncpg.connect(database)
    assert await webhooks_state(connection) == WebhooksState(0.0, 0, 0)
    await connection.execute(WEBHOOKS)
    hour = timedelta(hours=1)
    await connection.execute(DELIVERIES, [0], [-hour], False)
    state = await webhooks_state(connection)
    assert (state.late, state.failing, state.disabled) == (False, 1, 1)
    await connection.execute(DELIVERIES, [0, 0, 2], [hour, -hour, -hour], True)
    state = await webhooks_state(connection)
    assert state.late and 3599 < state.waited < 3700
    await connection.close()


async def test_what_is_done_goes_after_its_time_and_what_outlived_the_log_is_given_up(database: str) -> None:
    connection = await asyncpg.connect(database)
    pool = Pool(database, size=1, settings=session_settings(Settings()))
    await connection.execute(WEBHOOKS)
    await connection.execute("DELETE FROM holdfast.webhooks WHERE id <> 'off'")
    ages = [(2, 31), (2, 29), (3, 91), (3, 89), (0, 200)]
    states, dues = [state for state, _ in ages], [timedelta(days=-days) for _, days in ages]
    await connection.execute(DELIVERIES, states, dues, False)
    assert await sweep_deliveries(pool) == 2
    assert await sweep_outlived(pool) == 0
    await connection.execute("UPDATE holdfast.stream SET oldest = 6")
    assert await sweep_outlived(pool) == 1
    assert await sweep_outlived(pool) == 0
    kept = await connection.fetch("SELECT state, error FROM holdfast.deliveries ORDER BY id")
    assert [(row["state"], row["error"]) for row in kept] == [(2, ""), (3, ""), (3, GONE)]
    await connection.execute(
        "INSERT INTO holdfast.delivery_attempts (delivery_id, webhook_id, at, ms, request)"
        " SELECT 1, 'off', now() - make_interval(days => age), 1, '{}' FROM unnest('{29,31}'::integer[]) AS age"
    )
    assert await sweep_attempts_made(pool) == 1
    await pool.close()
    await connection.close()
