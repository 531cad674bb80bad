"""The queue of jobs: work that was promised in a transaction and is done after it.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0007_system_jobs"
VERSION = "1.38.0"
DESCRIPTION = "The queue of jobs"

TABLES: Final = """
-- A job that is done is deleted. One that runs has its lease in `run_at`: when that passes, it is due again.
CREATE TABLE holdfast.jobs (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text        NOT NULL, -- which handler does it
    key         text, -- of jobs with one key at most one waits for its first attempt
    payload     jsonb       NOT NULL DEFAULT '{}',
    run_at      timestamptz NOT NULL DEFAULT now(),
    attempts    integer     NOT NULL DEFAULT 0, -- begun ones; also tells a late finisher that it has lost the job
    error       text, -- of the last attempt
    dead        timestamptz, -- since when nothing tries it any more
    created     timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);
CREATE INDEX jobs_due ON holdfast.jobs (name, run_at, id) WHERE dead IS NULL;
CREATE UNIQUE INDEX jobs_key ON holdfast.jobs (name, key) WHERE attempts = 0 AND dead IS NULL;
CREATE INDEX jobs_dead ON holdfast.jobs (dead) WHERE dead IS NOT NULL;
"""

BACKWARDS: Final = """
DROP TABLE holdfast.jobs;
"""


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(TABLES,), backwards=(BACKWARDS,))
