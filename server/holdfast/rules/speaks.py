"""What a rule speaks of, before it is compiled: fields of the row itself, values of the body. Pure."""

from collections.abc import Iterable, Iterator
from typing import Final

from holdfast.errors import InvalidFilter
from holdfast.expressions.read import read_filter
from holdfast.expressions.tree import Call, Node, Operand, Path, terms

_BODY: Final = ("@request", "body")


def own_fields(rules: Iterable[str]) -> frozenset[str]:
    """The names of the row's own fields at which paths of the rules begin.

    Rows that differ in none of them are alike to the rules. A rule that cannot be read speaks of nothing.
    """
    names = (path.names[0] for path in _spoken(rules))
    return frozenset(name for name in names if not name.startswith("@"))


def speak_of_body(rules: Iterable[str]) -> bool:
    """Whether a rule asks for a value that was sent; whether something was sent at all is no value."""
    return any(path.names[:2] == _BODY and path.modifier != "isset" for path in _spoken(rules))


def speak_of(rules: Iterable[str], *beginnings: str) -> bool:
    """Whether a path of a rule begins with one of these names."""
    return any(path.text.startswith(beginnings) for path in _spoken(rules))


def paths(root: Node) -> list[Path]:
    """All paths of a filter, those that functions are applied to as well, from left to right."""
    return [path for term in terms(root) for side in (term.left, term.right) for path in _of(side)]


def _spoken(rules: Iterable[str]) -> Iterator[Path]:
    for rule in rules:
        if not rule.strip():
            continue
        try:
            yield from paths(read_filter(rule).tree.root)
        except InvalidFilter:
            continue


def _of(operand: Operand) -> Iterator[Path]:
    if isinstance(operand, Path):
        yield operand
    elif isinstance(operand, Call):
        for argument in operand.arguments:
            yield from _of(argument)
