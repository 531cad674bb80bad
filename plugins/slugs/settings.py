"""What an operator sets."""

from typing import Annotated, Literal

import msgspec


class Slug(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A field that gets a slug of another field. `longest` is in characters.

    With `on_update` "follow" the slug changes with the text, and old addresses end; with "keep" it never does.
    """

    collection: str
    source: str = "title"
    field: str = "slug"
    longest: Annotated[int, msgspec.Meta(ge=8, le=200)] = 80
    on_update: Literal["keep", "follow"] = "keep"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which fields get slugs."""

    slugs: tuple[Slug, ...] = ()
