"""Deliveries as rows: how they are claimed, finished, put off and given up.

A claim is a lease with a token. Whoever comes back late, after the lease ran out and another has claimed the delivery,
changes nothing. No transaction is open while a receiver is asked.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from holdfast.db import totals
from holdfast.db.pool import Pool, Row, Transaction
from holdfast.db.sql import Inputs, Statement, named, raw, value
from holdfast.events.event import Event, read_event
from holdfast.webhooks.outcome import Attempt, Ending, Outcome

READY: Final = 0
LEASED: Final = 1
DELIVERED: Final = 2
DEAD: Final = 3
LEASE_SECONDS: Final = 60.0  # twice the longest time that a receiver has, and more
DELIVERED_KEPT: Final = "30 days"
DEAD_KEPT: Final = "90 days"
FRESH_SECONDS: Final = 1.0  # who was let see an event is not asked about again for so long
SWEPT_AT_ONCE: Final = 10_000  # rows
GONE: Final = "The event is not in the log any more."
TOTALS: Final = "webhook_deliveries"
"""Under which name it is counted in all how attempts ended: see OUTCOMES."""
OUTCOMES: Final[Mapping[Ending, str]] = {"delivered": "delivered", "again": "failed", "dead": "dead"}

TAKE: Final = (
    raw(", claimed AS (UPDATE holdfast.deliveries AS d SET state = 1, lease = gen_random_uuid(),")
    + raw(" lease_until = now() + make_interval(secs => ")
    + value(LEASE_SECONDS, "double precision")
    # An array, not a join: of a LIMIT that it does not know PostgreSQL expects a tenth of all that is due, and read
    # both tables whole for 64 deliveries as soon as it knew how long the queue was: 350 deliveries a second instead of
    # 1,080.
    + raw(") WHERE d.id = ANY (ARRAY(SELECT due.id FROM due)) AND d.state = 0")
    + raw(" RETURNING d.id, d.webhook_id, d.seq, d.event_id, d.body,")
    + raw(" d.replay, d.attempts, d.lease::text AS lease, d.created < now() - make_interval(secs => ")
    + value(FRESH_SECONDS, "double precision")
    + raw(") AS old) SELECT claimed.id AS delivery, claimed.old, claimed.webhook_id, claimed.event_id,")
    + raw(" claimed.body, claimed.replay, claimed.attempts, claimed.lease, event.seq, event.id, event.type,")
    + raw(" event.collection_id, event.collection, event.record_id, event.record, event.previous, event.context,")
    + raw(" event.whole, holdfast.stamp(event.at) AS timestamp FROM claimed LEFT JOIN holdfast.events AS event")
    + raw(" ON event.seq = claimed.seq ORDER BY claimed.id")
)
"""Takes the deliveries whose ids `due` has, with their events."""

_CLAIM: Final = Statement.of(
    raw("WITH due AS MATERIALIZED (SELECT found.id FROM unnest(")
    + named("webhooks", "text[]")
    + raw(", ")
    + named("most", "integer[]")
    # One look into the index for each endpoint: a backlog of one costs the others nothing.
    + raw(") AS wanted (id, most) CROSS JOIN LATERAL (SELECT d.id FROM holdfast.deliveries AS d WHERE")
    + raw(" d.webhook_id = wanted.id AND d.state = 0 AND d.next_at <= now()")
    + raw(" ORDER BY d.next_at, d.id LIMIT wanted.most FOR UPDATE SKIP LOCKED) AS found)")
    + TAKE
)
_FINISH: Final = Statement.of(
    raw("UPDATE holdfast.deliveries AS d SET state = held.state, attempts = held.attempts,")
    + raw(" next_at = now() + make_interval(secs => held.wait), status = held.status, error = held.error,")
    + raw(" lease = NULL, lease_until = NULL, finished = CASE WHEN held.state > 1 THEN now() END FROM unnest(")
    + named("ids", "bigint[]")
    + raw(", ")
    + named("leases", "text[]")
    + raw(", ")
    + named("states", "smallint[]")
    + raw(", ")
    + named("attempts", "integer[]")
    + raw(", ")
    + named("waits", "double precision[]")
    + raw(", ")
    + named("statuses", "integer[]")
    + raw(", ")
    + named("errors", "text[]")
    + raw(") AS held (id, lease, state, attempts, wait, status, error)")
    + raw(" WHERE d.id = held.id AND d.lease = held.lease::uuid")
)
_NOTE: Final = Statement.of(
    raw("INSERT INTO holdfast.delivery_attempts (delivery_id, webhook_id, at, ms, status, error, request, response,")
    + raw(" body)")
    + raw(" SELECT id, webhook, clock_timestamp() - make_interval(secs => ms / 1000.0), ms, status, error,")
    + raw(" request::jsonb, response::jsonb, body FROM unnest(")
    + named("ids", "bigint[]")
    + raw(", ")
    + named("webhooks", "text[]")
    + raw(", ")
    + named("ms", "integer[]")
    + raw(", ")
    + named("statuses", "integer[]")
    + raw(", ")
    + named("errors", "text[]")
    + raw(", ")
    + named("requests", "text[]")
    + raw(", ")
    + named("responses", "text[]")
    + raw(", ")
    + named("bodies", "text[]")
    + raw(") AS made (id, webhook, ms, status, error, request, response, body)")
)
_GIVE_BACK: Final = Statement.of(
    raw("UPDATE holdfast.deliveries AS d SET state = 0, lease = NULL, lease_until = NULL FROM unnest(")
    + named("ids", "bigint[]")
    + raw(", ")
    + named("leases", "text[]")
    + raw(") AS held (id, lease) WHERE d.id = held.id AND d.lease = held.lease::uuid")
)
_REAP: Final = Statement.of(
    raw("UPDATE holdfast.deliveries SET state = 0, lease = NULL, lease_until = NULL")
    + raw(" WHERE state = 1 AND lease_until < now()")
)
_OUTLIVED: Final = Statement.of(
    raw("UPDATE holdfast.deliveries SET state = 3, finished = now(), error = ")
    + value(GONE, "text")
    + raw(
        " WHERE id = ANY (ARRAY(SELECT d.id FROM holdfast.deliveries AS d CROSS JOIN holdfast.stream WHERE d.state = 0"
    )
    + raw(" AND d.seq < stream.oldest LIMIT ")
    + value(SWEPT_AT_ONCE, "bigint")
    + raw("))")
)
_SWEEP: Final = Statement.of(
    raw("DELETE FROM holdfast.deliveries WHERE id = ANY (ARRAY(SELECT id FROM holdfast.deliveries WHERE state > 1 AND")
    + raw(" finished < now() - CASE WHEN state = 2 THEN ")
    + value(DELIVERED_KEPT, "text")
    + raw("::interval ELSE ")
    + value(DEAD_KEPT, "text")
    + raw("::interval END LIMIT ")
    + value(SWEPT_AT_ONCE, "bigint")
    + raw("))")
)
_SWEEP_ATTEMPTS: Final = Statement.of(
    raw("DELETE FROM holdfast.delivery_attempts WHERE id = ANY (ARRAY(SELECT id FROM holdfast.delivery_attempts")
    + raw(" WHERE at < now() - ")
    + value(DELIVERED_KEPT, "text")
    + raw("::interval LIMIT ")
    + value(SWEPT_AT_ONCE, "bigint")
    + raw("))")
)


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that this process holds. `event` is None when it is not in the log any more, or never was.

    `since` is just before it was claimed, by the clock of `time.monotonic`; `old`: rights may be others by now than
    when it was queued.
    """

    id: int
    webhook_id: str
    event_id: str
    lease: str
    attempts: int
    replay: bool
    old: bool
    body: str | None
    event: Event | None
    since: float


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that was made, and what follows. `sent` are the headers that were sent, as far as they are shown."""

    claimed: Claimed
    attempt: Attempt
    outcome: Outcome
    url: str
    sent: Mapping[str, str]


async def claim(pool: Pool, wanted: Mapping[str, int]) -> list[Claimed]:
    """Claim due deliveries, whatever their order: for each endpoint at most so many."""
    return await read_claims(pool, _CLAIM, {"webhooks": list(wanted), "most": list(wanted.values())})


async def read_claims(pool: Pool, statement: Statement, inputs: Mapping[str, object]) -> list[Claimed]:
    """What a statement that ends with TAKE has claimed."""
    since = time.monotonic()
    return [_claimed(row, since) for row in await pool.fetch(statement, Inputs(named=inputs))]


async def finish(tx: Transaction, done: Sequence[Done]) -> None:
    """Write down what became of deliveries, and each attempt. Those that somebody else holds now stay as they are."""
    await tx.execute(_FINISH, Inputs(named=_finished(done)))
    await tx.execute(_NOTE, Inputs(named=_noted(done)))
    await totals.count(tx, TOTALS, Counter(OUTCOMES[one.outcome.ending] for one in done))


async def give_back(pool: Pool, claims: Sequence[Claimed]) -> None:
    """Let others have deliveries that were claimed and not tried."""
    held = {"ids": [one.id for one in claims], "leases": [one.lease for one in claims]}
    await pool.execute(_GIVE_BACK, Inputs(named=held))


async def reap(pool: Pool) -> int:
    """Let others have the deliveries of processes that are gone; how many those were."""
    return int((await pool.execute(_REAP)).rpartition(" ")[2])


async def sweep_outlived(pool: Pool) -> int:
    """Give up what was not delivered for so long that the log has not kept it, at most SWEPT_AT_ONCE."""
    return int((await pool.execute(_OUTLIVED)).rpartition(" ")[2])


async def sweep_deliveries(pool: Pool) -> int:
    """Delete what was delivered DELIVERED_KEPT ago and what died DEAD_KEPT ago, at most SWEPT_AT_ONCE."""
    return int((await pool.execute(_SWEEP)).rpartition(" ")[2])


async def sweep_attempts_made(pool: Pool) -> int:
    """Delete the attempts that are older than DELIVERED_KEPT, at most SWEPT_AT_ONCE."""
    return int((await pool.execute(_SWEEP_ATTEMPTS)).rpartition(" ")[2])


def _claimed(row: Row, since: float) -> Claimed:
    return Claimed(
        id=row["delivery"],
        webhook_id=row["webhook_id"],
        event_id=row["event_id"],
        lease=row["lease"],
        attempts=row["attempts"],
        replay=row["replay"],
        old=row["old"],
        body=row["body"],
        event=None if row["seq"] is None else read_event(dict(row)),
        since=since,
    )


def _finished(done: Sequence[Done]) -> dict[str, object]:
    states = {"delivered": DELIVERED, "again": READY, "dead": DEAD}
    return {
        "ids": [one.claimed.id for one in done],
        "leases": [one.claimed.lease for one in done],
        "states": [states[one.outcome.ending] for one in done],
        "attempts": [one.claimed.attempts + one.outcome.counts for one in done],
        "waits": [one.outcome.wait for one in done],
        "statuses": [one.attempt.status for one in done],
        "errors": ["" if one.attempt.is_success else one.attempt.reason for one in done],
    }


def _noted(done: Sequence[Done]) -> dict[str, object]:
    return {
        "ids": [one.claimed.id for one in done],
        "webhooks": [one.claimed.webhook_id for one in done],
        "ms": [one.attempt.ms for one in done],
        "statuses": [one.attempt.status for one in done],
        "errors": [one.attempt.error for one in done],
        "requests": [_json({"url": one.url, "headers": dict(one.sent)}) for one in done],
        "responses": [None if one.attempt.status is None else _json(dict(one.attempt.headers)) for one in done],
        "bodies": [None if one.attempt.status is None else one.attempt.body for one in done],
    }


def _json(content: dict[str, Any]) -> str:
    # PostgreSQL's jsonb takes no NUL, and a header of a receiver may hold one.
    return msgspec.json.encode(content).decode().replace("\\u0000", "\\ufffd")
