"""The server processes of one database, asking each other by NOTIFY.

Each listens on a channel of its own and holds an advisory lock with its number while it does, so that nobody waits for
one that is gone. Nothing is lost that matters: who asks waits for an answer.
"""

import asyncio
import base64
import itertools
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeAlias

import asyncpg
import structlog

from holdfast.db.failures import as_api_errors, end_if_cancelled
from holdfast.db.pool import Connection, Pool
from holdfast.db.sql import Statement, raw, value
from holdfast.errors import Unavailable
from holdfast.realtime.client_id import PROCESSES

CLASS: Final = 0x48460002  # "HF", the first half of the lock's key; the catalog has another
PART_CHARS: Final = 7000  # of one notification, which takes less than 8,000 bytes
ANSWER_SECONDS: Final = 3.0
HEARTBEAT_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 0.2
LOCK_SECONDS: Final = 30.0  # until PostgreSQL has seen the end of the connection before
MOST_OPEN: Final = 1000  # letters of which only some parts have come
_log: Final = structlog.get_logger("holdfast.realtime")
Answer: TypeAlias = Callable[[bytes], Awaitable[bytes]]

_ALIVE: Final = (
    raw(" FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted AND classid = ")
    + value(CLASS, "bigint")
    + raw(" AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())")
)
_LISTENING: Final = Statement.of(raw("SELECT objid::bigint AS process") + _ALIVE + raw(" ORDER BY objid"))


class Neighbours:
    """This process among the others; `process` is its number. `answer` says what others are told when they ask."""

    def __init__(self, answer: Answer) -> None:
        self.process = secrets.randbelow(PROCESSES)
        self.listening = asyncio.Event()
        self._answer = answer
        self._numbers = itertools.count(1)
        self._asked: dict[str, asyncio.Future[bytes]] = {}
        self._parts: dict[str, list[str]] = {}
        self._answering: set[asyncio.Task[None]] = set()

    async def ask(self, pool: Pool, process: int, question: bytes) -> bytes | None:
        """Ask another process, and wait for its answer; None when there is no such process.

        Raises Unavailable when it does not answer within ANSWER_SECONDS, or the database is away.
        """
        number = f"{self.process:08x}.{next(self._numbers)}"
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._asked[number] = answered
        try:
            if not await _tell(pool, process, f"ask {number}", question):
                return None
            async with asyncio.timeout(ANSWER_SECONDS):
                return await answered
        except TimeoutError as failure:
            raise Unavailable("The server that holds this client's line does not answer: try again.") from failure
        finally:
            del self._asked[number]

    async def others(self, pool: Pool) -> tuple[int, ...]:
        """The numbers of all other processes that listen now. Raises Unavailable when the database is away."""
        with as_api_errors():
            rows = await pool.fetch(_LISTENING)
        return tuple(row["process"] for row in rows if row["process"] != self.process)

    async def follow(self, pool: Pool) -> None:
        """Listen until cancelled. Lost connections are made anew."""
        while True:
            try:
                await self._follow_once(pool)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as failure:
                end_if_cancelled()
                _log.warning("listening to other server processes was interrupted", reason=str(failure))
            await asyncio.sleep(RETRY_SECONDS)

    async def _follow_once(self, pool: Pool) -> None:
        connection = await pool.connect()
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())

        def told(_connection: object, _pid: int, _channel: str, payload: object) -> None:
            self._take(pool, str(payload))

        try:
            await connection.add_listener(_channel(self.process), told)
            await self._take_number(connection)
            self.listening.set()
            while not connection.is_closed():
                with suppress(TimeoutError):
                    async with asyncio.timeout(HEARTBEAT_SECONDS):
                        await lost.wait()
                async with asyncio.timeout(ANSWER_SECONDS):
                    await connection.execute("SELECT 1")
        finally:
            self._parts.clear()
            connection.terminate()  # a close would wait for an answer that may never come

    async def _take_number(self, connection: Connection) -> None:
        """Hold the lock. It may still be that of the connection before, whose end PostgreSQL has not seen."""
        await connection.execute("SELECT pg_advisory_lock($1::int, $2::int)", CLASS, self.process, timeout=LOCK_SECONDS)

    def _take(self, pool: Pool, payload: str) -> None:
        """One notification: `ask|answer NUMBER PART/PARTS TEXT`."""
        kind, number, part, text = payload.split(" ", 3)
        at, _, parts = part.partition("/")
        if at != "1" and number not in self._parts:
            return  # its beginning came before we listened
        gathered = self._parts.setdefault(number, [])
        gathered.append(text)
        if at != parts:
            if len(self._parts) > MOST_OPEN:
                self._parts.pop(next(iter(self._parts)))
            return
        del self._parts[number]
        content = base64.b64decode("".join(gathered))
        if kind == "ask":
            task = asyncio.create_task(self._reply(pool, number, content))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
            return
        waiting = self._asked.get(number)
        if waiting is not None and not waiting.done():
            waiting.set_result(content)

    async def _reply(self, pool: Pool, number: str, question: bytes) -> None:
        try:
            answer = await self._answer(question)
            await _tell(pool, int(number.partition(".")[0], 16), f"answer {number}", answer)
        except Exception as failure:  # who asked is told 503 after a while
            _log.error("a question of another server process was not answered", exc_info=failure)


def _channel(process: int) -> str:
    return f"holdfast_realtime_{process:08x}"


async def _tell(pool: Pool, process: int, head: str, content: bytes) -> bool:
    """Notify a process; False when it is not there."""
    text = base64.b64encode(content).decode("ascii")
    texts = [text[at : at + PART_CHARS] for at in range(0, len(text), PART_CHARS)] or [""]
    payloads = [f"{head} {at}/{len(texts)} {part}" for at, part in enumerate(texts, 1)]
    sql = (
        raw("SELECT count(pg_notify(")
        + value(_channel(process), "text")
        + raw(", part.payload)) AS told FROM unnest(")
        + value(payloads, "text[]")
        + raw(") WITH ORDINALITY AS part (payload, position) WHERE EXISTS (SELECT")
        + _ALIVE
        + raw(" AND objid = ")
        + value(process, "bigint")
        + raw(")")
    )
    with as_api_errors():
        row = await pool.fetchrow(Statement.of(sql))
    return row is not None and row["told"] > 0
