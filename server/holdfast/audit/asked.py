"""What somebody wants to see of the audit log, and the condition that it becomes. Pure."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from holdfast.audit.actions import ACTIONS
from holdfast.db.pool import Row
from holdfast.db.sql import Sql, join, literal, raw, value
from holdfast.errors import Problem, ValidationFailed
from holdfast.expressions.moment import read_moment

MOST_LISTED: Final = 200
LISTED: Final = 50
MAX_TEXT_CHARS: Final = 255
_MOST_ID: Final = 2**63 - 1
_FILTERS: Final = ("action", "actor", "target", "from", "to")


class Asked(msgspec.Struct, frozen=True):
    """A part of the log. `before` is the id to go on from, which is not a part of it."""

    where: Sql
    limit: int = LISTED


def read_asked(query: Mapping[str, str]) -> Asked:
    """What a query asks for. Raises ValidationFailed."""
    problems: dict[str, Problem] = {}
    conditions = [raw("true")]
    for name in _FILTERS:
        text = query.get(name, "")
        if text:
            conditions += _condition(name, text, problems)
    since, until = read_moment(query.get("from", "")), read_moment(query.get("to", ""))
    if since is not None and until is not None and since >= until:
        problems["to"] = Problem("validation_out_of_range", "Must be after `from`.")
    before = query.get("before", "")
    if before:
        id = _number(before, 1, _MOST_ID)
        if id is None:
            problems["before"] = Problem("validation_invalid_value", "Must be the id of an entry.")
        else:
            conditions.append(raw("a.id < ") + value(id, "bigint"))
    limit = _number(query.get("limit") or str(LISTED), 1, MOST_LISTED)
    if limit is None:
        problems["limit"] = Problem("validation_out_of_range", f"Must be a whole number from 1 to {MOST_LISTED}.")
    if problems:
        raise ValidationFailed(problems)
    return Asked(join(" AND ", conditions), limit or LISTED)


def read_id(text: str) -> int | None:
    """The id of an entry; None for what cannot be one."""
    return _number(text, 1, _MOST_ID)


def _number(text: str, least: int, most: int) -> int | None:
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(_MOST_ID)):
        return None
    return int(text) if least <= int(text) <= most else None


def _condition(name: str, text: str, problems: dict[str, Problem]) -> list[Sql]:
    if len(text) > MAX_TEXT_CHARS:
        problems[name] = Problem("validation_length_too_long", f"Must have at most {MAX_TEXT_CHARS} characters.")
        return []
    if name == "action":
        return _actions(text, problems)
    if name in ("actor", "target"):
        return [_who(text) if name == "actor" else _what(text)]
    moment = read_moment(text)
    if moment is None:
        problems[name] = Problem("validation_invalid_date", "Must be a date such as 2027-01-31 12:00:00Z.")
        return []
    compared = raw("a.at >= ") if name == "from" else raw("a.at < ")
    return [compared + value(moment, "timestamptz")]


def _actions(text: str, problems: dict[str, Problem]) -> list[Sql]:
    """`collection.updated`, `auth.*`, or some of them with commas between them."""
    found: set[str] = set()
    for pattern in text.split(","):
        pattern = pattern.strip()
        names = {one for one in ACTIONS if one == pattern or (pattern[-2:] == ".*" and one.startswith(pattern[:-1]))}
        if not names:
            problems["action"] = Problem("validation_invalid_value", f"There is no action {pattern!r}.")
        found |= names
    return [raw("a.action = ANY (") + value(sorted(found), "text[]") + raw(")")] if found else []


def _who(text: str) -> Sql:
    given = value(text, "text")
    return (
        raw("((a.actor_id = ")
        + given
        + raw(" AND a.actor_id <> ")
        + literal("")
        + raw(") OR a.actor_key = ")
        + given
        + raw(" OR a.actor_kind = ")
        + given
        + raw(")")
    )


def _what(text: str) -> Sql:
    given = value(text, "text")
    return (
        raw("((a.target_id = ")
        + given
        + raw(" AND a.target_id <> ")
        + literal("")
        + raw(") OR a.target_name = ")
        + given
        + raw(" OR a.target_kind = ")
        + given
        + raw(")")
    )


def entry_json(row: Row, *, whole: bool) -> dict[str, Any]:
    """A row as the API writes it; `before` and `after` only of the `whole` entry."""
    found: dict[str, Any] = {
        "id": str(row["id"]),
        "at": row["stamped"],
        "action": row["action"],
        "outcome": row["outcome"],
        "reason": row["reason"],
        "actor": {key: row[f"actor_{key}"] for key in ("kind", "collection", "id", "name", "key")},
        "target": {key: row[f"target_{key}"] for key in ("kind", "id", "name")},
        "request": row["request"],
        "address": row["address"],
        "client": row["client"],
        "details": _json(row["details"]),
    }
    if whole:
        found["before"], found["after"] = _json(row["before"]), _json(row["after"])
    return found


def _json(text: str | None) -> msgspec.Raw | None:
    return None if text is None else msgspec.Raw(text.encode())
