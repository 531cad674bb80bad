"""What logging in keeps beside the collections: attempts that failed, mails that were asked for, and what goes along.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0008_system_logins"
VERSION = "1.38.0"
DESCRIPTION = "Failed logins, mails that were asked for, and what goes with an account"

TABLES: Final = """
-- Failed logins of late, by the hash of what they are counted under. Unlogged: a crash may forget them, and a login
-- waits for no disk.
CREATE UNLOGGED TABLE holdfast.attempts (
    key             bytea       PRIMARY KEY,
    failures        integer     NOT NULL,
    until           timestamptz NOT NULL
);
CREATE INDEX attempts_until ON holdfast.attempts (until);

-- When a record was last sent a mail of a sort, so that nobody can have it flooded.
CREATE TABLE holdfast.auth_mails (
    collection_id   text        NOT NULL,
    record_id       text        NOT NULL,
    sort            text        NOT NULL CHECK (sort IN ('verification', 'passwordReset', 'emailChange', 'otp')),
    sent            timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (collection_id, record_id, sort)
);
CREATE INDEX auth_mails_sent ON holdfast.auth_mails (sent);
"""

FUNCTIONS: Final = """
-- AFTER DELETE on an auth collection, for each statement, and AFTER TRUNCATE: takes along what the accounts that are
-- gone had to log in with, whoever deleted them. Argument: the id of the collection.
CREATE FUNCTION holdfast.account_gone() RETURNS trigger
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

-- AFTER UPDATE OF "tokenKey", for each row: what was begun before counts no more, and with a new password no place is
-- known any more. Argument: the id of the collection.
CREATE FUNCTION holdfast.account_renewed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    DELETE FROM public."_mfas" WHERE "collectionRef" = TG_ARGV[0] AND "recordRef" = NEW.id;
    DELETE FROM public."_otps" WHERE "collectionRef" = TG_ARGV[0] AND "recordRef" = NEW.id;
    IF OLD.password IS DISTINCT FROM NEW.password THEN
        DELETE FROM public."_authOrigins" WHERE "collectionRef" = TG_ARGV[0] AND "recordRef" = NEW.id;
    END IF;
    RETURN NULL;
END $$;
"""

BACKWARDS: Final = """
DROP FUNCTION holdfast.account_gone(), holdfast.account_renewed() CASCADE;
DROP TABLE holdfast.attempts, holdfast.auth_mails;
"""


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(TABLES, FUNCTIONS), backwards=(BACKWARDS,))
