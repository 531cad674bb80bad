"""The register of stored files, and what keeps it in step with the records that hold them.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0016_system_files"
VERSION = "1.38.0"
DESCRIPTION = "The register of stored files"

TABLE: Final = """
-- A row for each object in the storage. It is made before the object and deleted after it, so that no object is ever
-- without one, whatever is killed when. `unused` is since when no record holds the file: a new one is unused until the
-- transaction of its record commits, and what stays unused is deleted after a while.
CREATE TABLE holdfast.files (
    collection_id text        NOT NULL,
    record_id     text        NOT NULL,
    name          text        NOT NULL, -- as the record holds it, and as it stands in the file's address
    field_id      text        NOT NULL,
    key           text        NOT NULL, -- of the object in the storage
    size          bigint      NOT NULL, -- bytes
    media_type    text        NOT NULL, -- found in its bytes
    original      text        NOT NULL DEFAULT '', -- what its sender called it
    created       timestamptz NOT NULL DEFAULT now(),
    unused        timestamptz DEFAULT now(),
    PRIMARY KEY (collection_id, record_id, name)
);
CREATE INDEX files_unused ON holdfast.files (unused) WHERE unused IS NOT NULL;
"""

FOLLOWING: Final = """
-- Called by the trigger functions of file fields (server/holdfast/collections/file_parts.py) for each row: what the
-- field held and holds. A file that comes into a record has to be one that was stored for it, or the write is refused,
-- as by a foreign key.
CREATE FUNCTION holdfast.files_move(collection text, field text, old_id text, old_names text[],
    new_id text, new_names text[], the_constraint text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    gone text[] := ARRAY(SELECT unnest(old_names) EXCEPT SELECT unnest(CASE WHEN old_id = new_id THEN new_names END));
    come text[] := ARRAY(SELECT unnest(new_names) EXCEPT SELECT unnest(CASE WHEN old_id = new_id THEN old_names END));
    held bigint;
BEGIN
    IF cardinality(gone) > 0 THEN
        UPDATE holdfast.files AS f SET unused = now()
            WHERE f.collection_id = collection AND f.record_id = old_id AND f.name = ANY (gone);
    END IF;
    IF cardinality(come) > 0 THEN
        UPDATE holdfast.files AS f SET unused = NULL, field_id = field
            WHERE f.collection_id = collection AND f.record_id = new_id AND f.name = ANY (come);
        GET DIAGNOSTICS held = ROW_COUNT;
        IF held < cardinality(come) THEN
            RAISE foreign_key_violation USING
                MESSAGE = 'a record is to hold a file that was not stored for it', CONSTRAINT = the_constraint;
        END IF;
    END IF;
END $$;

-- AFTER TRUNCATE. Argument: the id of the collection.
CREATE FUNCTION holdfast.files_all_unused() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
    UPDATE holdfast.files AS f SET unused = now() WHERE f.collection_id = TG_ARGV[0] AND f.unused IS NULL;
    RETURN NULL;
END $$;
"""

BACKWARDS: Final = """
DROP FUNCTION holdfast.files_all_unused() CASCADE;
DROP FUNCTION holdfast.files_move(text, text, text, text[], text, text[], text);
DROP TABLE holdfast.files;
"""


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(TABLE, FOLLOWING), backwards=(BACKWARDS,))
