"""What was moved in from PocketBase: a later move brings what has changed there, and leaves what was changed here.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0020_system_moved"
VERSION = "1.38.0"
DESCRIPTION = "What was moved in from PocketBase"

TABLE: Final = """
-- A row for each record that came, with a digest of what PocketBase had of it then. Rows without a collection are about
-- the definition of a collection (its id), the settings (@settings) and which PocketBase it was (@origin).
CREATE TABLE holdfast.moved (
    collection_id text  NOT NULL,
    record_id     text  NOT NULL,
    digest        bytea NOT NULL,
    PRIMARY KEY (collection_id, record_id)
);
"""

BACKWARDS: Final = """
DROP TABLE holdfast.moved;
"""


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(TABLE,), backwards=(BACKWARDS,))
