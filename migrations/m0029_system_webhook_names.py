"""What the collections of a webhook were called when it was saved: for those that are deleted later.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0029_system_webhook_names"
VERSION = "1.38.0"
DESCRIPTION = "What the collections of a webhook were called"

NAMES: Final = "ALTER TABLE holdfast.webhooks ADD COLUMN names jsonb NOT NULL DEFAULT '{}';"
BACKWARDS: Final = "ALTER TABLE holdfast.webhooks DROP COLUMN names;"


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(NAMES,), backwards=(BACKWARDS,))
