"""Writes the log into the database: in batches, beside the requests, on connections of its own."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from typing import Final

import asyncpg
import structlog

from holdfast.config import Settings
from holdfast.db.pool import Connection, Pool
from holdfast.db.session import session_settings
from holdfast.engine import Engine
from holdfast.errors import Unavailable
from holdfast.log_redaction import Redaction
from holdfast.logbook.buffer import Buffer, Waiting
from holdfast.logbook.days import make_day
from holdfast.logbook.line import COLUMNS, WARNING, Line, event_line, is_quiet, request_line
from holdfast.observe import Observer, RequestSeen
from holdfast.schema.app_options import Logs
from holdfast.schema.ids import IdSource

POOL_SIZE: Final = 2  # connections: one writes, one reads, and no request for records waits for either
EVERY_SECONDS: Final = 1.0
AHEAD: Final = timedelta(hours=1)  # a line that claims to be from later is from a clock that is wrong
_FAULTS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, Unavailable, OSError)
_log: Final = structlog.get_logger("holdfast.logbook")


class Logbook:
    """The kept log of one server process. `buffer` is told what happens; it is written while `running`."""

    def __init__(self, settings: Settings, dsn: str, after: Observer) -> None:
        hidden = (dsn, settings.database_url, settings.redis_url, settings.superuser_password)
        # What was answered can wait to be safe on the disk: a crash takes a second of the log along, and no more.
        options = {**session_settings(settings), "synchronous_commit": "off"}
        self.pool = Pool(dsn, size=POOL_SIZE, settings=options)
        self.buffer = Buffer(after)
        self._redaction = Redaction([secret for secret in hidden if secret])
        self._ids = IdSource()
        self._days: set[date] = set()
        self._failing = False
        self._writes = settings.log_database

    @asynccontextmanager
    async def running(self, engine: Engine) -> AsyncGenerator[None]:
        """Write what comes for the block, and at its end what is left; only read where it is not to be kept."""
        self.pool.reopen()  # it was closed if another database has taken the place of the one before
        self._days.clear()
        if not self._writes:
            yield
            await self.pool.close()
            return
        task = asyncio.create_task(self._run(engine), name="keep the log")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await self.write(engine.options.logs)
            await self.pool.close()

    async def _run(self, engine: Engine) -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            await self.write(engine.options.logs)

    async def write(self, options: Logs) -> None:
        """Write what waits. Never raises: lines that cannot be written now wait, up to a bound."""
        waiting, dropped = self.buffer.take(options.max_per_second)
        if options.max_days == 0 or not (waiting or dropped):
            return
        try:
            await self._copy(self._lines(waiting, dropped, options), options)
            self._failing = False
        except _FAULTS as failure:
            self.buffer.put_back(waiting, dropped)
            self._days.clear()
            if not self._failing:  # once, since this line has to be kept as well
                _log.warning("the log cannot be written to the database", reason=str(failure))
            self._failing = True
        except Exception as failure:  # a line that cannot be written must not come back for ever
            _log.error("lines of the log were lost", lines=len(waiting), exc_info=failure)

    def _lines(self, waiting: Iterable[Waiting], dropped: int, options: Logs) -> list[Line]:
        lines: list[Line] = []
        for one in waiting:
            line = self._line(one, options)
            if line is not None and line[2] >= options.min_level:
                lines.append(line)
        if dropped and options.min_level <= WARNING:
            now = datetime.now(UTC).timestamp()
            told = {"level": "warning", "event": f"{dropped} lines were not kept: more came than are kept in a second"}
            lines.append(event_line(self._id(now), now, {**told, "dropped": dropped}))
        return lines

    def _line(self, one: Waiting, options: Logs) -> Line | None:
        if not isinstance(one, RequestSeen):
            return event_line(self._id(one[0]), *one)
        if is_quiet(one):
            return None
        return request_line(self._id(one.time), one, self._redaction.path(one.path), options)

    def _id(self, seconds: float) -> str:
        return self._ids.next(int(seconds * 1000))

    async def _copy(self, lines: list[Line], options: Logs) -> None:
        now = datetime.now(UTC)
        first = (now - timedelta(days=max(options.max_days - 1, 0))).date()
        kept = [line for line in lines if first <= line[1].date() and line[1] < now + AHEAD]
        if not kept:
            return
        connection = await self.pool.acquire()
        try:
            await self._make_days(connection, {line[1].date() for line in kept})
            await connection.copy_records_to_table("logs", schema_name="holdfast", records=kept, columns=COLUMNS)
        except asyncio.CancelledError:
            connection.terminate()
            raise
        finally:
            self.pool.release(connection)

    async def _make_days(self, connection: Connection, days: set[date]) -> None:
        for day in sorted(days - self._days):
            await make_day(connection, day)
        self._days = days
