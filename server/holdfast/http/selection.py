"""The `fields` parameter: which parts of an answer go out.

fields=id,title,expand.author.name,body:excerpt(200,true)
"""

import re
from collections.abc import Iterator
from typing import Any, Final, cast

import msgspec

from holdfast.errors import BadRequest, Problem

MAX_FIELDS: Final = 500  # parts of one `fields` parameter
MAX_DEPTH: Final = 20  # names in one path
_EXCERPT: Final = re.compile(r"(excerpt|left)\(\s*([0-9]{1,7})\s*(?:,\s*(true|false|1|0|t|f)\s*)?\)", re.ASCII)


class Excerpt(msgspec.Struct, frozen=True):
    """The first `characters` of a text without its HTML, with an ellipsis if it is cut and one is wanted.

    `verbatim` leaves the text as it is, whatever it looks like.
    """

    characters: int
    ellipsis: bool = False
    verbatim: bool = False


class Selection(msgspec.Struct, frozen=True):
    """The parts of an object that are wanted. `every` is `*`: all of them, though `parts` may narrow some."""

    every: bool = False
    parts: tuple[tuple[str, "Selection"], ...] = ()
    excerpt: Excerpt | None = None

    def part(self, name: str) -> "Selection | None":
        """What is wanted of one part, or None if it is not wanted at all."""
        for key, selection in self.parts:
            if key == name:
                return selection
        return EVERYTHING if self.every else None

    @property
    def whole(self) -> bool:
        """Whether nothing is left out."""
        return self.every and not self.parts


EVERYTHING: Final = Selection(every=True)


class _Node:
    def __init__(self) -> None:
        self.every = False
        self.parts: dict[str, _Node] = {}
        self.excerpt: Excerpt | None = None

    def frozen(self) -> Selection:
        parts = tuple((name, part.frozen()) for name, part in self.parts.items())
        return Selection(self.every, parts, self.excerpt)


def read_fields(text: str) -> Selection:
    """The selection that a `fields` parameter asks for; empty text asks for everything.

    Names are not looked up: those that a record does not have select nothing, as in PocketBase.
    Raises BadRequest for a modifier that is not there, and for more than MAX_FIELDS parts.
    """
    root = _Node()
    count = 0
    for part in _split(text):
        count += 1
        if count > MAX_FIELDS:
            raise _refuse(f"It has more than {MAX_FIELDS} parts.")
        _add(root, part)
    return root.frozen() if count else EVERYTHING


def _refuse(message: str) -> BadRequest:
    problem = Problem("validation_invalid_value", message)
    return BadRequest(f"The parameter fields cannot be used: {message}", data={"fields": problem})


def _add(root: _Node, text: str) -> None:
    path, colon, modifier = text.partition(":")
    names = path.strip().split(".")
    if len(names) > MAX_DEPTH:
        raise _refuse(f"A path has more than {MAX_DEPTH} names.")
    node = root
    for name in names[:-1]:
        node = node.parts.setdefault(name, _Node())
    if names[-1] == "*":
        node.every = True
        return
    node = node.parts.setdefault(names[-1], _Node())
    node.every = True
    if colon:
        node.excerpt = _read_excerpt(modifier.strip())


def _read_excerpt(text: str) -> Excerpt:
    found = _EXCERPT.fullmatch(text)
    if found is None:
        raise _refuse("The modifiers are :excerpt(characters) and :left(characters), with ,true for an ellipsis.")
    return Excerpt(int(found[2]), found[3] in ("true", "1", "t"), verbatim=found[1] == "left")


def _split(text: str) -> Iterator[str]:
    """The parts between commas, those inside parentheses not counted."""
    depth = start = 0
    for at, char in enumerate(text):
        if char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
        elif char == "," and depth <= 0:
            yield from _named(text[start:at])
            start = at + 1
    yield from _named(text[start:])


def _named(text: str) -> Iterator[str]:
    if text.strip():
        yield text


def read_plain_fields(text: str) -> Selection:
    """The same for answers that are made here and not by PostgreSQL, which alone can cut an excerpt."""
    wanted = read_fields(text)
    if _has_excerpt(wanted):
        raise _refuse("The modifiers :excerpt and :left are for the fields of records.")
    return wanted


def _has_excerpt(selection: Selection) -> bool:
    return selection.excerpt is not None or any(_has_excerpt(part) for _, part in selection.parts)


def select(body: bytes, wanted: Selection) -> bytes:
    """The wanted parts of a JSON answer; of a page, they are those of its items."""
    if wanted.whole:
        return body
    answer = msgspec.json.decode(body)
    if isinstance(answer, dict) and "items" in answer:
        page = cast(dict[str, Any], answer)
        return msgspec.json.encode(page | {"items": _picked(page["items"], wanted)})
    return msgspec.json.encode(_picked(answer, wanted))


def _picked(value: Any, wanted: Selection) -> Any:
    if isinstance(value, list):
        return [_picked(item, wanted) for item in cast(list[Any], value)]
    if isinstance(value, dict):
        parts = ((key, part, wanted.part(key)) for key, part in cast(dict[str, Any], value).items())
        return {key: _picked(part, inner) for key, part, inner in parts if inner is not None}
    return value
