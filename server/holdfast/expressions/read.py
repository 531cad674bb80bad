"""A filter is read: what differs from request to request is told apart from what decides the SQL.

The shape is the filter with a marker for each literal, which says what the literal looks like and not what it
is. Two filters of one shape compile to the same SQL, run with other values.
"""

from collections.abc import Hashable, Mapping
from typing import Final

import msgspec

from holdfast.errors import InvalidFilter
from holdfast.expressions.literals import check_characters, place_in, pull
from holdfast.expressions.parse import parse
from holdfast.expressions.tree import Tree, Unreadable

MAX_CHARS: Final = 3500
_NO_PARAMS: Final[Mapping[str, object]] = {}


class Reading(msgspec.Struct, frozen=True):
    """A filter that was read.

    `shape` decides the SQL and can be the key of a cache; `literals` are for `Inputs.literals`.
    """

    shape: Hashable
    literals: tuple[str, ...]
    tree: Tree


def read_filter(text: str, params: Mapping[str, object] = _NO_PARAMS) -> Reading:
    """Read a filter; `params` are the values of its `{:name}` placeholders.

    Costs some microseconds when a filter of that shape was read lately, and some hundred otherwise.
    Raises InvalidFilter, with the place in characters from 1, for what is no filter.
    """
    if len(text) > MAX_CHARS:
        raise InvalidFilter(f"A filter has at most {MAX_CHARS} characters.")
    check_characters(text, "The filter")
    pieces, literals = pull(text, params)
    shape = "".join(pieces)

    def place(at: int) -> int:
        return place_in(text, pieces, at)

    try:
        root, pinned = parse(shape)
    except Unreadable as failure:
        raise InvalidFilter(failure.told(f"at character {place(failure.at)}")) from None
    if not pinned:
        return Reading(shape, tuple(literals), Tree(root, place))
    fixed = {number: literals[number] for number in pinned}
    return Reading((shape, *fixed.values()), tuple(literals), Tree(root, place, fixed))
