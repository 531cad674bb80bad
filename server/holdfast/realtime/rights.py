"""Who the clients of this process are, looked at again and again: what was taken away ends within two seconds."""

import asyncio
import time
from typing import Final

import msgspec
import structlog

from holdfast.auth.standing import Standing, renewed
from holdfast.engine import Engine
from holdfast.errors import Unavailable
from holdfast.realtime.message import event
from holdfast.realtime.streams import Client, Streams

EVERY_SECONDS: Final = 1.0
KEPT_SECONDS: Final = 1.5  # nothing is sent by rights that were looked at longer ago
CLOSED: Final = "HF_CLOSED"
_log: Final = structlog.get_logger("holdfast.realtime")


class Rights:
    """The standing of the clients of `streams`. Guests have none that could end."""

    def __init__(self, engine: Engine, streams: Streams) -> None:
        self._engine = engine
        self._streams = streams
        self._looked = time.monotonic()

    async def run(self) -> None:
        """Look at them until cancelled."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                await self._look()
            except (Unavailable, OSError) as failure:
                _log.warning("the rights of clients cannot be looked at", reason=str(failure))

    async def fresh(self) -> None:
        """Make sure that they were looked at lately. Raises Unavailable when the database is away."""
        if time.monotonic() - self._looked > KEPT_SECONDS:
            await self._look()

    async def _look(self) -> None:
        began = time.monotonic()
        held: dict[Standing, list[Client]] = {}
        for client in self._streams:
            if client.standing.who.kind != "guest":
                held.setdefault(client.standing, []).append(client)
        found = await renewed(self._engine, held) if held else {}
        for standing, clients in held.items():
            now = found.get(standing)
            for client in clients:
                if client.standing is not standing and client.standing != standing:
                    continue  # somebody has logged in meanwhile
                if now is None:
                    self._end(client)
                else:
                    client.standing = now
        self._looked = began

    def _end(self, client: Client) -> None:
        data = msgspec.json.encode({"reason": "The login or key of this client does not hold any more."})
        self._streams.send(client, event(CLOSED, data))
        client.line.close()
