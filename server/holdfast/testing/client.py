"""A client of a project: somebody who asks."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any

import httpx
from typing_extensions import override

from holdfast.http.front import Front
from holdfast.testing.clock import Clock

ADDRESS = "http://holdfast.test"


class FreshToken(httpx.Auth):
    """Sends the token that `make` makes, and makes another one when the clock was moved: it has ended by then."""

    def __init__(self, clock: Clock, make: Callable[[], Awaitable[str]]) -> None:
        self._clock = clock
        self._make = make
        self._token = ""
        self._moves = -1

    @override
    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """See httpx.Auth."""
        if self._moves != self._clock.moves:
            self._moves = self._clock.moves
            self._token = await self._make()
        if "Authorization" not in request.headers:
            request.headers["Authorization"] = self._token
        yield request


class Client(httpx.AsyncClient):
    """An httpx.AsyncClient whose requests are answered in the test's own process; paths are enough for it.

    A fault of the server raises nothing here: it is a 500. `record` is whom it is logged in as; empty for a guest
    and for a key.
    """

    def __init__(
        self,
        front: Front,
        *,
        auth: httpx.Auth | None = None,
        headers: Mapping[str, str] | None = None,
        record: Mapping[str, Any] | None = None,
        address: str = "192.0.2.1",
    ) -> None:
        transport = httpx.ASGITransport(front, raise_app_exceptions=False, client=(address, 50000))
        super().__init__(transport=transport, base_url=ADDRESS, auth=auth, headers=dict(headers or {}))
        self.record: Mapping[str, Any] = record or {}

    @property
    def id(self) -> str:
        """The id of the record that it is logged in as; empty where there is none."""
        return str(self.record.get("id", ""))
