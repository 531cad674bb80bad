"""The clients whose lines this process holds."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from holdfast.auth.standing import NOBODY, Standing
from holdfast.errors import Unavailable
from holdfast.events.position import Position
from holdfast.http.stream import Line
from holdfast.realtime.client_id import new_client_id
from holdfast.realtime.message import HEARTBEAT, RETRY, event, reached
from holdfast.realtime.subscription import Subscription

HEARTBEAT_SECONDS: Final = 15.0
IDLE_SECONDS: Final = 300.0  # without a topic, as in PocketBase
STALLED_SECONDS: Final = 20.0  # in which a client has not taken all that waited for it
MOST_CLIENTS: Final = 20_000  # of one process
MOST_TOPICS: Final = 200_000  # of all clients of one process: about 1 kB each
_LOOK_SECONDS: Final = 1.0


class Opening(msgspec.Struct, frozen=True):
    """Where a line comes from, for whoever looks at them."""

    address: str = ""
    agent: str = ""
    is_socket: bool = False


NOWHERE: Final = Opening()


class Client:
    """One open line, what its client subscribed to, and as whom."""

    __slots__ = (
        "beaten",
        "flowed",
        "heard",
        "id",
        "is_live",
        "line",
        "opened",
        "opening",
        "replay",
        "sent",
        "since",
        "standing",
        "topics",
    )

    def __init__(self, id: str, line: Line, now: float) -> None:
        self.id = id
        self.line = line
        self.standing: Standing = NOBODY
        self.topics: dict[str, Subscription] = {}
        self.is_live = False  # whether it is told what comes
        self.replay: asyncio.Task[None] | None = None
        self.since: Position | None = None  # how far a replay has come
        self.heard = now  # when it asked for something
        self.beaten = now  # when something was sent
        self.flowed = now  # when nothing waited for it
        self.opening = NOWHERE
        self.opened = time.time()
        self.sent = 0  # messages

    @property
    def subscriptions(self) -> Iterable[Subscription]:
        """What it hears."""
        return self.topics.values()


class Streams:
    """All lines of a process; `process` is its number. `now` is a clock in seconds."""

    def __init__(self, process: int, now: Callable[[], float] = time.monotonic) -> None:
        self.process = process
        self._now = now
        self._clients: dict[str, Client] = {}
        self._topics = 0
        self.messages = 0  # that were sent since the process began
        self.told = ""  # the position up to which all who are live were told

    @property
    def topics(self) -> int:
        """How many topics all clients have together."""
        return self._topics

    def __len__(self) -> int:
        return len(self._clients)

    def __iter__(self) -> Iterator[Client]:
        return iter(list(self._clients.values()))

    def get(self, client_id: str) -> Client | None:
        """The client with this id, if this process holds its line."""
        return self._clients.get(client_id)

    def check(self) -> None:
        """Raise Unavailable when there are too many lines for another."""
        if len(self._clients) >= MOST_CLIENTS:
            raise Unavailable("Too many clients are listening to this server: try again in a moment.", retry_after=5)

    def open(self, line: Line, opening: Opening = NOWHERE) -> Client:
        """Take a line, and tell its client who it is."""
        client = Client(new_client_id(self.process), line, self._now())
        client.opening = opening
        line.farewell = RETRY
        self._clients[client.id] = client
        line.put(event("PB_CONNECT", msgspec.json.encode({"clientId": client.id}), client.id))
        return client

    def drop(self, client: Client) -> None:
        """Forget a client."""
        if self._clients.pop(client.id, None) is not None:
            self._topics -= len(client.topics)

    def has_room(self, client: Client, topics: int) -> bool:
        """Whether the client may have so many topics in place of those that it has."""
        return self._topics - len(client.topics) + topics <= MOST_TOPICS

    def give(self, client: Client, topics: dict[str, Subscription]) -> None:
        """Let a client have these topics from now on. It has asked for something, so it is not idle."""
        self._topics += len(topics) - len(client.topics)
        client.topics = topics
        client.heard = self._now()

    def take(self, client: Client, topic: str) -> None:
        """End one topic of a client."""
        if client.topics.pop(topic, None) is not None:
            self._topics -= 1

    def send(self, client: Client, data: bytes, messages: int = 1) -> bool:
        """Send events to a client; False when its line is closed."""
        client.beaten = self._now()
        client.sent += messages
        self.messages += messages
        return client.line.put(data, messages)

    def deliver(self, letters: Mapping[Client, Sequence[bytes]]) -> None:
        """Send each client its messages. Those who get the same share the bytes."""
        joined: dict[tuple[int, ...], bytes] = {}
        for client, messages in letters.items():
            key = tuple(map(id, messages))
            data = joined.get(key)
            if data is None:
                data = joined[key] = b"".join(messages)
            self.send(client, data, len(messages))

    def look_after(self) -> None:
        """Keep quiet lines alive, and close those on which nobody wants to hear anything, or nobody reads."""
        now = self._now()
        for client in self:
            if not client.line.waiting:
                client.flowed = now
            elif now - client.flowed > STALLED_SECONDS:
                client.line.abort()
                continue
            if not client.topics and now - client.heard > IDLE_SECONDS:
                client.line.close()
            elif now - client.beaten > HEARTBEAT_SECONDS - _LOOK_SECONDS:
                client.beaten = now
                client.line.put(HEARTBEAT + reached(self.told) if client.is_live and self.told else HEARTBEAT, 0)

    async def look_after_forever(self) -> None:
        """Run until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self.look_after()

    def close(self) -> None:
        """Close all lines."""
        for client in self:
            client.line.close()
