"""The guarded client before real servers: what it dials, what it takes, and when it gives up."""

import asyncio
import gzip
import socket
import ssl
import time
import tracemalloc
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from holdfast.outbound.client import Outbound, Received
from holdfast.outbound.failed import Failed
from holdfast.outbound.refused import Refused
from tls_postgres import make_certificate

MIB = 1024 * 1024
HERE = (ip_network("127.0.0.0/8"),)
Answer: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Peer(list[bytes]):
    """A server that answers as it is told; the heads of the requests that it got. `url` is where it is."""

    url = ""


@asynccontextmanager
async def peer(answer: Answer, certificate: ssl.SSLContext | None = None) -> AsyncGenerator[Peer]:
    got = Peer()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            got.append(await reader.readuntil(b"\r\n\r\n"))
            await answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=certificate)
    got.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    try:
        yield got
    finally:
        server.close()


@asynccontextmanager
async def client(*, allow: Any = HERE, **more: Any) -> AsyncGenerator[Outbound]:
    made = Outbound(allow, **more)
    try:
        yield made
    finally:
        await made.close()


def says(head: str, body: bytes = b"") -> Answer:
    """A server that says this and hangs up."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {head}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()

    return answer


async def for_ever(writer: asyncio.StreamWriter, piece: bytes, pause: float) -> None:
    while True:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(pause)


async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    await for_ever(writer, b"x" * 65_536, 0)


async def drops(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
    await for_ever(writer, b"x", 0.05)


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n" + b"".join(b"x-%d: y\r\n" % n for n in range(12_000)) + b"\r\n")
    await writer.drain()


async def one_long_header(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n")
    await writer.drain()


async def no_http(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example.com ESMTP\r\n")
    await writer.drain()


async def more_after_the_end(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n" + gzip.compress(b"hello"))
    await for_ever(writer, b"x" * 65_536, 0)


async def blocks_of_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-encoding: deflate\r\n\r\n\x78\x9c")
    await for_ever(writer, b"\x00\x00\x00\xff\xff" * 10_000, 0)


async def fat_headers(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 204 No Content\r\n" + b"".join(b"x-%d: %s\r\n" % (n, b"y" * 8000) for n in range(12)))
    writer.write(b"\r\n")
    await writer.drain()


async def endless_headers(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    await for_ever(writer, b"x: y\r\n" * 1000, 0)


async def endless_hints(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await for_ever(writer, b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" * 100, 0.001)


async def an_endless_chunk_extension(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;")
    await for_ever(writer, b"a" * 65_536, 0)


async def headers_drop_by_drop(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nx: ")
    await for_ever(writer, b"y", 0.05)


async def half(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
    await writer.drain()


async def test_an_answer_comes_as_it_is():
    async with peer(says("201 Created\r\nX-Thing: one", b"hello")) as there, client() as outbound:
        assert await outbound.request("POST", there.url, body=b"{}", headers={"x-my": "own"}) == Received(
            201, {"x-thing": "one", "content-length": "5"}, b"hello"
        )
    assert b"x-my: own\r\n" in there[0]


async def test_a_form_is_sent_as_one():
    async with peer(says("200 OK")) as there, client() as outbound:
        await outbound.request("POST", there.url, form={"a": "b c", "d": "ü"})
    assert b"application/x-www-form-urlencoded" in there[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1"])
async def test_what_is_inside_is_not_asked(host: str):
    """S-35, S-37."""
    async with peer(says("200 OK")) as there, client(allow=()) as outbound:
        with pytest.raises(Refused):
            await outbound.request("GET", there.url.replace("127.0.0.1", host))
    assert not there


class Turning(AbstractResolver):
    """A name server that leads to a public address first, and then inside."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        addresses = self.answers.pop(0)
        return [
            ResolveResult(hostname=host, host=one, port=port, family=socket.AF_INET, proto=0, flags=0)
            for one in addresses
        ]

    async def close(self) -> None:
        pass


async def test_a_name_that_leads_inside_is_refused_when_it_is_dialled():
    """S-38: whatever it led to when it was saved."""
    async with peer(says("200 OK")) as there, client(allow=(), resolver=lambda: Turning(["127.0.0.1"])) as outbound:
        with pytest.raises(Refused, match=r"leads to 127\.0\.0\.1"):
            await outbound.request("GET", there.url.replace("127.0.0.1", "rebound.example.com"))
    assert not there


async def test_a_name_that_leads_elsewhere_the_second_time_is_refused_then():
    """S-38: rebinding. What was dialled a moment ago says nothing about the next connection."""
    turning = Turning(["127.0.0.1"], ["127.0.0.2"])
    async with (
        peer(says("200 OK\r\nconnection: close")) as there,
        client(allow=(ip_network("127.0.0.1"),), resolver=lambda: turning) as outbound,
    ):
        url = there.url.replace("127.0.0.1", "rebound.example.com")
        assert (await outbound.request("GET", url)).status == 200
        with pytest.raises(Refused, match=r"leads to 127\.0\.0\.2"):
            await outbound.request("GET", url)
    assert len(there) == 1


