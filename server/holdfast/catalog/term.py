"""The comparisons of a filter, with their paths found."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec

from holdfast.catalog.path import Hop, Leaf, Route, find_route
from holdfast.catalog.row import Rows
from holdfast.catalog.sight import Knows
from holdfast.catalog.snapshot import Catalog
from holdfast.expressions.tree import Call, Constant, Macro, Node, Operand, Operator, Path, Slot, Term, Tree, Unreadable
from holdfast.expressions.value import Value
from holdfast.schema.collection import Collection

Key: TypeAlias = tuple[str, ...]
"""The names by which a path goes to many records or items."""


class Many(msgspec.Struct, frozen=True):
    """A place where a path goes to many: to records by the last of `hops`, or to the items of `leaf`."""

    key: Key
    hops: tuple[Hop, ...]
    leaf: Leaf | None = None

    @property
    def origin(self) -> str:
        """What the path begins at."""
        return self.key[0]


class Found(msgspec.Struct, frozen=True):
    """A path that was found, and what it begins at: `""` is the row itself."""

    route: Route
    start: Collection
    origin: str = ""

    @property
    def manys(self) -> tuple[Many, ...]:
        """Where it goes to many, in order."""
        hops, leaf = self.route.hops, self.route.leaf
        names = (self.origin, *(hop.name for hop in hops))
        found = [Many(names[: at + 2], hops[: at + 1]) for at, hop in enumerate(hops) if hop.many]
        if leaf.is_each:
            found.append(Many((*names, leaf.field.name, ":each"), hops, leaf))
        return tuple(found)


class Given(msgspec.Struct, frozen=True):
    """A value that no row has: something of the request."""

    value: Value


class Applied(msgspec.Struct, frozen=True):
    """A function, the values that it is applied to, and the texts that say how."""

    call: Call
    arguments: "tuple[Asked, ...]"
    texts: tuple[str, ...] = ()

    @property
    def manys(self) -> tuple[Many, ...]:
        """Where its arguments go to many."""
        return tuple(many for argument in self.arguments for many in manys_of(argument))


Asked: TypeAlias = Found | Given | Applied | Slot | Constant | Macro
"""One side of a comparison."""

Foreign: TypeAlias = Callable[[Path], Asked]
"""Finds what a path that begins with `@` leads to. Raises Unreadable."""


def manys_of(asked: Asked) -> tuple[Many, ...]:
    """Where one side of a comparison goes to many."""
    return asked.manys if isinstance(asked, Found | Applied) else ()


class Comparison(msgspec.Struct, frozen=True):
    """A comparison. With `some` it is about one record of each way to many; else about all, and closed in itself."""

    left: Asked
    operator: Operator
    some: bool
    right: Asked
    at: int

    @property
    def shared(self) -> tuple[Many, ...]:
        """The ways to many that other comparisons may go along with it."""
        return (*manys_of(self.left), *manys_of(self.right)) if self.some else ()


class Joined(msgspec.Struct, frozen=True):
    """Conditions of which all have to hold, or, with `either`, at least one."""

    either: bool
    parts: "tuple[Planned, ...]"

    @property
    def shared(self) -> tuple[Many, ...]:
        """The ways to many of all parts."""
        return tuple(many for part in self.parts for many in part.shared)


Planned: TypeAlias = Comparison | Joined


class Names:
    """Looks up the names in a filter, for the rows of one collection. `foreign` is there for rules alone."""

    def __init__(
        self, catalog: Catalog, collection: Collection, rows: Rows, knows: Knows, foreign: Foreign | None = None
    ) -> None:
        self._catalog = catalog
        self._collection = collection
        self._rows = rows
        self._knows = knows
        self._foreign = foreign

    def plan(self, tree: Tree) -> Planned:
        """The filter with all its paths found. Raises Unreadable."""
        return self._plan(tree.root, tree.pinned)

    def find(self, path: Path) -> Found:
        """A path to a field of the row. Raises Unreadable."""
        if path.names[0].startswith("@"):
            raise Unreadable(path.at, f'"{path.names[0]}" is for rules')
        return Found(find_route(self._catalog, self._collection, path, self._knows), self._collection)

    def without_id(self, found: Found) -> Found:
        """The relation itself in place of the id that it points at, if every record is seen that it can point at."""
        hops, leaf = found.route.hops, found.route.leaf
        last = hops[-1] if hops else None
        if last is None or last.field is None or last.back or leaf.field.name != "id" or leaf.modifier:
            return found
        if not self._rows.is_open(leaf.collection):
            return found
        owner = hops[-2].collection if len(hops) > 1 else found.start
        return msgspec.structs.replace(found, route=Route(hops[:-1], Leaf(owner, last.field)))

    def _plan(self, node: Node, pinned: Mapping[int, str]) -> Planned:
        if not isinstance(node, Term):
            return Joined(node.either, tuple(self._plan(part, pinned) for part in node.parts))
        left, right = self.asked(node.left, pinned), self.asked(node.right, pinned)
        # As in PocketBase, a function speaks of one record of each way, with ? and without.
        some = node.some or isinstance(left, Applied) or isinstance(right, Applied)
        comparison = Comparison(left, node.operator, some, right, node.at)
        # With ?, other comparisons may be about another field of that one of many records whose id this is about.
        return self.without_ids(comparison, lists=not comparison.shared)

    def without_ids(self, comparison: Comparison, *, lists: bool) -> Comparison:
        """The comparison with relations in place of the ids of the records that they point at; lists on request.

        Only for = and !=, for which it does not matter whether a relation is empty or leads nowhere.
        """
        if comparison.operator not in (Operator.EQ, Operator.NE):
            return comparison
        left, right = self._without_id(comparison.left, lists=lists), self._without_id(comparison.right, lists=lists)
        return msgspec.structs.replace(comparison, left=left, right=right)

    def _without_id(self, asked: Asked, *, lists: bool) -> Asked:
        if not isinstance(asked, Found) or not asked.route.hops:
            return asked
        return self.without_id(asked) if lists or not asked.route.hops[-1].many else asked

    def asked(self, operand: Operand, pinned: Mapping[int, str]) -> Asked:
        """What one side of a comparison leads to. Raises Unreadable."""
        if isinstance(operand, Path):
            foreign = self._foreign if operand.names[0].startswith("@") else None
            return self.find(operand) if foreign is None else foreign(operand)
        if not isinstance(operand, Call):
            return operand
        if operand.name == "strftime":
            return self._strftime(operand, pinned)
        return Applied(operand, tuple(self.asked(argument, pinned) for argument in operand.arguments))

    def _strftime(self, call: Call, pinned: Mapping[int, str]) -> Applied:
        texts: list[str] = []
        for argument in (*call.arguments[:1], *call.arguments[2:]):
            if isinstance(argument, Slot) and argument.form.quoted:
                texts.append(pinned[argument.number])
            elif isinstance(argument, Constant) and argument.value == "":
                texts.append("")
            else:
                raise Unreadable(argument.at, "strftime takes its format and its modifiers as texts in quotes")
        if not texts:
            raise Unreadable(call.at, "strftime takes a format, a date and modifiers")
        date = call.arguments[1] if len(call.arguments) > 1 else Macro("@now", call.at)
        return Applied(call, (self.asked(date, pinned),), tuple(texts))
