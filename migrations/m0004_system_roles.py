"""The table of roles: what people and API keys may do beside what the rules of the collections say."""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0004_system_roles"
VERSION = "1.38.0"
DESCRIPTION = "The table of roles"

TABLES: Final = """
-- A part of the catalog: it is read with the collections, and a change moves the catalog's version on.
CREATE TABLE holdfast.roles (
    id text PRIMARY KEY,
    name text NOT NULL UNIQUE,
    position bigint GENERATED ALWAYS AS IDENTITY,
    definition jsonb NOT NULL DEFAULT '{}', -- description and permissions, as the API writes them but with ids
    created timestamptz NOT NULL DEFAULT now(),
    updated timestamptz NOT NULL DEFAULT now()
);
"""

BACKWARDS: Final = """
DROP TABLE holdfast.roles;
"""


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(TABLES,), backwards=(BACKWARDS,))
