"""The whole examination, from the machine to the tables."""

from datetime import UTC, datetime
from typing import Any, Final, cast

import asyncpg

from holdfast.backups.state import backups_state
from holdfast.catalog import store
from holdfast.collections.capturing import fittings, uncaptured
from holdfast.config import Settings
from holdfast.db.cannot_start import CannotStart
from holdfast.db.migrate import outstanding
from holdfast.db.needed import needed_connections
from holdfast.doctor import events, machine, postgresql, tables, work
from holdfast.doctor.finding import Finding, broken, ok, warning
from holdfast.events.state import events_state
from holdfast.jobs.state import jobs_state
from holdfast.webhooks.state import webhooks_state

REDIS_SECONDS: Final = 3.0


async def examine(settings: Settings, dsn: str) -> list[Finding]:
    """Look at everything, on a database that was reached a moment ago. Changes nothing."""
    found = machine.machine(settings)
    migrations = await _migrations(dsn)
    connection = await asyncpg.connect(dsn, statement_cache_size=0)
    try:
        facts = await postgresql.ask(connection)
        today = datetime.now(UTC).date()
        embedded = not settings.database_url
        wanted = needed_connections(settings)
        found += postgresql.judge(facts, embedded=embedded, wanted_connections=wanted, today=today)
        found.append(migrations)
        if migrations.state == "ok":
            catalog = await store.load(connection)
            found += tables.judge(catalog, await tables.ask(connection))
            found += events.captured(uncaptured(catalog, await fittings(connection)))
            found.append(work.jobs(await jobs_state(connection)))
            found.append(events.relayed(await events_state(connection)))
            found.append(work.webhooks(await webhooks_state(connection)))
            found.append(work.backups(await backups_state(connection, catalog.options.backups.cron)))
            found.append(await work.mail(catalog.options, settings))
    finally:
        await connection.close(timeout=5)
    if settings.redis_url:
        found.append(await _redis(settings.redis_url))
    return found


async def _migrations(dsn: str) -> Finding:
    about = "system schema"
    try:
        missing = await outstanding(dsn)
    except CannotStart as failure:
        return broken(about, "the database is newer than this Holdfast", str(failure))
    if missing:
        return warning(
            about, f"{len(missing)} migrations are not applied yet", "Run holdfast migrate, or holdfast serve."
        )
    return ok(about, "up to date")


async def _redis(url: str) -> Finding:
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    client: Any = cast(Any, Redis).from_url(url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS)
    try:
        await client.ping()
    except (RedisError, OSError) as failure:
        reason = type(failure).__name__  # its text may repeat the URL
        return broken("redis", f"no answer ({reason})", "Start Redis, or correct or remove REDIS_URL.")
    finally:
        await client.aclose()
    return ok("redis", "answers")
