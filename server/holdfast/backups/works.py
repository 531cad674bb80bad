"""Work on backups in this process: begun by a request or a schedule, and done beside them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final, Generic, TypeAlias, TypeVar

import asyncpg
import structlog

from holdfast.audit.author import Author
from holdfast.audit.entry import Entry, Target
from holdfast.audit.write import write_after
from holdfast.backups import ledger
from holdfast.backups.ledger import Kind, Phase, Work
from holdfast.backups.lock import give_back, take
from holdfast.backups.making import Made, Wanted, make_backup
from holdfast.backups.restoring import Prepare, Restored, RestoreWanted, restore_backup
from holdfast.backups.settling import TARGET
from holdfast.backups.shelf import find_known
from holdfast.backups.verifying import Verified, verify_backup
from holdfast.db.failures import api_error, as_api_errors, end_if_cancelled
from holdfast.db.pool import Connection
from holdfast.engine import Engine
from holdfast.errors import ApiError, Internal, Unavailable
from holdfast.events.telling import BACKUP_CREATED, BACKUP_FAILED, TELL, told

STOPPED: Final = "The server was stopped before it was done."
Result = TypeVar("Result")
Do: TypeAlias = Callable[[Connection, Work], Awaitable[Result]]
"""Does the work, on the connection that holds the locks. What it returns is the result; it raises ApiError."""
_log: Final = structlog.get_logger("holdfast.backups")


class Begun(Generic[Result]):
    """Work that has begun, and what comes of it."""

    def __init__(self, work: Work, task: "asyncio.Task[Result]") -> None:
        self.work = work
        self._task = task

    async def done(self) -> Result:
        """Wait for its end; its result. Who stops waiting does not stop it. Raises ApiError."""
        return await asyncio.shield(self._task)


class Works:
    """The work that runs in this process. It is stopped with the process."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    async def create(self, engine: Engine, author: Author, wanted: Wanted) -> Begun[Made]:
        """Begin to make a backup. Raises Conflict while other work on backups runs, and Unavailable."""

        async def do(connection: Connection, work: Work) -> Made:
            made = await make_backup(engine, connection, work, wanted)
            after = {"size": made.size, "rows": made.rows, "files": made.files, "kind": wanted.kind}
            target = Target(TARGET, made.key, made.key)
            await write_after(engine.pool, author, Entry(action="backup.created", target=target, after=after))
            await _tell(engine, BACKUP_CREATED, {"key": made.key, **after})
            return made

        return await self.begin(engine, "create", wanted.name, "snapshot", wanted.by, do)

    async def verify(self, engine: Engine, author: Author, key: str, by: str) -> Begun[Verified]:
        """Begin to check a backup. Raises NotFound, Conflict while other work on backups runs, and Unavailable."""
        known = await find_known(engine, key)

        async def do(_: Connection, work: Work) -> Verified:
            found = await verify_backup(engine, work, known)
            entry = Entry(
                action="backup.verified", target=Target(TARGET, key, key), details={"problems": list(found.problems)}
            )
            await write_after(engine.pool, author, entry)
            return found

        return await self.begin(engine, "verify", key, "check", by, do)

    async def restore(self, engine: Engine, author: Author, wanted: RestoreWanted, prepare: Prepare) -> Begun[Restored]:
        """Begin to bring a backup back. Raises NotFound, Conflict while other work on backups runs, and Unavailable."""
        await find_known(engine, wanted.key)

        async def do(connection: Connection, work: Work) -> Restored:
            try:
                return await restore_backup(engine, author, connection, work, wanted, prepare)
            except BaseException:
                if wanted.first and not work.settled:
                    with suppress(ApiError):  # what has failed before is what is to be told
                        await engine.backups.delete([wanted.key])
                raise

        return await self.begin(engine, "restore", wanted.key, "check", wanted.by, do)

    async def begin(self, engine: Engine, kind: Kind, key: str, phase: Phase, by: str, do: Do[Result]) -> Begun[Result]:
        """Begin work, once it has the locks. Raises Conflict and Unavailable."""
        with as_api_errors():
            connection = await take(engine.pool)
        try:
            work = await ledger.begin(engine.pool, kind, key, phase, by)
        except BaseException:
            connection.terminate()
            raise
        task = asyncio.create_task(_run(engine, connection, work, do), name=f"{kind} a backup")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return Begun(work, task)

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # it is in the table, and told to who waits

    async def close(self) -> None:
        """Stop what runs."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError, Exception):
                await task


async def _run(engine: Engine, connection: Connection, work: Work, do: Do[Result]) -> Result:
    try:
        async with ledger.beating(engine.pool, work):
            result = await do(connection, work)
            if not work.settled:  # else the connection was to a database that is gone
                await give_back(connection)
    except asyncio.CancelledError:
        if not work.settled:
            await ledger.end(engine.pool, work, "failed", STOPPED)
        raise
    except Exception as failure:
        seen = _seen(failure)
        _log.error("work on a backup failed", kind=work.kind, backup=work.key, reason=seen.message, exc_info=failure)
        if not work.settled:
            await _tell(engine, BACKUP_FAILED, {"work": work.kind, "key": work.key, "reason": _sentence(seen)})
            await ledger.end(engine.pool, work, "failed", _sentence(seen))
        raise seen from failure
    else:
        if not work.settled:
            await ledger.end(engine.pool, work, "done", result=result)
        return result
    finally:
        connection.terminate()  # and with it go the locks


async def _tell(engine: Engine, type: str, record: Mapping[str, object]) -> None:
    """Tell who listens to events of the server. Raises nothing: what is done is done."""
    try:
        await engine.pool.execute(TELL, told(type, record))
    except Exception as failure:  # whatever it is, the backup is there, or is not
        end_if_cancelled()
        _log.warning("an event could not be told", event_type=type, reason=str(failure))


def _seen(failure: Exception) -> ApiError:
    if isinstance(failure, ApiError):
        return failure
    if isinstance(failure, asyncpg.PostgresError | asyncpg.InterfaceError | asyncpg.InternalClientError | OSError):
        return api_error(failure) or Unavailable()
    return Internal()


def _sentence(failure: ApiError) -> str:
    """What is wrong, in one sentence: of a refused value that of the value."""
    said = [getattr(one, "message", "") for one in failure.data.values()]
    return next(filter(None, said), failure.message)
