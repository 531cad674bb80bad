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
from typing import TYPE_CHECKING, Any, Final

import msgspec

from holdfast.outbound.address import Network, is_dialable
from holdfast.outbound.failed import Failed
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
MOST_CONNECTIONS: Final = 200
PER_HOST: Final = 20  # connections: ten thousand endpoints on one host are one victim
_CHUNK_BYTES: Final = 16 * 1024
# The closed addresses that a request was led to. Sockets are made by tasks of the library, which share the list.
_closed: ContextVar[list[str] | None] = ContextVar("holdfast_outbound_closed", default=None)


class Received(msgspec.Struct, frozen=True):
    """An answer. Names of headers are in lower case; `cut`: the body went on after what is here."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool = False


class _Closed(OSError):
    """An address that is not dialled."""


class Outbound:
    """Asks other servers. Connections are kept and shared; no cookies are."""

    def __init__(
        self,
        allow: Sequence[Network] = (),
        *,
        connect_seconds: float = CONNECT_SECONDS,
        resolver: "Callable[[], AbstractResolver] | None" = None,
    ) -> None:
        self.allow = tuple(allow)
        self._connect_seconds = connect_seconds
        self._resolver = resolver
        self._session: ClientSession | None = None

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
        Raises Refused for an address that may not be dialled, and Failed when no answer came.
        """
        wrong = check_url(url, self.allow)
        if wrong is not None:
            raise Refused(wrong)
        closed: list[str] = []
        token = _closed.set(closed)
        try:
            async with asyncio.timeout(seconds):
                return await self._ask(method, url, headers or {}, form or body, most_bytes, cut=cut)
        except TimeoutError as failure:
            raise Failed(f"There was no answer within {seconds:g} seconds.") from failure
        except (OSError, ValueError, UnicodeError) as failure:
            if closed:
                raise Refused(f"The name leads to {closed[0]}, which is not of the public internet.") from failure
            raise Failed(_sentence(failure)) from failure
        finally:
            _closed.reset(token)

    async def _ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        data: bytes | Mapping[str, str],
        most_bytes: int,
        *,
        cut: bool,
    ) -> Received:
        import aiohttp

        session = self._open()
        # Packed answers are unpacked here, with a bound: aiohttp unpacks whole chunks.
        sent = {"accept-encoding": "identity", **headers}
        try:
            async with session.request(method, url, headers=sent, data=data or None, allow_redirects=False) as answer:
                body, more = await _read(answer, most_bytes)
                if more and not cut:
                    raise Failed(f"The answer is longer than {most_bytes:,} bytes.")
                found = {name.lower(): value for name, value in answer.headers.items()}
                return Received(answer.status, found, body, cut=more)
        except (aiohttp.ClientError, zlib.error) as failure:
            raise OSError(_sentence(failure)) from failure

    def _open(self) -> "ClientSession":
        if self._session is not None:
            return self._session
        import aiohttp  # 12 MB, for those who ask anybody

        connector = aiohttp.TCPConnector(
            socket_factory=self._socket,
            resolver=self._resolver() if self._resolver else aiohttp.ThreadedResolver(),
            limit=MOST_CONNECTIONS,
            limit_per_host=PER_HOST,
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
        if not is_dialable(address[0], self.allow):
            met = _closed.get()
            if met is not None:
                met.append(address[0])
            raise _Closed("This address is not dialled.")
        return socket.socket(family, kind, protocol)

    async def close(self) -> None:
        """Hang up."""
        if self._session is not None:
            await self._session.close()
            self._session = None


async def _read(answer: "ClientResponse", most_bytes: int) -> tuple[bytes, bool]:
    """The body as far as it is wanted, unpacked, and whether there is more."""
    packing = answer.headers.get("content-encoding", "identity").strip().lower()
    if packing not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise OSError("The answer is packed in a way that was not asked for.")
    unpack = None if packing in ("", "identity") else zlib.decompressobj(zlib.MAX_WBITS | 32)
    body = bytearray()
    async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
        wanted = most_bytes + 1 - len(body)
        body += chunk if unpack is None else unpack.decompress(chunk, wanted)
        if len(body) > most_bytes:
            answer.close()  # what is left of it would have to be read before the connection is of use again
            return bytes(body[:most_bytes]), True
    return bytes(body), False


def _sentence(failure: BaseException) -> str:
    """What went wrong, for the log and for whoever set the address."""
    text = " ".join(str(failure).split())[:200] or type(failure).__name__
    return text if text.endswith(".") else f"{text}."
