"""What statements say whose times are in the history; how many requests API keys make; what superusers prefer.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0035_system_small_tables"
VERSION = "1.38.0"
DESCRIPTION = "Statements that took long, requests of API keys, preferences of superusers"

TABLES: Final = """
CREATE TABLE holdfast.statements (
    id              text        PRIMARY KEY, -- the digest of the whole text, by which the measures name it
    text            text        NOT NULL,    -- with places for values, and without them; cut if it is very long
    seen            timestamptz NOT NULL     -- to within a day
);

CREATE TABLE holdfast.key_uses (
    key_id          text        NOT NULL,
    day             date        NOT NULL, -- UTC
    requests        bigint      NOT NULL,
    PRIMARY KEY (key_id, day)
);

CREATE TABLE holdfast.preferences (
    account         text        PRIMARY KEY, -- the id of a superuser
    chosen          jsonb       NOT NULL -- holdfast/console/preferences.py
);
"""
BACKWARDS: Final = "DROP TABLE holdfast.statements, holdfast.key_uses, holdfast.preferences;"


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(TABLES,), backwards=(BACKWARDS,))
