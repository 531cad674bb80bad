"""Token buckets: in Redis for all processes together where there is one, else in this process."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog

if TYPE_CHECKING:
    from redis.asyncio import Redis

MOST_KEPT: Final = 50_000  # buckets in one process; the one untouched for longest goes first
PAUSE_SECONDS: Final = 5.0  # between two tries to reach a Redis that does not answer
_PREFIX: Final = "holdfast:limit:"
MOST_CONNECTIONS: Final = 16  # of one process to Redis
MICRO: Final = 1_000_000
LEEWAY_SECONDS: Final = 1e-6  # what sums of fractions may miss
# One step for Redis, so that of many processes at once exactly as many requests pass as may. A bucket is kept as the
# moment at which it is full again, in microseconds of Redis's clock: nothing needs to fill it, and a full one is gone.
# (`%.0f`: Lua writes large numbers with 14 digits, and these have 16.)
_TAKE: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local after = full + tonumber(ARGV[1])
local wait = after - now - tonumber(ARGV[2])
if wait > 0 then
    return {0, string.format('%.0f', wait)}
end
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000))
return {1, '0'}
"""
_log: Final = structlog.get_logger("holdfast.limits")


class Taken(msgspec.Struct, frozen=True):
    """Whether the tokens were there; if not, in how many seconds they will be."""

    passes: bool
    seconds: float = 0.0


TAKEN: Final = Taken(True)


class Buckets:
    """Buckets of tokens by keys. One nobody has asked for is full.

    `patience` is how many seconds Redis has for an answer, before this process keeps buckets alone.
    Without Redis, and while Redis is away, every process has its own: then as many times more requests pass
    in all as there are processes.
    """

    def __init__(
        self, redis_url: str = "", clock: Callable[[], float] = time.monotonic, *, patience: float = 0.25
    ) -> None:
        self._redis_url = redis_url
        self._patience = patience
        self._clock = clock
        self._full: OrderedDict[str, float] = OrderedDict()  # when each is full again, by the clock
        self._redis: Redis | None = None
        self._script: Any = None
        self._not_before = 0.0
        self._is_away = False

    async def is_shared(self) -> bool:
        """Whether all processes share their buckets just now: whether there is a Redis, and it answers."""
        if not self._redis_url:
            return False
        try:
            return bool(await self._client().ping())
        except Exception:  # as in `take`
            return False

    async def take(self, key: str, most: int, seconds: int, many: int = 1) -> Taken:
        """Take one token, or `many` or none, out of a bucket that holds `most` and fills up in so many seconds."""
        cost, room = many * seconds / most, float(seconds)
        if not self._redis_url or self._clock() < self._not_before:
            return self._here(key, cost, room)
        try:
            found = await self._ask(key, cost, room)
        except Exception as failure:  # whatever the client raises, a limit is no reason to fail a request
            self._not_before = self._clock() + PAUSE_SECONDS
            if not self._is_away:
                self._is_away = True
                _log.warning("Redis does not answer: each process counts for itself", reason=type(failure).__name__)
            return self._here(key, cost, room)
        if self._is_away:
            self._is_away = False
            _log.info("Redis answers again: requests are counted by all processes together")
        return found

    async def _ask(self, key: str, cost: float, room: float) -> Taken:
        if self._script is None:
            self._script = self._client().register_script(_TAKE)
        # Rounded down, or the last of them would not fit by a millionth.
        args = [math.floor(cost * MICRO), math.floor(room * MICRO)]
        passes, wait = await self._script(keys=[_PREFIX + key], args=args)
        return TAKEN if passes else Taken(False, int(wait) / MICRO)

    def _client(self) -> Any:
        if self._redis is not None:
            return self._redis
        from redis.asyncio import BlockingConnectionPool, Redis  # 4 MB, for those who have set it up
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        pool: Any = BlockingConnectionPool.from_url(  # pyright: ignore[reportUnknownMemberType]
            self._redis_url,
            max_connections=MOST_CONNECTIONS,
            timeout=self._patience,
            socket_timeout=self._patience,
            socket_connect_timeout=self._patience,
            # One more try, at once, for a connection that Redis has closed. More would keep requests waiting.
            retry=Retry(NoBackoff(), 1),
        )
        self._redis = Redis.from_pool(pool)
        return self._redis

    def _here(self, key: str, cost: float, room: float) -> Taken:
        now = self._clock()
        after = max(self._full.get(key, 0.0), now) + cost
        wait = after - now - room
        if wait > LEEWAY_SECONDS:
            return Taken(False, wait)
        self._full[key] = after
        self._full.move_to_end(key)
        if len(self._full) > MOST_KEPT:
            self._full.popitem(last=False)
        return TAKEN

    async def close(self) -> None:
        """Hang up."""
        if self._redis is not None:
            await self._redis.aclose()
            self._redis = self._script = None
