"""What there is beside the register of files: small pictures, uploads that come in pieces, and what a quota asks."""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0019_system_uploads"
VERSION = "1.38.0"
DESCRIPTION = "Small pictures and resumable uploads"

THUMBS: Final = """
-- A row for each small picture. It is there before its object, and goes with the file that it shows: who deletes the
-- file takes the keys from here first. `size` is null until the object is stored; who `claimed` it is making it, and
-- when that is long ago, was killed at it.
CREATE TABLE holdfast.thumbs (
    collection_id text        NOT NULL,
    record_id     text        NOT NULL,
    name          text        NOT NULL, -- of the file
    variant       text        NOT NULL, -- the size and how it is fitted in, and the format if one was asked for
    key           text        NOT NULL, -- of the object in the storage
    size          bigint,               -- bytes
    media_type    text        NOT NULL DEFAULT '',
    failed        text        NOT NULL DEFAULT '', -- why it could not be made
    claimed       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (collection_id, record_id, name, variant),
    FOREIGN KEY (collection_id, record_id, name) REFERENCES holdfast.files ON DELETE CASCADE
);
"""

UPLOADS: Final = """
-- A row for each upload that has begun, and is neither held by a record yet nor given up. How much of it has come, the
-- file in the data directory says, so that a killed server knows it as well as one that lives.
CREATE TABLE holdfast.uploads (
    id            text        PRIMARY KEY, -- long and random: it stands in the address, and guests have nothing else
    owner         text        NOT NULL,    -- who has begun it, and alone may go on
    collection_id text        NOT NULL,
    field_id      text        NOT NULL,
    length        bigint      NOT NULL,    -- bytes, when it is complete
    original      text        NOT NULL,    -- what its sender calls it
    expires       timestamptz NOT NULL
);
CREATE INDEX uploads_owner ON holdfast.uploads (owner);
CREATE INDEX uploads_expires ON holdfast.uploads (expires);
-- For the sums that a quota asks for, without a look at the table.
CREATE INDEX files_sizes ON holdfast.files (collection_id) INCLUDE (size);
"""

BACKWARDS: Final = """
DROP INDEX holdfast.files_sizes;
DROP TABLE holdfast.uploads;
DROP TABLE holdfast.thumbs;
"""


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(THUMBS, UPLOADS), backwards=(BACKWARDS,))
