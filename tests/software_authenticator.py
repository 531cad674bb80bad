"""A passkey in software: what a browser and a security key do in the two ceremonies of WebAuthn, bytes and all."""

import base64
import hashlib
import json
import os
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, ELIGIBLE, SYNCED, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40  # flags of authenticator data
AAGUID = bytes(16)  # as every authenticator that does not say which model it is


class Credential:
    """A key pair for one site, kept on the device together with its owner's handle."""

    def __init__(self, party: str, handle: bytes) -> None:
        self.id = os.urandom(32)
        self.party = party
        self.handle = handle
        self.key: EllipticCurvePrivateKey = generate_private_key(SECP256R1())
        self.counter = 0

    @property
    def cose(self) -> bytes:
        """The public key as COSE has it: EC2, ES256, P-256."""
        point = self.key.public_key().public_numbers()
        return cbor({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})


class Authenticator:
    """A device with passkeys, behind a browser that shows a page of `origin`.

    `verified` is whether it looks at the person; `counts` whether it counts its signatures, as passkeys that are synced
    do not.
    """

    def __init__(self, origin: str, *, verified: bool = True, counts: bool = True) -> None:
        self.origin = origin
        self.verified = verified
        self.counts = counts
        self.credentials: list[Credential] = []

    def create(self, options: dict[str, Any], *, id: bytes = b"", **client: Any) -> dict[str, Any]:
        """Answer registration options; `client` changes what the browser says, `id` is one that is taken already."""
        known = {decode(one["id"]) for one in options["excludeCredentials"]}
        if any(one.id in known for one in self.credentials):
            raise ValueError("InvalidStateError: this device has a passkey of the site already")
        credential = Credential(options["rp"]["id"], decode(options["user"]["id"]))
        credential.id = id or credential.id
        self.credentials.append(credential)
        attested = AAGUID + len(credential.id).to_bytes(2, "big") + credential.id + credential.cose
        data = self._data(credential, ATTESTED) + attested
        return {
            **self._named(credential),
            "response": {
                "clientDataJSON": encode(self._client("webauthn.create", options, client)),
                "attestationObject": encode(cbor({"fmt": "none", "attStmt": {}, "authData": data})),
                "transports": ["internal", "hybrid"],
            },
        }

    def get(self, options: dict[str, Any], credential: Credential | None = None, **client: Any) -> dict[str, Any]:
        """Answer login options with the passkey that was made last, or this one."""
        chosen = credential or self.credentials[-1]
        if self.counts:
            chosen.counter += 1
        said = self._client("webauthn.get", options, client)
        data = self._data(chosen, 0)
        signature = chosen.key.sign(data + hashlib.sha256(said).digest(), ECDSA(SHA256()))
        return {
            **self._named(chosen),
            "response": {
                "clientDataJSON": encode(said),
                "authenticatorData": encode(data),
                "signature": encode(signature),
                "userHandle": encode(chosen.handle),
            },
        }

    def _client(self, type: str, options: dict[str, Any], changes: dict[str, Any]) -> bytes:
        said = {"type": type, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps(said | changes).encode()

    def _data(self, credential: Credential, flags: int) -> bytes:
        flags |= PRESENT | (VERIFIED if self.verified else 0) | (0 if self.counts else ELIGIBLE | SYNCED)
        party = hashlib.sha256(credential.party.encode()).digest()
        return party + bytes([flags]) + credential.counter.to_bytes(4, "big")

    def _named(self, credential: Credential) -> dict[str, Any]:
        id = encode(credential.id)
        return {
            "id": id,
            "rawId": id,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
        }


def encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def cbor(value: Any) -> bytes:
    """CBOR (RFC 8949) of what WebAuthn needs: integers, bytes, texts and maps."""
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    if isinstance(value, dict):
        return _head(5, len(value)) + b"".join(cbor(key) + cbor(content) for key, content in value.items())
    raise TypeError(type(value))


def _head(major: int, number: int) -> bytes:
    for bits, size in ((24, 1), (25, 2), (26, 4)):
        if number < 24:
            return bytes([major << 5 | number])
        if number < 256**size:
            return bytes([major << 5 | bits]) + number.to_bytes(size, "big")
    raise ValueError(number)
