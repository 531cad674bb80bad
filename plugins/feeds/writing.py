"""Feeds as RSS 2.0, Atom (RFC 4287) and JSON Feed 1.1. Pure."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final, TypeAlias
from xml.etree.ElementTree import Element, SubElement, tostring

import msgspec

from .items import Item, newest
from .settings import Feed

ATOM: Final = "http://www.w3.org/2005/Atom"
CONTENT: Final = "http://purl.org/rss/1.0/modules/content/"
CREATOR: Final = "http://purl.org/dc/elements/1.1/"
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)  # Atom wants a date of everything
Write: TypeAlias = Callable[[Feed, list[Item]], bytes]


def rss(feed: Feed, items: list[Item]) -> bytes:
    """RSS 2.0."""
    root = Element("rss", {"version": "2.0", "xmlns:atom": ATOM, "xmlns:content": CONTENT, "xmlns:dc": CREATOR})
    channel = SubElement(root, "channel")
    _add(channel, "title", feed.heading or feed.name)
    _add(channel, "link", feed.home)
    _add(channel, "description", feed.about or feed.heading or feed.name)
    _add_some(channel, "language", feed.language)
    changed = newest(items)
    _add_some(channel, "lastBuildDate", format_datetime(changed.astimezone(UTC), usegmt=True) if changed else "")
    if feed.address:
        about = {"href": f"{feed.address}.rss", "rel": "self", "type": "application/rss+xml"}
        SubElement(channel, "atom:link", about)
    for item in items:
        _add_rss_item(SubElement(channel, "item"), item)
    return _xml(root)


def _add_rss_item(entry: Element, item: Item) -> None:
    _add_some(entry, "title", item.title)
    _add(entry, "link", item.link)
    SubElement(entry, "guid", {"isPermaLink": "false"}).text = item.id
    _add_some(entry, "description", item.summary or item.content)
    _add_some(entry, "content:encoded", item.content if item.summary else "")
    _add_some(entry, "dc:creator", item.author)
    date = item.published or item.updated
    _add_some(entry, "pubDate", format_datetime(date.astimezone(UTC), usegmt=True) if date else "")


def atom(feed: Feed, items: list[Item]) -> bytes:
    """Atom."""
    root = Element("feed", {"xmlns": ATOM, **({"xml:lang": feed.language} if feed.language else {})})
    _add(root, "title", feed.heading or feed.name)
    _add_some(root, "subtitle", feed.about)
    _add(root, "id", f"{feed.address}.atom" if feed.address else f"{feed.home}#{feed.name}")
    _add(root, "updated", _stamp(newest(items)))
    SubElement(root, "link", {"rel": "alternate", "href": feed.home})
    if feed.address:
        SubElement(root, "link", {"rel": "self", "href": f"{feed.address}.atom"})
    if any(not item.author for item in items):
        _add(SubElement(root, "author"), "name", feed.heading or feed.name)  # RFC 4287 wants one for each entry
    for item in items:
        _add_atom_entry(SubElement(root, "entry"), feed, item)
    return _xml(root)


def _add_atom_entry(entry: Element, feed: Feed, item: Item) -> None:
    _add(entry, "title", item.title)
    _add(entry, "id", item.link if "{id}" in feed.item else f"{feed.home}#{feed.collection}/{item.id}")
    SubElement(entry, "link", {"rel": "alternate", "href": item.link})
    _add(entry, "updated", _stamp(item.date))
    _add_some(entry, "published", _stamp(item.published) if item.published else "")
    if item.author:
        _add(SubElement(entry, "author"), "name", item.author)
    _add_some(entry, "summary", item.summary)
    if item.content:
        SubElement(entry, "content", {"type": "html" if feed.html else "text"}).text = item.content


def json_feed(feed: Feed, items: list[Item]) -> bytes:
    """JSON Feed."""
    about: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.heading or feed.name,
        "home_page_url": feed.home,
        "feed_url": f"{feed.address}.json" if feed.address else None,
        "description": feed.about,
        "language": feed.language,
    }
    return msgspec.json.encode({**_said(about), "items": [_json_item(feed, item) for item in items]})


def _json_item(feed: Feed, item: Item) -> dict[str, Any]:
    content = {"content_html" if feed.html else "content_text": item.content}  # one of both has to be there
    said: dict[str, Any] = {
        "id": item.id,
        "url": item.link,
        "title": item.title,
        "summary": item.summary,
        "date_published": _stamp(item.published) if item.published else "",
        "date_modified": _stamp(item.updated) if item.updated else "",
        "authors": [{"name": item.author}] if item.author else None,
    }
    return {**_said(said), **content}


def _said(content: dict[str, Any]) -> dict[str, Any]:
    return {key: one for key, one in content.items() if one}


def _stamp(date: datetime | None) -> str:
    return (date or EPOCH).astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _add(parent: Element, tag: str, text: str) -> None:
    SubElement(parent, tag).text = text


def _add_some(parent: Element, tag: str, text: str) -> None:
    if text:
        _add(parent, tag, text)


def _xml(root: Element) -> bytes:
    return tostring(root, encoding="utf-8", xml_declaration=True)


FORMATS: Final[dict[str, tuple[str, Write]]] = {
    "rss": ("application/rss+xml; charset=utf-8", rss),
    "atom": ("application/atom+xml; charset=utf-8", atom),
    "json": ("application/feed+json; charset=utf-8", json_feed),
}
"""Of each ending of an address the media type, and what writes it."""
