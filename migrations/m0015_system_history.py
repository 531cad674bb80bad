"""The history of records: their versions, and the names that fields had in them.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0015_system_history"
VERSION = "1.38.0"
DESCRIPTION = "The history of records"

TABLES: Final = """
-- What the log says of a collection's records from one number of the outbox to another: `names` are the names of the
-- fields by their ids and types. The last row of a collection that keeps a history has no `last`. What is there since
-- `began` has no gap in it.
CREATE TABLE holdfast.history_shapes (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    collection_id   text        NOT NULL,
    names           jsonb       NOT NULL,
    first           bigint      NOT NULL,
    last            bigint,
    began           timestamptz NOT NULL
);
CREATE UNIQUE INDEX history_shapes_open ON holdfast.history_shapes (collection_id) WHERE last IS NULL;
CREATE INDEX history_shapes_collection ON holdfast.history_shapes (collection_id, id);

-- The versions. The relay writes them together with the events that they come from. A partition holds a month, by the
-- clock of the database when it was written. In a redacted version values are missing that it once had.
CREATE SEQUENCE holdfast.history_id_seq;
CREATE TABLE holdfast.history (
    id              bigint      NOT NULL DEFAULT nextval('holdfast.history_id_seq'),
    relayed         timestamptz NOT NULL DEFAULT now(),
    seq             bigint, -- of the event; null for the mark that a redaction leaves
    at              timestamptz NOT NULL,
    collection_id   text        NOT NULL,
    record_id       text        NOT NULL, -- empty for what happened to all of them
    shape           bigint      NOT NULL,
    action          text        NOT NULL, -- created, updated, deleted, truncated, redacted
    record          jsonb, -- after the change; of a deletion: before it
    previous        jsonb, -- what an update has changed, as it was
    context         text,
    redacted        text[]      NOT NULL DEFAULT '{}', -- ids of fields, or * for all
    PRIMARY KEY (id, relayed)
) PARTITION BY RANGE (relayed);
CREATE INDEX history_record ON holdfast.history (collection_id, record_id, id);
ALTER SEQUENCE holdfast.history_id_seq OWNED BY holdfast.history.id;
"""

BACKWARDS: Final = """
DROP TABLE holdfast.history, holdfast.history_shapes;
"""


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(TABLES,), backwards=(BACKWARDS,))
