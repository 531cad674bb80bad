"""The headers of the tus protocol 1.0: what a client says of its upload, and what it is told. Pure."""

import base64
import binascii
import re
from typing import Final

import msgspec

from holdfast.errors import BadRequest, PreconditionFailed, ValidationFailed
from holdfast.errors import Problem as Wrong
from holdfast.http.request import Request
from holdfast.storage.appending import CHECKSUMS

VERSION: Final = "1.0.0"
EXTENSIONS: Final = "creation,creation-with-upload,expiration,termination,checksum"
PIECE: Final = "application/offset+octet-stream"  # the Content-Type of bytes of an upload
IMPORT: Final = "import"  # the purpose of a file that is for no field
MOST_METADATA: Final = 20
EXPOSED: Final = (
    b"access-control-expose-headers",
    b"Location, Tus-Checksum-Algorithm, Tus-Extension, Tus-Resumable, Tus-Version, Upload-Expires, Upload-Length,"
    b" Upload-Metadata, Upload-Offset",
)
RESUMABLE: Final = (b"tus-resumable", VERSION.encode())
_COUNT: Final = re.compile(r"[0-9]{1,18}")
_KEY: Final = re.compile(r"[\x21-\x2b\x2d-\x7e]{1,100}")
_REQUIRED: Final = Wrong("validation_required", "Upload-Metadata has to name it.")


class Asked(msgspec.Struct, frozen=True):
    """An upload that is asked for: how many bytes, for which field of which collection (none, if it is to be imported),
    and what it is called."""

    length: int
    collection: str
    field: str
    original: str


class Checksum(msgspec.Struct, frozen=True):
    """What the bytes of one request add up to."""

    algorithm: str
    digest: bytes


def check_version(request: Request) -> None:
    """Raise PreconditionFailed for a client that speaks another version of the protocol, or none."""
    if request.header(b"tus-resumable") != VERSION:
        message = f"Uploads are taken by the tus protocol {VERSION}: send the header Tus-Resumable."
        raise PreconditionFailed(message, headers={"Tus-Version": VERSION})


def read_count(request: Request, name: bytes) -> int:
    """A header that is a number of bytes. Raises BadRequest."""
    value = request.header(name).strip()
    if _COUNT.fullmatch(value) is None:
        raise BadRequest(f"{name.decode().title()} has to be a number of bytes.")
    return int(value)


def read_asked(request: Request) -> Asked:
    """What a creation asks for. Raises BadRequest, and ValidationFailed where the metadata lacks something."""
    if b"upload-defer-length" in request.headers:
        raise BadRequest("Uploads of unknown length are not taken: send Upload-Length.")
    length = read_count(request, b"upload-length")
    said = read_metadata(request.header(b"upload-metadata"))
    name = said.get("filename") or said.get("name", "")
    if said.get("purpose") == IMPORT and said.get("collection") and not said.get("field"):
        return Asked(length, said["collection"], "", name)
    missing = {name: _REQUIRED for name in ("collection", "field") if not said.get(name)}
    if missing:
        raise ValidationFailed(missing, "Upload-Metadata has to say for which field of which collection this is.")
    return Asked(length, said["collection"], said["field"], name)


def read_metadata(header: str) -> dict[str, str]:
    """The pairs of `Upload-Metadata`. Raises BadRequest."""
    found: dict[str, str] = {}
    pairs = [pair.strip() for pair in header.split(",")] if header.strip() else []
    if len(pairs) > MOST_METADATA:
        raise BadRequest(f"Upload-Metadata has more than {MOST_METADATA} pairs.")
    for pair in pairs:
        key, _, value = pair.partition(" ")
        try:
            text = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, ValueError) as failure:
            raise BadRequest("The values of Upload-Metadata have to be UTF-8 in Base64.") from failure
        if _KEY.fullmatch(key) is None or key in found or "\0" in text:
            raise BadRequest("Upload-Metadata has to be pairs of a key and a value in Base64, with commas between.")
        found[key] = text
    return found


def write_metadata(values: dict[str, str]) -> bytes:
    """Pairs as `Upload-Metadata` has them."""
    return b",".join(key.encode() + b" " + base64.b64encode(value.encode()) for key, value in values.items() if value)


def read_checksum(request: Request) -> Checksum | None:
    """What `Upload-Checksum` says; None if it is not there. Raises BadRequest."""
    header = request.header(b"upload-checksum").strip()
    if not header:
        return None
    algorithm, _, value = header.partition(" ")
    if algorithm not in CHECKSUMS:
        raise BadRequest(f"Upload-Checksum has to begin with one of {', '.join(CHECKSUMS)}.")
    try:
        return Checksum(algorithm, base64.b64decode(value.strip(), validate=True))
    except (binascii.Error, ValueError) as failure:
        raise BadRequest("The digest of Upload-Checksum has to be in Base64.") from failure
