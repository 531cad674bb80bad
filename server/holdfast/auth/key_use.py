"""Who asks with an API key."""

import hmac
from typing import Final

import msgspec

from holdfast.auth.key_secret import Presented
from holdfast.catalog.snapshot import Catalog
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Row
from holdfast.db.sql import Inputs, Statement, named, raw, value
from holdfast.engine import Engine
from holdfast.http.peer import Network, is_in, read_networks
from holdfast.http.request_limit import RequestLimit
from holdfast.identity import Principal

USE_NOTED_SECONDS: Final = 60
"""How often at most `lastUsed` is written for a key."""
REFUSED: Final = "This API key is not valid here: it is unknown, expired, revoked, or not for this address."

_IS_DUE: Final = (
    raw("(k.last_used IS NULL OR k.last_used < now() - make_interval(secs => ")
    + value(USE_NOTED_SECONDS, "double precision")
    + raw("))")
)
_LOOK: Final = Statement.of(
    raw("SELECT k.id, k.name, k.hash, CASE WHEN k.old_until > now() THEN k.old_hash END AS old_hash, k.roles,")
    + raw(" k.superuser, k.allowed_ips, k.rate_limit::text AS rate_limit,")
    + raw(" extract(epoch FROM k.expires - now())::float8 AS left, ")
    + _IS_DUE
    + raw(" AS is_due, CASE WHEN k.revoked IS NOT NULL THEN 'revoked' WHEN k.expires <= now() THEN 'expired' ELSE ''")
    + raw(" END AS ended FROM holdfast.keys AS k WHERE k.id = ")
    + named("id", "text")
)
_NOTE: Final = Statement.of(
    raw("UPDATE holdfast.keys AS k SET last_used = now() WHERE k.id = ") + named("id", "text") + raw(" AND ") + _IS_DUE
)


class KnownKey(msgspec.Struct, frozen=True):
    """A key that was looked up. `seconds` are left until it expires; None if it does not.

    `is_due`: its last use was noted long enough ago, or never. `ended` says how it has: expired or revoked.
    """

    principal: Principal
    networks: tuple[Network, ...] = ()
    limit: RequestLimit | None = None
    seconds: float | None = None
    is_due: bool = False
    ended: str = ""

    def admits(self, address: str) -> bool:
        """Whether the key can be used from this address."""
        return not self.networks or is_in(address, self.networks)


async def look_up_key(engine: Engine, presented: Presented) -> KnownKey | None:
    """The key that was presented; None if there is none, or it has another secret. It may have ended."""
    with as_api_errors():
        row = await engine.pool.fetchrow(_LOOK, Inputs(named={"id": presented.id}))
    if row is None:
        return None
    hashes = [found for found in (row["hash"], row["old_hash"]) if found is not None]
    if not any(hmac.compare_digest(found, presented.hash) for found in hashes):
        return None
    principal = key_principal(engine.catalog, row["id"], row)
    limit = msgspec.json.decode(row["rate_limit"], type=RequestLimit) if row["rate_limit"] else None
    return KnownKey(principal, read_networks(row["allowed_ips"]), limit, row["left"], row["is_due"], row["ended"])


async def note_use(engine: Engine, id: str) -> None:
    """Write that the key is used now, unless that was written within USE_NOTED_SECONDS."""
    await engine.pool.execute(_NOTE, Inputs(named={"id": id}))


def key_principal(catalog: Catalog, id: str, row: Row) -> Principal:
    """The principal of a key; the row has its name, its roles, and whether it is a superuser's."""
    roles = tuple(sorted(id for id in row["roles"] if id in catalog.roles_by_id))
    return Principal("superuser" if row["superuser"] else "key", name=row["name"], roles=roles, key_id=id)
