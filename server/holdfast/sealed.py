"""Keeps a secret in the database without showing it: sealed with a key that is made of the server's own.

What is stolen with a table alone (a backup of it, a query too many) tells nothing.
"""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


class CannotUnseal(Exception):
    """It was sealed for another purpose or place, by another server, or was changed since."""


def derived_key(secret: bytes, purpose: str) -> bytes:
    """A key for one purpose, made of the server's key (`Engine.secret`); none of them tells another."""
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=b"holdfast " + purpose.encode()).derive(secret)


def seal(secret: bytes, purpose: str, place: str, content: bytes) -> bytes:
    """Encrypt for one purpose (`totp`) and one place (the row's key): AES-256-GCM.

    What was moved to another place cannot be unsealed there.
    """
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(derived_key(secret, purpose)).encrypt(nonce, content, place.encode())


def unseal(secret: bytes, purpose: str, place: str, sealed: bytes) -> bytes:
    """What `seal` was given. Raises CannotUnseal."""
    try:
        key = AESGCM(derived_key(secret, purpose))
        return key.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place.encode())
    except (InvalidTag, ValueError) as failure:
        raise CannotUnseal(purpose) from failure
