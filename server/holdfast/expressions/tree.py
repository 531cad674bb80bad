"""What a filter or rule is made of, once it is read.

Every node knows where it stands: `at` counts characters of the shape (see read.py), which `Tree.invalid`
turns into the place in the text that was sent.
"""

import enum
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

import msgspec

from holdfast.errors import InvalidFilter


class Unreadable(Exception):
    """Something in an expression that cannot be: `at` is its place in the shape."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(message)
        self.at = at
        self.message = message

    def told(self, where: str = "") -> str:
        """The whole sentence, with the place in it, before what it asks back."""
        sentence, colon, question = self.message.partition(": did you mean ")
        end = f"{colon}{question}" if colon else "."
        return f"{sentence} ({where}){end}" if where else f"{sentence}{end}"


class Form(enum.Enum):
    """What a literal looks like, as far as the SQL may depend on it. The value is its letter in a shape."""

    TEXT = "t"
    DATE_TEXT = "d"
    WHOLE_TEXT = "w"
    YEAR_TEXT = "y"  # a whole number that is a date too: '2024'
    REAL_TEXT = "r"
    WHOLE = "W"
    REAL = "R"

    # Attributes and not properties: they are asked for at every comparison that is compiled.
    quoted: bool
    whole: bool
    numeric: bool
    dated: bool


for _form in Form:
    _form.quoted = _form not in (Form.WHOLE, Form.REAL)
    _form.whole = _form in (Form.WHOLE, Form.WHOLE_TEXT, Form.YEAR_TEXT)
    _form.numeric = _form.whole or _form in (Form.REAL, Form.REAL_TEXT)
    _form.dated = _form in (Form.DATE_TEXT, Form.YEAR_TEXT)


class Operator(enum.Enum):
    """How two values are compared."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    LIKE = "~"
    UNLIKE = "!~"

    @property
    def is_order(self) -> bool:
        """Whether it asks which of two values comes first."""
        return self in (Operator.LT, Operator.LE, Operator.GT, Operator.GE)

    @property
    def is_like(self) -> bool:
        """Whether it looks for a text inside another one."""
        return self in (Operator.LIKE, Operator.UNLIKE)


MIRRORED: Final[Mapping[Operator, Operator]] = {
    Operator.LT: Operator.GT,
    Operator.LE: Operator.GE,
    Operator.GT: Operator.LT,
    Operator.GE: Operator.LE,
}
"""The operator that says the same with the sides exchanged; those that are not here are their own."""


class Slot(msgspec.Struct, frozen=True):
    """A literal that has a value: the one of that number in `Inputs.literals`, always kept as the text written."""

    number: int
    form: Form
    at: int


class Constant(msgspec.Struct, frozen=True):
    """A literal that is part of the shape: null, true, false or the empty text."""

    value: bool | str | None
    at: int


class Macro(msgspec.Struct, frozen=True):
    """A name for a value of the time when the filter is run: `@now`, `@year`."""

    name: str
    at: int


class Path(msgspec.Struct, frozen=True):
    """A field, perhaps through relations: `names` are its parts, `modifier` what follows the colon, or empty.

    `alias` is the one of `@collection.name:alias`.
    """

    names: tuple[str, ...]
    modifier: str
    at: int
    alias: str = ""

    @property
    def text(self) -> str:
        """The path without its modifier, as it was written."""
        return ".".join(self.names)

    def at_name(self, number: int) -> int:
        """Where one of the names begins."""
        skipped = sum(len(name) + 1 for name in self.names[:number])
        return self.at + skipped + (len(self.alias) + 1 if self.alias and number > 1 else 0)


class Call(msgspec.Struct, frozen=True):
    """A function with its arguments."""

    name: str
    arguments: "tuple[Operand, ...]"
    at: int


Operand: TypeAlias = Slot | Constant | Macro | Path | Call


class Term(msgspec.Struct, frozen=True):
    """One comparison. `some` is the `?`: it is enough that some of many values fulfil it."""

    left: Operand
    operator: Operator
    some: bool
    right: Operand
    at: int


class Group(msgspec.Struct, frozen=True):
    """Conditions of which all have to hold, or, with `either`, at least one."""

    either: bool
    parts: "tuple[Node, ...]"


Node: TypeAlias = Term | Group


class Tree(msgspec.Struct, frozen=True):
    """A filter that was read. `pinned` holds the literals that the SQL itself depends on, by their number."""

    root: Node
    place: Callable[[int], int]
    pinned: Mapping[int, str] = {}

    def invalid(self, failure: Unreadable) -> InvalidFilter:
        """What the client is told: the sentence and the place, in characters from 1."""
        return InvalidFilter(failure.told(f"at character {self.place(failure.at)}"))


def terms(node: Node) -> Iterator[Term]:
    """All comparisons, from left to right."""
    if isinstance(node, Term):
        yield node
        return
    for part in node.parts:
        yield from terms(part)
