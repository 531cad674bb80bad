"""Accounts that were blocked: nobody logs in to them, whatever else holds.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0022_system_blocks"
VERSION = "1.38.0"
DESCRIPTION = "Blocked accounts"

TABLE: Final = """
CREATE TABLE holdfast.blocks (
    collection_id text        NOT NULL,
    record_id     text        NOT NULL,
    reason        text        NOT NULL DEFAULT '',
    since         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (collection_id, record_id)
);
"""

FUNCTION: Final = """
-- As m0008_system_logins.py has it, and with blocks.
CREATE OR REPLACE FUNCTION holdfast.account_gone() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    owned text;
    kept text;
BEGIN
    FOREACH owned IN ARRAY ARRAY['_externalAuths', '_mfas', '_otps', '_authOrigins'] LOOP
        IF TG_OP = 'TRUNCATE' THEN
            EXECUTE format('DELETE FROM public.%I WHERE "collectionRef" = $1', owned) USING TG_ARGV[0];
        ELSE
            EXECUTE format('DELETE FROM public.%I AS held USING gone WHERE held."collectionRef" = $1'
                ' AND held."recordRef" = gone.id', owned) USING TG_ARGV[0];
        END IF;
    END LOOP;
    FOREACH kept IN ARRAY ARRAY['auth_mails', 'sessions', 'totps', 'passkeys', 'challenges', 'blocks'] LOOP
        IF TG_OP = 'TRUNCATE' THEN
            EXECUTE format('DELETE FROM holdfast.%I WHERE collection_id = $1', kept) USING TG_ARGV[0];
        ELSE
            EXECUTE format('DELETE FROM holdfast.%I AS held USING gone WHERE held.collection_id = $1'
                ' AND held.record_id = gone.id', kept) USING TG_ARGV[0];
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
"""

BEFORE: Final = """
-- As it was.
CREATE OR REPLACE FUNCTION holdfast.account_gone() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    owned text;
    kept text;
BEGIN
    FOREACH owned IN ARRAY ARRAY['_externalAuths', '_mfas', '_otps', '_authOrigins'] LOOP
        IF TG_OP = 'TRUNCATE' THEN
            EXECUTE format('DELETE FROM public.%I WHERE "collectionRef" = $1', owned) USING TG_ARGV[0];
        ELSE
            EXECUTE format('DELETE FROM public.%I AS held USING gone WHERE held."collectionRef" = $1'
                ' AND held."recordRef" = gone.id', owned) USING TG_ARGV[0];
        END IF;
    END LOOP;
    FOREACH kept IN ARRAY ARRAY['auth_mails', 'sessions', 'totps', 'passkeys', 'challenges'] LOOP
        IF TG_OP = 'TRUNCATE' THEN
            EXECUTE format('DELETE FROM holdfast.%I WHERE collection_id = $1', kept) USING TG_ARGV[0];
        ELSE
            EXECUTE format('DELETE FROM holdfast.%I AS held USING gone WHERE held.collection_id = $1'
                ' AND held.record_id = gone.id', kept) USING TG_ARGV[0];
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

DROP TABLE holdfast.blocks;
"""


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(TABLE, FUNCTION), backwards=(BEFORE,))
