"""What is measured, minute by minute; the processes there are and were; and how many records collections had.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0032_system_measures"
VERSION = "1.38.0"
DESCRIPTION = "The history of metrics, the processes, and the sizes of collections"

TABLES: Final = """
-- What happened in a stretch of time: of one process, or with an empty one of the database or of all processes.
CREATE TABLE holdfast.measures (
    step            integer     NOT NULL, -- how long the stretch is, in seconds
    at              timestamptz NOT NULL, -- when it begins
    process         text        NOT NULL,
    figures         text        NOT NULL, -- JSON: holdfast/metrics/figures.py
    PRIMARY KEY (step, at, process)
);

-- A row changes every few seconds: there is place beside it for its next version.
CREATE TABLE holdfast.processes (
    id              text        PRIMARY KEY,
    role            text        NOT NULL, -- serve or worker
    host            text        NOT NULL,
    pid             integer     NOT NULL,
    worker          integer     NOT NULL, -- its number among those of its server
    version         text        NOT NULL,
    background      boolean     NOT NULL, -- whether it does jobs
    started         timestamptz NOT NULL,
    seen            timestamptz NOT NULL,
    ended           timestamptz,          -- when it said that it ends; one that was killed does not
    doing           text        NOT NULL  -- JSON
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
CREATE INDEX processes_started ON holdfast.processes (started);

CREATE TABLE holdfast.collection_sizes (
    day             date        NOT NULL,
    collection      text        NOT NULL, -- its id
    rows            bigint      NOT NULL,
    exact           boolean     NOT NULL, -- whether they were counted, and not estimated
    PRIMARY KEY (day, collection)
);
"""
BACKWARDS: Final = "DROP TABLE holdfast.measures, holdfast.processes, holdfast.collection_sizes;"


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(TABLES,), backwards=(BACKWARDS,))
