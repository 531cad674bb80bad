"""Which processes there are: those that live, and those that ended or died of late."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias

import msgspec

from holdfast.background.heartbeat import BEAT_SECONDS, Doing
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Pool, Row
from holdfast.db.sql import Statement, raw, value
from holdfast.engine import Engine
from holdfast.expressions.moment import stamp

State: TypeAlias = Literal["alive", "dead", "ended"]
DEAD_SECONDS: Final = 4 * BEAT_SECONDS  # without a sign of life
SHOWN_HOURS: Final = 24  # after its last sign
KEPT_DAYS: Final = 40  # as marks in charts
MOST_SHOWN: Final = 500
_LIST: Final = Statement.of(
    raw("SELECT p.*, now() - p.seen AS silent FROM holdfast.processes AS p")
    + raw(" WHERE p.seen > now() - make_interval(hours => ")
    + value(SHOWN_HOURS, "integer")
    + raw(") ORDER BY p.seen DESC, p.started DESC, p.id LIMIT ")
    + value(MOST_SHOWN, "bigint")
)
_SWEEP: Final = Statement.of(
    raw("DELETE FROM holdfast.processes WHERE seen < now() - make_interval(days => ")
    + value(KEPT_DAYS, "integer")
    + raw(")")
)
_ORDER: Final[Mapping[State, int]] = {"alive": 0, "dead": 1, "ended": 2}


async def list_workers(engine: Engine) -> list[dict[str, Any]]:
    """Those that live first, then those that died, then those that ended."""
    with as_api_errors():
        rows = await engine.pool.fetch(_LIST)
    found: list[tuple[State, Row]] = [(_state(row), row) for row in rows]
    found.sort(key=lambda one: (_ORDER[one[0]], -one[1]["started"].timestamp()))
    return [_json(state, row) for state, row in found]


def _state(row: Row) -> State:
    if row["ended"] is not None:
        return "ended"
    return "dead" if row["silent"].total_seconds() > DEAD_SECONDS else "alive"


def _json(state: State, row: Row) -> dict[str, Any]:
    doing = msgspec.json.decode(row["doing"], type=Doing)
    return {
        "id": row["id"],
        "role": row["role"],
        "host": row["host"],
        "pid": row["pid"],
        "worker": row["worker"],
        "version": row["version"],
        "background": row["background"],
        "state": state,
        "started": stamp(row["started"]),
        "seen": stamp(row["seen"]),
        "ended": _stamp(row["ended"]),
        "jobs": [{"id": str(job.id), "name": job.name, "started": _moment(job.since)} for job in doing.jobs],
        "jobCount": doing.job_count,
        "memory": doing.memory,
        "lines": doing.lines,
        "connections": doing.connections,
        "diskFree": doing.disk_free,
        "diskSize": doing.disk_size,
    }


def _stamp(moment: datetime | None) -> str:
    return "" if moment is None else stamp(moment)


def _moment(seconds: float) -> str:
    return stamp(datetime.fromtimestamp(seconds, UTC))


async def sweep_processes(pool: Pool) -> int:
    """Forget processes that are long gone; says how many."""
    return int((await pool.execute(_SWEEP)).rpartition(" ")[2])
