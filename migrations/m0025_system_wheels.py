"""Wheels of the Python client that were handed out.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0025_system_wheels"
VERSION = "1.38.0"
DESCRIPTION = "Wheels of the Python client"

TABLE: Final = """
CREATE TABLE holdfast.sdk_wheels (
    file     text        PRIMARY KEY,
    project  text        NOT NULL,
    version  text        NOT NULL,
    whole    boolean     NOT NULL,   -- it knows what is for superusers
    sha256   text        NOT NULL,
    size     integer     NOT NULL,
    metadata bytea       NOT NULL,
    body     bytea       NOT NULL,
    made     timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE holdfast.sdk_wheels ALTER COLUMN body SET STORAGE EXTERNAL; -- a zip does not become smaller
CREATE INDEX sdk_wheels_of_project ON holdfast.sdk_wheels (project, whole, made);
"""

BACKWARDS: Final = """
DROP TABLE holdfast.sdk_wheels;
"""


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(TABLE,), backwards=(BACKWARDS,))
