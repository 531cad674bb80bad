"""When the person behind a session of the console has last shown who they are: what cannot be undone asks for that.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0028_system_proofs"
VERSION = "1.38.0"
DESCRIPTION = "When the owner of a session of the console has last shown who they are"

# Null is a session that is not the console's: programs cannot be asked for a password.
PROVED: Final = "ALTER TABLE holdfast.sessions ADD COLUMN proved timestamptz;"
BACKWARDS: Final = "ALTER TABLE holdfast.sessions DROP COLUMN proved;"


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(PROVED,), backwards=(BACKWARDS,))
