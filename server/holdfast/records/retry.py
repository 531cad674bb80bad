"""Further tries for a request that came in between others: a change of the collections, or writes in another order."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar, TypeVarTuple

import asyncpg

from holdfast.engine import Engine

_Answer = TypeVar("_Answer")
_Asked = TypeVarTuple("_Asked")

# What a statement meets when the table has become another one since it was planned: a field or a collection is
# gone or renamed, or has another type (in a transaction asyncpg cannot prepare it anew by itself).
_OVERTAKEN: Final = (
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedTableError,
    asyncpg.DatatypeMismatchError,
    asyncpg.UndefinedFunctionError,
    asyncpg.InvalidCachedStatementError,
)


# PostgreSQL has undone one of two transactions that waited for each other.
_MET: Final = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
MOMENTARY: Final = (*_OVERTAKEN, *_MET)
"""What only the moment refuses."""
_TRIES: Final = 4


async def with_retries(
    engine: Engine,
    answer: Callable[[*_Asked], Awaitable[_Answer]],
    *asked: *_Asked,
    after: Exception | None = None,
) -> _Answer:
    """Answer, and try again what only the moment has refused.

    `answer` is called with what was `asked`, and takes the catalog anew each time. What a try has written is rolled
    back when it fails, so the next one does not write it twice. `after` is what a first try has failed with.
    """
    if isinstance(after, _OVERTAKEN):
        await engine.live.reload()
    for _ in range(_TRIES - 1 if after is None else _TRIES - 2):
        try:
            return await answer(*asked)
        except _OVERTAKEN:
            await engine.live.reload()
        except _MET:
            continue
    return await answer(*asked)
