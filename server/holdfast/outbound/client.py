"""The one HTTP client of the server for what is not its own: guarded where the socket is made.

The guard sits on the address that is dialled, after names were resolved, so a name that leads elsewhere the second
time (DNS rebinding) leads nowhere. Redirects are not followed, and proxies of the environment not used: both would
dial what nobody has checked.
"""

import asyncio
import socket
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from importlib import import_module
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from holdfast import __version__
from holdfast.outbound.address import Network, is_dialable
from holdfast.outbound.failed import Failed
from holdfast.outbound.reason import reason
from holdfast.outbound.refused import Refused
from holdfast.outbound.url import check_url

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession
    from aiohttp.abc import AbstractResolver

CONNECT_SECONDS: Final = 5.0
WHOLE_SECONDS: Final = 15.0  # from the name to the last byte
MOST_BYTES: Final = 16 * 1024
MOST_HEADER_BYTES: Final = 8190  # of one header
MOST_HEADERS: Final = 100
ALL_HEADER_BYTES: Final = 32 * 1024
AGENT: Final = f"holdfast/{__version__}"
MOST_CONNECTIONS: Final = 200
PER_HOST: Final = 20  # connections: ten thousand endpoints on one host are one victim
_CHUNK_BYTES: Final = 16 * 1024
_LARGE_BYTES: Final = 1024 * 1024
# The closed addresses that a request was led to. Sockets are made by tasks of the library, which share the list.
_dialling: ContextVar["_Dialling | None"] = ContextVar("holdfast_outbound_dialling", default=None)


class Unpacker(Protocol):
    """What zlib.decompressobj makes."""

    @property
    def eof(self) -> bool:
        """Whether the end of what was packed has come."""
        ...

    def decompress(self, data: bytes, max_length: int = 0, /) -> bytes:
        """The next of what was packed, at most so much."""
        ...


