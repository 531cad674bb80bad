"""What clients call themselves, in the audit log.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0036_system_audit_client"
VERSION = "1.38.0"
DESCRIPTION = "What clients call themselves, in the audit log"

# The triggers that write about accounts name no client: they find it where the transaction says who changes what.
COLUMN: Final = """
CREATE FUNCTION holdfast.told_client() RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce(left(current_setting('holdfast.context', true)::jsonb ->> 'client', 64), '');
EXCEPTION WHEN others THEN
    RETURN ''; -- somebody has set it to something of their own
END $$;
ALTER TABLE holdfast.audit ADD COLUMN client text NOT NULL DEFAULT '';
ALTER TABLE holdfast.audit ALTER COLUMN client SET DEFAULT holdfast.told_client();
"""
BACKWARDS: Final = """
ALTER TABLE holdfast.audit DROP COLUMN client;
DROP FUNCTION holdfast.told_client();
"""


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(COLUMN,), backwards=(BACKWARDS,))
