"""A request as the data plane sees it: parsed no further than somebody asks."""

import re
from collections.abc import AsyncGenerator
from functools import cached_property
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from holdfast.errors import BadRequest, TooLarge, UnsupportedMediaType
from holdfast.http.form import FORMS, read_plain_form
from holdfast.http.json import read_json
from holdfast.http.peer import Network, peer
from holdfast.identity import GUEST, Principal

MAX_QUERY_PARTS: Final = 1000  # name=value pairs in one query string
OF_RECORDS: Final = re.compile(r"/api/collections/([^/]+)/records(?:/([^/\0]+))?")
"""The path of a collection's records, or of one of them."""
_NO_PARAMS: Final[dict[str, str]] = {}
CLOSE: Final = {"Connection": "close"}  # what follows on the line cannot be trusted, or would have to be read


class Request:
    """One HTTP request.

    `route` is the pattern that the path fits (`/api/collections/{collection}/records`), for the log and the
    metrics; who dispatches sets it, and `params`, what its parameters are in this path. `has_own_limit`: it came with
    an API key that is counted for itself. `of_records` is what OF_RECORDS found in its path, if it is about records.
    `form` is what was read of a body that can be read once.
    """

    # As most requests leave them: on the class, so that they are not set for each.
    principal: Principal = GUEST
    params: dict[str, str] = _NO_PARAMS  # a new one is set, this is never changed
    route = ""
    collection = ""
    database_seconds = 0.0
    trusted: tuple[Network, ...] = ()
    has_own_limit = False
    form: dict[str, Any] | None = None
    of_records: re.Match[str] | None = None
    _body: bytes | None = None

    def __init__(self, scope: Any, receive: Any, *, id: str, max_body_bytes: int) -> None:
        self.scope = scope
        self.receive = receive
        self.id = id
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query_string: bytes = scope["query_string"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.max_text_bytes = max_body_bytes  # of a form, without its files
        self._max_body_bytes = max_body_bytes

    def header(self, name: bytes) -> str:
        """A header by its lower-case name; empty when absent."""
        return self.headers.get(name, b"").decode("latin-1")

    @property
    def client(self) -> str:
        """The address of the client, behind the proxies that are trusted; empty for a unix socket."""
        if self.trusted:
            return peer(self.scope, self.headers, self.trusted)
        client = self.scope["client"]
        return client[0] if client else ""

    @cached_property
    def query(self) -> dict[str, str]:
        """The query parameters; of one that comes twice the first counts, as in PocketBase.

        Raises BadRequest when they are not UTF-8, hold NUL, or are more than MAX_QUERY_PARTS.
        """
        try:
            pairs = parse_qsl(
                self.query_string.decode("ascii"),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=MAX_QUERY_PARTS,
            )
        except ValueError as failure:
            raise BadRequest("The query string is not valid UTF-8, or has too many parts.") from failure
        if any("\0" in name or "\0" in value for name, value in pairs):
            raise BadRequest("The query string holds a NUL character.")
        found: dict[str, str] = {}
        for name, value in pairs:
            found.setdefault(name, value)
        return found

    async def body(self) -> bytes:
        """The whole body.

        Raises TooLarge as soon as the limit is passed, declared or not.
        """
        if self._body is not None:
            return self._body
        self._check_declared()
        chunks: list[bytes] = []
        size = 0
        while True:
            chunk, more = await self._chunk()
            size += len(chunk)
            if size > self._max_body_bytes:
                raise TooLarge
            chunks.append(chunk)
            if not more:
                break
        self._body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        return self._body

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes, which can be had once. Raises what `body` raises."""
        if self._body is not None:
            yield self._body
            return
        self._check_declared()
        size, more = 0, True
        while more:
            chunk, more = await self._chunk()
            size += len(chunk)
            if size > self._max_body_bytes:
                raise TooLarge(headers=CLOSE)
            yield chunk

    async def _chunk(self) -> tuple[bytes, bool]:
        """The next piece of the body, and whether there are more."""
        message = await self.receive()
        if message["type"] == "http.disconnect":
            raise BadRequest("The connection was closed before the request was complete.")
        return message.get("body", b""), message.get("more_body", False)

    def _check_declared(self) -> None:
        declared = self.headers.get(b"content-length", b"")
        if declared.isdigit() and int(declared) > self._max_body_bytes:
            raise TooLarge(headers=CLOSE)

    def allow_files(self, size: int) -> None:
        """Take a form that is larger by so many bytes than other bodies: it may hold files."""
        self._max_body_bytes += size

    def limit_body(self, most: int) -> None:
        """Take no larger body than `most` bytes from now on; 0 leaves the limit as it is, and none makes it wider."""
        if most:
            self._max_body_bytes = min(self._max_body_bytes, most)

    @property
    def media_type(self) -> str:
        """The Content-Type without its parameters, in lower case."""
        return self.header(b"content-type").partition(";")[0].strip().lower()

    async def json(self) -> Any:
        """The body as JSON.

        Raises UnsupportedMediaType unless it says application/json, and BadRequest when it is not.
        """
        if self.media_type != "application/json":
            raise UnsupportedMediaType
        return read_json(await self.body())

    async def object(self) -> dict[str, Any]:
        """The body as a JSON object; an empty body is an empty object.

        A form is taken, too, as PocketBase does: its texts stay texts. Raises what `json` and `read_plain_form` raise.
        """
        body = await self.body()
        if not body:
            return {}
        if self.media_type in FORMS:
            return read_plain_form(self.header(b"content-type"), body)
        found = await self.json()
        if not isinstance(found, dict):
            raise BadRequest("The body has to be a JSON object.")
        return msgspec.convert(found, dict[str, Any])
