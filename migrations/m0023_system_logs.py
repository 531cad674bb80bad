"""The log that is kept for a while, and how what one request has done is found.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0023_system_logs"
VERSION = "1.38.0"
DESCRIPTION = "The kept log"

TABLE: Final = """
-- A partition holds a day; it is made when its first line comes.
CREATE TABLE holdfast.logs (
    id              text        NOT NULL,
    created         timestamptz NOT NULL,
    level           smallint    NOT NULL, -- -4 debug, 0 info, 4 warning, 8 error
    message         text        NOT NULL,
    request         text        NOT NULL, -- the id of the request; empty for what belongs to none
    data            jsonb       NOT NULL,
    PRIMARY KEY (id, created)
) PARTITION BY RANGE (created);
CREATE INDEX logs_created ON holdfast.logs (created, id);
CREATE INDEX logs_request ON holdfast.logs (request) WHERE request <> '';
"""

FINDING: Final = """
CREATE INDEX audit_request ON holdfast.audit (request) WHERE request <> '';
-- These tables grow at their ends, in the order of time: such an index costs a write next to nothing.
CREATE INDEX events_relayed ON holdfast.events USING brin (relayed) WITH (pages_per_range = 32);
CREATE INDEX deliveries_created ON holdfast.deliveries USING brin (created) WITH (pages_per_range = 32);
"""

BACKWARDS: Final = """
DROP INDEX holdfast.deliveries_created, holdfast.events_relayed, holdfast.audit_request;
DROP TABLE holdfast.logs;
"""


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(TABLE, FINDING), backwards=(BACKWARDS,))
