"""The event log: what triggers write, what is numbered, and where the numbers stand.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0010_system_events"
VERSION = "1.38.0"
DESCRIPTION = "The event log"

TABLES: Final = """
-- What the triggers of the collections write, in the transaction of the change. The relay takes it out again within a
-- fraction of a second, so it is nearly always empty. JSON is kept as text: nothing that somebody puts here can stop
-- the relay, and whoever reads the log parses it anyway. The default of `at` is not now(), which is the time when the
-- transaction began. The numbers are taken after the locks of the rows (so never give the sequence a cache): of two
-- changes of one row the later one has the higher.
CREATE TABLE holdfast.outbox (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    type            text        NOT NULL, -- posts.created
    collection_id   text,
    collection      text, -- its name then
    record_id       text,
    record          text, -- as the API writes it, without what is hidden
    previous        text, -- what an update has changed, as it was
    context         text -- who, and in which request: the setting holdfast.context
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);

-- The log. `seq` is dense, and grows in the order in which events can be seen: whoever has read up to one has missed
-- none before it. A partition holds a day, by the clock of the database when the events were numbered.
CREATE TABLE holdfast.events (
    seq             bigint      NOT NULL,
    relayed         timestamptz NOT NULL,
    id              uuid        NOT NULL,
    at              timestamptz NOT NULL,
    type            text        NOT NULL,
    collection_id   text,
    collection      text,
    record_id       text,
    record          text,
    previous        text,
    context         text,
    whole           boolean     NOT NULL, -- false: the record was too large, `record` and `previous` have no values
    PRIMARY KEY (seq, relayed)
) PARTITION BY RANGE (relayed);

-- One row: which number is the newest, which the oldest that is kept, and of which database. When `origin` is no more
-- what PostgreSQL says of itself, the database was restored or failed over, and the log gets a new epoch.
CREATE TABLE holdfast.stream (
    single          boolean     PRIMARY KEY DEFAULT true CHECK (single),
    epoch           text        NOT NULL,
    seq             bigint      NOT NULL DEFAULT 0,
    oldest          bigint      NOT NULL DEFAULT 1,
    origin          text        NOT NULL DEFAULT ''
) WITH (fillfactor = 10);
INSERT INTO holdfast.stream (epoch) VALUES (left(replace(gen_random_uuid()::text, '-', ''), 12));
"""

# The triggers of the collections go with the functions that they call.
BACKWARDS: Final = """
DO $$ DECLARE
    one regprocedure;
BEGIN
    FOR one IN SELECT oid FROM pg_catalog.pg_proc
        WHERE pronamespace = 'holdfast'::regnamespace AND proname LIKE 'hf\\_ev\\_%' LOOP
        EXECUTE format('DROP FUNCTION %s CASCADE', one);
    END LOOP;
END $$;
DROP TABLE holdfast.stream, holdfast.events, holdfast.outbox;
"""


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(TABLES,), backwards=(BACKWARDS,))
