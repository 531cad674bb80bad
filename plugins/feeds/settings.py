"""What an operator sets."""

from typing import Annotated

import msgspec


class Feed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A feed of a collection. The names of fields say where an item's parts come from; an empty one is left out.

    `home` is the address of the web site, `item` that of one record there, with fields in braces, such as
    `https://example.com/posts/{slug}`. `address` is where the feed itself is reached from outside, without its ending.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,60}$")]
    collection: str
    home: Annotated[str, msgspec.Meta(pattern=r"^https?://\S+$")]
    item: str
    heading: str = ""
    about: str = ""
    language: str = ""
    address: str = ""
    filter: str = ""
    sort: str = "-created"
    count: Annotated[int, msgspec.Meta(ge=1, le=200)] = 30
    title: str = "title"
    content: str = ""
    summary: str = ""
    author: str = ""
    published: str = "created"
    updated: str = "updated"
    html: bool = True


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The feeds."""

    feeds: tuple[Feed, ...] = ()

    def __post_init__(self) -> None:
        """Raises ValueError for two of one name."""
        names = [feed.name for feed in self.feeds]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ValueError(f"two feeds are called {twice[0]}")

    def of(self, name: str) -> Feed | None:
        """The feed of this name."""
        return next((feed for feed in self.feeds if feed.name == name), None)
