"""What the database says of the work of all processes: events, webhooks, jobs."""

import asyncio
from collections.abc import Iterable
from typing import Final

import asyncpg
import msgspec

from holdfast.db.pool import Connection, Pool
from holdfast.db.totals import Total, read_totals
from holdfast.errors import ApiError
from holdfast.events.state import EventsState, events_state
from holdfast.jobs.state import JobsState, jobs_state
from holdfast.webhooks.state import WebhooksState, webhooks_state

PATIENCE_SECONDS: Final = 3.0  # before it counts as away


class DatabaseReport(msgspec.Struct, frozen=True, kw_only=True):
    """The state of what lies in the database, and how much was done since it was made."""

    events: EventsState
    jobs: JobsState
    webhooks: WebhooksState
    totals: tuple[Total, ...]


async def read_database(pool: Pool, of_plugins: Iterable[str]) -> DatabaseReport | None:
    """The report, in four small queries; None when the database does not answer. See jobs_state of `of_plugins`."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            connection = await pool.acquire()
            try:
                return await report_on(connection, of_plugins)
            finally:
                pool.release(connection)
    except (ApiError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
        return None  # a TimeoutError is an OSError


async def report_on(connection: Connection, of_plugins: Iterable[str]) -> DatabaseReport:
    """The report. See jobs_state of `of_plugins`."""
    return DatabaseReport(
        events=await events_state(connection),
        jobs=await jobs_state(connection, of_plugins),
        webhooks=await webhooks_state(connection),
        totals=await read_totals(connection),
    )
