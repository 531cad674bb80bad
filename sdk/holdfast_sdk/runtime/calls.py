"""A call as a value: what is sent, and what comes back."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from .bodies import PAYLOAD, Body
from .retrying import Repeatable
from .uploads import Part

NOTHING: Final[Mapping[str, str]] = {}
JSON_HEADERS: Final[Mapping[str, str]] = {"Content-Type": "application/json"}
ETAG: Final = "etag"
SCHEMA: Final = "X-Schema-Version"
LONGEST_ADDRESS: Final = 6000  # characters; the server takes 16 KiB, proxies on the way often 8


class Call(msgspec.Struct, frozen=True):
    """One request. With `parts` it is a form, whose content is the JSON beside the files.

    `anonymous`: without a login, even if there is one. `patience`: tried for at most so many seconds.
    """

    method: str
    path: str
    content: bytes = b""
    headers: Mapping[str, str] = NOTHING
    parts: list[Part] = []
    repeatable: Repeatable = "always"
    anonymous: bool = False
    patience: float = math.inf

    def form(self) -> dict[str, str]:
        """What of a form is no file."""
        return {PAYLOAD: self.content.decode()}


class Answer(msgspec.Struct, frozen=True):
    """A whole answer that is no refusal."""

    status: int
    body: bytes
    headers: Mapping[str, str]


def address(*segments: str, query: Mapping[str, str] = NOTHING) -> str:
    """A path of these segments, each escaped, with a query."""
    path = "/api/" + "/".join(quote(segment, safe="") for segment in segments)
    return f"{path}?{urlencode(query)}" if query else path


def get(path: str) -> Call:
    """A call that reads."""
    return Call("GET", path)


def post(path: str, body: Any, *, repeatable: Repeatable = "unsent", anonymous: bool = False) -> Call:
    """A call that does something, once."""
    return Call("POST", path, msgspec.json.encode(body), JSON_HEADERS, [], repeatable, anonymous)


def write(method: str, path: str, body: Body | None = None, if_match: str = "", key: str = "") -> Call:
    """A call that writes. However often it is tried, it is done once: the server knows it by its Idempotency-Key."""
    headers = {"Idempotency-Key": key or os.urandom(16).hex()}
    if if_match:
        headers["If-Match"] = if_match
    if body is None:
        return Call(method, path, b"", headers)
    if not body.files:
        headers["Content-Type"] = "application/json"
    return Call(method, path, body.json(), headers, body.files)
