"""Changes as they happen, over a line that is opened again where it breaks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar
from urllib.parse import quote

import msgspec

from ..answers import Change, Reset, change_of
from ..calls import address, get
from ..decoding import read
from ..errors import ApiError, ConnectionFailed, Unauthenticated
from ..retrying import Retry
from ..sse import EventReader, Message

if TYPE_CHECKING:
    from ..values import Record
    from .core import AsyncCore

RecordT = TypeVar("RecordT", bound="Record")
SILENCE_SECONDS: Final = 40.0  # a comment comes every 15 s
AGAIN: Final = Retry(seconds=float("inf"), first=0.1, longest=5.0)
PASSING: Final = frozenset((429, 502, 503, 504))


class _Told(msgspec.Struct, frozen=True):
    reason: str = ""


class AsyncSubscription(Generic[RecordT]):
    """Changes of records, in order. Iterate over it; `position` is how far it is, to go on from another time.

    It is told of changes by the reader's rights at that moment. Changes that were told before may come again after a
    line broke; none is missing, or a `Reset` says so.
    """

    def __init__(
        self,
        core: AsyncCore,
        collection: str,
        id: str,
        record: type[RecordT],
        query: dict[str, str],
        since: str,
    ) -> None:
        options = "?options=" + quote(msgspec.json.encode({"query": query}), safe="") if query else ""
        self._core = core
        self._topic = f"{collection}/{id}{options}"
        self._change = change_of(record)
        self._reader = EventReader(since)
        self._messages: AsyncIterator[Message] | None = None
        self._waiting: list[Change[RecordT] | Reset] = []
        self._closed = False

    @property
    def position(self) -> str:
        """How far everything was told."""
        return self._reader.position

    async def __aenter__(self) -> Self:
        """Open the line and wait until it is live."""
        async for message in self._opened():
            if message.event == "HF_READY":
                break
            found = self._read(message)
            if found is not None:
                self._waiting.append(found)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the line."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close the line."""
        messages: Any = self._messages
        self._messages = None
        if messages is not None:
            await messages.aclose()

    async def __aiter__(self) -> AsyncIterator[Change[RecordT] | Reset]:
        """The changes, for as long as somebody asks for the next."""
        while self._waiting:
            yield self._waiting.pop(0)
        async for message in self._opened():
            found = self._read(message)
            if found is not None:
                yield found

    def _opened(self) -> AsyncIterator[Message]:
        if self._messages is None:
            self._messages = self._lines()
        return self._messages

    def _read(self, message: Message) -> Change[RecordT] | Reset | None:
        if message.event == self._topic:
            change = read(message.data.encode(), self._change)
            return msgspec.structs.replace(change, position=message.id)
        if message.event == "HF_RESET":
            return Reset(read(message.data.encode(), _Told).reason, message.id)
        return None

    async def _lines(self) -> AsyncIterator[Message]:
        """The messages of one line after the other."""
        attempt = 0
        while True:
            try:
                async for message in self._line():
                    attempt = 0
                    yield message
            except ConnectionFailed:
                pass
            except ApiError as refused:
                if refused.status not in PASSING:
                    raise
            await self._core.pause(AGAIN.wait(attempt, 0.0) or 0.0)
            attempt += 1

    async def _line(self) -> AsyncIterator[Message]:
        """The messages of one line, until it breaks. Raises Unauthenticated when the login has ended."""
        reader = EventReader(self.position)
        query = {"topics": self._topic, **({"since": self.position} if self.position else {})}
        live = False
        async with self._core.stream(get(address("realtime", query=query)), SILENCE_SECONDS) as response:
            async for piece in response.aiter_raw():
                for message in reader.feed(piece):
                    if message.event == "PB_CONNECT":
                        reader.position = self.position  # its id is that of the line
                        continue
                    if message.event == "HF_CLOSED":
                        await self._closed_by_server(live)
                        return
                    live = live or message.event == "HF_READY"
                    self._reader.position = message.id
                    self._closed = False
                    yield message
                self._reader.position = reader.position

    async def _closed_by_server(self, live: bool) -> None:
        """A login was renewed meanwhile, or has ended: the line is opened once more, and not twice."""
        if self._closed and not live:
            raise Unauthenticated("The login or key of this subscription has ended.", status=401)
        self._closed = True
        await self._core.session.renew()
