"""SQL that operators keep in the console, for themselves or for all of them.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0030_system_saved_queries"
VERSION = "1.38.0"
DESCRIPTION = "SQL that operators keep in the console"

TABLE: Final = """
CREATE TABLE holdfast.saved_queries (
    id              text        PRIMARY KEY,
    owner           text        NOT NULL,               -- Principal.key of who has made it
    name            text        NOT NULL,
    shared          boolean     NOT NULL,               -- whether the others see it, who may run it and not change it
    sql             text        NOT NULL,
    created         timestamptz NOT NULL DEFAULT now(),
    updated         timestamptz NOT NULL DEFAULT now(),
    UNIQUE (owner, name)
);
"""
BACKWARDS: Final = "DROP TABLE holdfast.saved_queries;"


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(TABLE,), backwards=(BACKWARDS,))