async def test_an_allowed_address_beside_a_closed_one_is_asked_alone():
    """S-38: and what fails there is a failure, not a refusal."""
    only = (ip_network("127.0.0.1"),)
    async with (
        peer(no_http) as there,
        client(allow=only, resolver=lambda: Turning(["127.0.0.2", "127.0.0.1"])) as outbound,
    ):
        with pytest.raises(Failed):
            await outbound.request("GET", there.url.replace("127.0.0.1", "mixed.example.com"))
    assert len(there) == 1


async def test_each_of_the_addresses_of_a_name_is_looked_at():
    """S-38: a public address beside a private one does not open the private one."""

    def turning() -> Turning:
        return Turning(["192.0.2.1", "127.0.0.1"])

    async with peer(says("200 OK")) as there, client(allow=(), resolver=turning) as outbound:
        with pytest.raises(Refused):
            await outbound.request("GET", there.url.replace("127.0.0.1", "mixed.example.com"), seconds=3)
    assert not there


async def test_a_name_that_leads_to_an_allowed_network_is_asked():
    """S-41."""
    async with peer(says("200 OK")) as there, client(resolver=lambda: Turning(["127.0.0.1"])) as outbound:
        assert (await outbound.request("GET", there.url.replace("127.0.0.1", "hook.example.com"))).status == 200


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(status: int):
    """S-39."""
    async with peer(says("200 OK")) as inside:
        async with peer(says(f"{status} Elsewhere\r\nlocation: {inside.url}")) as there, client() as outbound:
            assert (await outbound.request("GET", there.url)).status == status
    assert not inside


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch):
    """S-42."""
    async with peer(says("200 OK")) as proxy, peer(says("204 No Content")) as there, client() as outbound:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert (await outbound.request("GET", there.url)).status == 204
    assert not proxy


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param(endless, "longer than 16,384 bytes", id="S-44 an endless body"),
        pytest.param(drops, "within 0.5 seconds", id="S-44 a body drop by drop"),
        pytest.param(silent, "within 0.5 seconds", id="S-44 nothing at all"),
        pytest.param(flood, "no HTTP that can be read", id="S-44 12,000 headers"),
        pytest.param(one_long_header, "no HTTP that can be read", id="S-44 a header of 100 kB"),
        pytest.param(fat_headers, "headers of the answer are longer than", id="S-44 headers of 100 kB together"),
        pytest.param(endless_headers, "", id="S-44 endless headers"),
        pytest.param(headers_drop_by_drop, "within 0.5 seconds", id="S-44 a header drop by drop"),
        pytest.param(endless_hints, "", id="S-44 endless early hints"),
        pytest.param(an_endless_chunk_extension, "", id="S-44 a chunk that never begins"),
        pytest.param(blocks_of_nothing, "longer than", id="S-44 packed blocks of nothing"),
        pytest.param(
            says("200 OK\r\ncontent-encoding: gzip", gzip.compress(b"hello" * 1000)[:-9]),
            "breaks off",
            id="half of what was packed",
        ),
        pytest.param(no_http, "no HTTP that can be read", id="no HTTP"),
        pytest.param(half, "breaks off", id="half a body"),
        pytest.param(
            says("200 OK\r\ncontent-encoding: gzip", gzip.compress(b"\0" * 50_000_000)),
            "longer than 16,384 bytes",
            id="S-44 a bomb of gzip",
        ),
        pytest.param(
            says("200 OK\r\ncontent-encoding: deflate", zlib.compress(b"\0" * 50_000_000)),
            "longer than 16,384 bytes",
            id="S-44 a bomb of deflate",
        ),
        pytest.param(says("200 OK\r\ncontent-encoding: br", b"x"), "packed in a way", id="packed in another way"),
        pytest.param(says("200 OK\r\ncontent-encoding: gzip", b"no gzip"), "cannot be read", id="not packed at all"),
    ],
)
async def test_who_answers_badly_costs_one_deadline_and_little_memory(answer: Answer, said: str):
    async with peer(answer) as there, client() as outbound:
        # A busy machine may take a while to read what is only large: the deadline is for those who take their time.
        seconds = 0.5 if not said or said.startswith("within") else 4.0
        began = time.monotonic()
        tracemalloc.start()
        try:
            with pytest.raises(Failed) as failure:
                await outbound.request("GET", there.url, seconds=seconds)
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert time.monotonic() - began < 8
        assert most < 6 * MIB
    text = str(failure.value)
    assert said in text
    assert len(text) <= 260
    assert text.endswith(".")


