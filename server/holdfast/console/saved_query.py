"""A saved query: SQL that an operator keeps under a name. Pure."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from holdfast.errors import Problem, Problems, ValidationFailed
from holdfast.schema.field import EMPTY_MESSAGE

MAX_NAME_CHARS: Final = 100
MAX_SQL_CHARS: Final = 100_000
_KEYS: Final = frozenset(("name", "shared", "sql"))
_UNKNOWN: Final = Problem("validation_unknown_key", "There is no such key here.")


class SavedQuery(msgspec.Struct, frozen=True, kw_only=True):
    """One saved query. `owner` is Principal.key of who has made it; the others see it only where it is shared."""

    id: str = ""
    owner: str
    name: str = ""
    shared: bool = False
    sql: str = ""
    created: str = ""
    updated: str = ""


def read_query(body: Mapping[str, Any], old: SavedQuery) -> SavedQuery:
    """The query that a body makes of an old one; keys that are not given stay. Raises ValidationFailed."""
    problems: dict[str, Problem | Problems] = {key: _UNKNOWN for key in body.keys() - _KEYS}
    name = _text(body.get("name", old.name), "name", MAX_NAME_CHARS, problems).strip()
    sql = _text(body.get("sql", old.sql), "sql", MAX_SQL_CHARS, problems)
    shared = body.get("shared", old.shared)
    if not isinstance(shared, bool):
        problems["shared"] = Problem("validation_invalid_value", "Must be true or false.")
    if problems:
        raise ValidationFailed(problems)
    return msgspec.structs.replace(old, name=name, sql=sql, shared=bool(shared))


def query_json(query: SavedQuery, who: str) -> dict[str, Any]:
    """The query as the API writes it for a principal."""
    return {
        "id": query.id,
        "name": query.name,
        "shared": query.shared,
        "mine": query.owner == who,
        "sql": query.sql,
        "created": query.created,
        "updated": query.updated,
    }


def _text(given: object, key: str, most: int, problems: dict[str, Problem | Problems]) -> str:
    if not isinstance(given, str) or not given.strip():
        problems[key] = Problem("validation_required", EMPTY_MESSAGE)
        return ""
    if len(given) > most:
        problems[key] = Problem("validation_max_text_constraint", f"Must have at most {most} characters.")
    return given
