"""How long ago the person at the console has shown who they are: what cannot be taken back asks for that.

A session of the console knows when its owner last gave their password. Tokens and keys of programs know no such thing,
and are not asked: whoever holds them has been given all that they can do.
"""

from typing import TYPE_CHECKING, Final

from holdfast.db.failures import as_api_errors
from holdfast.db.sql import Statement, raw, value
from holdfast.errors import RecentLoginNeeded
from holdfast.identity import Principal
from holdfast.schema.system import SUPERUSERS

if TYPE_CHECKING:
    from holdfast.engine import Engine

RECENT_SECONDS: Final = 600
COLLECTIONS: Final = "/api/collections/"
_KEPT: Final = ("records", "bulks", "actions", "accounts")  # what is below a collection that changes who is a superuser


async def require_recent(engine: "Engine", who: Principal) -> None:
    """Raise RecentLoginNeeded for a session of the console whose owner has last shown who they are long ago."""
    if not who.session_id:
        return
    with as_api_errors():
        row = await engine.pool.fetchrow(_is_recent(who.session_id))
    if row is not None and row["recent"] is False:
        raise RecentLoginNeeded


async def note_proof(engine: "Engine", session_id: str) -> None:
    """Remember that the owner of a session of the console has shown who they are just now."""
    sql = raw("UPDATE holdfast.sessions SET proved = now() WHERE id = ") + value(session_id, "text")
    with as_api_errors():
        await engine.pool.execute(Statement.of(sql))


def changes_superusers(engine: "Engine", method: str, path: str) -> bool:
    """Whether a request is to change superusers, or what they can log in with."""
    if method == "GET" or not path.startswith(COLLECTIONS):
        return False
    segments = path.split("/", 5)
    if len(segments) < 5 or segments[4] not in _KEPT or segments[5:] == ["query"]:
        return False
    found = engine.catalog.find(segments[3])
    return found is not None and found.name == SUPERUSERS


def _is_recent(session_id: str) -> Statement:
    return Statement.of(
        raw("SELECT proved > now() - make_interval(secs => ")
        + value(RECENT_SECONDS, "double precision")
        + raw(") AS recent FROM holdfast.sessions WHERE id = ")
        + value(session_id, "text")
    )