async def test_what_follows_the_end_of_a_packed_answer_is_not_waited_for():
    """S-44: the rest would be kept, without a bound, by the library that unpacks."""
    async with peer(more_after_the_end) as there, client() as outbound:
        assert (await outbound.request("GET", there.url, seconds=2)).body == b"hello"


async def test_who_takes_no_request_costs_one_deadline():
    """S-44: an answer before the request was read, and a request that is never read."""

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # pyright: ignore[reportAttributeAccessIssue]
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await for_ever(writer, b"x", 0.05)

    async with peer(deaf) as there, client() as outbound:
        began = time.monotonic()
        with pytest.raises(Failed, match=r"within 0\.5 seconds"):
            await outbound.request("POST", there.url, body=b"x" * 8_000_000, seconds=0.5)
        assert time.monotonic() - began < 5


async def test_of_a_long_answer_the_beginning_can_be_taken():
    """S-45: what is kept of an answer is bounded."""
    async with peer(endless) as there, client() as outbound:
        received = await outbound.request("GET", there.url, most_bytes=4096, cut=True)
    assert received.body == b"x" * 4096
    assert received.cut


@pytest.mark.parametrize("packing", ["gzip", "deflate", ""])
async def test_a_packed_answer_is_unpacked(packing: str):
    packed = {"gzip": gzip.compress, "deflate": zlib.compress, "": bytes}[packing](b"hello")
    async with peer(says(f"200 OK\r\ncontent-encoding: {packing}", packed)) as there, client() as outbound:
        assert (await outbound.request("GET", there.url)).body == b"hello"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"x": "a\r\ny: b"}, id="S-43 a line end in a value"),
        pytest.param({"x\r\ny": "b"}, id="S-43 a line end in a name"),
    ],
)
async def test_a_header_cannot_break_the_request(headers: dict[str, str]):
    async with peer(says("200 OK")) as there, client() as outbound:
        with pytest.raises(Failed):
            await outbound.request("GET", there.url, headers=headers, seconds=2)
    assert not any(b"y: b" in head for head in there)


async def test_nobody_there_is_a_failure_that_says_so():
    async with peer(silent) as there:
        url = there.url
    async with client() as outbound:
        with pytest.raises(Failed, match="Connection refused"):
            await outbound.request("GET", url)
        with pytest.raises(Failed):
            await outbound.request("GET", "http://nowhere.invalid/")


async def test_cookies_are_forgotten():
    async with peer(says("200 OK\r\nset-cookie: a=b")) as there, client() as outbound:
        for _ in range(2):
            await outbound.request("GET", there.url)
    assert not any(b"cookie" in head.lower() for head in there)


async def test_many_requests_to_one_host_share_twenty_connections():
    """S-46: endpoints of one host are one victim."""
    most = here = 0

    async def count(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal most, here
        here += 1
        most = max(most, here)
        await asyncio.sleep(0.02)
        here -= 1
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()

    async with peer(count) as there, client() as outbound:
        answers = await asyncio.gather(*(outbound.request("GET", there.url) for _ in range(100)))
    assert {answer.status for answer in answers} == {200}
    assert most == 20


async def test_who_has_hung_up_asks_nobody():
    async with peer(says("200 OK")) as there, client() as outbound:
        await outbound.request("GET", there.url)
        await outbound.close()
        with pytest.raises(Failed, match=r"The server is stopping\."):
            await outbound.request("GET", there.url)
    assert len(there) == 1


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://" + "a" * 64 + ".example/", id="a label that is too long"),
        pytest.param("http://a..example/", id="a label of nothing"),
        pytest.param("http://-/", id="a hyphen"),
        pytest.param("http://xn--/", id="an empty Punycode"),
        pytest.param("http://\udc80/", id="half a character"),
        pytest.param("http://[v1.x]/", id="an address of the future"),
        pytest.param("http://example.com:١/", id="a port of other digits"),
        pytest.param("http://ex\u00adample.invalid/", id="a soft hyphen"),
        pytest.param("http://１２７.1/", id="wide digits"),
        pytest.param("http:example.com", id="no slashes"),
        pytest.param("http://.", id="a dot"),
        pytest.param("http://?", id="no host"),
    ],
)
async def test_an_odd_url_is_refused_or_fails_and_nothing_else(url: str):
    """S-37."""
    async with client(allow=()) as outbound:
        with pytest.raises((Refused, Failed)):
            await outbound.request("GET", url, seconds=2)


async def test_a_certificate_that_nobody_vouches_for_is_not_taken(tmp_path: Path):
    make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    async with peer(says("200 OK"), context) as there, client() as outbound:
        with pytest.raises(Failed, match=r"(?i)certificate"):
            await outbound.request("GET", there.url.replace("http:", "https:"))
    assert not there
