"""Slows down guessing: logins are counted per account and per address until they succeed, by all processes together.

Counted by the collection, the account and the address alone: nothing else of a request can turn the key. An address
that logged in to an account before is counted apart, so that nobody locks its owner out by guessing.
"""

import hashlib
from typing import Final

from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Pool
from holdfast.db.sql import Inputs, Statement, named, raw, value
from holdfast.errors import RateLimited
from holdfast.http.peer import limit_key

WINDOW_SECONDS: Final = 300
PER_ACCOUNT: Final = 10  # failures within the window, after which the account is left alone for its rest
PER_ADDRESS: Final = 50
WELCOME_DAYS: Final = 30  # for so long an address is known to belong to an account
SWEPT_AT_ONCE: Final = 10_000

# One statement, so one commit, which waits for no disk since the table is unlogged. The account's row comes before the
# address's in every such statement, so two of them never wait for each other. An attempt is counted before it is made:
# many at once are no way round.
_BEGIN: Final = Statement.of(
    raw("WITH counted AS (SELECT CASE WHEN EXISTS (SELECT FROM holdfast.attempts WHERE key = ")
    + named("welcome", "bytea")
    + raw(" AND until > now()) THEN ")
    + named("both", "bytea")
    + raw(" ELSE ")
    + named("account", "bytea")
    + raw(" END AS key, 0 AS place UNION ALL SELECT ")
    + named("address", "bytea")
    + raw(", 1 ORDER BY place) INSERT INTO holdfast.attempts AS held (key, failures, until)")
    + raw(" SELECT key, 1, now() + make_interval(secs => ")
    + value(WINDOW_SECONDS, "double precision")
    + raw(") FROM counted ON CONFLICT (key) DO UPDATE SET")
    + raw(" failures = CASE WHEN held.until <= now() THEN 1 ELSE held.failures + 1 END,")
    + raw(" until = CASE WHEN held.until <= now() THEN excluded.until ELSE held.until END")
    + raw(" RETURNING held.key = ")
    + named("address", "bytea")
    + raw(" AS of_address, held.failures, extract(epoch FROM held.until - now())::float8 AS seconds")
)
_COUNT: Final = Statement.of(
    raw("INSERT INTO holdfast.attempts AS held (key, failures, until) VALUES (")
    + named("account", "bytea")
    + raw(", 1, now() + make_interval(secs => ")
    + value(WINDOW_SECONDS, "double precision")
    + raw(")) ON CONFLICT (key) DO UPDATE SET")
    + raw(" failures = CASE WHEN held.until <= now() THEN 1 ELSE held.failures + 1 END,")
    + raw(" until = CASE WHEN held.until <= now() THEN excluded.until ELSE held.until END RETURNING held.failures")
)
# Each part asks for what was before it, so that the rows are locked in the order of an attempt.
_FORGIVEN: Final = (
    raw("WITH forgotten AS (DELETE FROM holdfast.attempts WHERE key IN (")
    + named("account", "bytea")
    + raw(", ")
    + named("both", "bytea")
    + raw(") RETURNING 1), forgiven AS (UPDATE holdfast.attempts SET failures = failures - 1 WHERE key = ")
    + named("address", "bytea")
    + raw(" AND (SELECT count(*) FROM forgotten) >= 0 RETURNING 1) ")
)
_FORGIVE: Final = Statement.of(_FORGIVEN + raw("SELECT count(*) FROM forgiven"))
_SUCCEEDED: Final = Statement.of(
    _FORGIVEN
    + raw("INSERT INTO holdfast.attempts AS held (key, failures, until) SELECT ")
    + named("welcome", "bytea")
    + raw(", 0, now() + make_interval(days => ")
    + value(WELCOME_DAYS, "integer")
    + raw(") WHERE (SELECT count(*) FROM forgiven) >= 0 ON CONFLICT (key) DO UPDATE SET until = excluded.until")
)
_SWEEP: Final = Statement.of(
    raw("DELETE FROM holdfast.attempts WHERE ctid = ANY (ARRAY(SELECT ctid FROM holdfast.attempts")
    + raw(" WHERE until < now() LIMIT ")
    + value(SWEPT_AT_ONCE, "bigint")
    + raw("))")
)


async def begin_attempt(pool: Pool, account: str, address: str, *, most: int = PER_ACCOUNT) -> None:
    """Count an attempt to be an account, from an address.

    Raises RateLimited with `Retry-After` when there were too many failures: more than `most` of the account.
    """
    with as_api_errors():
        rows = await pool.fetch(_BEGIN, _inputs(account, address))
    for row in rows:
        limit = PER_ADDRESS if row["of_address"] else most
        if row["failures"] > limit:
            raise _limited(limit, row["seconds"])


async def attempt_succeeded(pool: Pool, account: str, address: str) -> None:
    """The attempt was none to guess: forget the account's failures, and this one of the address, which is known now."""
    with as_api_errors():
        await pool.execute(_SUCCEEDED, _inputs(account, address))


async def forgive(pool: Pool, account: str, address: str) -> None:
    """The same, for what is no account and needs to be known to nobody."""
    with as_api_errors():
        await pool.execute(_FORGIVE, _inputs(account, address))


async def count_attempt(pool: Pool, account: str) -> int:
    """Count one, from wherever; how many there are within the window."""
    with as_api_errors():
        row = await pool.fetchrow(_COUNT, _inputs(account, ""))
    return row["failures"] if row else 0


async def sweep_attempts(pool: Pool) -> int:
    """Forget what counts no more; how many."""
    return int((await pool.execute(_SWEEP)).rpartition(" ")[2])


def _inputs(account: str, address: str) -> Inputs:
    network = limit_key(address)
    texts = {
        "account": f"account {account}",
        "address": f"address {network}",
        "both": f"both {account} {network}",
        "welcome": f"welcome {account} {network}",
    }
    # Hashed, because people type passwords where their name belongs.
    return Inputs(named={key: hashlib.sha256(text.encode("utf-8", "replace")).digest() for key, text in texts.items()})


def _limited(most: int, seconds: float) -> RateLimited:
    left = str(max(1, round(seconds)))
    return RateLimited(
        "Too many failed logins: wait a little and try again.",
        headers={
            "Retry-After": left,
            "RateLimit-Policy": f'"login";q={most};w={WINDOW_SECONDS}',
            "RateLimit": f'"login";r=0;t={left}',
        },
    )
