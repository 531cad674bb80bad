"""What an aggregate request asks for: `groupBy=status&select=count(),sum(total)&sort=-count()&limit=10`."""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, cast

import msgspec

from holdfast.errors import InvalidSort
from holdfast.records.query import MAX_PER_PAGE, Parameter, read_parameters, read_text, read_whole, refuse

Function: TypeAlias = Literal["count", "sum", "avg", "min", "max", "countDistinct"]

MAX_GROUPS: Final = 8  # fields in groupBy
MAX_MEASURES: Final = 20  # functions in select
MAX_LIMIT: Final = MAX_PER_PAGE  # groups in one answer
_MEASURE: Final = re.compile(r"\s*(count|sum|avg|min|max|countDistinct)\s*\(\s*([^()\s]*)\s*\)\s*")


class Measure(msgspec.Struct, frozen=True):
    """One number of each group: a function, and the path of the field that it is made of (none for `count`)."""

    function: Function
    path: str

    @property
    def text(self) -> str:
        """The measure as it names its value in the answer."""
        return f"{self.function}({self.path})"


class AggregateQuery(msgspec.Struct, frozen=True, kw_only=True):
    """An aggregate request, checked as far as that goes without the collection.

    `sort` names members of `group_by` and `select` by their text, each with whether it is descending.
    """

    group_by: tuple[str, ...] = ()
    select: tuple[Measure, ...] = (Measure("count", ""),)
    sort: tuple[tuple[str, bool], ...] = ()
    limit: int = MAX_LIMIT
    filter: str = ""
    params: tuple[tuple[str, Parameter], ...] = ()


def read_aggregate(query: Mapping[str, Any]) -> AggregateQuery:
    """The aggregate request in the parameters of a query string. Raises BadRequest."""
    for name in ("asOf", "deleted"):
        if query.get(name):
            raise refuse(name, "An aggregate is about the records of today.")
    group_by = tuple(dict.fromkeys(_parts(read_text(query, "groupBy"))))
    if len(group_by) > MAX_GROUPS:
        raise refuse("groupBy", f"It has more than {MAX_GROUPS} fields.")
    select = tuple(dict.fromkeys(_measure(part) for part in _parts(read_text(query, "select") or "count()")))
    if not 0 < len(select) <= MAX_MEASURES:
        raise refuse("select", f"It has to have from 1 to {MAX_MEASURES} functions.")
    limit = read_whole(query, "limit", MAX_LIMIT)
    return AggregateQuery(
        group_by=group_by,
        select=select,
        sort=_sort(read_text(query, "sort"), {*group_by, *(measure.text for measure in select)}),
        limit=min(limit, MAX_LIMIT) if limit > 0 else MAX_LIMIT,
        filter=read_text(query, "filter"),
        params=read_parameters(query),
    )


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _measure(text: str) -> Measure:
    found = _MEASURE.fullmatch(text)
    if found is None:
        raise refuse("select", "It takes count(), sum(x), avg(x), min(x), max(x) and countDistinct(x).")
    function, path = cast(Function, found[1]), found[2]
    if (function == "count") != (path == ""):
        raise refuse("select", "count() takes no field, and every other function takes one.")
    return Measure(function, path)


def _sort(text: str, known: set[str]) -> tuple[tuple[str, bool], ...]:
    found: dict[str, bool] = {}
    for part in _parts(text):
        name = re.sub(r"\s", "", part.lstrip("+-"))
        if name not in known:
            raise InvalidSort(f"The sort names {name!r}, which is neither in groupBy nor in select.")
        found.setdefault(name, part.startswith("-"))
    return tuple(found.items())
