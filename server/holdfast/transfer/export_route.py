"""Exports over HTTP."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Final

import msgspec

from holdfast.engine import Engine
from holdfast.http.places import Places
from holdfast.http.request import Request
from holdfast.http.response import Poured, Response
from holdfast.records.hooked_reads import after_list, before_list
from holdfast.records.render import render_page
from holdfast.rules.facts import Facts
from holdfast.schema.collection import Collection
from holdfast.transfer.asked import Format
from holdfast.transfer.export_asked import ExportAsked, query_of, read_export
from holdfast.transfer.exporting import Export, pieces_of, plan_export, tail_of

MOST_EXPORTS: Final = 4  # at once, of superusers and of all others, in one process
_KINDS: Final[Mapping[Format, bytes]] = {
    "csv": b"text/csv; charset=utf-8",
    "ndjson": b"application/x-ndjson",
    "json": b"application/json",
}
_POLICY: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")


class Exports:
    """Answers exports; knows how many run."""

    def __init__(self) -> None:
        self._places = Places(MOST_EXPORTS, "exports")
        self._superusers = Places(MOST_EXPORTS, "exports")

    async def get(self, engine: Engine, request: Request) -> Response:
        """The records that the caller may list, as a file."""
        collection = engine.catalog.get(request.params["collection"])
        request.collection = collection.name
        asked = read_export(request.query)
        facts = Facts.of(request)
        export = plan_export(engine, collection, facts, asked)
        if engine.hooks.record_before_list:
            export = await _as_plugins_ask(engine, request, collection, asked, export)
        name = f"{collection.name}.{asked.format}"
        kind = _KINDS[asked.format]
        headers = ((b"content-disposition", f'attachment; filename="{name}"'.encode()), _POLICY)
        if request.scope["method"] == "HEAD":
            return Response(200, b"", (*headers, (b"content-type", kind)))
        pieces = self._pieces(engine, request, collection, export)
        first = await anext(pieces, b"")  # what fails at once is refused with a status of its own

        async def all_of_it() -> AsyncGenerator[bytes, None]:
            async with aclosing(pieces):
                yield first
                async for piece in pieces:
                    yield piece

        return Poured(size=None, pieces=all_of_it, headers=headers, content_type=kind)

    async def _pieces(
        self, engine: Engine, request: Request, collection: Collection, export: Export
    ) -> AsyncGenerator[bytes, None]:
        """The file; the head of it comes with its first records."""

        async def change(items: list[bytes]) -> list[bytes]:
            page = render_page(b",".join(items).decode(), 1, len(items), None)
            return _items(await after_list(engine, request, collection, page))

        places = self._superusers if request.principal.is_superuser else self._places
        with places.one():
            pieces = pieces_of(engine, export, change if engine.hooks.record_after_list else None)
            async with aclosing(pieces):
                head = await anext(pieces)
                first = await anext(pieces, b"")
                # As for lists: many that find nothing could tell of hidden rows.
                if first == tail_of(export) and export.plan.guarded:
                    await asyncio.sleep(engine.slowing.pause(request))
                yield head + first
                async for piece in pieces:
                    yield piece


async def _as_plugins_ask(
    engine: Engine, request: Request, collection: Collection, asked: ExportAsked, export: Export
) -> Export:
    """The export as plugins want the list to be asked."""
    query = await before_list(engine, request, collection, query_of(asked, export.columns))
    changed = msgspec.structs.replace(asked, filter=query.filter, sort=query.sort, params=query.params)
    return plan_export(engine, collection, export.facts, changed)


def _items(page: bytes) -> list[bytes]:
    found = msgspec.json.decode(page, type=dict[str, msgspec.Raw])
    return [bytes(one) for one in msgspec.json.decode(found["items"], type=list[msgspec.Raw])]
