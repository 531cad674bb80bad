"""What the tests take away or put beside it, so that a check has a loss to find: triggers in the database, and no hook
in the product."""

from typing import Any

from reliability.site import Site

# A log as it is often built: a number of an identity, taken when the row is written.
NAIVE_LOG = """
    CREATE TABLE public.naive_log (
        id bigint GENERATED ALWAYS AS IDENTITY, xid xid8 NOT NULL DEFAULT pg_current_xact_id(), record_id text
    );
    CREATE INDEX ON public.naive_log (id);
    CREATE INDEX ON public.naive_log (xid, id);
    CREATE FUNCTION public.naive_capture() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO public.naive_log (record_id) VALUES (NEW.id); RETURN NULL; END $$;
    CREATE TRIGGER naive AFTER INSERT OR UPDATE ON public.{table} FOR EACH ROW EXECUTE FUNCTION public.naive_capture();
"""
BY_IDENTITY = "SELECT id FROM public.naive_log WHERE id > $1 ORDER BY id"
BY_HORIZON = """
    SELECT id, xid::text::bigint AS xid FROM public.naive_log
     WHERE (xid, id) > ($1::bigint::text::xid8, $2::bigint) AND xid < pg_snapshot_xmin(pg_current_snapshot())
     ORDER BY xid, id
"""

# A sender that writes down that it has delivered before it sends.
DONE_AT_CLAIM = """
    CREATE FUNCTION public.done_at_claim() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN NEW.state := 2; NEW.finished := now(); RETURN NEW; END $$;
    CREATE TRIGGER done_at_claim BEFORE UPDATE ON holdfast.deliveries
        FOR EACH ROW WHEN (NEW.state = 1) EXECUTE FUNCTION public.done_at_claim();
"""

# A database that acknowledges what it has only in memory.
NO_SYNCHRONOUS_COMMIT = (
    "ALTER SYSTEM SET synchronous_commit = off",
    "ALTER SYSTEM SET wal_writer_delay = '10s'",
    "ALTER SYSTEM SET wal_writer_flush_after = '1GB'",
    "SELECT pg_reload_conf()",
)


class IdentityReader:
    """Follows the naive log by the highest number that it has seen."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._newest = 0
        self.seen: set[int] = set()

    async def look(self) -> None:
        """Read what is new."""
        for row in await self._connection.fetch(BY_IDENTITY, self._newest):
            self._newest = row["id"]
            self.seen.add(row["id"])


class HorizonReader:
    """Follows the naive log up to the oldest transaction that is still open."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._newest = (0, 0)
        self.seen: set[int] = set()

    async def look(self) -> None:
        """Read what is new and safe."""
        for row in await self._connection.fetch(BY_HORIZON, *self._newest):
            self._newest = (row["xid"], row["id"])
            self.seen.add(row["id"])


async def keep_naive_log(site: Site, table: str) -> None:
    """Write a naive log of a table beside the real one."""
    await site.did(NAIVE_LOG.format(table=table))


async def deliver_at_most_once(site: Site) -> None:
    """Make the sender one that writes down first and sends then."""
    await site.did(DONE_AT_CLAIM)


async def acknowledge_early(site: Site) -> None:
    """Let PostgreSQL acknowledge commits that are not on the disk."""
    connection = await site.connect(superuser=True)
    try:
        for statement in NO_SYNCHRONOUS_COMMIT:  # ALTER SYSTEM runs in no transaction block
            await connection.execute(statement)
    finally:
        await connection.close()
