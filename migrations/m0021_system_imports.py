"""Imports of records: what each was asked, how far it has come, what came of it.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0021_system_imports"
VERSION = "1.38.0"
DESCRIPTION = "Imports"

TABLE: Final = """
-- Tables of single imports: what was read of a file and is not written yet, and what is needed to undo one.
CREATE SCHEMA holdfast_imports;

CREATE TABLE holdfast.imports (
    id              text        PRIMARY KEY,
    collection_id   text        NOT NULL,
    owner           text        NOT NULL,               -- Principal.key of who has begun it
    context         text        NOT NULL,
    asked           jsonb       NOT NULL,
    state           text        NOT NULL DEFAULT 'reading' CHECK (state IN
                        ('reading', 'writing', 'done', 'stopped', 'failed', 'cancelled', 'undone')),
    bytes           bigint      NOT NULL DEFAULT 0,
    size            bigint,                             -- of the file, if it was told
    read            bigint      NOT NULL DEFAULT 0,
    inserted        bigint      NOT NULL DEFAULT 0,
    updated         bigint      NOT NULL DEFAULT 0,
    skipped         bigint      NOT NULL DEFAULT 0,
    failed          bigint      NOT NULL DEFAULT 0,
    errors          jsonb       NOT NULL DEFAULT '[]',
    message         text        NOT NULL DEFAULT '',
    undo            jsonb,                              -- the fields whose old values are kept, while it can be undone
    started         timestamptz NOT NULL DEFAULT now(),
    beat            timestamptz NOT NULL DEFAULT now(), -- when it was last heard of
    ended           timestamptz
);
CREATE INDEX imports_of_collection ON holdfast.imports (collection_id, id DESC);
CREATE INDEX imports_that_run ON holdfast.imports (beat) WHERE state IN ('reading', 'writing');
"""

BACKWARDS: Final = """
DROP TABLE holdfast.imports;
DROP SCHEMA holdfast_imports CASCADE;
"""


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(TABLE,), backwards=(BACKWARDS,))
