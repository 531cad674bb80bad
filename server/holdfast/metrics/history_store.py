"""The rows of the history: written each minute, read by their time, joined to longer stretches, and let go."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

import msgspec

from holdfast.db.pool import Connection, Pool
from holdfast.metrics.figures import Figures, beside, in_turn

STEPS: Final = (60, 600, 3600)
"""How long the stretches are that rows are kept of, in seconds; each is a multiple of the one before."""
KEPT_DAYS: Final[Mapping[int, int]] = {60: 2, 600: 8}
"""How long they are kept, if the setting does not say less; the longest as long as the setting says."""
SWEPT_AT_ONCE: Final = 10_000
SETTLED_SECONDS: Final = 120.0  # a process may come late with its row
_DAY: Final = 86_400
_decode: Final = msgspec.json.Decoder(Figures).decode
_INSERT: Final = """
    INSERT INTO holdfast.measures (step, at, process, figures) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""
_READ: Final = """
    SELECT at, figures FROM holdfast.measures WHERE step = $1 AND at >= $2 AND at < $3 ORDER BY at
"""
_ENDS: Final = """
    SELECT s.step, (SELECT min(at) FROM holdfast.measures AS m WHERE m.step = s.step) AS first,
           (SELECT max(at) FROM holdfast.measures AS m WHERE m.step = s.step) AS last
      FROM unnest($1::integer[]) AS s (step)
"""
_SWEEP: Final = """
    DELETE FROM holdfast.measures WHERE ctid = ANY (ARRAY(
        SELECT m.ctid FROM holdfast.measures AS m JOIN unnest($1::integer[], $2::timestamptz[]) AS old (step, before)
            ON m.step = old.step AND m.at < old.before LIMIT $3))
"""


def moment(seconds: float) -> datetime:
    """Seconds since 1970 as PostgreSQL takes them."""
    return datetime.fromtimestamp(seconds, UTC)


async def put(connection: Connection, step: int, at: float, process: str, figures: Figures) -> None:
    """Write down what happened from `at` on, for `step` seconds. What is there already stays."""
    text = msgspec.json.encode(figures).decode()
    await connection.execute(_INSERT, step, moment(at), process, text)


async def ends(connection: Connection) -> dict[int, tuple[float, float]]:
    """For each length of stretches that there are rows of: when the first and the last begin."""
    rows = await connection.fetch(_ENDS, list(STEPS))
    found = [(row["step"], row["first"], row["last"]) for row in rows if row["first"] is not None]
    return {step: (first.timestamp(), last.timestamp()) for step, first, last in found}


async def read(connection: Connection, step: int, since: float, until: float) -> list[tuple[float, str]]:
    """The rows of one length that begin in a time: when, and their figures as text."""
    rows = await connection.fetch(_READ, step, moment(since), moment(until))
    return [(row["at"].timestamp(), row["figures"]) for row in rows]


async def read_for(connection: Connection, step: int, since: float, until: float) -> list[tuple[float, str]]:
    """What is needed to tell a time in steps: long stretches, and for what is not joined to those yet shorter ones."""
    found: list[tuple[float, str]] = []
    known = await ends(connection)
    cover = since
    for length in reversed(STEPS):
        if step % length or cover >= until or length not in known:
            continue
        found += await read(connection, length, cover, until)
        cover = max(cover, known[length][1] + length)
    return found


def by_step(rows: Iterable[tuple[float, str]], step: int) -> dict[float, Figures]:
    """What happened in each step that something is known of, by when it begins. Takes about 10 us a row."""
    stretches: defaultdict[float, list[Figures]] = defaultdict(list)
    for at, text in rows:
        stretches[at].append(_decode(text))
    steps: defaultdict[float, list[Figures]] = defaultdict(list)
    for at in sorted(stretches):
        steps[at // step * step].append(beside(stretches[at]))
    return {at: in_turn(some) for at, some in steps.items()}


async def roll_up(connection: Connection, now: float) -> None:
    """Join what is over to longer stretches. One process at a time, under a lock."""
    for short, long in pairwise(STEPS):
        known = await ends(connection)
        if short not in known:
            return
        since = known[long][1] + long if long in known else known[short][0] // long * long
        until = (now - SETTLED_SECONDS) // long * long
        if since >= until:
            continue
        for at, figures in by_step(await read(connection, short, since, until), long).items():
            await put(connection, long, at, "", figures)


def kept_days(days: int) -> dict[int, int]:
    """For how many days the stretches of each length are kept when the setting says so many."""
    return {step: min(KEPT_DAYS.get(step, days), days) for step in STEPS}


async def sweep(pool: Pool, days: int, now: float) -> int:
    """Let go what is too old, at most SWEPT_AT_ONCE rows; says how many."""
    kept = kept_days(days)
    before = [moment(now - kept[step] * _DAY) for step in STEPS]
    async with pool.transaction() as tx:
        done = await tx.connection.execute(_SWEEP, list(STEPS), before, SWEPT_AT_ONCE)
    return int(done.rpartition(" ")[2])
