"""Backups: what is known of the archives, and how far the work on one has come.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0031_system_backups"
VERSION = "1.38.0"
DESCRIPTION = "Backups"

TABLES: Final = """
-- What was read of an archive, or learned when it was made: the archives themselves are in a folder or a bucket, and
-- one that is no more as it was then (by its size and date) is read again.
CREATE TABLE holdfast.backups (
    key             text        PRIMARY KEY,
    size            bigint      NOT NULL,
    modified        timestamptz NOT NULL,
    sha256          text        NOT NULL DEFAULT '',    -- empty: nobody has read all of it yet
    manifest        jsonb,                              -- null: it cannot be read, `problem` says why
    problem         text        NOT NULL DEFAULT '',
    uploaded        boolean     NOT NULL DEFAULT false,
    verified        timestamptz,
    sound           boolean                             -- what came of the last check
);

CREATE TABLE holdfast.backup_jobs (
    id              text        PRIMARY KEY,
    kind            text        NOT NULL CHECK (kind IN ('create', 'verify', 'restore')),
    key             text        NOT NULL,
    state           text        NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'failed')),
    phase           text        NOT NULL,
    done            bigint      NOT NULL DEFAULT 0,     -- bytes
    total           bigint,
    message         text        NOT NULL DEFAULT '',
    result          jsonb,
    watch           text        NOT NULL,               -- SHA-256 of what lets somebody without a login follow it
    actor           text        NOT NULL,               -- who has begun it, in words
    started         timestamptz NOT NULL DEFAULT now(),
    beat            timestamptz NOT NULL DEFAULT now(), -- when it was last heard of
    ended           timestamptz
);
"""
BACKWARDS: Final = "DROP TABLE holdfast.backup_jobs, holdfast.backups;"


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(TABLES,), backwards=(BACKWARDS,))
