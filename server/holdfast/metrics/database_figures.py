"""What concerns the database and all processes, once a minute: by whichever process comes first."""

from collections.abc import Mapping
from typing import Final

import msgspec

from holdfast.db.pool import Connection
from holdfast.jobs import queue as jobs
from holdfast.metrics.database_report import DatabaseReport
from holdfast.metrics.figures import Figures, Gauge, of_totals
from holdfast.metrics.history_store import moment
from holdfast.webhooks import queue as webhooks

FILES_EVERY: Final = 600.0  # s: the register of files is read as a whole
_LAST: Final = """
    SELECT figures FROM holdfast.measures
     WHERE step = 60 AND process = '' AND at < $1 AND at >= $1 - interval '1 minute' ORDER BY at DESC LIMIT 1
"""
_THERE: Final = "SELECT EXISTS (SELECT FROM holdfast.measures WHERE step = 60 AND process = '' AND at = $1)"
_POSTGRES: Final = """
    SELECT numbackends AS connections, pg_database_size(datid) AS bytes, xact_commit AS commits,
           xact_rollback AS rollbacks, blks_hit AS hits, blks_read AS reads, active_time AS ms
      FROM pg_stat_database WHERE datname = current_database()
"""
# What failed too often is counted together: then the entry says how often.
_LOGINS: Final = """
    SELECT count(*) FILTER (WHERE action = 'auth.login') AS good,
           coalesce(sum(coalesce((details::jsonb ->> 'count')::bigint, 1)) FILTER (WHERE action = 'auth.login_failed'),
                    0)::bigint AS failed
      FROM holdfast.audit WHERE at >= $1 AND at < $2 AND action IN ('auth.login', 'auth.login_failed')
"""
_FILES: Final = "SELECT count(*) AS files, coalesce(sum(size), 0)::bigint AS bytes FROM holdfast.files"


async def is_told(connection: Connection, at: float) -> bool:
    """Whether another process has told what this minute held."""
    return await connection.fetchval(_THERE, moment(at))


async def database_figures(connection: Connection, report: DatabaseReport, at: float) -> Figures:
    """What happened in the minute from `at` on, which is over."""
    text = await connection.fetchval(_LAST, moment(at))
    before = msgspec.json.decode(text, type=Figures) if text else Figures()
    postgres = await connection.fetchrow(_POSTGRES)
    logins = await connection.fetchrow(_LOGINS, moment(at), moment(at + 60.0))
    assert postgres is not None
    assert logins is not None
    named = {"commits": "db_commits", "rollbacks": "db_rollbacks", "hits": "db_hits", "reads": "db_reads"}
    totals = {name: float(postgres[column]) for column, name in named.items()}
    totals |= {"db_ms": float(postgres["ms"])} | _totals(report)
    counts = of_totals(before.totals, totals)
    counts |= {name: float(logins[column]) for column, name in (("good", "logins"), ("failed", "logins_failed"))}
    totals |= await _files(connection, before.totals, at)
    gauges = _gauges(report) | {"db_bytes": float(postgres["bytes"]), "db_connections": float(postgres["connections"])}
    gauges |= {name: totals[name] for name in ("files", "files_bytes")}
    return Figures(
        counts={name: count for name, count in counts.items() if count},
        gauges={name: Gauge(value, 1, value) for name, value in gauges.items()},
        totals=totals,
    )


def _totals(report: DatabaseReport) -> dict[str, float]:
    found = {"events": float(report.events.newest)}
    for total in report.totals:
        if total.name == webhooks.TOTALS:
            name = f"webhooks_{total.outcome}"
        elif total.name == jobs.TOTALS:
            name = f"jobs_{total.outcome}"
        else:
            continue
        found[name] = found.get(name, 0.0) + total.value
    # What there was none of yet begins at nothing, and not with its first.
    outcomes = ("webhooks_delivered", "webhooks_failed", "webhooks_dead", "jobs_done", "jobs_failed", "jobs_dead")
    return {**dict.fromkeys(outcomes, 0.0), **found}


def _gauges(report: DatabaseReport) -> dict[str, float]:
    return {
        "events_waiting": float(report.events.waiting),
        "events_lag": max(report.events.lag, 0.0),
        "webhooks_oldest": max(report.webhooks.waited, 0.0),
        "jobs_waiting": float(report.jobs.waiting),
        "jobs_oldest": max(report.jobs.waited, 0.0),
        "jobs_dead": float(report.jobs.dead),
    }


async def _files(connection: Connection, before: Mapping[str, float], at: float) -> dict[str, float]:
    if at % FILES_EVERY == 0 or "files" not in before:
        row = await connection.fetchrow(_FILES)
        assert row is not None
        return {"files": float(row["files"]), "files_bytes": float(row["bytes"])}
    return {name: before[name] for name in ("files", "files_bytes")}
