"""A lean pool of asyncpg connections: last in, first out, no reset round trip.

asyncpg's own pool sends four statements on every release; without them a get by id is three times
as fast (docs/explanation/data-plane.md). The price is house rules: settings by `SET LOCAL` only,
advisory locks of transactions only, LISTEN on a connection of its own. Plugins need not know them: after their SQL
there is such a round trip.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import asyncpg

from holdfast.db.failures import end_if_cancelled
from holdfast.db.sql import NO_INPUTS, Inputs, Sql, Statement
from holdfast.db.timing import StatementTimes
from holdfast.errors import Unavailable

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection  # not generic when it runs
Row: TypeAlias = asyncpg.Record
Waiter: TypeAlias = "asyncio.Future[Connection | None]"
Follow: TypeAlias = Callable[[], Awaitable[None]]
"""What is done after a commit. It raises nothing: the commit stands."""

STATEMENTS_KEPT: Final = 256  # prepared statements of a connection: one of a list takes PostgreSQL about 72 kB
CONNECT_SECONDS: Final = 5.0  # for a new connection
WAIT_SECONDS: Final = 5.0  # for a free connection, before the client is told 503
_OID: Final = "SELECT oid::bigint FROM pg_catalog.pg_database WHERE datname = current_database()"
TIDY_SECONDS: Final = 2.0  # for a connection on which others' SQL ran


class Pool:
    """Connections to one database.

    `fetchrow`, `fetch` and `execute` borrow a connection for one statement, which PostgreSQL runs as a
    transaction of its own; `transaction` borrows one for a block.
    """

    def __init__(self, dsn: str, *, size: int, settings: dict[str, str], options: dict[str, Any] | None = None) -> None:
        self._dsn = dsn
        self._size = size
        self._settings = settings
        self._options = options or {}
        self._idle: list[Connection] = []
        self._waiting: deque[tuple[Waiter, float]] = deque()
        self._expiry: asyncio.TimerHandle | None = None
        self._open = 0
        self._closed = False
        self._tidying: set[asyncio.Task[None]] = set()
        self.times = StatementTimes()
        """How long the statements took, those of its transactions included."""
        self.oid: int | None = None
        """Of the database, once there was a connection."""
        self.replaced = asyncio.Event()
        """Set when another database was found in its place."""

    @property
    def dsn(self) -> str:
        """The address of the database, with its password: for programs of PostgreSQL's own."""
        return self._dsn

    @property
    def size(self) -> int:
        """The most connections that are open at once."""
        return self._size

    @property
    def open(self) -> int:
        """Connections that are open at this moment, or about to be."""
        return self._open

    @property
    def in_use(self) -> int:
        """Connections that are lent at this moment."""
        return self._open - len(self._idle)

    @property
    def waiting(self) -> int:
        """How many wait for a connection at this moment."""
        return sum(not waiter.done() for waiter, _ in self._waiting)

    async def connect(self) -> Connection:
        """A new connection outside the pool, with its settings: for LISTEN, and for DDL without a transaction.

        Raises Unavailable when there is another database by now: what was read of the old one means nothing there.
        """
        connection = cast(
            Connection,
            await asyncpg.connect(
                self._dsn,
                timeout=CONNECT_SECONDS,
                statement_cache_size=STATEMENTS_KEPT,
                max_cached_statement_lifetime=0,
                server_settings=self._settings,
                **self._options,
            ),
        )
        try:
            oid: int = await connection.fetchval(_OID)
        except BaseException:
            connection.terminate()
            raise
        self.oid = self.oid or oid
        if oid != self.oid:
            connection.terminate()
            self.replaced.set()
            raise Unavailable("The database was restored from a backup: try again in a moment.")
        return connection

    async def acquire(self) -> Connection:
        """Borrow a connection; give it back with `release`.

        Raises Unavailable when none is free within WAIT_SECONDS, or when the database is away.
        """
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
            self._open -= 1
        if self._closed:
            raise Unavailable("The server is stopping.")
        if self._open < self._size:
            return await self._new()
        return await self._wait()

    async def _new(self) -> Connection:
        self._open += 1
        try:
            return await self.connect()
        except BaseException as failure:
            self._open -= 1
            if isinstance(failure, asyncpg.TooManyConnectionsError) and self._open:
                # PostgreSQL has no more for us than those we have, and one may have come back meanwhile.
                return await (self.acquire() if self._idle else self._wait())
            self._pass_on(None)
            if isinstance(failure, asyncpg.PostgresError | OSError | asyncpg.InterfaceError):
                raise Unavailable("The database cannot be reached just now: try again in a moment.") from failure
            raise

    async def _wait(self) -> Connection:
        loop = asyncio.get_running_loop()
        waiter: Waiter = loop.create_future()
        self._waiting.append((waiter, loop.time() + WAIT_SECONDS))
        if self._expiry is None:
            self._expiry = loop.call_later(WAIT_SECONDS, self._expire)
        try:
            given = await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                # The connection arrived together with the cancellation: it must not be lost.
                left = waiter.result()
                if left is None:
                    self._pass_on(None)
                else:
                    self.release(left)
            raise
        return given if given is not None else await self.acquire()

    def _expire(self) -> None:
        """Refuse who has waited for too long. One timer for all of them: one each took a tenth of a small read."""
        self._expiry = None
        loop = asyncio.get_running_loop()
        while self._waiting:
            waiter, until = self._waiting[0]
            if not waiter.done():
                left = until - loop.time()
                if left > 0:
                    self._expiry = loop.call_later(left, self._expire)
                    return
                waiter.set_exception(Unavailable("All database connections are busy: try again in a moment."))
            self._waiting.popleft()

    def release(self, connection: Connection) -> None:
        """Give a connection back. One that is closed, or still in a transaction, is thrown away."""
        if connection.is_closed() or connection.is_in_transaction() or self._closed:
            self._open -= 1
            if not connection.is_closed():
                connection.terminate()
            self._pass_on(None)
            return
        if not self._pass_on(connection):
            self._idle.append(connection)

    def _pass_on(self, connection: Connection | None) -> bool:
        """Hand a connection, or the right to open one, to who has waited longest."""
        while self._waiting:
            waiter, _ = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return True
        return False

    async def fetchrow(self, statement: Statement, inputs: Inputs = NO_INPUTS) -> Row | None:
        """Run one statement that gives at most one row."""
        return await self.fetchrow_text(statement.text, statement.args(inputs))

    async def fetchrow_text(self, text: str, args: Sequence[object]) -> Row | None:
        """The same for a statement whose bind values are already there."""
        connection = await self.acquire()
        began = perf_counter()
        try:
            return await connection.fetchrow(text, *args)
        except asyncpg.InternalClientError as failure:
            raise _lost(connection) from failure
        except asyncio.CancelledError:
            connection.terminate()  # the statement may still be under way: nobody else gets this connection
            raise
        finally:
            self.release(connection)
            self.times.note(text, perf_counter() - began)

    async def fetch(self, statement: Statement, inputs: Inputs = NO_INPUTS) -> list[Row]:
        """Run one statement and take all its rows."""
        connection = await self.acquire()
        began = perf_counter()
        try:
            return await connection.fetch(statement.text, *statement.args(inputs))
        except asyncpg.InternalClientError as failure:
            raise _lost(connection) from failure
        except asyncio.CancelledError:
            connection.terminate()  # the statement may still be under way: nobody else gets this connection
            raise
        finally:
            self.release(connection)
            self.times.note(statement.text, perf_counter() - began)

    async def execute(self, statement: Statement, inputs: Inputs = NO_INPUTS) -> str:
        """Run one statement for its effect; the answer is PostgreSQL's command tag."""
        connection = await self.acquire()
        began = perf_counter()
        try:
            return await connection.execute(statement.text, *statement.args(inputs))
        except asyncpg.InternalClientError as failure:
            raise _lost(connection) from failure
        except asyncio.CancelledError:
            connection.terminate()  # the statement may still be under way: nobody else gets this connection
            raise
        finally:
            self.release(connection)
            self.times.note(statement.text, perf_counter() - began)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator["Transaction", None]:
        """A connection in a transaction: committed at the end of the block, rolled back if it raises."""
        connection = await self.acquire()
        made = Transaction(connection, self.times)
        has_begun = False
        try:
            async with connection.transaction():
                has_begun = True
                yield made
        except asyncpg.InternalClientError as failure:
            raise _lost(connection) from failure
        finally:
            made.connection = _ENDED
            if not has_begun:  # asyncpg takes it for one in a transaction from then on
                connection.terminate()
            if made.is_soiled:
                tidying = asyncio.create_task(self._tidy(connection), name="tidy up a connection")
                self._tidying.add(tidying)
                tidying.add_done_callback(self._tidying.discard)
            else:
                self.release(connection)
        for follow in made.followers:
            await follow()

    async def _tidy(self, connection: Connection) -> None:
        """Give a connection back without what somebody has set for more than a transaction: SET, LISTEN, locks."""
        try:
            await connection.reset(timeout=TIDY_SECONDS)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError):
            connection.terminate()
        finally:
            self.release(connection)

    def reopen(self) -> None:
        """Lend connections again after `close`, to the database that is there now."""
        self._closed = False
        self.oid = None
        self.replaced.clear()

    async def close(self) -> None:
        """Close what is idle now and what is lent as it comes back."""
        self._closed = True
        while self._waiting:
            self._pass_on(None)
        if self._expiry is not None:
            self._expiry.cancel()
        await asyncio.gather(*self._tidying, return_exceptions=True)
        while self._idle:
            self._open -= 1
            await self._idle.pop().close(timeout=2)


