"""Which jobs a request asks for: its parameters, checked. Pure."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, get_args

import msgspec

from holdfast.errors import BadRequest, Problem

State: TypeAlias = Literal["waiting", "running", "done", "dead"]
STATES: Final[tuple[State, ...]] = get_args(State)
MOST_LISTED: Final = 200
LISTED: Final = 50
PARAMETERS: Final = ("state", "plugin", "name", "before", "limit", "fields")
_LARGEST: Final = 2**63 - 1


class JobQuery(msgspec.Struct, frozen=True):
    """The jobs that are wanted, the newest first; those before an id, to go on from a page."""

    limit: int = LISTED
    before: int | None = None
    state: State | None = None
    plugin: str = ""
    name: str = ""


def read_job_query(query: Mapping[str, str]) -> JobQuery:
    """The query. Raises BadRequest with what is wrong with each parameter."""
    problems: dict[str, Problem] = {}
    for name in query:
        if name not in PARAMETERS:
            problems[name] = _problem(f"There is no such parameter, but {', '.join(PARAMETERS)}.")
    named: list[State] = [state for state in STATES if state == query.get("state")]
    if query.get("state") and not named:
        problems["state"] = _problem(f"Must be one of {', '.join(STATES)}.")
    limit = read_id(query["limit"]) if query.get("limit") else LISTED
    if limit is None or not 1 <= limit <= MOST_LISTED:
        problems["limit"] = _problem(f"Must be a whole number from 1 to {MOST_LISTED}.")
    before = read_id(query["before"]) if query.get("before") else None
    if query.get("before") and before is None:
        problems["before"] = _problem("Must be the `next` of another answer.")
    for name in ("plugin", "name"):
        if "\0" in query.get(name, ""):
            problems[name] = _problem("Holds a NUL character.")
    if problems:
        raise BadRequest("The jobs cannot be listed so: see data.", data=problems)
    return JobQuery(
        limit or LISTED, before, named[0] if named else None, query.get("plugin", ""), query.get("name", "")
    )


def read_id(text: str) -> int | None:
    """The id of a job; None for what can be none."""
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(_LARGEST)):
        return None
    found = int(text)
    return found if found <= _LARGEST else None


def _problem(message: str) -> Problem:
    return Problem("validation_invalid_value", message)
