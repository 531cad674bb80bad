"""Records become the items of a feed. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast
from urllib.parse import quote

import msgspec

from .settings import Feed

PLACE: Final = re.compile(r"\{(\w+)\}")
# What XML 1.0 cannot hold, not even escaped, and lone halves of surrogate pairs.
UNWRITABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class Item(msgspec.Struct, frozen=True):
    """One item; texts are empty and dates None where the record has none."""

    id: str
    link: str
    title: str
    content: str
    summary: str
    author: str
    published: datetime | None
    updated: datetime | None

    @property
    def date(self) -> datetime | None:
        """When it was changed last, as far as is known."""
        return self.updated or self.published


def item_of(feed: Feed, record: Mapping[str, Any]) -> Item:
    """The item of a record."""
    link = PLACE.sub(lambda found: quote(_text(record, found[1]), safe=""), feed.item)
    return Item(
        id=str(record["id"]),
        link=link,
        title=_text(record, feed.title),
        content=_text(record, feed.content),
        summary=_text(record, feed.summary),
        author=_text(record, feed.author),
        published=_date(record, feed.published),
        updated=_date(record, feed.updated),
    )


def newest(items: list[Item]) -> datetime | None:
    """When the newest change of all was."""
    return max((item.date for item in items if item.date is not None), default=None)


def _text(record: Mapping[str, Any], field: str) -> str:
    """A field as text. Of a relation that is expanded, the field after the dot: `author.name`."""
    name, dot, inner = field.partition(".")
    if not dot:
        content = record.get(name) if name else None
        return "" if content is None else UNWRITABLE.sub("", str(content))
    expanded: Any = record.get("expand", {}).get(name) or []
    several = cast("list[dict[str, Any]]", expanded if isinstance(expanded, list) else [expanded])
    return ", ".join(_text(one, inner) for one in several)


def _date(record: Mapping[str, Any], field: str) -> datetime | None:
    content = str(record.get(field) or "") if field else ""
    try:
        found = datetime.fromisoformat(content.replace("Z", "+00:00")) if content else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)
