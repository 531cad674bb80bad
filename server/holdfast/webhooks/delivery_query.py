"""Which deliveries a request asks for: its parameters, checked. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from holdfast.errors import BadRequest, Problem
from holdfast.expressions.moment import read_moment

STATES: Final[tuple[str, ...]] = ("ready", "leased", "delivered", "dead")
LISTED: Final = 50
MOST_LISTED: Final = 200
STATUSES: Final = (100, 999)
MAX_TEXT_CHARS: Final = 200
PARAMETERS: Final = ("state", "type", "status", "record", "event", "from", "to", "before", "limit")
_MOST_DIGITS: Final = 18
INVALID: Final = "validation_invalid_value"


class DeliveryQuery(msgspec.Struct, frozen=True):
    """The deliveries that are wanted, the newest first; those before an id, to go on from a page.

    `state` is its number. `type` is an event type, or one with `.*` for all that begin so. `record` is the id of the
    record that the event was about, `event` the id of the event. `since` and `until` are about when it was queued.
    """

    limit: int = LISTED
    before: int | None = None
    state: int | None = None
    type: str = ""
    status: int | None = None
    record: str = ""
    event: str = ""
    since: datetime | None = None
    until: datetime | None = None


def read_delivery_query(query: Mapping[str, str]) -> DeliveryQuery:
    """The query. Raises BadRequest with what is wrong with each parameter."""
    problems: dict[str, Problem] = {}
    for name in query:
        if name not in PARAMETERS:
            problems[name] = Problem(INVALID, f"There is no such parameter, but {', '.join(PARAMETERS)}.")
    state = query.get("state", "")
    if state and state not in STATES:
        problems["state"] = Problem(INVALID, f"Must be one of {', '.join(STATES)}.")
    found = DeliveryQuery(
        limit=_number(query, "limit", 1, MOST_LISTED, problems) or LISTED,
        before=_place(query, problems),
        state=STATES.index(state) if state in STATES else None,
        type=_text(query, "type", problems),
        status=_number(query, "status", *STATUSES, problems),
        record=_text(query, "record", problems),
        event=_text(query, "event", problems),
        since=_moment(query, "from", problems),
        until=_moment(query, "to", problems),
    )
    if problems:
        raise BadRequest("Some parameters cannot be used: see data.", data=problems)
    return found


def read_number(text: str) -> int | None:
    """An id of a delivery; None for what can be none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


def _place(query: Mapping[str, str], problems: dict[str, Problem]) -> int | None:
    given = query.get("before", "")
    found = read_number(given)
    if given and found is None:
        problems["before"] = Problem(INVALID, "Must be the `next` of another answer.")
    return found


def _number(query: Mapping[str, str], name: str, least: int, most: int, problems: dict[str, Problem]) -> int | None:
    given = query.get(name, "")
    found = read_number(given)
    if not given or (found is not None and least <= found <= most):
        return found
    problems[name] = Problem("validation_out_of_range", f"Must be a whole number from {least} to {most}.")
    return None


def _text(query: Mapping[str, str], name: str, problems: dict[str, Problem]) -> str:
    given = query.get(name, "")
    if "\0" in given or len(given) > MAX_TEXT_CHARS:
        problems[name] = Problem(INVALID, f"Must be at most {MAX_TEXT_CHARS} characters, and no NUL.")
        return ""
    return given


def _moment(query: Mapping[str, str], name: str, problems: dict[str, Problem]) -> datetime | None:
    given = query.get(name, "")
    found = read_moment(given) if given else None
    if given and found is None:
        problems[name] = Problem("validation_invalid_date", "Must be a date such as 2026-11-21 12:00:00Z.")
    return found
