"""Sends calls: with the login, over a pool of connections, again where that can help."""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx

from ..calls import NOTHING, SCHEMA, Answer, Call
from ..drifting import drift
from ..errors import ConnectionFailed, SchemaDrift, TimedOut, api_error
from ..retrying import Retry, is_passing, retry_after
from ..uploads import close_all, opened
from .session import AsyncSession

UNSENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
# The server closes a line that is idle for 65 s, and load balancers after 60: one that is given up before that is
# not closed under a request.
IDLE_SECONDS: Final = 50.0
MOST_CONNECTIONS: Final = 100


def open_pool(url: str, timeout: float) -> httpx.AsyncClient:
    """A pool of connections. A call waits for a free one for as long as it takes."""
    limits = httpx.Limits(
        max_connections=MOST_CONNECTIONS, max_keepalive_connections=MOST_CONNECTIONS, keepalive_expiry=IDLE_SECONDS
    )
    timeouts = httpx.Timeout(timeout, connect=min(timeout, 10.0), pool=None)
    return httpx.AsyncClient(base_url=url, limits=limits, timeout=timeouts)


class AsyncCore:
    """What the collections of one client share. `close_pool`: the pool is the client's own."""

    def __init__(self, http: httpx.AsyncClient, retry: Retry, schema: str, *, close_pool: bool) -> None:
        self.session = AsyncSession(self)
        self.retry = retry
        self.schema = schema
        self._http = http
        self._close_pool = close_pool
        self._told = False

    def copy(self) -> AsyncCore:
        """Another one on the same pool, without a login."""
        return AsyncCore(self._http, self.retry, self.schema, close_pool=False)

    async def aclose(self) -> None:
        """Close the pool, if it is the client's own."""
        if self._close_pool:
            await self._http.aclose()

    async def pause(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def call(self, call: Call) -> Answer:
        """Send a call, again where that can help, and give its answer. Raises ApiError and ConnectionFailed."""
        began = time.monotonic()
        attempt = 0
        while True:
            asked: float | None = None
            failure: Exception
            try:
                response = await self._send(call)
            except httpx.TransportError as broken:
                failure = _failed(broken)
                may = call.repeatable == "always" or (call.repeatable == "unsent" and isinstance(broken, UNSENT))
            else:
                if response.status_code < 400:
                    self._look(response)
                    return Answer(response.status_code, response.content, response.headers)
                asked = retry_after(response.headers.get("retry-after"), time.time())
                failure = api_error(response.status_code, response.content, asked)
                may = is_passing(response.status_code, call.repeatable, asked)
            elapsed = time.monotonic() - began
            wait = self.retry.wait(attempt, elapsed, asked) if may else None
            if wait is None or elapsed + wait > call.patience:
                raise failure
            await self.pause(wait)
            attempt += 1

    async def _send(self, call: Call) -> httpx.Response:
        headers = await self._headers(call)
        if not call.parts:
            return await self._http.request(call.method, call.path, content=call.content or None, headers=headers)
        files = opened(call.parts)
        try:
            return await self._http.request(call.method, call.path, data=call.form(), files=files, headers=headers)
        finally:
            close_all(files)

    async def _headers(self, call: Call) -> dict[str, str]:
        credentials = NOTHING if call.anonymous else await self.session.headers()
        return {SCHEMA: self.schema, **credentials, **call.headers}

    @asynccontextmanager
    async def stream(self, call: Call, silence: float) -> AsyncGenerator[httpx.Response, None]:
        """The answer to a call as it comes. `silence` is how long nothing may come, in seconds. It is tried once.

        Raises ApiError and ConnectionFailed, and the block raises ConnectionFailed where the line breaks.
        """
        headers = await self._headers(call)
        timeout = httpx.Timeout(silence, connect=10.0, pool=None)
        try:
            async with self._http.stream(
                call.method, call.path, content=call.content or None, headers=headers, timeout=timeout
            ) as response:
                if response.status_code >= 400:
                    asked = retry_after(response.headers.get("retry-after"), time.time())
                    raise api_error(response.status_code, await response.aread(), asked)
                self._look(response)
                yield response
        except httpx.TransportError as broken:
            raise _failed(broken) from broken

    async def pour(self, method: str, path: str, kind: str, pieces: AsyncIterator[bytes]) -> Answer:
        """Send a body as it is made. It is tried once, since the pieces are gone then."""
        headers = {SCHEMA: self.schema, **await self.session.headers(), "Content-Type": kind}
        timeout = httpx.Timeout(None, connect=10.0, pool=None)
        try:
            response = await self._http.request(method, path, content=pieces, headers=headers, timeout=timeout)
        except httpx.TransportError as broken:
            raise _failed(broken) from broken
        if response.status_code >= 400:
            raise api_error(response.status_code, response.content)
        return Answer(response.status_code, response.content, response.headers)

    def _look(self, response: httpx.Response) -> None:
        """Warn, once, if the server has other collections than this package was made for."""
        theirs = response.headers.get(SCHEMA)
        message = drift(self.schema, theirs) if theirs and not self._told else ""
        if message:
            self._told = True
            warnings.warn(message, SchemaDrift, stacklevel=2)


def _failed(broken: httpx.TransportError) -> ConnectionFailed:
    kind = TimedOut if isinstance(broken, httpx.TimeoutException) else ConnectionFailed
    failure = kind(f"The server did not answer: {broken or type(broken).__name__}.")
    failure.__cause__ = broken
    return failure
