"""A second try for a request that was planned just before the collections changed."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import asyncpg

from holdfast.engine import Engine

_Answer = TypeVar("_Answer")

# What a statement meets when the table has become another one since it was planned: a field or a collection is
# gone or renamed, or has another type (in a transaction asyncpg cannot prepare it anew by itself).
_OVERTAKEN: Final = (
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedTableError,
    asyncpg.DatatypeMismatchError,
    asyncpg.UndefinedFunctionError,
    asyncpg.InvalidCachedStatementError,
)


async def with_fresh_catalog(engine: Engine, answer: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """Answer; if a change of the collections came in between, load them and answer once more.

    `answer` takes the catalog anew each time. What the first try has written is rolled back when it fails, so the
    second one does not write it twice.
    """
    try:
        return await answer()
    except _OVERTAKEN:
        await engine.live.reload()
    return await answer()
