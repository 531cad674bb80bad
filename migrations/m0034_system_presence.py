"""Which records are open in pages of the console, for some seconds each: nothing of it outlives a crash.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0034_system_presence"
VERSION = "1.38.0"
DESCRIPTION = "Who has a record open in the console"

TABLE: Final = """
CREATE UNLOGGED TABLE holdfast.presence (
    page            text        NOT NULL,               -- of a browser, by an id that it has made up
    collection_id   text        NOT NULL,
    record_id       text        NOT NULL,
    owner           text        NOT NULL,               -- Principal.key of who looks at it
    account         text        NOT NULL,               -- the id of their record among the superusers; empty for a key
    name            text        NOT NULL,               -- of a key
    writes          boolean     NOT NULL,
    seen            timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (page, collection_id, record_id)
);
CREATE INDEX presence_at_record ON holdfast.presence (collection_id, record_id);
"""
BACKWARDS: Final = "DROP TABLE holdfast.presence;"


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(TABLE,), backwards=(BACKWARDS,))
