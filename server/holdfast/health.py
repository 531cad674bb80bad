"""Whether the server lives, and whether it can answer: for load balancers, containers and people."""

import asyncio
from typing import Final

import asyncpg
import litestar
import msgspec
from litestar.di import NamedDependency

from holdfast import __version__, paths
from holdfast.db.cannot_start import CannotStart
from holdfast.db.migrate import APP, pending
from holdfast.db.sql import Statement, raw, value
from holdfast.engine import Engine
from holdfast.errors import ApiError, Problem, Unavailable
from holdfast.events.state import events_state
from holdfast.http.litestar import NO_STORE
from holdfast.http.request import Request
from holdfast.jobs.state import jobs_state
from holdfast.webhooks.state import webhooks_state

PATIENCE_SECONDS: Final = 3.0  # for the database, before it counts as away
_APPLIED: Final = Statement.of(raw("SELECT name FROM holdfast.migration WHERE app_name = ") + value(APP, "text"))
_OK: Final = "ok"


class Health(msgspec.Struct, frozen=True):
    """What PocketBase's clients expect of a server that is up; `data` has more for superusers."""

    code: int
    message: str
    data: dict[str, str | int | float]


@litestar.get("/api/health", summary="Whether the server is up", tags=["server"])
async def health(engine: NamedDependency[Engine], incoming: NamedDependency[Request]) -> litestar.Response[Health]:
    """Answer that the process lives. Asks nobody else, so a database that is away does not get it restarted."""
    data: dict[str, str | int | float] = {}
    if incoming.principal.is_superuser:
        data = {"version": __version__, "collections": len(engine.catalog.collections)}
    return litestar.Response(Health(200, "The server is up.", data), headers=NO_STORE)


@litestar.get("/api/ready", summary="Whether the server can answer requests", tags=["server"])
async def ready(engine: NamedDependency[Engine]) -> litestar.Response[Health]:
    """Answer whether requests can be served now: 503 with what is missing, if anything is."""
    found = {"database": await _database(engine)}
    if found["database"] is None:
        found["migrations"] = await _migrations(engine)
        found["catalog"] = await _catalog(engine)
    problems = {name: problem for name, problem in found.items() if problem is not None}
    if problems:
        raise Unavailable("The server cannot answer requests just now: see data.", retry_after=2, data=problems)
    limits = "shared" if await engine.limiter.buckets.is_shared() else "per process"
    # Records are there without it, so it makes no server less ready.
    storage = _OK if await engine.is_storage_reached() else "away"
    work = await _work(engine)
    data: dict[str, str | int | float] = {**dict.fromkeys(found, _OK), **work, "limits": limits, "storage": storage}
    return litestar.Response(Health(200, "The server is ready.", data), headers=NO_STORE)


HANDLERS: Final = (health, ready)


async def _database(engine: Engine) -> Problem | None:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await engine.pool.fetchrow(Statement.of(raw("SELECT 1 AS one")))
    except (ApiError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
        return Problem("unavailable", "The database does not answer.")
    return None


async def _migrations(engine: Engine) -> Problem | None:
    known = tuple(path.stem.removeprefix("m") for path in paths.migrations().glob("m[0-9]*.py"))
    try:
        missing = pending(known, [row["name"] for row in await engine.pool.fetch(_APPLIED)])
    except CannotStart:
        return Problem("newer_database", "The database belongs to a newer version of the server.")
    except (ApiError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return Problem("unavailable", "The system schema cannot be read.")
    return Problem("outstanding", "Some migrations are not applied yet.") if missing else None


async def _work(engine: Engine) -> dict[str, str | float]:
    """What is late, and by how many seconds. It makes no server less ready for requests, so it is said and no more."""
    connection = await engine.pool.acquire()
    try:
        jobs, events = await jobs_state(connection, engine.host.kinds), await events_state(connection)
        webhooks = await webhooks_state(connection)
    finally:
        engine.pool.release(connection)
    late = {"jobs": jobs.late, "events": events.late, "webhooks": webhooks.late}
    ages = {"jobsSeconds": jobs.waited, "eventsSeconds": events.lag, "webhooksSeconds": webhooks.waited}
    said = {name: "late" if is_late else _OK for name, is_late in late.items()}
    return {**said, **{name: max(round(age, 1), 0.0) for name, age in ages.items()}}


async def _catalog(engine: Engine) -> Problem | None:
    """A process that does not follow the catalog still answers right, since it looks for each request."""
    try:
        await engine.live.check()
    except (ApiError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return Problem("unavailable", "The collections cannot be read.")
    return None
