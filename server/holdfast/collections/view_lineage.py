"""Where the columns of a view's query come from, through every query in between."""

from collections.abc import Iterator

import msgspec
from sqlglot import exp
from sqlglot.optimizer.scope import Scope


class Origin(msgspec.Struct, frozen=True):
    """A field that a column of the view shows as it is; `optional` if a join may leave it empty."""

    collection: str
    field: str
    optional: bool


def origin(scope: Scope, place: int) -> Origin | None:
    """The field that the column at this place is; None for an expression, and where a UNION mixes several."""
    return _common(scope, place, frozenset())


def _common(scope: Scope, place: int, seen: frozenset[int]) -> Origin | None:
    if id(scope) in seen:  # a recursive WITH
        return None
    found = [_origin(branch, place, seen | {id(scope)}) for branch in _branches(scope)]
    first = found[0] if found else None
    return first if all(one == first for one in found) else None


def touches(root: Scope, place: int) -> frozenset[tuple[str, str]]:
    """Every field (collection, field) that the values of a column are made of."""
    found: set[tuple[str, str]] = set()
    for branch in _branches(root):
        selects = _selects(branch)
        if place < len(selects):
            found.update(_touched(root, selects[place], frozenset()))
    return frozenset(found)


def uses(root: Scope) -> frozenset[tuple[str, str]]:
    """Every field (collection, field) that the query names anywhere, and the id of every collection that it reads."""
    found: set[tuple[str, str]] = set()
    for scope in root.traverse():
        for source in scope.sources.values():
            if isinstance(source, exp.Table):
                found.add((source.name, "id"))
        for column in scope.columns:
            source = scope.sources.get(column.table)
            if isinstance(source, exp.Table):
                found.add((source.name, column.name))
    return frozenset(found)


def _selects(scope: Scope) -> list[exp.Expr]:
    query = scope.expression
    return query.selects if isinstance(query, exp.Query) else []


def _names(scope: Scope) -> list[str]:
    query = scope.expression
    return query.named_selects if isinstance(query, exp.Query) else []


def _branches(scope: Scope) -> list[Scope]:
    """The SELECTs of a UNION; the scope itself where it is one."""
    return [branch for one in scope.set_operation_scopes for branch in _branches(one)] or [scope]


def _bare(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.Alias | exp.Paren):
        node = node.this
    return node


def _origin(scope: Scope, place: int, seen: frozenset[int]) -> Origin | None:
    selects = _selects(scope)
    column = _bare(selects[place]) if place < len(selects) else None
    if not isinstance(column, exp.Column):
        return None
    optional = _may_be_empty(scope, column.table)
    source = scope.sources.get(column.table)
    if isinstance(source, exp.Table):
        return Origin(source.name, column.name, optional)
    if not isinstance(source, Scope) or column.name not in _names(source):
        return None
    inner = _common(source, _names(source).index(column.name), seen)
    return None if inner is None else Origin(inner.collection, inner.field, optional or inner.optional)


def _may_be_empty(scope: Scope, alias: str) -> bool:
    """Whether an outer join, or a grouping of several sorts, can leave this source without a value."""
    query = scope.expression
    group = query.args.get("group")
    if isinstance(group, exp.Group) and group.find(exp.Cube, exp.Rollup, exp.GroupingSets) is not None:
        return True
    joins: list[exp.Join] = query.args.get("joins") or []
    sides = {join.side.upper() for join in joins}
    if not sides & {"LEFT", "RIGHT", "FULL"}:
        return False
    first = query.args.get("from_")
    is_first = isinstance(first, exp.From) and first.this.alias_or_name == alias
    return not is_first or bool(sides & {"RIGHT", "FULL"})


def _touched(root: Scope, node: exp.Expr, seen: frozenset[tuple[int, str]]) -> Iterator[tuple[str, str]]:
    # An alias is looked up in the whole query: to find too much hides a column, to find too little would show one.
    for column in node.find_all(exp.Column):
        for scope in root.traverse():
            source = scope.sources.get(column.table)
            if isinstance(source, exp.Table):
                yield source.name, column.name
            elif isinstance(source, Scope) and (id(source), column.name) not in seen:
                yield from _touched_inside(root, source, column.name, seen | {(id(source), column.name)})


def _touched_inside(
    root: Scope, source: Scope, name: str, seen: frozenset[tuple[int, str]]
) -> Iterator[tuple[str, str]]:
    names = _names(source)
    if name not in names:  # the columns of unnest() and its like
        yield from _touched(root, source.expression, seen)
        return
    for branch in _branches(source):
        selects = _selects(branch)
        if names.index(name) < len(selects):
            yield from _touched(root, selects[names.index(name)], seen)
