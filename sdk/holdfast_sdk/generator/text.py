"""How generated code is laid out, so that a formatter has nothing to do."""

import unicodedata
from collections.abc import Sequence
from typing import Final

import msgspec

WIDTH: Final = 120


def literal(text: str) -> str:
    """A text as Python writes it, in double quotes where that needs no more escapes."""
    found = repr(text)
    if found.startswith("'") and '"' not in found:
        return '"' + found[1:-1] + '"'
    return found


def docstring(text: str, indent: str = "    ") -> str:
    """A docstring of one line."""
    return f'{indent}"""{text}"""\n'


def call(head: str, arguments: Sequence[str], tail: str = "") -> str:
    """A line that calls something, or begins a class: over as many lines as it takes."""
    return enclosed(head, "()", arguments, tail)


def enclosed(head: str, brackets: str, items: Sequence[str], tail: str = "") -> str:
    """The same for any brackets."""
    begin, end = brackets
    line = f"{head}{begin}{', '.join(items)}{end}{tail}\n"
    if fits(line):
        return line
    indent = head[: len(head) - len(head.lstrip())]
    inner = f"{indent}    {', '.join(items)}\n"
    if not fits(inner):
        inner = "".join(f"{indent}    {one},\n" for one in items)
    return f"{head}{begin}\n{inner}{indent}{end}{tail}\n"


def fits(line: str) -> bool:
    """Whether a formatter leaves a line as it is. Some signs are as wide as two."""
    wide = 0 if line.isascii() else sum(unicodedata.east_asian_width(sign) in "WF" for sign in line)
    return len(line) + wide <= WIDTH + 1


class Type(msgspec.Struct, frozen=True):
    """A type, and those that it is of."""

    name: str
    of: tuple[str, ...] = ()

    def __str__(self) -> str:
        """On one line."""
        return f"{self.name}[{', '.join(self.of)}]" if self.of else self.name


def member(name: str, type: Type, about: str, value: str, *, cached: bool) -> str:
    """A property of a class. `value` is the line that gives it."""
    head = f"    def {name}(self) -> {type}:\n"
    if not fits(head):
        head = f"    def {name}(\n        self,\n    ) -> {type}:\n"
    if type.of and not fits(f"    ) -> {type}:\n"):
        head = f"    def {name}(\n        self,\n" + enclosed(f"    ) -> {type.name}", "[]", type.of, ":")
    decorator = "hf.cached_property" if cached else "property"
    return f"\n    @{decorator}\n{head}{docstring(about, '        ')}{value}"


def imports(module: str, names: Sequence[str], indent: str = "") -> str:
    """An import of these names, which are sorted."""
    line = f"{indent}from {module} import {', '.join(names)}\n"
    if fits(line):
        return line
    return f"{indent}from {module} import (\n{''.join(f'{indent}    {name},{chr(10)}' for name in names)}{indent})\n"


def listed(name: str, texts: Sequence[str]) -> str:
    """A list of texts with a name, each on a line of its own."""
    return f"{name} = [\n{''.join(f'    {literal(text)},{chr(10)}' for text in texts)}]\n"
