"""What has to hold once other roles than the server's may write records: those of the SQL console.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0024_system_sql_console"
VERSION = "1.38.0"
DESCRIPTION = "Roles of the SQL console"

GUARDED: Final = """
-- It works with the rights of its owner and is no trigger, so anybody who can name it could call it.
REVOKE EXECUTE ON FUNCTION holdfast.files_move(text, text, text, text[], text, text[], text) FROM PUBLIC;

-- What goes along with an account goes whoever has deleted it: that needs rights that only the server's role has.
ALTER FUNCTION holdfast.account_gone() SECURITY DEFINER;
ALTER FUNCTION holdfast.account_renewed() SECURITY DEFINER;
"""

BACKWARDS: Final = """
ALTER FUNCTION holdfast.account_renewed() SECURITY INVOKER;
ALTER FUNCTION holdfast.account_gone() SECURITY INVOKER;
GRANT EXECUTE ON FUNCTION holdfast.files_move(text, text, text, text[], text, text[], text) TO PUBLIC;
"""


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(GUARDED,), backwards=(BACKWARDS,))
