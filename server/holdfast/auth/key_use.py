"""Who asks with an API key."""

import hmac
import ipaddress
from typing import Final

import msgspec

from holdfast.auth.key_secret import Presented
from holdfast.catalog.snapshot import Catalog
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Row
from holdfast.db.sql import Inputs, Statement, named, raw, value
from holdfast.engine import Engine
from holdfast.errors import Unauthenticated
from holdfast.http.peer import Network, read_networks
from holdfast.identity import Principal

USE_NOTED_SECONDS: Final = 60
"""How often at most `lastUsed` is written for a key."""
REFUSED: Final = "This API key is not valid here: it is unknown, expired, revoked, or not for this address."

# The use is written with the look-up, when the last one is old enough: a commit every minute for each key.
_LOOK: Final = Statement.of(
    raw(
        "WITH held AS (SELECT k.id, k.name, k.hash, CASE WHEN k.old_until > now() THEN k.old_hash END AS old_hash,"
        " k.roles, k.superuser, k.allowed_ips, k.rate_limit::text AS rate_limit,"
        " extract(epoch FROM k.expires - now())::float8 AS left FROM holdfast.keys AS k WHERE k.id = "
    )
    + named("id", "text")
    + raw(" AND k.revoked IS NULL AND (k.expires IS NULL OR k.expires > now())), noted AS (UPDATE holdfast.keys AS u")
    + raw(" SET last_used = now() FROM held WHERE u.id = held.id AND ")
    + named("hash", "bytea")
    + raw(" IN (held.hash, held.old_hash) AND (u.last_used IS NULL OR u.last_used < now() - make_interval(secs => ")
    + value(USE_NOTED_SECONDS, "double precision")
    + raw("))) SELECT * FROM held")
)


class KeyLimit(msgspec.Struct, frozen=True, rename="camel"):
    """At most `max_requests` in `duration` seconds, whatever other limits say."""

    max_requests: int
    duration: int


class KnownKey(msgspec.Struct, frozen=True):
    """A key that was looked up. `seconds` are left until it expires; None if it does not."""

    principal: Principal
    networks: tuple[Network, ...] = ()
    limit: KeyLimit | None = None
    seconds: float | None = None

    def admits(self, address: str) -> bool:
        """Whether the key can be used from this address."""
        if not self.networks:
            return True
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
        found = mapped or found
        return any(found in network for network in self.networks if network.version == found.version)


async def look_up_key(engine: Engine, presented: Presented) -> KnownKey:
    """The key that was presented. Raises Unauthenticated, in the same words whatever is wrong with it."""
    with as_api_errors():
        row = await engine.pool.fetchrow(_LOOK, Inputs(named={"id": presented.id, "hash": presented.hash}))
    if row is None:
        raise Unauthenticated(REFUSED)
    hashes = [found for found in (row["hash"], row["old_hash"]) if found is not None]
    if not any(hmac.compare_digest(found, presented.hash) for found in hashes):
        raise Unauthenticated(REFUSED)
    principal = key_principal(engine.catalog, row["id"], row)
    limit = msgspec.json.decode(row["rate_limit"], type=KeyLimit) if row["rate_limit"] else None
    return KnownKey(principal, read_networks(row["allowed_ips"]), limit, row["left"])


def key_principal(catalog: Catalog, id: str, row: Row) -> Principal:
    """The principal of a key; the row has its name, its roles, and whether it is a superuser's."""
    roles = tuple(sorted(id for id in row["roles"] if id in catalog.roles_by_id))
    return Principal("superuser" if row["superuser"] else "key", name=row["name"], roles=roles, key_id=id)
