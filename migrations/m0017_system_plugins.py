"""How far each plugin has come in the log of events.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0017_system_plugins"
VERSION = "1.38.0"
DESCRIPTION = "Plugins"

TABLE: Final = """
-- The place moves in the transaction in which a plugin was offered the event after it.
CREATE TABLE holdfast.plugin_cursors (
    plugin          text        PRIMARY KEY,
    epoch           text        NOT NULL,
    seq             bigint      NOT NULL,
    moved           timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
"""

BACKWARDS: Final = """
DROP TABLE holdfast.plugin_cursors;
"""


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(TABLE,), backwards=(BACKWARDS,))
