"""What a reader asks for: which records, in which order, and what with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, TypeAlias, TypedDict

import msgspec

from .answers import Aggregate
from .calls import JSON_HEADERS, LONGEST_ADDRESS, Call, address, get
from .filters import Filter, Sort, as_text, path_texts, sort_text
from .paths import Path, RecordPath

Sorts: TypeAlias = "Path | Sort | Sequence[Path | Sort]"
Expands: TypeAlias = "RecordPath | Sequence[RecordPath]"
Counting: TypeAlias = Literal["exact", "estimated", "none"]


class Which(TypedDict, total=False):
    """Which records, in which order, and what with them.

    `expand` names relations to put into `record.expand`. `search` looks for words. `as_of` reads the past of a
    collection that keeps a history; `deleted` what is there no more, for superusers. `query` goes along as it is, for
    rules that ask for `@request.query` and for plugins.
    """

    filter: Filter | None
    sort: Sorts
    expand: Expands
    search: str
    as_of: datetime | date | str | None
    deleted: bool
    query: Mapping[str, str]


def parameters(which: Which) -> tuple[dict[str, str], dict[str, str]]:
    """What is asked for as parameters of a request, and the values of the filter apart."""
    found: dict[str, str] = dict(which.get("query") or {})
    values: dict[str, str] = {}
    filter = which.get("filter")
    if filter is not None:
        found["filter"], values = filter.bound()
    sort = which.get("sort")
    if sort is not None:
        found["sort"] = sort_text(sort)
    expand = which.get("expand")
    if expand is not None:
        found["expand"] = path_texts(expand)
    if which.get("search"):
        found["search"] = which.get("search", "")
    moment = which.get("as_of")
    if moment is not None:
        found["asOf"] = as_text(moment)
    if which.get("deleted"):
        found["deleted"] = "true"
    return found, values


def list_call(collection: str, which: Which, more: Mapping[str, str]) -> Call:
    """The call for a list: in an address, or in a body where that would be too long."""
    found, values = parameters(which)
    found.update(more)
    path = address("collections", collection, "records", query=found | named(values))
    if len(path) <= LONGEST_ADDRESS:
        return get(path)
    body: dict[str, Any] = {**found, "p": values} if values else dict(found)
    return Call("POST", address("collections", collection, "records", "query"), msgspec.json.encode(body), JSON_HEADERS)


def named(values: Mapping[str, str]) -> dict[str, str]:
    """The values of a filter as parameters of an address."""
    return {f"p.{name}": value for name, value in values.items()}


def aggregate_query(
    select: Sequence[Aggregate[Any]],
    group_by: Path | Sequence[Path],
    filter: Filter | None,
    sort: Any,
    limit: int | None,
) -> dict[str, str]:
    """The parameters of an aggregate."""
    query: dict[str, str] = {"select": ",".join(one.text for one in select)}
    if not isinstance(group_by, Sequence) or group_by:
        query["groupBy"] = path_texts(group_by)
    if filter is not None:
        query["filter"], values = filter.bound()
        query |= named(values)
    if sort is not None:
        query["sort"] = sort_text(sort)
    if limit is not None:
        query["limit"] = str(limit)
    return query


def shape_query(expand: Expands | None, as_of: datetime | date | str | None = None) -> dict[str, str]:
    """The parameters of one record."""
    query: dict[str, str] = {}
    if expand is not None:
        query["expand"] = path_texts(expand)
    if as_of is not None:
        query["asOf"] = as_text(as_of)
    return query
