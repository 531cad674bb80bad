"""Tokens become a tree: `&&` binds closer than `||`, and brackets closer than both."""

from difflib import get_close_matches
from functools import lru_cache
from typing import Final

from holdfast.expressions.moment import MOMENTS, PARTS
from holdfast.expressions.tokens import Sort, Token, tokenize
from holdfast.expressions.tree import (
    Call,
    Constant,
    Form,
    Group,
    Macro,
    Node,
    Operand,
    Operator,
    Path,
    Slot,
    Term,
    Unreadable,
    terms,
)

MAX_TERMS: Final = 200
MAX_DEPTH: Final = 20  # brackets inside brackets
MAX_ARGUMENTS: Final = 10
MAX_NAMES: Final = 64  # parts of a path; json fields are nested no deeper
SHAPES_KEPT: Final = 4096

FUNCTIONS: Final = ("geoDistance", "strftime")
MODIFIERS: Final = ("lower", "length", "each", "isset", "changed")
ROOTS: Final = ("@request", "@collection", "@previous")
_WORDS: Final = {"true": True, "false": False, "null": None}


@lru_cache(maxsize=SHAPES_KEPT)
def parse(shape: str) -> tuple[Node, tuple[int, ...]]:
    """The tree of a shape, and the numbers of the literals that the SQL itself depends on.

    Raises Unreadable for what is no expression.
    """
    parser = _Parser(list(tokenize(shape)))
    root = parser.either(0)
    if parser.here.sort is not Sort.END:
        raise parser.unexpected("&& or ||")
    if sum(1 for _ in terms(root)) > MAX_TERMS:
        raise Unreadable(0, f"There are more than {MAX_TERMS} comparisons")
    return root, tuple(parser.pinned)


class _Parser:
    """Where reading stands: the next token, and how many literals have been met."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._slots = 0
        self.pinned: list[int] = []

    @property
    def here(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _meets(self, sort: Sort) -> bool:
        return self._tokens[self._next].sort is sort

    def unexpected(self, wanted: str) -> Unreadable:
        token = self.here
        if token.sort is Sort.END:
            return Unreadable(token.at, f"The filter ends where {wanted} was expected")
        found = "a value" if token.sort in (Sort.SLOT, Sort.EMPTY) else repr(token.text)
        return Unreadable(token.at, f"Found {found} where {wanted} was expected")

    def either(self, depth: int) -> Node:
        """Conditions joined with `||`."""
        parts = [self._every(depth)]
        while self.here.sort is Sort.JOIN and self.here.text == "||":
            self._take()
            parts.append(self._every(depth))
        return parts[0] if len(parts) == 1 else Group(True, tuple(parts))

    def _every(self, depth: int) -> Node:
        parts = [self._one(depth)]
        while self.here.sort is Sort.JOIN and self.here.text == "&&":
            self._take()
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else Group(False, tuple(parts))

    def _one(self, depth: int) -> Node:
        if not self._meets(Sort.OPEN):
            return self._term()
        opened = self._take()
        if depth == MAX_DEPTH:
            raise Unreadable(opened.at, f"Brackets are nested deeper than {MAX_DEPTH}")
        inner = self.either(depth + 1)
        if not self._meets(Sort.CLOSE):
            raise self.unexpected("a closing bracket")
        self._take()
        return inner

    def _term(self) -> Term:
        left = self._operand()
        if not self._meets(Sort.OPERATOR):
            raise self.unexpected("an operator such as = or ~")
        sign = self._take()
        right = self._operand()
        return Term(left, Operator(sign.text.lstrip("?")), sign.text[0] == "?", right, sign.at)

    def _operand(self) -> Operand:
        token = self.here
        if token.sort is Sort.SLOT:
            self._take()
            self._slots += 1
            return Slot(self._slots - 1, Form(token.text), token.at)
        if token.sort is Sort.EMPTY:
            self._take()
            return Constant("", token.at)
        if token.sort is not Sort.PATH:
            raise self.unexpected("a field or a value")
        self._take()
        if self._meets(Sort.OPEN):
            return self._call(token)
        return _named(token)

    def _call(self, name: Token) -> Call:
        if name.text not in FUNCTIONS:
            raise Unreadable(name.at, f'There is no function "{name.text}"{meant(name.text, FUNCTIONS)}')
        self._take()
        arguments: list[Operand] = []
        while not self._meets(Sort.CLOSE):
            if arguments:
                if not self._meets(Sort.COMMA):
                    raise self.unexpected("a comma or a closing bracket")
                self._take()
            if len(arguments) == MAX_ARGUMENTS:
                raise Unreadable(self.here.at, f"A function takes at most {MAX_ARGUMENTS} arguments")
            argument = self._operand()
            if isinstance(argument, Call):
                raise Unreadable(argument.at, "A function cannot be an argument of another one")
            arguments.append(argument)
        self._take()
        if name.text == "strftime":
            # The format and the modifiers decide the SQL; the date (the second) does not.
            texts = [argument for number, argument in enumerate(arguments) if number != 1]
            self.pinned += [argument.number for argument in texts if isinstance(argument, Slot)]
        return Call(name.text, tuple(arguments), name.at)


def _named(token: Token) -> Operand:
    """A word: true, false or null, a macro, or a path."""
    if token.text.lower() in _WORDS:
        return Constant(_WORDS[token.text.lower()], token.at)
    if token.text.startswith("@") and token.text.partition(".")[0].partition(":")[0] not in ROOTS:
        if token.text in MOMENTS or token.text in PARTS:
            return Macro(token.text, token.at)
        known = (*MOMENTS, *PARTS, *ROOTS)
        raise Unreadable(token.at, f'There is no "{token.text}"{meant(token.text, known)}')
    return read_path(token.text, token.at)


def read_path(text: str, at: int) -> Path:
    """A path out of its text. Raises Unreadable for a colon in the wrong place and modifiers that there are not."""
    parts = [part.partition(":") for part in text.split(".")]
    if len(parts) > MAX_NAMES:
        raise Unreadable(at, f"A path has at most {MAX_NAMES} parts")
    names = tuple(part[0] for part in parts)
    path = Path(names, parts[-1][2], at)
    alias = ""
    for number, (_, colon, suffix) in enumerate(parts[:-1]):
        if colon and (number != 1 or names[0] != "@collection"):
            raise Unreadable(path.at_name(number), f"A modifier such as :{suffix} stands at the end of a path")
        alias = suffix or alias
    path = Path(names, path.modifier, at, alias)
    if path.modifier and path.modifier not in MODIFIERS:
        message = f'There is no modifier ":{path.modifier}"{meant(path.modifier, MODIFIERS)}'
        raise Unreadable(at + len(text) - len(path.modifier) - 1, message)
    return path


def meant(name: str, known: "tuple[str, ...] | list[str]") -> str:
    """The end of a sentence that says which name is near the one that was not found, or nothing."""
    near = get_close_matches(name, known, n=1, cutoff=0.7) or [
        other for other in known if other.lower() == name.lower()
    ]
    return f': did you mean "{near[0]}"?' if near else ""
