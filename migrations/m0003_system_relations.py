"""The functions that keep relations to many whole, as foreign keys keep the others.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0003_system_relations"
VERSION = "1.38.0"
DESCRIPTION = "The functions that keep relations to many whole"

FUNCTIONS: Final = """
-- Relations to many are arrays of ids, which no foreign key can watch: triggers do it. What a foreign key checks at the
-- end of a transaction, they can check then too (SET CONSTRAINTS), and they raise what a foreign key raises. That an id
-- which comes into a list is there is checked by a function of the field's own (server/holdfast/collections/parts.py).

-- AFTER DELETE on the target, for each statement: takes all ids that are gone out of the lists at once. Arguments: the
-- holding collection as quoted and qualified name, column, and whether a row whose list becomes empty goes ('cascade')
-- or stays ('clear').
CREATE FUNCTION holdfast.keep_many_gone() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    ids text[] := ARRAY(SELECT id FROM gone);
BEGIN
    IF cardinality(ids) = 0 THEN
        RETURN NULL;
    END IF;
    IF TG_ARGV[2] = 'cascade' THEN
        EXECUTE format('DELETE FROM %s AS source WHERE source.%2$I && $1 AND source.%2$I <@ $1', TG_ARGV[0], TG_ARGV[1])
            USING ids;
    END IF;
    EXECUTE format('UPDATE %s AS source SET %2$I = ARRAY(SELECT one.id FROM unnest(source.%2$I) WITH ORDINALITY'
        ' AS one (id, place) WHERE one.id <> ALL ($1) ORDER BY one.place) WHERE source.%2$I && $1',
        TG_ARGV[0], TG_ARGV[1]) USING ids;
    RETURN NULL;
END $$;

-- AFTER DELETE on the target, for each row and as a constraint trigger that can wait for the commit: refuses the delete
-- when a list would become empty. BEFORE TRUNCATE: refuses it when there is a list at all, since that can wait for
-- nothing. Arguments: the holding collection as quoted and qualified name, column, constraint.
CREATE FUNCTION holdfast.keep_many_needed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    held boolean;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM %s AS source WHERE source.%I <> ''{}'')', TG_ARGV[0], TG_ARGV[1])
            INTO held;
    ELSE
        EXECUTE format('SELECT EXISTS (SELECT FROM %s AS source WHERE source.%2$I @> ARRAY[($1).id]'
            ' AND source.%2$I <@ ARRAY[($1).id])', TG_ARGV[0], TG_ARGV[1]) INTO held USING OLD;
        EXECUTE format('UPDATE %s AS source SET %2$I = array_remove(source.%2$I, ($1).id) '
            'WHERE source.%2$I @> ARRAY[($1).id]', TG_ARGV[0], TG_ARGV[1]) USING OLD;
    END IF;
    IF held THEN
        RAISE foreign_key_violation USING
            MESSAGE = format('a list in %s needs what is deleted', TG_ARGV[0]),
            SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, CONSTRAINT = TG_ARGV[2];
    END IF;
    RETURN NULL;
END $$;
"""

# The triggers that call them go with them.
BACKWARDS: Final = """
DROP FUNCTION holdfast.keep_many_gone(), holdfast.keep_many_needed() CASCADE;
"""


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(FUNCTIONS,), backwards=(BACKWARDS,))
