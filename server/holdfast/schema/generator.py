"""Strings made from a pattern such as `post-[a-z0-9]{8}`: literals, classes, groups, alternatives and repeats."""

import secrets
import string
from collections.abc import Iterator
from typing import Final, TypeAlias

import msgspec

from holdfast.schema.pattern import InvalidPattern

MAX_GENERATED_CHARS: Final = 5000
MAX_DEPTH: Final = 20  # groups within groups
_OPEN_REPEATS: Final = 10  # what `*` and `+` repeat at most
_DIGITS: Final = string.digits
_WORD: Final = string.ascii_letters + string.digits + "_"
_PRINTABLE: Final = "".join(chr(code) for code in range(0x20, 0x7F))
_CLASSES: Final = {"d": _DIGITS, "w": _WORD, "s": " "}
_CONTROLS: Final = {"n": "\n", "t": "\t", "r": "\r"}


class Chars(msgspec.Struct, frozen=True):
    """One character out of these."""

    choices: str


class Repeat(msgspec.Struct, frozen=True):
    """The part `least` to `most` times."""

    part: "Part"
    least: int
    most: int


class Group(msgspec.Struct, frozen=True):
    """One of the alternatives, each a run of parts."""

    alternatives: tuple[tuple["Part", ...], ...]


Part: TypeAlias = Chars | Repeat | Group


def generate(pattern: str) -> str:
    """A random string of the pattern, from the system's cryptographic source.

    Raises InvalidPattern.
    """
    return "".join(_made(read_generator(pattern)))


def read_generator(pattern: str) -> Group:
    """Read the pattern. `^` at the start and `$` at the end mean nothing here.

    Raises InvalidPattern for what cannot be made (look-around, back-references) or gets too long.
    """
    reader = _Reader(pattern.removeprefix("^"))
    found = reader.group(0)
    if not reader.at_end:
        raise InvalidPattern("it has a ) too many")
    if _longest(found) > MAX_GENERATED_CHARS:
        raise InvalidPattern(f"it can give more than {MAX_GENERATED_CHARS} characters")
    return found


def _made(part: Part) -> Iterator[str]:
    if isinstance(part, Chars):
        yield secrets.choice(part.choices)
        return
    if isinstance(part, Repeat):
        for _ in range(part.least + secrets.randbelow(part.most - part.least + 1)):
            yield from _made(part.part)
        return
    for inner in secrets.choice(part.alternatives):
        yield from _made(inner)


def _longest(part: Part) -> int:
    if isinstance(part, Chars):
        return 1
    if isinstance(part, Repeat):
        return part.most * _longest(part.part)
    return max(sum(_longest(inner) for inner in run) for run in part.alternatives)


class _Reader:
    """Reads a pattern from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at >= len(self._text)

    @property
    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self) -> str:
        if self.at_end:
            raise InvalidPattern("it ends too early")
        self._at += 1
        return self._text[self._at - 1]

    def group(self, depth: int) -> Group:
        if depth > MAX_DEPTH:
            raise InvalidPattern(f"its groups are nested deeper than {MAX_DEPTH}")
        runs: list[tuple[Part, ...]] = []
        run: list[Part] = []
        while not self.at_end and self._next != ")":
            if self._next == "|":
                self._at += 1
                runs.append(tuple(run))
                run = []
            elif self._next == "$" and self._at == len(self._text) - 1:
                self._at += 1
            else:
                run.append(self._repeated(self._one(depth)))
        return Group((*runs, tuple(run)))

    def _one(self, depth: int) -> Part:
        char = self._take()
        if char == "(":
            return self._inner(depth)
        if char == "[":
            return Chars(self._class())
        if char == ".":
            return Chars(_PRINTABLE)
        if char == "\\":
            return Chars(self._escaped())
        if char in "*+?{^$":
            raise InvalidPattern(f"{char} stands where it means nothing")
        return Chars(char)

    def _inner(self, depth: int) -> Group:
        if self._next == "?":
            if self._text[self._at : self._at + 2] != "?:":
                raise InvalidPattern("it has a (?…) other than (?:…)")
            self._at += 2
        found = self.group(depth + 1)
        if self.at_end:
            raise InvalidPattern("it has a ( too many")
        self._at += 1
        return found

    def _escaped(self) -> str:
        char = self._take()
        if char in _CLASSES:
            return _CLASSES[char]
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char.isalnum():
            raise InvalidPattern(f"\\{char} cannot be made")
        return char

    def _class(self) -> str:
        negated = self._next == "^"
        self._at += negated
        found: set[str] = set()
        first = True
        while first or self._next != "]":
            first = False
            low = self._class_item()
            if len(low) == 1 and self._next == "-" and self._text[self._at + 1 : self._at + 2] not in ("]", ""):
                self._at += 1
                found |= set(_span(low, self._class_item()))
            else:
                found |= set(low)
        self._at += 1
        choices = set(_PRINTABLE) - found if negated else found
        if not choices:
            raise InvalidPattern("it has a class of no characters")
        return "".join(sorted(choices))

    def _class_item(self) -> str:
        char = self._take()
        return self._escaped() if char == "\\" else char

    def _repeated(self, part: Part) -> Part:
        least, most = self._counts()
        if self._next == "?" and (least, most) != (1, 1):
            self._at += 1  # a lazy repeat makes the same strings
        return part if (least, most) == (1, 1) else Repeat(part, least, most)

    def _counts(self) -> tuple[int, int]:
        open_ended = {"*": (0, _OPEN_REPEATS), "+": (1, _OPEN_REPEATS), "?": (0, 1)}
        if self._next in open_ended and self._next:
            return open_ended[self._take()]
        if self._next != "{":
            return 1, 1
        close = self._text.find("}", self._at)
        low, comma, high = self._text[self._at + 1 : close].partition(",")
        if close < 0 or not _is_count(low) or (high and not _is_count(high)):
            raise InvalidPattern("it has a {…} that is no count")
        self._at = close + 1
        least = int(low)
        most = int(high) if high else (least + _OPEN_REPEATS if comma else least)
        if most < least:
            raise InvalidPattern("it has a {…} whose second count is the smaller one")
        return least, most


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 4


def _span(low: str, high: str) -> str:
    if len(high) != 1 or ord(high) < ord(low) or ord(high) - ord(low) > 0xFFFF:
        raise InvalidPattern("it has a class with a span that is none")
    return "".join(chr(code) for code in range(ord(low), ord(high) + 1) if not 0xD800 <= code < 0xE000)
