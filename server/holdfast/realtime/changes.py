"""Changes of records, told to the clients of this process: as they come, and what somebody has missed."""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from holdfast.engine import Engine
from holdfast.errors import Unavailable
from holdfast.events.event import Event
from holdfast.events.position import Position, PositionLost
from holdfast.realtime.rights import Rights
from holdfast.realtime.sights import Wanted
from holdfast.realtime.standpoint import standpoint
from holdfast.realtime.streams import Client, Streams
from holdfast.realtime.subscription import Index
from holdfast.realtime.telling import Letters, messages, ready, reset

AT_ONCE: Final = 100  # events that are looked at together: half of what may wait for a client
WAIT_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 0.5
BEHIND_SECONDS: Final = 0.02
REPLAYS_AT_ONCE: Final = 2  # connections that clients who have missed something may take
_log: Final = structlog.get_logger("holdfast.realtime")


class Changes:
    """Tells changes to the clients of `streams`. `run` is a task for as long as the process serves clients."""

    def __init__(self, engine: Engine, streams: Streams, rights: Rights) -> None:
        self._engine = engine
        self._rights = rights
        self._feed = engine.feed
        self._streams = streams
        self._index = Index()
        # All up to here is told to everybody in the index, or is being told.
        self._position: Position | None = None
        self._wanted = asyncio.Event()
        self._turns = asyncio.Semaphore(REPLAYS_AT_ONCE)

    async def prepare(self) -> Position:
        """Where the log stands; to be asked before a client joins. Raises Unavailable."""
        if self._position is None:
            position = await self._feed.position()
            self._position = self._position or position
        self._wanted.set()
        return await standpoint(self._engine.pool)

    def leave(self, client: Client) -> None:
        """Tell a client nothing more."""
        self._index.remove(client.subscriptions)
        client.is_live = False
        if client.replay is not None:
            client.replay.cancel()
            client.replay = None

    def join(self, client: Client, since: Position | None) -> None:
        """Tell a client what comes, after `prepare`; before that what came after `since`."""
        if not any(one.is_about_records for one in client.subscriptions):
            return
        if since is None or since == self._position:
            self._go_live(client)
            return
        client.replay = asyncio.create_task(self._replay(client, since), name="replay")

    def _go_live(self, client: Client) -> None:
        assert self._position is not None
        client.since = None
        client.is_live = True
        self._index.add(client.subscriptions)
        self._streams.send(client, ready(self._position))

    async def run(self) -> None:
        """Tell what comes until cancelled."""
        await self._wanted.wait()
        while True:
            try:
                await self._tell_next()
            except (Unavailable, OSError) as failure:
                _log.warning("changes cannot be read and wait", reason=str(failure))
                await asyncio.sleep(RETRY_SECONDS)
            except PositionLost:
                await self._start_again()
            except Exception as failure:
                # Not to be told of one change is less than to be told of none from now on.
                _log.error("changes could not be told", exc_info=failure)
                await self._start_again()

    async def _tell_next(self) -> None:
        after = self._position
        assert after is not None
        if not await self._feed.wait(after, WAIT_SECONDS):
            return
        events = await self._feed.read(after, AT_ONCE)
        if not events:
            return
        # From here on whoever joins has to know of these events already.
        self._position = Position(after.epoch, events[-1].seq)
        wanted = self._index.matching(after.epoch, events, self._names())
        if wanted:
            self._streams.deliver(await self._messages(after.epoch, events, wanted))
            await asyncio.sleep(0)  # the lines are written before more is put on them
        self._streams.told = str(self._position)

    async def _messages(self, epoch: str, events: Sequence[Event], wanted: Wanted) -> Letters:
        """The messages for all. A database that is away is waited for: what is skipped now would be lost."""
        while True:
            try:
                await self._rights.fresh()
                await self._engine.live.check()
                return await messages(self._engine, epoch, events, wanted)
            except (Unavailable, OSError) as failure:
                _log.warning("changes cannot be looked at and wait", reason=str(failure))
                await asyncio.sleep(RETRY_SECONDS)

    async def _start_again(self) -> None:
        """The log went on without us: all have to read afresh."""
        try:
            self._position = await self._feed.position()
        except Unavailable:
            await asyncio.sleep(RETRY_SECONDS)
            return
        self._streams.told = str(self._position)
        for client in self._index.clients():
            self._streams.send(client, reset(self._position, "lost"))

    async def _replay(self, client: Client, since: Position) -> None:
        """Tell what came after `since`, and go on with what comes."""
        index = Index()
        index.add(client.subscriptions)
        client.since = since
        try:
            while client.since != self._position:
                async with self._turns:
                    await self._replay_some(client, index)
                await client.line.drained()
        except PositionLost:
            assert self._position is not None
            self._streams.send(client, reset(self._position, "lost"))
        except Exception as failure:
            # What was told is told: the client comes again with the last position that it knows.
            _log.warning("what a client has missed cannot be told", reason=str(failure))
            client.line.close()
            return
        client.replay = None
        self._go_live(client)

    async def _replay_some(self, client: Client, index: Index) -> None:
        since, until = client.since, self._position
        assert since is not None
        assert until is not None
        events = [event for event in await self._feed.read(since, AT_ONCE) if event.seq <= until.seq]
        if not events:  # it knows more than we have told the others yet
            await asyncio.sleep(BEHIND_SECONDS)
            return
        wanted = index.matching(since.epoch, events, self._names())
        if wanted:
            self._streams.deliver(await self._messages(since.epoch, events, wanted))
        client.since = Position(since.epoch, events[-1].seq)

    def _names(self) -> dict[str, str]:
        return {collection.id: collection.name for collection in self._engine.catalog.collections}
