"""The system tables as they are first made: the catalog, the trash, settings, kept answers.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0001_system_initial"
VERSION = "1.38.0"
DESCRIPTION = "The catalog, the trash, settings, kept answers"

TABLES: Final = """
-- What each collection is; `definition` holds all of it, the other columns are for looking up.
CREATE TABLE holdfast.collections (
    id          text        PRIMARY KEY,
    name        text        NOT NULL UNIQUE,
    type        text        NOT NULL CHECK (type IN ('base', 'auth', 'view')),
    system      boolean     NOT NULL DEFAULT false,
    position    bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    definition  jsonb       NOT NULL,
    created     timestamptz NOT NULL DEFAULT now(),
    updated     timestamptz NOT NULL DEFAULT now()
);

-- One row: grows by one with every change of the collections, in the transaction of the change.
CREATE TABLE holdfast.catalog (
    single      boolean     PRIMARY KEY DEFAULT true CHECK (single),
    version     bigint      NOT NULL DEFAULT 0
);
INSERT INTO holdfast.catalog DEFAULT VALUES;

-- What a change dropped: the data is in holdfast_trash.<table_name>, the rest in `definition`.
CREATE SCHEMA holdfast_trash;
CREATE TABLE holdfast.trash (
    id              text        PRIMARY KEY,
    kind            text        NOT NULL CHECK (kind IN ('collection', 'field', 'values')),
    collection_id   text        NOT NULL,
    collection_name text        NOT NULL,
    field_id        text,
    field_name      text,
    definition      jsonb       NOT NULL,
    table_name      text        NOT NULL,
    rows            bigint      NOT NULL,
    bytes           bigint      NOT NULL,
    dropped         timestamptz NOT NULL DEFAULT now(),
    expires         timestamptz NOT NULL
);
CREATE INDEX trash_expires ON holdfast.trash (expires);

CREATE TABLE holdfast.settings (
    key         text        PRIMARY KEY,
    value       jsonb       NOT NULL,
    updated     timestamptz NOT NULL DEFAULT now()
);

-- The server's own key: signs cursors and links. Two random UUIDs hold 244 random bits, and need no extension.
INSERT INTO holdfast.settings (key, value)
VALUES ('secret', to_jsonb(encode(
    sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')), 'base64')));

-- Answers to requests that carried an Idempotency-Key, given again when the key comes again.
CREATE TABLE holdfast.idempotency (
    principal   text        NOT NULL,
    key         text        NOT NULL,
    fingerprint bytea       NOT NULL,
    status      integer     NOT NULL,
    headers     jsonb       NOT NULL DEFAULT '{}',
    body        bytea       NOT NULL,
    created     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (principal, key)
);
CREATE INDEX idempotency_created ON holdfast.idempotency (created);
"""

# The tables of the collections stay.
BACKWARDS: Final = """
DROP SCHEMA holdfast_trash CASCADE;
DROP TABLE holdfast.idempotency, holdfast.settings, holdfast.trash, holdfast.catalog, holdfast.collections;
"""


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(TABLES,), backwards=(BACKWARDS,))
