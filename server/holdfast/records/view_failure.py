"""What is said when the query of a view collection fails on the data that is there, or takes too long. Pure."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import asyncpg

from holdfast.errors import BadRequest
from holdfast.identity import Principal
from holdfast.schema.collection import Collection

# Classes of SQLSTATE that the rows decide: more than one where one was expected, a value that cannot be (1/0), sizes.
_OF_DATA: Final = ("21", "22", "54")
_TOO_SLOW: Final = "57014"


@contextmanager
def naming_the_view(collection: Collection, who: Principal) -> Generator[None, None, None]:
    """Let a failure of reading a view say which one it is; the reason, which may hold data, is for superusers."""
    try:
        yield
    except asyncpg.PostgresError as failure:
        message = _message(collection, failure)
        if not message:
            raise
        reason = f" PostgreSQL says: {failure.args[0]}." if who.is_superuser and failure.args else ""
        raise BadRequest(message + reason) from failure


def _message(collection: Collection, failure: asyncpg.PostgresError) -> str:
    state = failure.sqlstate or ""
    if state == _TOO_SLOW:
        return f"Reading the view {collection.name} takes longer than the server allows."
    if state.startswith(_OF_DATA):
        return f"The view {collection.name} cannot be read: its query fails on what is in its tables now."
    return ""
