"""Lines that are looked after: heartbeats, idle ones, slow ones, by a clock that the test moves."""

import asyncio
from typing import Any

import pytest

from holdfast.http.stream import MOST_BYTES, MOST_MESSAGES, AsgiLine
from holdfast.realtime.streams import HEARTBEAT_SECONDS, IDLE_SECONDS, STALLED_SECONDS, Client, Streams
from holdfast.realtime.subscription import Index, Subscription
from holdfast.realtime.topic import read_topic


class Reader:
    """A client at the other end of a line, which takes what comes or, when it is `stalled`, nothing."""

    def __init__(self) -> None:
        self.taken = b""
        self.reads = asyncio.Event()
        self.reads.set()
        self.gone = asyncio.Event()
        self.line = AsgiLine(self.send, self.receive)

    async def send(self, message: dict[str, Any]) -> None:
        await self.reads.wait()
        self.taken += message.get("body", b"")

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def opened(streams: Streams) -> tuple[Reader, Client]:
    reader = Reader()
    await reader.line.begin(200, ())
    client = streams.open(reader.line)
    await settled()
    return reader, client


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_quiet_line_gets_a_comment_and_one_that_was_just_written_does_not():
    clock = Clock()
    streams = Streams(1, clock)
    quiet, _ = await opened(streams)
    busy, client = await opened(streams)
    clock.now += HEARTBEAT_SECONDS - 2
    streams.send(client, b"x\n\n")
    clock.now += 2
    streams.look_after()
    await settled()
    assert quiet.taken.endswith(b"\n\n:\n\n")
    client.is_live, streams.told = True, "epoch:7"
    clock.now += HEARTBEAT_SECONDS
    streams.look_after()
    await settled()
    assert busy.taken.endswith(b"x\n\n:\n\nid:epoch:7\n\n")
    assert quiet.taken.endswith(b"\n\n:\n\n:\n\n")
    for reader in (quiet, busy):
        await reader.line.finish()


@pytest.mark.parametrize(("topics", "ends"), [((), True), (("posts/*",), False)], ids=["without topics", "with one"])
async def test_a_line_on_which_nobody_wants_to_hear_anything_is_closed(topics: tuple[str, ...], ends: bool):
    clock = Clock()
    streams = Streams(1, clock)
    reader, client = await opened(streams)
    client.topics = {text: Subscription(client, read_topic(text), None) for text in topics}
    clock.now += IDLE_SECONDS - 1
    streams.look_after()
    assert not reader.line.closed.done()
    clock.now += 2
    streams.look_after()
    assert reader.line.closed.done() is ends
    await reader.line.finish()
    assert reader.taken.endswith(b"retry:1000\n\n")


async def test_a_line_from_which_nothing_is_read_is_dropped_in_time():
    clock = Clock()
    streams = Streams(1, clock)
    reader, client = await opened(streams)
    reader.reads.clear()
    streams.send(client, b"x\n\n")
    await settled()
    clock.now += STALLED_SECONDS - 1
    streams.look_after()
    assert not reader.line.closed.done()
    clock.now += 2
    streams.look_after()
    assert (reader.line.closed.done(), reader.line.is_slow) == (True, True)
    await reader.line.finish()


@pytest.mark.parametrize(
    ("data", "fits"),
    [pytest.param(b"x", MOST_MESSAGES, id="messages"), pytest.param(b"x" * (MOST_BYTES // 4), 4, id="bytes")],
)
async def test_what_waits_for_a_client_is_bounded(data: bytes, fits: int):
    reader = Reader()
    await reader.line.begin(200, ())
    reader.reads.clear()
    assert all(reader.line.put(data) for _ in range(fits))
    assert reader.line.put(data) is False
    assert (reader.line.closed.done(), reader.line.is_slow) == (True, True)
    assert reader.line.put(b"x") is False
    await reader.line.finish()


async def test_one_message_alone_may_be_longer_than_what_may_wait():
    reader = Reader()
    await reader.line.begin(200, ())
    assert reader.line.put(b"x" * (MOST_BYTES * 2))
    await settled()
    assert len(reader.taken) == MOST_BYTES * 2
    reader.gone.set()
    await reader.line.closed
    await reader.line.finish()


async def test_who_has_much_to_send_waits_for_the_client():
    reader = Reader()
    await reader.line.begin(200, ())
    for _ in range(MOST_MESSAGES * 3):
        assert reader.line.put(b"x")
        await reader.line.drained()
    await reader.line.finish()
    assert len(reader.taken) == MOST_MESSAGES * 3


async def test_an_index_forgets_whom_it_is_told_to_forget():
    streams, index = Streams(1), Index()
    reader, client = await opened(streams)
    subscriptions = [Subscription(client, read_topic(text), None) for text in ("a/*", "a/1", "@own", "b")]
    index.add(subscriptions)
    assert index.clients() == {client}
    index.remove(subscriptions)
    index.remove(subscriptions)
    assert not index
    await reader.line.finish()