class Received(msgspec.Struct, frozen=True):
    """An answer. Names of headers are in lower case; `cut`: the body went on after what is here."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool = False


class _Closed(OSError):
    """An address that is not dialled."""


class _Dialling(msgspec.Struct):
    """What one request has met: addresses that are not dialled, whether there was one that is, and how it answered."""

    closed: list[str] = msgspec.field(default_factory=list[str])
    opened: bool = False
    begun: Received | None = None  # an answer whose body may still be to come


class Outbound:
    """Asks other servers. Connections are kept and shared; no cookies are."""

    def __init__(
        self,
        allow: Sequence[Network] = (),
        *,
        per_host: int = PER_HOST,
        connect_seconds: float = CONNECT_SECONDS,
        resolver: "Callable[[], AbstractResolver] | None" = None,
    ) -> None:
        self.allow = tuple(allow)
        self._per_host = per_host
        self._connect_seconds = connect_seconds
        self._resolver = resolver
        self._session: ClientSession | None = None
        self._is_closed = False

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        form: Mapping[str, str] | None = None,
        most_bytes: int = MOST_BYTES,
        cut: bool = False,
        seconds: float = WHOLE_SECONDS,
    ) -> Received:
        """Ask, and take at most `most_bytes` of the body, counted as it is when unpacked.

        `form` is sent as a form in the place of `body`. `cut`: of a longer body the beginning will do.
        Raises Refused for an address that may not be dialled, and Failed when no whole answer came.
        """
        wrong = check_url(url, self.allow)
        if wrong is not None:
            raise Refused(wrong)
        met = _Dialling()
        token = _dialling.set(met)
        try:
            async with asyncio.timeout(seconds):
                return await self._ask(method, url, headers or {}, form or body, most_bytes, cut=cut)
        except TimeoutError as failure:
            what = "no answer" if met.begun is None else "no end of the answer"
            raise Failed(f"There was {what} within {seconds:g} seconds.", met.begun) from failure
        except (OSError, ValueError, UnicodeError) as failure:
            if met.closed and not met.opened:
                raise Refused(f"The name leads to {met.closed[0]}, which is not of the public internet.") from failure
            raise Failed(reason(failure), met.begun) from failure
        finally:
            _dialling.reset(token)

    async def _ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        data: bytes | BytesIO | Mapping[str, str],
        most_bytes: int,
        *,
        cut: bool,
    ) -> Received:
        if self._session is None:  # 12 MB and half a second, for those who ask anybody; others are served meanwhile
            await asyncio.to_thread(import_module, "aiohttp")
        import aiohttp

        session = self._open()
        # Packed answers are unpacked here, with a bound: aiohttp unpacks whole chunks.
        sent = {"accept-encoding": "identity", "user-agent": AGENT, **{key.lower(): headers[key] for key in headers}}
        if isinstance(data, bytes) and len(data) > _LARGE_BYTES:
            data = BytesIO(data)  # goes out piece by piece, and lets others run in between
        try:
            async with session.request(method, url, headers=sent, data=data or None, allow_redirects=False) as answer:
                found = _headers(answer)
                met = _dialling.get()
                if met is not None:
                    met.begun = Received(answer.status, found, b"", cut=True)
                body, more = await _read(answer, most_bytes)
                if more and not cut:
                    raise Failed(f"The answer is longer than {most_bytes:,} bytes.")
                return Received(answer.status, found, body, cut=more)
        except (aiohttp.ClientError, zlib.error, RuntimeError) as failure:  # uvloop has RuntimeErrors of the network
            raise OSError(reason(failure)) from failure

    def _open(self) -> "ClientSession":
        if self._session is not None:
            return self._session
        if self._is_closed:
            raise OSError("The server is stopping.")
        import aiohttp

        connector = aiohttp.TCPConnector(
            socket_factory=self._socket,
            resolver=self._resolver() if self._resolver else aiohttp.ThreadedResolver(),
            use_dns_cache=False,  # connections are kept; a new one goes where the name leads now
            limit=MOST_CONNECTIONS,
            limit_per_host=self._per_host,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_seconds),
            auto_decompress=False,
            trust_env=False,
            max_line_size=MOST_HEADER_BYTES,
            max_field_size=MOST_HEADER_BYTES,
            max_headers=MOST_HEADERS,
            read_bufsize=_CHUNK_BYTES,
        )
        return self._session

    def _socket(self, found: Any) -> socket.socket:
        """A socket for an address that a name has led to. Raises OSError for one that is not dialled."""
        family, kind, protocol, _, address = found
        met = _dialling.get()
        if not is_dialable(address[0], self.allow):
            if met is not None:
                met.closed.append(address[0])
            raise _Closed("This address is not dialled.")
        if met is not None:
            met.opened = True
        return socket.socket(family, kind, protocol)

    async def close(self) -> None:
        """Hang up, for good."""
        self._is_closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def _headers(answer: "ClientResponse") -> dict[str, str]:
    found = {name.lower(): value for name, value in answer.headers.items()}
    if sum(len(name) + len(value) for name, value in answer.headers.items()) > ALL_HEADER_BYTES:
        raise Failed(f"The headers of the answer are longer than {ALL_HEADER_BYTES:,} bytes.")
    return found


async def _read(answer: "ClientResponse", most_bytes: int) -> tuple[bytes, bool]:
    """The body as far as it is wanted, unpacked, and whether there is more."""
    unpack = _unpacker(answer.headers.get("content-encoding", "").strip().lower())
    body, taken = bytearray(), 0
    async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
        taken += len(chunk)
        body += chunk if unpack is None else unpack.decompress(chunk, most_bytes + 1 - len(body))
        # Who packs well never needs more bytes than the body has: blocks of nothing would go on until the deadline.
        if len(body) > most_bytes or taken > most_bytes + _CHUNK_BYTES:
            answer.close()  # what is left of it would have to be read before the connection is of use again
            return bytes(body[:most_bytes]), True
        if unpack is not None and unpack.eof:
            if not answer.content.at_eof():
                answer.close()  # what follows the end is never asked for
            break
    if unpack is not None and taken and not unpack.eof:
        raise OSError("The packed answer breaks off.")
    return bytes(body), False


def _unpacker(packing: str) -> "Unpacker | None":
    if packing in ("", "identity"):
        return None
    if packing not in ("gzip", "x-gzip", "deflate"):
        raise OSError("The answer is packed in a way that was not asked for.")
    return zlib.decompressobj(zlib.MAX_WBITS | 32)
