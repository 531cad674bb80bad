"""The `expand` parameter: which relations are followed, as a tree.

expand=author,comments_via_post.author
"""

from typing import Final

import msgspec

from holdfast.records.query import refuse

MAX_LEVELS: Final = 6  # relations in one path, as in PocketBase
MAX_EXPANDS: Final = 100  # relations in one request


class Expansion(msgspec.Struct, frozen=True):
    """The relations to follow from one record, and those to follow from there."""

    parts: tuple[tuple[str, "Expansion"], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.parts)


NOTHING: Final = Expansion()


class _Node:
    def __init__(self) -> None:
        self.parts: dict[str, _Node] = {}

    def frozen(self) -> Expansion:
        return Expansion(tuple((name, part.frozen()) for name, part in self.parts.items()))


def read_expand(text: str) -> Expansion:
    """The tree that an `expand` parameter asks for.

    Names are not looked up: one that is no relation expands to nothing, as in PocketBase.
    Raises BadRequest for more than MAX_LEVELS levels, and for more than MAX_EXPANDS relations.
    """
    if not text:
        return NOTHING
    root = _Node()
    count = 0
    for path in text.split(","):
        names = [name.strip() for name in path.strip().split(".")] if path.strip() else []
        if len(names) > MAX_LEVELS:
            raise refuse("expand", f"A path has more than {MAX_LEVELS} relations.")
        node = root
        for name in names:
            if name not in node.parts:
                count += 1
                if count > MAX_EXPANDS:
                    raise refuse("expand", f"It names more than {MAX_EXPANDS} relations.")
                node.parts[name] = _Node()
            node = node.parts[name]
    return root.frozen()
