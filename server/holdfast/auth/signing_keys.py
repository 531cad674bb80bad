"""The server's own key pairs for tokens (EdDSA): made when one is needed, published, replaced on demand.

They are a setting of the server (`signing_keys` in holdfast.settings): the newest signs, those before it are kept for
checking what they signed. The private half is sealed with the server's key.
"""

import time
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from joserfc.jwk import OKPKey

from holdfast.audit.author import Author
from holdfast.audit.entry import Entry, Target
from holdfast.audit.write import write
from holdfast.auth.tokens import EDDSA
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Transaction
from holdfast.db.sql import Sql, Statement, raw, value
from holdfast.engine import Engine
from holdfast.schema.auth_options import auth_options
from holdfast.schema.ids import new_id
from holdfast.sealed import seal, unseal

SETTING: Final = "signing_keys"
PURPOSE: Final = "signing key"
_CURVE: Final = "Ed25519"
LOCK: Final = (0x48460006, 1)  # "HF", advisory lock of who makes a key

STORED_KEYS: Final = raw("(SELECT value::text FROM holdfast.settings WHERE key = ") + value(SETTING, "text") + raw(")")
"""The stored keys as JSON, in SQL; null where none was made yet."""
_READ: Final = Statement.of(raw("SELECT ") + STORED_KEYS + raw(" AS keys"))
_LOCK: Final = Statement.of(
    raw("SELECT pg_advisory_xact_lock(") + value(LOCK[0], "int") + raw(", ") + value(LOCK[1], "int") + raw(")")
)


class StoredKey(msgspec.Struct, frozen=True):
    """A key pair. `x` is the public half as a JWK has it; `retired` is when it stopped to sign, 0 if it still does."""

    kid: str
    x: str
    sealed: bytes
    created: int  # seconds since 1970
    retired: int = 0

    @property
    def jwk(self) -> dict[str, str]:
        """The public half as it is published."""
        return {"kty": "OKP", "crv": _CURVE, "x": self.x, "kid": self.kid, "alg": EDDSA, "use": "sig"}


_KEYS: Final = msgspec.json.Decoder(tuple[StoredKey, ...])


def read_keys(stored: str | None) -> tuple[StoredKey, ...]:
    """The key pairs as they are stored, the newest first."""
    return _KEYS.decode(stored) if stored else ()


def public_key(keys: tuple[StoredKey, ...], kid: str) -> OKPKey | None:
    """The public half of one of our keys; None for a name that is none of ours."""
    found = next((key for key in keys if key.kid == kid), None)
    return OKPKey.import_key({"kty": "OKP", "crv": _CURVE, "x": found.x}) if found is not None else None


def private_key(engine: Engine, key: StoredKey) -> OKPKey:
    """The half that signs."""
    d = unseal(engine.secret, PURPOSE, key.kid, key.sealed).decode()
    return OKPKey.import_key({"kty": "OKP", "crv": _CURVE, "x": key.x, "d": d})


async def all_keys(engine: Engine) -> tuple[StoredKey, ...]:
    """The key pairs of the server, the newest first."""
    with as_api_errors():
        row = await engine.pool.fetchrow(_READ)
    return read_keys(row["keys"] if row else None)


async def present_key(engine: Engine) -> StoredKey:
    """The key pair that signs now; the first call makes it."""
    keys = await all_keys(engine)
    if keys:
        return keys[0]
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            await tx.execute(_LOCK)
            made = await _locked(tx) or (_new(engine),)
            await tx.execute(_write(made))
    return made[0]


async def rotate_keys(engine: Engine, author: Author) -> tuple[StoredKey, ...]:
    """Let a new key sign from now on. The ones before it stay as long as a token of theirs can live."""
    now = int(time.time())
    longest = max(auth_options(one.auth).auth_token.duration for one in engine.catalog.collections if one.is_auth)
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            await tx.execute(_LOCK)
            before = await _locked(tx)
            retired = [msgspec.structs.replace(key, retired=key.retired or now) for key in before]
            keys = (_new(engine), *(key for key in retired if key.retired + longest > now))
            await tx.execute(_write(keys))
            kids = {"kids": [key.kid for key in keys]}
            await write(tx, author, Entry(action="signing_keys.rotated", target=Target("signing_keys"), after=kids))
    return keys


def key_set(keys: tuple[StoredKey, ...]) -> Mapping[str, Any]:
    """What is published of the keys (RFC 7517)."""
    return {"keys": [key.jwk for key in keys]}


async def _locked(tx: Transaction) -> tuple[StoredKey, ...]:
    row = await tx.fetchrow(_READ)
    return read_keys(row["keys"] if row else None)


def _new(engine: Engine) -> StoredKey:
    made: Mapping[str, Any] = OKPKey.generate_key(_CURVE).as_dict(private=True)
    kid = new_id()
    sealed = seal(engine.secret, PURPOSE, kid, str(made["d"]).encode())
    return StoredKey(kid, str(made["x"]), sealed, int(time.time()))


def _write(keys: tuple[StoredKey, ...]) -> Sql:
    return (
        raw("INSERT INTO holdfast.settings (key, value) VALUES (")
        + value(SETTING, "text")
        + raw(", ")
        + value(msgspec.json.encode(keys).decode(), "jsonb")
        + raw(") ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated = now()")
    )
