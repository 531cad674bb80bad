"""What a request to the SQL console asks for. Pure."""

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec

from holdfast.db.console_roles import Mode
from holdfast.errors import Problem, ValidationFailed
from holdfast.schema.field import EMPTY_MESSAGE

MAX_CHARS: Final = 100_000  # of a statement
ROWS: Final = 1000
MAX_ROWS: Final = 10_000
SECONDS: Final = 10
MAX_SECONDS: Final = 60
INVALID: Final = "validation_invalid_value"
KEYS: Final = frozenset(("sql", "mode", "explain", "limit", "timeout", "commit", "password"))
Explain: TypeAlias = Literal["", "plan", "analyze"]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One statement. `commit` is how many rows it has to change for the change to stay; None takes it back."""

    sql: str
    mode: Mode = "read"
    explain: Explain = ""
    limit: int = ROWS
    timeout: int = SECONDS
    commit: int | None = None
    password: str = ""


def read_asked(body: Mapping[str, Any]) -> Asked:
    """What a body asks for. Raises ValidationFailed with everything that is wrong."""
    problems = {key: Problem("validation_unknown_key", "There is no such key here.") for key in body if key not in KEYS}
    problems |= _statement_problem(body.get("sql"))
    mode, explain = body.get("mode") or "read", body.get("explain") or ""
    if mode not in ("read", "write"):
        problems["mode"] = Problem(INVALID, "Must be read or write.")
    if explain not in ("", "plan", "analyze") or (explain and mode != "read"):
        problems["explain"] = Problem(INVALID, "Must be plan or analyze, in the mode read.")
    commit, password = body.get("commit"), body.get("password") or ""
    if commit is not None and (mode != "write" or not _is_whole(commit, 0, 2**53)):
        problems["commit"] = Problem(INVALID, "Must be how many rows a trial in the mode write has changed.")
    if not isinstance(password, str):
        problems["password"] = Problem(INVALID, "Must be a text.")
    for key, default, most in (("limit", ROWS, MAX_ROWS), ("timeout", SECONDS, MAX_SECONDS)):
        if not _is_whole(body.get(key, default), 1, most):
            problems[key] = Problem("validation_out_of_range", f"Must be a whole number from 1 to {most}.")
    if problems:
        raise ValidationFailed(problems)
    return msgspec.convert({**body, "mode": mode, "explain": explain, "password": password}, Asked)


def _statement_problem(sql: object) -> dict[str, Problem]:
    if not isinstance(sql, str) or not sql.strip(" \t\r\n;"):
        return {"sql": Problem("validation_required", EMPTY_MESSAGE)}
    if len(sql) > MAX_CHARS or "\0" in sql:
        return {"sql": Problem(INVALID, f"Must have at most {MAX_CHARS} characters, and no NUL.")}
    return {}


def _is_whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
