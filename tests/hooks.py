"""The application with a receiver of its webhooks, for tests that look at what arrives."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from client import Api, running
from receiver import Call, Receiver, receiving

LOCAL = ("127.0.0.0/8",)
DONE_SECONDS = 15.0
_numbers = itertools.count(1)


class Hooks:
    """An application whose webhooks lead to `receiver`, each to a path of its own."""

    def __init__(self, api: Api, receiver: Receiver) -> None:
        self.api = api
        self.root = api.root
        self.receiver = receiver

    async def make(self, *events: str, **more: Any) -> dict[str, Any]:
        """A webhook, to a path of its own unless told."""
        url = f"{self.receiver.url}/{next(_numbers)}"
        answer = await self.root.post("/api/webhooks", json={"url": url, "events": list(events), **more})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def change(self, hook: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """The webhook after a change."""
        return self.ok(await self.root.patch(f"/api/webhooks/{hook['id']}", json=changes))

    async def post(self, hook: dict[str, Any], path: str, **body: Any) -> dict[str, Any]:
        """The answer of a path below the webhook."""
        return self.ok(await self.root.post(f"/api/webhooks/{hook['id']}/{path}", json=body))

    async def get(self, hook: dict[str, Any], path: str = "", **query: Any) -> dict[str, Any]:
        """The answer of a path below the webhook, or the webhook."""
        return self.ok(await self.root.get(f"/api/webhooks/{hook['id']}{path and '/' + path}", params=query))

    async def deliveries(self, hook: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
        """The deliveries of a webhook, the oldest first."""
        return (await self.get(hook, "deliveries", **query))["items"][::-1]

    async def until(self, hook: dict[str, Any], *states: str) -> list[dict[str, Any]]:
        """The deliveries of a webhook, as soon as their states are these."""
        until = time.monotonic() + DONE_SECONDS
        while True:
            found = await self.deliveries(hook)
            if [one["state"] for one in found] == list(states):
                return found
            assert time.monotonic() < until, found
            await asyncio.sleep(0.02)

    async def got(self, hook: dict[str, Any], count: int = 1) -> list[Call]:
        """What came for a webhook, as soon as it is so much."""
        return await self.receiver.got(self.path(hook), count)

    def at(self, hook: dict[str, Any]) -> list[Call]:
        """What has come for a webhook."""
        return self.receiver.at(self.path(hook))

    def path(self, hook: dict[str, Any]) -> str:
        """The path that a webhook leads to."""
        return hook["url"].removeprefix(self.receiver.url)

    def ok(self, answer: httpx.Response) -> dict[str, Any]:
        assert answer.status_code == 200, answer.text
        return answer.json()


@asynccontextmanager
async def hooked(database: str, data: Path, **changes: Any) -> AsyncIterator[Hooks]:
    """The application with all that runs beside it, and a receiver."""
    async with receiving() as receiver, running(database, data, background=True, webhook_allow=LOCAL, **changes) as api:
        yield Hooks(api, receiver)
