"""Counts requests in windows of time: in Redis for all processes together where there is one, else in this process."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog

if TYPE_CHECKING:
    from redis.asyncio import Redis

MOST_COUNTED: Final = 50_000  # keys in one process; the one untouched for longest goes first
PAUSE_SECONDS: Final = 5.0  # between two tries to reach a Redis that does not answer
_PREFIX: Final = "holdfast:limit:"
MOST_CONNECTIONS: Final = 16  # of one process to Redis
# One step for Redis, so that of many processes at once exactly as many requests pass as may.
_COUNT: Final = """
local count = redis.call('INCRBY', KEYS[1], ARGV[2])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
    redis.call('PEXPIRE', KEYS[1], ARGV[1])
    left = tonumber(ARGV[1])
end
return {count, left}
"""
_log: Final = structlog.get_logger("holdfast.limits")


class Counted(msgspec.Struct, frozen=True):
    """How many requests there were in this window, these among them, and how many seconds are left of it."""

    count: int
    seconds: float


class Counters:
    """Counts by keys. A window begins with the first request in it.

    `patience` is how many seconds Redis has for an answer, before this process counts alone.
    Without Redis, and while Redis is away, every process counts for itself: then as many times more requests pass
    in all as there are processes.
    """

    def __init__(
        self, redis_url: str = "", clock: Callable[[], float] = time.monotonic, *, patience: float = 0.25
    ) -> None:
        self._redis_url = redis_url
        self._patience = patience
        self._clock = clock
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._redis: Redis | None = None
        self._script: Any = None
        self._not_before = 0.0
        self._is_away = False

    async def is_shared(self) -> bool:
        """Whether all processes count together just now: whether there is a Redis, and it answers."""
        if not self._redis_url:
            return False
        try:
            return bool(await self._client().ping())
        except Exception:  # as in `count`
            return False

    async def count(self, key: str, seconds: int, many: int = 1) -> Counted:
        """Count one more request under the key, or `many`, in a window of so many seconds."""
        if not self._redis_url or self._clock() < self._not_before:
            return self._here(key, seconds, many)
        try:
            found = await self._ask(key, seconds, many)
        except Exception as failure:  # whatever the client raises, a limit is no reason to fail a request
            self._not_before = self._clock() + PAUSE_SECONDS
            if not self._is_away:
                self._is_away = True
                _log.warning("Redis does not answer: each process counts for itself", reason=type(failure).__name__)
            return self._here(key, seconds, many)
        if self._is_away:
            self._is_away = False
            _log.info("Redis answers again: requests are counted by all processes together")
        return found

    async def _ask(self, key: str, seconds: int, many: int) -> Counted:
        if self._script is None:
            self._script = self._client().register_script(_COUNT)
        count, left = await self._script(keys=[_PREFIX + key], args=[seconds * 1000, many])
        return Counted(int(count), int(left) / 1000)

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

    def _here(self, key: str, seconds: int, many: int) -> Counted:
        now = self._clock()
        count, until = self._counts.pop(key, (0, 0.0))
        if until <= now:
            count, until = 0, now + seconds
        self._counts[key] = (count + many, until)
        if len(self._counts) > MOST_COUNTED:
            self._counts.popitem(last=False)
        return Counted(count + many, until - now)

    async def close(self) -> None:
        """Hang up."""
        if self._redis is not None:
            await self._redis.aclose()
            self._redis = self._script = None
