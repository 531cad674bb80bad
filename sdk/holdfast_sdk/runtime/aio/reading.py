"""Reading the records of one collection."""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from pathlib import Path as FilePath
from typing import IO, TYPE_CHECKING, Any, Final, Generic, TypeVar, Unpack

import msgspec

from ..answers import Aggregate, Group, Page, Version, page_of, version_of
from ..asking import Counting, Expands, Which, aggregate_query, list_call, named, parameters, shape_query
from ..calls import ETAG, Answer, address, get
from ..decoding import read
from ..errors import NotFound
from ..filters import Filter
from ..paths import Path
from ..uploads import Progress
from .files import AsyncFiles
from .subscription import AsyncSubscription

if TYPE_CHECKING:
    from ..values import Record
    from .core import AsyncCore

RecordT = TypeVar("RecordT", bound="Record")
WALK: Final = 500  # records on a page of a walk: the time of a request hardly counts then


class AsyncView(Generic[RecordT]):
    """The records of a collection, to read."""

    def __init__(self, core: AsyncCore, name: str, record: type[RecordT]) -> None:
        self.hf_core = core
        self.hf_name = name
        self.hf_record = record
        self._page = page_of(record)

    def __repr__(self) -> str:
        """By its name."""
        return f"<{type(self).__name__} {self.hf_name}>"

    async def list(
        self, *, page: int = 1, per_page: int = 30, count: Counting = "exact", **which: Unpack[Which]
    ) -> Page[RecordT]:
        """A page, with how many records there are. `count` says how to count them: `estimated` reads nothing."""
        more = {"page": str(page), "perPage": str(per_page), "count": count}
        return await self._list(which, more)

    async def _list(self, which: Which, more: dict[str, str]) -> Page[RecordT]:
        answer = await self.hf_core.call(list_call(self.hf_name, which, more))
        return read(answer.body, self._page)

    async def iterate(self, *, page_size: int = WALK, **which: Unpack[Which]) -> AsyncIterator[RecordT]:
        """All of them, one after the other, however many there are: a record that stays comes exactly once."""
        cursor: str | None = ""
        while cursor is not None:
            page = await self._list(which, {"perPage": str(page_size), "cursor": cursor})
            for record in page.items:
                yield record
            cursor = page.next_cursor

    async def all(self, **which: Unpack[Which]) -> builtins.list[RecordT]:
        """All of them, in memory."""
        return [record async for record in self.iterate(**which)]

    async def first(self, **which: Unpack[Which]) -> RecordT | None:
        """The first of them; None if there is none."""
        page = await self._list(which, {"perPage": "1", "skipTotal": "true"})
        return page.items[0] if page.items else None

    async def count(self, filter: Filter | None = None) -> int:
        """How many there are."""
        page = await self._list({"filter": filter}, {"perPage": "1"})
        return page.total_items

    async def get(
        self, id: str, *, expand: Expands | None = None, as_of: datetime | date | str | None = None
    ) -> RecordT:
        """The record of this id. Raises NotFound."""
        path = address("collections", self.hf_name, "records", id, query=shape_query(expand, as_of))
        return self.hf_read(await self.hf_core.call(get(path)))

    async def find(self, id: str, *, expand: Expands | None = None) -> RecordT | None:
        """The same; None where there is none."""
        try:
            return await self.get(id, expand=expand)
        except NotFound:
            return None

    async def aggregate(
        self,
        *select: Aggregate[Any],
        group_by: Path | Sequence[Path] = (),
        filter: Filter | None = None,
        sort: Any = None,
        limit: int | None = None,
    ) -> builtins.list[Group]:
        """Counts and sums over groups: `aggregate(count(), group_by=Post.status, sort=-count())`."""
        query = aggregate_query(select, group_by, filter, sort, limit)
        answer = await self.hf_core.call(get(address("collections", self.hf_name, "records", "aggregate", query=query)))
        return [Group(item) for item in read(answer.body, _Groups).items]

    async def history(self, id: str, *, page: int = 1, per_page: int = 30) -> Page[Version[RecordT]]:
        """The versions of a record, the newest first, where the collection keeps a history."""
        query = {"page": str(page), "perPage": str(per_page)}
        answer = await self.hf_core.call(
            get(address("collections", self.hf_name, "records", id, "history", query=query))
        )
        return read(answer.body, page_of(version_of(self.hf_record)))

    def subscribe(self, id: str = "*", *, since: str = "", **which: Unpack[Which]) -> AsyncSubscription[RecordT]:
        """The changes of all records, or of one, from now on, or from the position `since` on.

        Iterate over it; where the line breaks it goes on without a gap, and tells by a `Reset` if it cannot. In a
        `with` block it is ready: a write after its beginning is told. Takes `filter` and `expand`.
        """
        options, values = parameters(which)
        query: dict[str, str] = {name: text for name, text in options.items() if name in ("filter", "expand")}
        query |= named(values)
        return AsyncSubscription(self.hf_core, self.hf_name, id, self.hf_record, query, since)

    def files(self, record: RecordT | str) -> AsyncFiles:
        """The files of a record."""
        id = record if isinstance(record, str) else str(getattr(record, "id", ""))
        return AsyncFiles(self.hf_core, self.hf_name, id)

    async def download(
        self,
        record: RecordT | str,
        name: str,
        to: str | FilePath | IO[bytes],
        *,
        progress: Progress | None = None,
    ) -> int:
        """Write a file of a record to a path or an open file; its bytes. See `files` for more."""
        return await self.files(record).download(name, to, progress=progress)

    async def export(self, **which: Unpack[Which]) -> AsyncIterator[RecordT]:
        """The records as one stream, under the list rule: for very many of them."""
        found, values = parameters(which)
        query = {**found, **named(values), "format": "ndjson"}
        call = get(address("collections", self.hf_name, "records", "export", query=query))
        rest = b""
        async with self.hf_core.stream(call, silence=60.0) as response:
            async for piece in response.aiter_bytes():
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    if line:
                        yield read(line, self.hf_record)
        if rest.strip():
            yield read(rest, self.hf_record)

    def hf_read(self, answer: Answer) -> RecordT:
        """The record of an answer, with its version."""
        record = read(answer.body, self.hf_record)
        tag = answer.headers.get(ETAG, "")
        if tag:
            msgspec.structs.force_setattr(record, "hf_etag", tag)
        return record


class _Groups(msgspec.Struct, frozen=True):
    items: list[dict[str, Any]]
