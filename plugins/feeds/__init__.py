"""Feeds: RSS, Atom and JSON Feed of a collection, with what the reader may list."""

import hashlib
from collections.abc import Sequence
from typing import Annotated, Any

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter
from litestar.response import Response
from typing_extensions import override

from holdfast.errors import Forbidden, NotFound
from holdfast.identity import Principal
from holdfast.plugin import Context, Plugin, SettingsChange

from .items import item_of
from .settings import Feed, Settings
from .writing import FORMATS


@get("/{file:str}", summary="A feed, by its name and .rss, .atom or .json")
async def show_feed(
    ctx: NamedDependency[Context],
    who: NamedDependency[Principal],
    file: FromPath[str],
    known: Annotated[str | None, HeaderParameter(name="If-None-Match")] = None,
) -> Response[bytes]:
    """What the caller may list; 304 if it is what they have."""
    name, _, ending = file.rpartition(".")
    feed = ctx.settings(Settings).of(name)
    if feed is None or ending not in FORMATS or feed.collection not in ctx.collections:
        raise NotFound("There is no feed of that name.")
    media_type, write = FORMATS[ending]
    body = write(feed, [item_of(feed, record) for record in await _records(ctx, who, feed)])
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    # It is somebody's own where rules look at who asks; a feed reader asks each time, and is told in one line.
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if known is not None and etag in [one.strip().removeprefix("W/") for one in known.split(",")]:
        return Response(b"", status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


async def _records(ctx: Context, who: Principal, feed: Feed) -> list[dict[str, Any]]:
    expand = {field.partition(".")[0] for field in _fields(feed) if "." in field}
    try:
        return await ctx.records_as(who).list(
            feed.collection, filter=feed.filter, sort=feed.sort, expand=",".join(sorted(expand)), per_page=feed.count
        )
    except Forbidden:  # the list is for superusers alone: to others there is no feed
        raise NotFound("There is no feed of that name.") from None


def _fields(feed: Feed) -> Sequence[str]:
    return (feed.title, feed.content, feed.summary, feed.author)


class Feeds(Plugin):
    """Serves what its settings name, under `/api/x/feeds/`."""

    name = "feeds"
    description = "RSS, Atom and JSON Feed of collections."
    Settings = Settings

    @override
    def routes(self) -> Sequence[Any]:
        return (show_feed,)

    @override
    async def settings_changed(self, ctx: Context, change: SettingsChange) -> None:
        for feed in ctx.settings(Settings).feeds:
            if feed.collection not in ctx.collections:
                ctx.log.warning("a feed is of a collection that is not there", collection=feed.collection)
