"""The use case of the SQL console: a statement is allowed, run, written into the audit log, and mostly taken back."""

import time
from typing import Any, Final

import asyncpg
import msgspec

from holdfast.audit.actions import Action
from holdfast.audit.author import Author
from holdfast.audit.entry import Entry, Target
from holdfast.audit.write import write, write_after
from holdfast.auth.own_password import check_own_password
from holdfast.db.failures import api_error
from holdfast.db.pool import Connection
from holdfast.engine import Engine
from holdfast.errors import ApiError, Conflict, Forbidden, Problem, Unavailable, ValidationFailed
from holdfast.http.request import Request
from holdfast.schema.system import SUPERUSERS
from holdfast.sql_console.answering import Answer, answer
from holdfast.sql_console.asked import Asked
from holdfast.sql_console.grants import secret_hint
from holdfast.sql_console.line import ConsoleLines

SHOWN_CHARS: Final = 20_000  # of a statement in the audit log


async def run_statement(engine: Engine, lines: ConsoleLines, request: Request, asked: Asked) -> dict[str, Any]:
    """Run a statement for a superuser, or for who may read by SQL.

    What it changes is taken back, unless `commit` says how many rows that is.
    Raises Forbidden where the setting does not allow it, ValidationFailed for what PostgreSQL does not take, and
    Conflict when a write that is to stay changes another number of rows than its trial did.
    """
    _allow(engine, request, asked)
    author = Author.of(request)
    if asked.commit is not None:
        await _prove(engine, request, asked)
    started = time.perf_counter()
    action: Action = "sql.read" if asked.mode == "read" else "sql.tried" if asked.commit is None else "sql.written"
    try:
        async with lines.open(engine, asked, author.context) as connection:
            found = await _run(connection, asked, lambda: _note(engine, author, action, asked, None))
    except asyncpg.PostgresError as failure:
        await _note(engine, author, action, asked, failure.sqlstate or "failed")
        raise _refusal(engine, asked, failure) from failure
    except ApiError as failure:
        await _note(engine, author, action, asked, failure.code)
        raise
    ms = round((time.perf_counter() - started) * 1000, 2)
    shown = msgspec.structs.asdict(found)
    return {**shown, "mode": asked.mode, "committed": asked.commit is not None, "ms": ms}


def _allow(engine: Engine, request: Request, asked: Asked) -> None:
    allowed = engine.settings.sql_console
    if allowed == "off":
        raise Forbidden("The SQL console is off: HOLDFAST_SQL_CONSOLE turns it on (read, or write).")
    if asked.mode == "write" and allowed != "write":
        raise Forbidden("The SQL console only reads here: HOLDFAST_SQL_CONSOLE=write lets it write.")
    if asked.mode == "write" and not request.principal.is_superuser:
        raise Forbidden("Only superusers write by SQL: a role can let its holders read.")


async def _prove(engine: Engine, request: Request, asked: Asked) -> None:
    """That it is the superuser who sits there: by the password, which no stolen session has."""
    who = request.principal
    collection = engine.catalog.get(SUPERUSERS)
    if who.collection_id != collection.id or who.key_id:
        raise Forbidden("Only a superuser who has logged in can write by SQL, and not an API key.")
    await check_own_password(engine, request, collection, asked.password)


async def _run(connection: Connection, asked: Asked, note: Any) -> Answer:
    transaction = connection.transaction(readonly=asked.mode == "read")
    await transaction.start()
    found = await answer(connection, asked)
    if asked.commit is None:
        await note()
        return found  # the connection goes, and takes back what was done
    if found.affected != asked.commit:
        raise Conflict(f"This would change {found.affected} rows, not {asked.commit} as its trial did: try it again.")
    await note()  # first, so that nothing stays of which the audit log does not know
    await transaction.commit()
    return found


async def _note(engine: Engine, author: Author, action: Action, asked: Asked, reason: str | None) -> None:
    details = {"sql": asked.sql[:SHOWN_CHARS], "explain": asked.explain, "rows": asked.commit}
    entry = Entry(
        action=action,
        target=Target("sql"),
        outcome="success" if reason is None else "failure",
        reason=reason or "",
        details={key: content for key, content in details.items() if content not in ("", None)},
    )
    if action == "sql.written" and reason is None:
        async with engine.pool.transaction() as tx:
            await write(tx, author, entry)  # if this fails, so does what it is about
        return
    await write_after(engine.pool, author, entry)


def _refusal(engine: Engine, asked: Asked, failure: asyncpg.PostgresError) -> ApiError:
    state = failure.sqlstate or ""
    if state == "57014":
        return _wrong(state, f"Takes longer than {asked.timeout} s.")
    if state.startswith(("08", "53", "57P")):
        return api_error(failure) or Unavailable()
    said = str(failure).partition("\n")[0].rstrip(".")
    place = getattr(failure, "position", None)
    at = f" (at character {place})" if place and not asked.explain else ""
    hint = f" {failure.hint}" if getattr(failure, "hint", None) else ""
    if state == "42501":
        hint = secret_hint(engine.catalog, asked.sql)
    return _wrong(state, f"{said[:1].upper()}{said[1:]}{at}.{hint}")


def _wrong(state: str, message: str) -> ValidationFailed:
    return ValidationFailed({"sql": Problem(f"sql_{state or 'failed'}", message)})
