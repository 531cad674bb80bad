"""How a job is promised: a row, in the transaction of what it follows from."""

from datetime import datetime
from typing import Final

import msgspec

from holdfast.db.pool import Pool, Transaction
from holdfast.db.sql import Inputs, Statement, named, raw

# A job that waits with the same key stands for both. Its row is written again and not left alone: whoever claims it
# then waits for this transaction, and sees what it has changed.
_INSERT: Final = Statement.of(
    raw("INSERT INTO holdfast.jobs AS j (name, key, payload, priority, request, run_at) VALUES (")
    + named("name", "text")
    + raw(", ")
    + named("key", "text")
    + raw(", ")
    + named("payload", "jsonb")
    + raw(", ")
    + named("priority", "smallint")
    + raw(", ")
    + named("request", "text")
    + raw(", coalesce(")
    + named("run_at", "timestamptz")
    + raw(", now() + make_interval(secs => ")
    + named("seconds", "double precision")
    + raw("))) ON CONFLICT (name, key) WHERE attempts = 0 AND dead IS NULL")
    + raw(" DO UPDATE SET run_at = least(j.run_at, excluded.run_at), payload = excluded.payload,")
    + raw(" priority = greatest(j.priority, excluded.priority), request = excluded.request RETURNING id")
)


async def enqueue(
    db: Pool | Transaction,
    name: str,
    payload: object = None,
    *,
    key: str | None = None,
    run_at: datetime | None = None,
    seconds: float = 0.0,
    priority: int = 0,
    request: str = "",
) -> int:
    """Promise a job; its id. With a transaction it is there when that commits, and not otherwise.

    `payload` is anything that msgspec writes as JSON. While a job of this name waits with the same `key`, no second
    one is made: that one takes the new payload, the earlier of the two times and the higher priority. Two transactions
    with one key wait for each other. `run_at` is the earliest time; if None it is so many `seconds` from now.
    """
    text = msgspec.json.encode({} if payload is None else payload).decode()
    given = {"name": name, "key": key, "payload": text, "run_at": run_at, "seconds": seconds}
    row = await db.fetchrow(_INSERT, Inputs(named={**given, "priority": priority, "request": request}))
    if row is None:
        raise RuntimeError("a job was neither made nor found")
    return row["id"]
