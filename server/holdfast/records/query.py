"""What a list request asks for, read from its query string or from the JSON body of `POST .../records/query`."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias, cast

import msgspec

from holdfast.errors import BadRequest, Problem
from holdfast.expressions.moment import read_moment
from holdfast.records.past import Past

Count: TypeAlias = Literal["exact", "estimated", "none"]
Parameter: TypeAlias = str | int | float | bool | None
"""A value for `{:NAME}` in the filter. A query string has texts only."""

PER_PAGE: Final = 30  # records, as in PocketBase
MAX_PER_PAGE: Final = 1000  # records
MAX_PAGE: Final = 1_000_000_000
MAX_CURSOR_CHARS: Final = 8192
MAX_SEARCH_CHARS: Final = 1000
UNANSWERED: Final = ("near",)  # of the contract: refused, because all rows are no answer to it
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_TRUE: Final = frozenset(("1", "t", "T", "true", "TRUE", "True"))
_FALSE: Final = frozenset(("", "0", "f", "F", "false", "FALSE", "False"))


class ListQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A list request, checked as far as that goes without the collection.

    `cursor` is None for numbered pages, empty for the first page of a walk by cursor. With `as_of` the records are
    asked for as they were then, with `deleted` those that are there no more.
    """

    page: int = 1
    per_page: int = PER_PAGE
    sort: str = ""
    filter: str = ""
    expand: str = ""
    fields: str = ""
    search: str = ""
    count: Count = "exact"
    cursor: str | None = None
    params: tuple[tuple[str, Parameter], ...] = ()
    as_of: datetime | None = None
    deleted: bool = False

    @property
    def past(self) -> Past:
        """Which rows it is about."""
        return "asOf" if self.as_of is not None else "deleted" if self.deleted else ""

    @property
    def offset(self) -> int:
        """How many records come before the page."""
        return (self.page - 1) * self.per_page


def refuse(name: str, message: str, code: str = "validation_invalid_value") -> BadRequest:
    """The error for a parameter that cannot be used."""
    return BadRequest(f"The parameter {name} cannot be used: {message}", data={name: Problem(code, message)})


def from_query(query: Mapping[str, str]) -> ListQuery:
    """The list request in the parameters of a query string. Parameters that mean nothing here are ignored.

    Raises BadRequest.
    """
    return _read(query, read_parameters(query))


def read_parameters(query: Mapping[str, Any]) -> tuple[tuple[str, Parameter], ...]:
    """The values for a filter's `{:NAME}`, in parameters called `p.NAME`. Raises BadRequest for a list or an object."""
    named = ((name[2:], value) for name, value in query.items() if name.startswith("p.") and len(name) > 2)
    return tuple((name, _parameter(name, value)) for name, value in named)


def from_body(body: Mapping[str, Any]) -> ListQuery:
    """The same from a JSON object, where `p` is an object of values, numbers are numbers, booleans booleans.

    Raises BadRequest.
    """
    given: object = body.get("p") or {}
    if not isinstance(given, dict):
        raise refuse("p", "It has to be an object of names and values.")
    named = {name: _parameter(name, value) for name, value in cast(dict[str, object], given).items() if name}
    return _read(body, tuple({**named, **dict(read_parameters(body))}.items()))


def _parameter(name: str, value: object) -> Parameter:
    if value is None or isinstance(value, str | int | float):
        return value
    raise refuse(f"p.{name}", "It has to be a text, a number, true, false or null.")


def _read(given: Mapping[str, Any], params: tuple[tuple[str, Parameter], ...]) -> ListQuery:
    for name in UNANSWERED:
        if given.get(name):
            raise refuse(name, "This server has no search by vector.")
    page = read_whole(given, "page", 1)
    if page > MAX_PAGE:
        raise refuse("page", f"The last page that can be asked for is {MAX_PAGE}: go deep with cursor instead.")
    per_page = read_whole(given, "perPage", PER_PAGE)
    as_of, deleted = read_as_of(given), _truth(given, "deleted")
    if as_of is not None and deleted:
        raise refuse("deleted", "It cannot be combined with asOf.")
    return ListQuery(
        page=max(page, 1),
        per_page=min(per_page, MAX_PER_PAGE) if per_page > 0 else PER_PAGE,
        sort=read_text(given, "sort"),
        filter=read_text(given, "filter"),
        expand=read_text(given, "expand"),
        fields=read_text(given, "fields"),
        search=read_text(given, "search", MAX_SEARCH_CHARS).strip(),
        count=_count(given),
        cursor=read_text(given, "cursor", MAX_CURSOR_CHARS) if given.get("cursor") is not None else None,
        params=params,
        as_of=as_of,
        deleted=deleted,
    )


def read_as_of(given: Mapping[str, Any]) -> datetime | None:
    """The moment of the past that is asked for; None without one. Raises BadRequest for what is no date.

    An empty one is no date: a script that has lost its value would take the present for the past.
    """
    if "asOf" not in given:
        return None
    moment = read_moment(read_text(given, "asOf"))
    if moment is None:
        raise refuse("asOf", "It has to be a date such as 2026-11-21 12:00:00Z.", "validation_invalid_date")
    return moment


def _count(given: Mapping[str, Any]) -> Count:
    asked = read_text(given, "count") or "exact"
    if asked not in ("exact", "estimated", "none"):
        raise refuse("count", "It has to be exact, estimated or none.")
    return "none" if _truth(given, "skipTotal") else asked


def read_text(given: Mapping[str, Any], name: str, most: int | None = None) -> str:
    """A text parameter, empty when absent. Raises BadRequest when it is no text, or longer than `most` characters."""
    value: object = given.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise refuse(name, "It has to be a text.")
    if most is not None and len(value) > most:
        raise refuse(name, f"It has more than {most} characters.")
    return value


def read_whole(given: Mapping[str, Any], name: str, default: int) -> int:
    """A whole number, `default` when absent or empty. Raises BadRequest for 1.5, 1e3, words, and 19 digits or more."""
    value: object = given.get(name)
    if value is None or value == "":
        return default
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        return value
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    raise refuse(name, "It has to be a whole number of at most 18 digits.", "validation_not_a_number")


def _truth(given: Mapping[str, Any], name: str) -> bool:
    value: object = given.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, str) and (value in _TRUE or value in _FALSE):
        return value in _TRUE
    raise refuse(name, "It has to be true or false.")
