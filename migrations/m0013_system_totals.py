"""How much was done in all: the counters that metrics tell, which outlive every process.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0013_system_totals"
VERSION = "1.38.0"
DESCRIPTION = "Totals"

TABLE: Final = """
-- A few rows that change often: there is place beside each for the next version of it.
CREATE TABLE holdfast.totals (
    name            text        NOT NULL, -- what was done: jobs, webhook_deliveries
    label           text        NOT NULL DEFAULT '', -- which sort of it
    outcome         text        NOT NULL, -- how it ended
    value           bigint      NOT NULL,
    PRIMARY KEY (name, label, outcome)
) WITH (fillfactor = 20, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
"""

BACKWARDS: Final = """
DROP TABLE holdfast.totals;
"""


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(TABLE,), backwards=(BACKWARDS,))
