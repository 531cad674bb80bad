"""The table of API keys."""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0005_system_keys"
VERSION = "1.38.0"
DESCRIPTION = "The table of API keys"

TABLES: Final = """
CREATE TABLE holdfast.keys (
    id text PRIMARY KEY,
    name text NOT NULL,
    hash bytea NOT NULL, -- SHA-256 of the secret, which has 256 random bits: nothing slower is needed
    old_hash bytea, -- of the secret before the last rotation, which is good until old_until
    old_until timestamptz,
    roles text[] NOT NULL DEFAULT '{}', -- ids
    superuser boolean NOT NULL DEFAULT false,
    expires timestamptz,
    allowed_ips text[] NOT NULL DEFAULT '{}', -- addresses and networks; empty is everywhere
    rate_limit jsonb, -- maxRequests and duration in seconds
    last_used timestamptz,
    revoked timestamptz,
    created timestamptz NOT NULL DEFAULT now(),
    updated timestamptz NOT NULL DEFAULT now()
);
"""

BACKWARDS: Final = """
DROP TABLE holdfast.keys;
"""


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(TABLES,), backwards=(BACKWARDS,))
