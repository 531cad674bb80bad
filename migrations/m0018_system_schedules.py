"""Jobs with a priority, those that are done, and when schedules run next.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0018_system_schedules"
VERSION = "1.38.0"
DESCRIPTION = "Jobs of plugins, and schedules"

TABLES: Final = """
ALTER TABLE holdfast.jobs
    ADD COLUMN priority smallint NOT NULL DEFAULT 0, -- 1 is high, -1 is low
    ADD COLUMN started  timestamptz, -- of the attempt that runs; with a lease that has passed nobody is at it any more
    ADD COLUMN request  text NOT NULL DEFAULT ''; -- the id of the request that promised it
DROP INDEX holdfast.jobs_due;
CREATE INDEX jobs_due ON holdfast.jobs (name, priority, run_at, id) WHERE dead IS NULL;

-- What is done is kept for as long as its sort of job says, apart from what is to be done.
CREATE TABLE holdfast.jobs_done (
    id          bigint      PRIMARY KEY,
    name        text        NOT NULL,
    key         text,
    payload     jsonb       NOT NULL,
    priority    smallint    NOT NULL,
    attempts    integer     NOT NULL,
    request     text        NOT NULL,
    created     timestamptz NOT NULL,
    started     timestamptz NOT NULL,
    finished    timestamptz NOT NULL,
    kept_until  timestamptz NOT NULL
);
CREATE INDEX jobs_done_name ON holdfast.jobs_done (name, id);
CREATE INDEX jobs_done_kept ON holdfast.jobs_done (kept_until);

-- A schedule moves on in the transaction that makes the job of its time: that is how it runs once over all processes.
CREATE TABLE holdfast.schedules (
    id          text        PRIMARY KEY, -- PLUGIN.NAME
    cron        text        NOT NULL,
    timezone    text        NOT NULL,
    next_run    timestamptz NOT NULL,
    last_run    timestamptz
) WITH (fillfactor = 50);
"""

BACKWARDS: Final = """
DROP TABLE holdfast.schedules;
DROP TABLE holdfast.jobs_done;
DROP INDEX holdfast.jobs_due;
ALTER TABLE holdfast.jobs DROP COLUMN priority, DROP COLUMN started, DROP COLUMN request;
CREATE INDEX jobs_due ON holdfast.jobs (name, run_at, id) WHERE dead IS NULL;
"""


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(TABLES,), backwards=(BACKWARDS,))
