"""Lines of clients that break in the middle of something, or from which nobody reads."""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import TypeAlias
from urllib.parse import urlsplit

import msgspec

from sse import Event, parse

HEAD_END = b"\r\n\r\n"
_TEXT = 1  # opcode of a frame


class Heard(msgspec.Struct, frozen=True):
    """What came over a line until it broke. `cut`: it broke in the middle of an event."""

    events: list[Event]
    cut: bool


Listen: TypeAlias = Callable[[str, str, str, int, float], Awaitable[Heard]]
"""Hear a topic of a server from a position on, until so many bytes have come or so many seconds are over."""


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection as a network that breaks does."""
    found: socket.socket = writer.get_extra_info("socket")
    found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def cut_line(url: str, topic: str, since: str, most_bytes: int, seconds: float) -> Heard:
    """A line of server-sent events that is reset."""
    last = f"Last-Event-ID: {since}\r\n" if since else ""
    reader, writer = await _open(url, f"/api/realtime?topics={topic}", last)
    data = await _some(reader, most_bytes, seconds)
    reset(writer)
    *blocks, left = data.split(b"\n\n")
    events = [parse(block.decode()) for block in blocks]
    return Heard([event for event in events if event is not None], cut=bool(left))


async def cut_socket(url: str, topic: str, since: str, most_bytes: int, seconds: float) -> Heard:
    """A WebSocket that is reset."""
    upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    reader, writer = await _open(url, "/api/realtime/ws", f"{upgrade}Sec-WebSocket-Key: {'A' * 22}==\r\n")
    asked = {"subscriptions": [topic], **({"resume": since} if since else {})}
    writer.write(_masked(json.dumps(asked).encode()))
    data = await _some(reader, most_bytes, seconds)
    reset(writer)
    texts, whole = read_frames(data)
    found = [json.loads(text) for text in texts]
    events = [Event(one["event"], json.dumps(one["data"]), one.get("id", "")) for one in found]
    return Heard(events, cut=not whole)


def read_frames(data: bytes) -> tuple[list[bytes], bool]:
    """The texts of the whole frames that a server has sent, and whether nothing of another is left."""
    texts: list[bytes] = []
    at = 0
    while len(data) - at >= 2:
        short = data[at + 1] & 127
        head = {126: 4, 127: 10}.get(short, 2)
        length = int.from_bytes(data[at + 2 : at + head]) if head > 2 else short
        if len(data) - at < head + length:
            break
        if data[at] & 15 == _TEXT:
            texts.append(data[at + head : at + head + length])
        at += head + length
    return texts, at == len(data)


def _masked(text: bytes) -> bytes:
    """A frame as clients send it; the mask is one that changes nothing."""
    short = len(text) if len(text) < 126 else 126
    length = b"" if short < 126 else len(text).to_bytes(2)
    return bytes((0x80 | _TEXT, 0x80 | short)) + length + bytes(4) + text


async def _open(url: str, path: str, lines: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A request whose answer goes on after its head."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{lines}\r\n".encode())
    head = await reader.readuntil(HEAD_END)
    assert head.split(b" ")[1] in (b"200", b"101"), head
    return reader, writer


async def _some(reader: asyncio.StreamReader, most_bytes: int, seconds: float) -> bytes:
    """What comes until it is so much, the time is over, or the server ends it."""
    data = b""
    try:
        async with asyncio.timeout(seconds):
            while len(data) < most_bytes and (more := await reader.read(most_bytes - len(data))):
                data += more
    except (TimeoutError, ConnectionError):
        pass
    return data


def stalled_line(url: str, topic: str) -> socket.socket:
    """A line that is live, and from which nobody reads any more."""
    host, _, port = url.removeprefix("http://").partition(":")
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    opened.settimeout(10)
    opened.connect((host, int(port)))
    opened.sendall(f"GET /api/realtime?topics={topic} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    while b"HF_READY" not in opened.recv(4096):
        pass
    return opened


def what_is_left(line: socket.socket) -> int:
    """How many bytes come until the line ends."""
    count = 0
    with line:
        try:
            while data := line.recv(65536):
                count += len(data)
        except ConnectionError:
            pass
    return count
