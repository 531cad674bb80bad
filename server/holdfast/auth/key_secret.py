"""The secret of an API key: `hf_<id>_<43 random characters><6 of a checksum>`. Pure.

The underscores let a double click select all of it, the beginning makes it easy to find where it should not be, and
with the checksum a mistyped or invented one is refused before anybody looks for it.
"""

import hashlib
import re
import secrets
import string
from typing import Final
from zlib import crc32

import msgspec

from holdfast.schema.ids import ID_LENGTH

PREFIX: Final = "hf_"
RANDOM_CHARS: Final = 43  # of 62: 256 bits
CHECKSUM_CHARS: Final = 6
_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SECRET: Final = re.compile(rf"hf_([a-z0-9]{{{ID_LENGTH}}})_[0-9A-Za-z]{{{RANDOM_CHARS + CHECKSUM_CHARS}}}")


class Presented(msgspec.Struct, frozen=True):
    """A secret that somebody sent: which key it says it is of, and its hash."""

    id: str
    hash: bytes


def new_secret(id: str) -> str:
    """A new secret for the key of this id."""
    body = f"{PREFIX}{id}_" + "".join(secrets.choice(_ALPHABET) for _ in range(RANDOM_CHARS))
    return body + _checksum(body)


def read_secret(text: str) -> Presented | None:
    """The secret in a text; None if it cannot be one, which its form and its checksum say."""
    found = _SECRET.fullmatch(text)
    if found is None or _checksum(text[:-CHECKSUM_CHARS]) != text[-CHECKSUM_CHARS:]:
        return None
    return Presented(found[1], hash_of(text))


def hash_of(secret: str) -> bytes:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def _checksum(text: str) -> str:
    number = crc32(text.encode())
    digits: list[str] = []
    for _ in range(CHECKSUM_CHARS):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
