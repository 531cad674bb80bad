"""The table of rule tests: cases that say who may do what, and that changes of the rules have to keep."""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0009_system_rule_tests"
VERSION = "1.38.0"
DESCRIPTION = "The table of rule tests"

TABLES: Final = """
-- They go with their collection, since without it they say nothing.
CREATE TABLE holdfast.rule_tests (
    id text PRIMARY KEY,
    collection_id text NOT NULL REFERENCES holdfast.collections (id) ON DELETE CASCADE,
    name text NOT NULL,
    definition jsonb NOT NULL, -- who, what and the expected end, as the API writes them
    created timestamptz NOT NULL DEFAULT now(),
    updated timestamptz NOT NULL DEFAULT now(),
    UNIQUE (collection_id, name)
);
"""

BACKWARDS: Final = """
DROP TABLE holdfast.rule_tests;
"""


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(TABLES,), backwards=(BACKWARDS,))
