"""A clock that can be moved: that of Python in this process, and `now()` in the project's database."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from holdfast.db.pool import Pool
from holdfast.db.sql import Statement, raw, value

if TYPE_CHECKING:
    import time_machine

# PostgreSQL looks for a function in pg_catalog first unless search_path names that schema. `"$user"` stands before it
# here, and is the schema holdfast, since the server's role is called so. What names pg_catalog itself, such as the
# triggers of the log, and defaults of columns keep to the real time.
INSTALL: Final = """
CREATE TABLE holdfast.test_clock (ahead interval NOT NULL);
INSERT INTO holdfast.test_clock VALUES ('0');
CREATE FUNCTION holdfast.now() RETURNS timestamptz LANGUAGE sql STABLE
    AS 'SELECT pg_catalog.now() + ahead FROM holdfast.test_clock';
CREATE FUNCTION holdfast.transaction_timestamp() RETURNS timestamptz LANGUAGE sql STABLE
    AS 'SELECT pg_catalog.now() + ahead FROM holdfast.test_clock';
CREATE FUNCTION holdfast.statement_timestamp() RETURNS timestamptz LANGUAGE sql STABLE
    AS 'SELECT pg_catalog.statement_timestamp() + ahead FROM holdfast.test_clock';
CREATE FUNCTION holdfast.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
    AS 'SELECT pg_catalog.clock_timestamp() + ahead FROM holdfast.test_clock';
"""
SEARCH_PATH: Final = '"$user", pg_catalog, public'


class Clock:
    """Stands at the real time until it is moved, and goes on from there. `moves` counts how often that was."""

    def __init__(self, pool: Pool) -> None:
        self.moves = 0
        self._pool = pool
        self._ahead = timedelta()
        self._traveller: time_machine.Traveller | None = None
        self._travel: Any = None

    @property
    def now(self) -> datetime:
        """What time it is."""
        return datetime.now(UTC)

    async def move(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> datetime:
        """Let so much time pass, or less than none; what time it is then.

        Tokens end as they do when time passes; the clients of the project get new ones by themselves.
        """
        by = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        self._ahead += by
        if self._traveller is None:
            import time_machine

            self._travel = time_machine.travel(datetime.now(UTC) + by, tick=True)
            self._traveller = self._travel.start()
        elif by:
            self._traveller.shift(by)
        await self._pool.execute(
            Statement.of(raw("UPDATE holdfast.test_clock SET ahead = ") + value(self._ahead, "interval"))
        )
        self.moves += 1
        return self.now

    def stop(self) -> None:
        """Give this process the real time back."""
        if self._traveller is not None:
            self._travel.stop()
            self._traveller = None
