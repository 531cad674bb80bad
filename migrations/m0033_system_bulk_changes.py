"""Changes of many records that are done as jobs: what each was asked, how far it is, and what it has still to write.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0033_system_bulk_changes"
VERSION = "1.38.0"
DESCRIPTION = "Changes of many records as jobs"

TABLE: Final = """
CREATE TABLE holdfast.bulk_changes (
    id              text        PRIMARY KEY,
    collection_id   text        NOT NULL,
    promised        jsonb       NOT NULL,               -- who asked for what, in which request
    state           text        NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'failed', 'cancelled')),
    matched         bigint      NOT NULL,
    done            bigint      NOT NULL DEFAULT 0,
    skipped         bigint      NOT NULL DEFAULT 0,
    failed          bigint      NOT NULL DEFAULT 0,
    told            jsonb       NOT NULL DEFAULT '[]',  -- why records were skipped, or failed: the first of them
    message         text        NOT NULL DEFAULT '',
    started         timestamptz NOT NULL DEFAULT now(),
    beat            timestamptz NOT NULL DEFAULT now(), -- when it was last heard of
    ended           timestamptz
);
CREATE INDEX bulk_changes_of_collection ON holdfast.bulk_changes (collection_id, id DESC);
CREATE INDEX bulk_changes_that_run ON holdfast.bulk_changes (id) WHERE state = 'running';

-- The records that a change has still to write, some hundred in a row: a row goes in the transaction that writes them.
CREATE TABLE holdfast.bulk_chunks (
    bulk            text        NOT NULL REFERENCES holdfast.bulk_changes ON DELETE CASCADE,
    place           integer     NOT NULL,
    ids             text[]      NOT NULL,
    PRIMARY KEY (bulk, place)
);
"""

BACKWARDS: Final = """
DROP TABLE holdfast.bulk_chunks;
DROP TABLE holdfast.bulk_changes;
"""


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(TABLE,), backwards=(BACKWARDS,))
