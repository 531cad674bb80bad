"""What a reader asks for: which records, in which order, and what with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, TypeAlias, TypedDict

import msgspec

from .answers import Aggregate
from .calls import JSON_HEADERS, LONGEST_ADDRESS, Call, address, get
from .filters import Filter, Param, Sort, as_text, path_texts, plain, sort_text
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


def parameters(which: Which) -> tuple[dict[str, str], dict[str, Param]]:
    """What is asked for as parameters of a request, and the values of the filter apart."""
    found: dict[str, str] = dict(which.get("query") or {})
    values: dict[str, Param] = {}
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
    """The call for a list: in an address, or in a body where that would be too long, or would say something else."""
    found, values = parameters(which)
    found.update(more)
    texts = plain(values)
    if texts is not None:
        query = found | {f"p.{name}": text for name, text in texts.items()}
        path = address("collections", collection, "records", query=query)
        if len(path) <= LONGEST_ADDRESS:
            return get(path)
    body: dict[str, Any] = dict(found)
    if values:
        body["p"] = values
    return Call("POST", address("collections", collection, "records", "query"), msgspec.json.encode(body), JSON_HEADERS)


def aggregate_query(
    select: Sequence[Aggregate[Any]],
    group_by: Path | Sequence[Path],
    filter: Filter | None,
    sort: Any,
    limit: int | None,
) -> dict[str, str]:
    """The parameters of an aggregate. Raises ValueError for a filter whose values cannot be in an address."""
    query: dict[str, str] = {"select": ",".join(one.text for one in select)}
    if not isinstance(group_by, Sequence) or group_by:
        query["groupBy"] = path_texts(group_by)
    if filter is not None:
        query["filter"], values = filter.bound()
        texts = plain(values)
        if texts is None:
            raise ValueError("The filter of an aggregate takes texts as parameters: write numbers into it.")
        query |= {f"p.{name}": text for name, text in texts.items()}
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
