"""Bytes on a socket of the real server: whatever they are, no 500, and no second meaning."""

import asyncio
import json
from urllib.parse import urlsplit

import msgspec
import pytest

from served import Served


class Raw(msgspec.Struct, frozen=True):
    """One answer as it came over the line."""

    status: int
    headers: dict[str, str]
    body: bytes


class Line:
    """A connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def to(cls, served: Served) -> "Line":
        address = urlsplit(served.url)
        return cls(*await asyncio.open_connection(address.hostname, address.port))

    async def answer(self) -> Raw | None:
        """The next answer; None when the server has closed the line."""
        try:
            head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 10)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        first, *lines = head.decode("latin-1").strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Raw(int(first.split(" ")[1]), headers, body)

    async def is_closed(self) -> bool:
        try:
            return await asyncio.wait_for(self.reader.read(1), 10) == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        self.writer.close()


async def exchange(served: Served, sent: bytes) -> tuple[list[Raw], bool]:
    """Everything that the server answers to these bytes until it is silent for a moment, and whether it hung up."""
    line = await Line.to(served)
    line.writer.write(sent)
    answers: list[Raw] = []
    closed = False
    while len(answers) < 10:
        try:
            found = await asyncio.wait_for(line.answer(), 0.3 if answers else 5)
        except TimeoutError:
            break
        if found is None:
            closed = True
            break
        answers.append(found)
    line.close()
    return answers, closed


HOST = b"Host: holdfast.test\r\n"
SMUGGLED = b"GET /api/smuggled HTTP/1.1\r\nHost: holdfast.test\r\n\r\n"

REFUSED = {
    "content length and chunked": b"POST /api/batch HTTP/1.1\r\n" + HOST + b"Content-Length: 6\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "two content lengths": b"POST /api/batch HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n"
    + SMUGGLED,
    "a space before the colon": b"POST /api/batch HTTP/1.1\r\n"
    + HOST
    + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"
    + SMUGGLED,
    "an unknown coding": b"POST /api/batch HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: xchunked\r\n\r\n" + SMUGGLED,
    "a chunk size that is none": b"POST /api/batch HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n" + SMUGGLED,
    "a negative length": b"POST /api/batch HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n",
    "a length with a plus": b"POST /api/batch HTTP/1.1\r\n" + HOST + b"Content-Length: +1\r\n\r\n",
    "a huge length": b"POST /api/batch HTTP/1.1\r\n" + HOST + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n",
    "no host": b"GET /api/health HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /api/health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "two authorizations": b"GET /api/health HTTP/1.1\r\n" + HOST + b"Authorization: a\r\nAuthorization: b\r\n\r\n",
    "a folded header": b"GET /api/health HTTP/1.1\r\n" + HOST + b"X-One: a\r\n b\r\n\r\n",
    "NUL in a header": b"GET /api/health HTTP/1.1\r\n" + HOST + b"X-One: a\x00b\r\n\r\n",
    "no method": b" /api/health HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method that is none": b"G\xc3\x8bT /api/health HTTP/1.1\r\n" + HOST + b"\r\n",
    "bytes": bytes(range(256)),
    "a TLS greeting": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 60 + b"\r\n\r\n",
    "connect": b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n",
    "another version": b"GET /api/health HTTP/9.9\r\n" + HOST + b"\r\n",
}


@pytest.mark.parametrize("sent", REFUSED.values(), ids=REFUSED.keys())
async def test_what_two_programs_could_read_differently_is_refused_and_the_line_closed(
    served: Served, sent: bytes
) -> None:
    answers, closed = await exchange(served, sent)
    assert len(answers) <= 1
    for answer in answers:
        assert 400 <= answer.status < 500, answer
        body = json.loads(answer.body)
        assert body["status"] == answer.status
        assert body["code"] in ("bad_request", "too_large", "not_found")
    assert closed


TOLERATED = {
    "http 1.0": b"GET /api/health HTTP/1.0\r\n\r\n",
    "absolute form": b"GET http://elsewhere.test/api/health HTTP/1.1\r\n" + HOST + b"\r\n",
    "pipelined": b"GET /api/health HTTP/1.1\r\n" + HOST + b"\r\n" + SMUGGLED,
    "options of all": b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    "an upgrade": b"GET /api/health HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "h2c": b"GET /api/health HTTP/1.1\r\n" + HOST + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n",
    "the preface of http 2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "bytes beyond ASCII in the path": b"GET /api/\xff\xfe HTTP/1.1\r\n" + HOST + b"\r\n",
    "bytes beyond ASCII in the query": b"GET /api/health?a=\xff HTTP/1.1\r\n" + HOST + b"\r\n",
    "bytes beyond ASCII in headers": b"GET /api/health HTTP/1.1\r\n" + HOST + b"Authorization: \xff\xfe\r\n\r\n",
    "percent and nothing": b"GET /api/% HTTP/1.1\r\n" + HOST + b"\r\n",
    "a fragment": b"GET /api/health#x HTTP/1.1\r\n" + HOST + b"\r\n",
    "an unknown method": b"PROPFIND /api/health HTTP/1.1\r\n" + HOST + b"\r\n",
    "trace": b"TRACE /api/health HTTP/1.1\r\n" + HOST + b"\r\n",
    "no path": b"GET  HTTP/1.1\r\n" + HOST + b"\r\n",
    "a path without a slash": b"GET api/health HTTP/1.1\r\n" + HOST + b"\r\n",
    "expect": b"POST /api/batch HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: 2\r\n"
    b"Expect: 100-continue\r\n\r\n{}",
}


@pytest.mark.parametrize("sent", TOLERATED.values(), ids=TOLERATED.keys())
async def test_what_is_merely_odd_is_answered_and_never_with_a_fault(served: Served, sent: bytes) -> None:
    answers, closed = await exchange(served, sent)
    assert answers or closed
    for answer in answers:
        assert answer.status < 500, answer


SPELLINGS = {
    "encoded letter": b"/api/%68ealth",
    "encoded slash": b"/api%2fhealth",
    "encoded dots": b"/api/%2e%2e/api/health",
    "dots": b"/api/../api/health",
    "double encoding": b"/api/%2568ealth",
    "backslash": b"/api\\health",
    "encoded backslash": b"/api%5chealth",
    "two slashes": b"//api/health",
    "two slashes inside": b"/api//health",
    "trailing slash": b"/api/health/",
    "path parameter": b"/api/health;x=1",
    "upper case": b"/API/health",
    "NUL": b"/api/health%00",
    "line end": b"/api/health%0d%0aX-Evil:%201",
    "overlong": b"/api/%c0%afhealth",
    "trailing slash of a table": b"/api/collections/",
    "trailing slash of records": b"/api/collections/users/records/",
    "encoded records": b"/api/collections/users/%72ecords",
}


@pytest.mark.parametrize("path", SPELLINGS.values(), ids=SPELLINGS.keys())
async def test_other_spellings_of_a_path_lead_nowhere(served: Served, path: bytes) -> None:
    (answer,), _ = await exchange(served, b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n")
    assert answer.status == 404
    assert json.loads(answer.body)["code"] == "not_found"
    assert "x-evil" not in answer.headers


async def test_a_head_that_never_ends_is_cut_off(served: Served) -> None:
    line = await Line.to(served)
    line.writer.write(b"GET /api/health HTTP/1.1\r\n" + HOST)
    try:
        for number in range(600):
            if line.writer.is_closing():
                break
            line.writer.write(b"X-%d: %b\r\n" % (number, b"a" * 8000))
            await asyncio.wait_for(line.writer.drain(), 10)
    except ConnectionError:
        pass
    answer = await line.answer()
    assert answer is None or answer.status == 431
    assert await line.is_closed()
    line.close()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        pytest.param(b"GET /api/health HTTP/1.1\r\n" + HOST + b"X-Big: " + b"a" * 100_000 + b"\r\n\r\n", 431, id="one"),
        pytest.param(
            b"GET /api/health HTTP/1.1\r\n"
            + HOST
            + b"".join(b"X-%d: %b\r\n" % (number, b"a" * 50) for number in range(1000))
            + b"\r\n",
            431,
            id="many",
        ),
        pytest.param(b"GET /api/health?" + b"a" * 65_536 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414, id="uri"),
        pytest.param(
            b"POST /api/batch HTTP/1.1\r\n" + HOST + b"Content-Length: 100000000\r\n\r\n", 413, id="declared body"
        ),
    ],
)
async def test_what_is_too_large_is_refused_before_it_is_read(served: Served, head: bytes, status: int) -> None:
    (answer,), closed = await exchange(served, head)
    assert answer.status == status
    assert json.loads(answer.body)["code"] == "too_large"
    assert answer.headers["connection"] == "close"
    assert closed


@pytest.mark.parametrize("first", [b"GET", b"POST"], ids=["behind a head", "behind a body"])
async def test_a_head_that_came_with_the_request_before_it_is_measured_too(served: Served, first: bytes) -> None:
    before = first + b" /api/health HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\n\r\n{}"
    large = b"GET /api/health HTTP/1.1\r\n" + HOST + b"X-Big: " + b"a" * 60_000 + b"\r\n\r\n"
    answers, closed = await exchange(served, before + large)
    assert [answer.status for answer in answers][1:] == [431]
    assert closed


async def test_a_chunked_body_is_refused_as_soon_as_it_is_too_large(served: Served) -> None:
    line = await Line.to(served)
    line.writer.write(
        b"POST /api/collections/users/records HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    sent = 0
    try:
        for _ in range(1200):
            if line.writer.is_closing():
                break
            line.writer.write(b"10000\r\n" + b" " * 65_536 + b"\r\n")
            await asyncio.wait_for(line.writer.drain(), 10)
            sent += 65_536
    except ConnectionError:
        pass
    answer = await line.answer()
    assert answer is None or answer.status == 413
    assert sent < 80_000_000
    line.close()


async def test_a_client_that_hangs_up_in_the_middle_of_its_body_hurts_nobody(served: Served) -> None:
    for _ in range(5):
        line = await Line.to(served)
        line.writer.write(
            b"POST /api/batch HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: 500\r\n\r\n{"
        )
        await line.writer.drain()
        line.close()
    (answer,), _ = await exchange(served, b"GET /api/health HTTP/1.1\r\n" + HOST + b"\r\n")
    assert answer.status == 200


async def test_head_and_get_differ_in_the_body_only(served: Served) -> None:
    (got,), _ = await exchange(served, b"GET /api/health HTTP/1.1\r\n" + HOST + b"\r\n")
    line = await Line.to(served)
    line.writer.write(b"HEAD /api/health HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
    head = await line.reader.read()
    line.close()
    assert head.startswith(b"HTTP/1.1 200")
    assert b"content-length: %b\r\n" % got.headers["content-length"].encode() in head.lower()
    assert head.endswith(b"\r\n\r\n")
