"""What a move has brought, what it has not and why: counts that add up, and notes."""

from typing import Final, Literal

import msgspec

EXAMPLES: Final = 5  # ids beside a note
ViewState = Literal["as it was", "translated", "kept"]


class Note(msgspec.Struct, frozen=True):
    """Something that did not come as it was. `count` is how often; `examples` are the first ids that it is about."""

    where: str
    what: str
    count: int = 1
    examples: tuple[str, ...] = ()


class MovedCollection(msgspec.Struct, frozen=True, kw_only=True):
    """The records of one collection: `read` is the sum of those that follow, but for `deleted`.

    `unchanged` are those that are as they were when they were moved before, `deleted` those that were moved before
    and that PocketBase has no more.
    """

    name: str
    type: str
    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    deleted: int = 0


class MovedView(msgspec.Struct, frozen=True):
    """A view, and what became of its query. One that is `kept` shows nothing until somebody writes it anew."""

    name: str
    state: ViewState


class MovedFiles(msgspec.Struct, frozen=True):
    """Files: `held` names in records are the sum of those that were `copied` now, that are `there`, and `missing`.

    `bytes` are those of the copied ones. `unheld` files are in the storage and no record names them.
    """

    held: int = 0
    copied: int = 0
    there: int = 0
    missing: int = 0
    bytes: int = 0
    unheld: int = 0


class Report(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """All of a move. With `dry_run` it is what a move would do."""

    dry_run: bool
    collections: tuple[MovedCollection, ...]
    views: tuple[MovedView, ...]
    files: MovedFiles
    settings: Literal["brought", "unchanged", "not brought"]
    notes: tuple[Note, ...]


class Notes:
    """Gathers notes; what is said of many records is one note that counts them."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[int, list[str]]] = {}

    def add(self, where: str, what: str, *ids: str, count: int = 1) -> None:
        """Note something, of the records with these ids if it is about records."""
        key = (_shown(where), _shown(what))
        before, examples = self._found.get(key, (0, []))
        self._found[key] = (before + count, [*examples, *map(_shown, ids)][:EXAMPLES])

    def all(self) -> tuple[Note, ...]:
        """Every note, in the order in which they were first made."""
        return tuple(Note(*key, count, tuple(examples)) for key, (count, examples) in self._found.items())


def _shown(text: str) -> str:
    """A text that can be printed: what was no valid UTF-8 stands in it as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()
