"""Whether a request is one that the server has sent: the Standard Webhooks signature. Pure, but for the clock."""

import base64
import binascii
import hmac
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

TOLERANCE_SECONDS: Final = 300
MOST_SIGNATURES: Final = 16  # of one request: two are sent while a secret is being changed
MOST_ID_CHARS: Final = 200
_PREFIX: Final = "whsec_"

Headers: TypeAlias = Mapping[str, str] | Iterable[tuple[str, str]]
"""The headers of a request, as most frameworks have them."""


class NotVerified(ValueError):
    """The request was not sent by the server, or too long ago. Answer 401 and do nothing."""


@dataclass(frozen=True)
class Event:
    """One event. `data` is all that was sent: `type`, `timestamp`, `record` and so on.

    `id` is the same on every try. `replay`: a superuser has had it sent again.
    """

    id: str
    type: str
    data: Mapping[str, Any]
    replay: bool = False

    @property
    def seq(self) -> int:
        """Its number in the log: of two events about one record the greater one is the later."""
        seq = self.data.get("seq")
        return seq if isinstance(seq, int) else 0

    @property
    def record(self) -> Mapping[str, Any]:
        """The record after the change, of a deleted one as it was; empty where there is none."""
        record = self.data.get("record")
        return cast("Mapping[str, Any]", record) if isinstance(record, dict) else {}


def verify(
    body: bytes | str, headers: Headers, secrets: str | Sequence[str], tolerance: float = TOLERANCE_SECONDS
) -> Event:
    """The event of a request, after a look at its signature and its age (`tolerance`, in seconds).

    `body` is what came, byte by byte: not what a JSON parser made of it. Any of the secrets will do, so that one can
    be changed. Raises NotVerified, and ValueError for a secret that is none or if there is no secret at all.
    """
    keys = [_key(secret) for secret in ([secrets] if isinstance(secrets, str) else secrets)]
    if not keys:
        raise ValueError("There has to be a secret.")
    content = body.encode() if isinstance(body, str) else bytes(body)
    found = _lowered(headers)
    id, stamp = found.get("webhook-id", ""), found.get("webhook-timestamp", "")
    if not id or len(id) > MOST_ID_CHARS or "." in id:
        raise NotVerified("There is no header webhook-id that could be one.")
    if not (stamp.isascii() and stamp.isdigit()) or len(stamp) > len("9" * 15):
        raise NotVerified("There is no header webhook-timestamp that could be one.")
    if not _is_signed(keys, f"{id}.{stamp}.".encode() + content, found.get("webhook-signature", "")):
        raise NotVerified("No signature fits.")
    if abs(time.time() - int(stamp)) > tolerance:
        raise NotVerified("The request is too old, or the clocks differ.")
    return _event(id, content, replay=found.get("webhook-replay", "") == "true")


def _is_signed(keys: Sequence[bytes], signed: bytes, header: str) -> bool:
    """Whether one of the signatures is that of one of the keys. All are compared, each in constant time."""
    given = [part[3:].encode() for part in header.split(" ")[:MOST_SIGNATURES] if part.startswith("v1,")]
    fits = False
    for key in keys:
        wanted = base64.b64encode(hmac.digest(key, signed, "sha256"))
        for one in given:
            fits |= hmac.compare_digest(wanted, one)
    return fits


def _event(id: str, body: bytes, *, replay: bool) -> Event:
    try:
        data: Any = json.loads(body)
    except ValueError as failure:
        raise NotVerified("The body is no JSON.") from failure
    if not isinstance(data, dict):
        raise NotVerified("The body is no JSON object.")
    found = cast("dict[str, Any]", data)
    return Event(id=id, type=str(found.get("type", "")), data=found, replay=replay)


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError) as failure:
        raise ValueError("A secret is whsec_ and base64.") from failure
    if not key:
        raise ValueError("A secret is whsec_ and base64.")
    return key


def _lowered(headers: Headers) -> dict[str, str]:
    given: Any = headers  # some frameworks have an object of their own for them
    pairs: Any = given.items() if hasattr(given, "items") else given
    return {str(name).lower(): str(content).strip() for name, content in pairs}
