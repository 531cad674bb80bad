"""A collection that is emptied lets go of its own files, and not of those of one that was dropped and had its id.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0027_system_emptied"
VERSION = "1.38.0"
DESCRIPTION = "Files of collections that were dropped and made anew"

EMPTIED: Final = """
CREATE OR REPLACE FUNCTION holdfast.files_all_unused() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
    UPDATE holdfast.files AS f SET unused = now() WHERE f.collection_id = TG_ARGV[0] AND f.unused IS NULL
       AND NOT EXISTS (SELECT FROM holdfast.trash AS t WHERE t.kind = 'collection'
                          AND t.collection_id = f.collection_id AND f.created <= t.dropped);
    RETURN NULL;
END $$;
"""

BACKWARDS: Final = """
CREATE OR REPLACE FUNCTION holdfast.files_all_unused() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
    UPDATE holdfast.files AS f SET unused = now() WHERE f.collection_id = TG_ARGV[0] AND f.unused IS NULL;
    RETURN NULL;
END $$;
"""


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(EMPTIED,), backwards=(BACKWARDS,))
