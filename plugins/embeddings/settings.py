"""What an operator sets."""

from typing import Annotated, Literal

import msgspec

HASHING = "hashing"


class Embedding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A field that gets the embedding of other fields.

    `by` is `hashing`, or MODULE:FUNCTION of an installed module that lists the function in its `EMBEDDINGS`. Of a json
    field `dimensions` is how many numbers it gets; a vector field has its own. `search` is who may search.
    """

    collection: str
    fields: tuple[str, ...] = ("title",)
    into: str = "embedding"
    by: Annotated[str, msgspec.Meta(pattern=r"^(hashing|[A-Za-z_][\w.]*:[A-Za-z_]\w*)$")] = HASHING
    dimensions: Annotated[int, msgspec.Meta(ge=8, le=16_000)] = 256
    search: Literal["superusers", "users", "anyone"] = "superusers"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which fields are filled."""

    embeddings: tuple[Embedding, ...] = ()

    def of(self, collection: str) -> list[Embedding]:
        """Those of a collection."""
        return [one for one in self.embeddings if one.collection == collection]