def _lost(connection: Connection) -> Unavailable:
    """What to raise for a connection on which PostgreSQL has said goodbye while it was idle.

    asyncpg calls that an error of its own when the next statement is sent before the socket is seen to close,
    and would go on calling the connection open. Raises CancelledError where it is only the echo of that.
    """
    connection.terminate()
    end_if_cancelled()
    return Unavailable("The database cannot be reached just now: try again in a moment.")


@asynccontextmanager
async def transaction_on(connection: Connection) -> AsyncGenerator["Transaction", None]:
    """A transaction on a connection that the pool does not lend, for work that takes long."""
    made = Transaction(connection)
    async with connection.transaction():
        yield made
    for follow in made.followers:
        await follow()


class _Ended:
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("this transaction has ended")


_ENDED: Final = cast(Connection, _Ended())  # its connection may be somebody else's by now


class Transaction:
    """A connection inside a transaction. `connection` is there for what is not a `Sql`, such as COPY.

    One that `is_soiled` ran SQL that is not the server's own: its connection is tidied up before others get it.
    """

    __slots__ = ("_times", "connection", "followers", "is_soiled")

    def __init__(self, connection: Connection, times: StatementTimes | None = None) -> None:
        self._times = times
        self.connection = connection
        self.followers: list[Follow] = []
        self.is_soiled = False

    def after_commit(self, follow: Follow) -> None:
        """Have something done when the transaction is committed and its connection is given back."""
        self.followers.append(follow)

    async def fetchrow(self, sql: Sql | Statement, inputs: Inputs = NO_INPUTS) -> Row | None:
        """Run one statement that gives at most one row."""
        statement = sql if isinstance(sql, Statement) else Statement.of(sql)
        began = perf_counter()
        try:
            return await self.connection.fetchrow(statement.text, *statement.args(inputs))
        finally:
            self._note(statement.text, began)

    async def fetch(self, sql: Sql | Statement, inputs: Inputs = NO_INPUTS) -> list[Row]:
        """Run one statement and take all its rows."""
        statement = sql if isinstance(sql, Statement) else Statement.of(sql)
        began = perf_counter()
        try:
            return await self.connection.fetch(statement.text, *statement.args(inputs))
        finally:
            self._note(statement.text, began)

    async def execute(self, sql: Sql | Statement, inputs: Inputs = NO_INPUTS) -> str:
        """Run one statement for its effect; the answer is PostgreSQL's command tag."""
        statement = sql if isinstance(sql, Statement) else Statement.of(sql)
        began = perf_counter()
        try:
            return await self.connection.execute(statement.text, *statement.args(inputs))
        finally:
            self._note(statement.text, began)

    def _note(self, text: str, began: float) -> None:
        if self._times is not None:
            self._times.note(text, perf_counter() - began)

    @asynccontextmanager
    async def savepoint(self) -> AsyncGenerator[None, None]:
        """A block that can fail on its own: what it did is undone, the transaction goes on."""
        before = len(self.followers)
        try:
            async with self.connection.transaction():
                yield
        except BaseException:
            del self.followers[before:]
            raise
