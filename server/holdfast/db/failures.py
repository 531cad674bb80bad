"""What PostgreSQL's failures mean to a client, by SQLSTATE and never by message text."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

import asyncpg

from holdfast.errors import ApiError, BadRequest, Internal, Unavailable

# InternalClientError is what asyncpg raises on a connection that PostgreSQL has just closed.
_ASYNCPG = (asyncpg.InterfaceError, asyncpg.InternalClientError)
_CLASS_UNAVAILABLE = ("08", "53", "57P")  # connection, resources, shutdown and crash


def api_error(failure: Exception) -> ApiError | None:
    """The client's view of a failure that no use case has a better word for; None if it is not the database's.

    Timeouts of a query are the request's (400), timeouts of a lock and lost connections are the server's (503).
    """
    if isinstance(failure, asyncpg.PostgresError):
        return _by_state(failure.sqlstate or "")
    if isinstance(failure, asyncpg.InterfaceError) and isinstance(failure, ValueError):
        # asyncpg's own check of a bind value, made before anything is sent.
        return BadRequest("A value is not one that this field or function can take.")
    if isinstance(failure, (*_ASYNCPG, OSError)):
        return Unavailable("The database cannot be reached just now: try again in a moment.")
    return None


def end_if_cancelled() -> None:
    """Raise CancelledError where the task that runs was cancelled, and a failure came in the place of that.

    A statement that is cancelled inside of a transaction is followed by a ROLLBACK, which fails while PostgreSQL's last
    words about the statement are on their way: asyncpg raises that failure. A loop that goes on after failures has to
    ask here first, or it never ends.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _by_state(state: str) -> ApiError:
    if state == "57014":
        return BadRequest("This request takes longer than the server allows: narrow the filter or add an index.")
    if state == "55P03":
        return Unavailable("Another change holds a lock that this one needs: try again in a moment.")
    if state in ("40001", "40P01"):
        return Unavailable("This change met another one at the same time: try again.")
    if state.startswith("54"):  # too long for an index, too deep, too wide, NUL in a text that a view makes
        return BadRequest("This request is too deep or too wide for the database.")
    if state.startswith(_CLASS_UNAVAILABLE):
        return Unavailable("The database cannot answer just now: try again in a moment.")
    if state.startswith("21"):  # a view, read through a relation, in whose query a subselect gives more than one row
        return BadRequest("A view that this request reads cannot be read: its query fails on what is in its tables.")
    if state.startswith("22"):
        return BadRequest("A value is not one that this field or function can take.")
    return Internal()


@contextmanager
def as_api_errors() -> Generator[None, None, None]:
    """Turn the database's failures inside the block into what a client may see, keeping the cause."""
    try:
        yield
    except (asyncpg.PostgresError, *_ASYNCPG, ConnectionError, TimeoutError) as failure:
        seen = api_error(failure)
        if seen is None:
            raise
        raise seen from failure
