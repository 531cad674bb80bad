"""A rule is checked when it is saved: that it can be read, and that all its names are there.

Rules are filters that see hidden fields, and that can also speak of the request (`@request`) and of any other
collection (`@collection`).
"""

from typing import Final

from holdfast.catalog.path import Route, find_route
from holdfast.catalog.scope import Scope
from holdfast.catalog.snapshot import Catalog
from holdfast.db.sql import raw
from holdfast.expressions.parse import meant
from holdfast.expressions.read import read_filter
from holdfast.expressions.tree import Call, Node, Operand, Path, Term, Tree, Unreadable, terms
from holdfast.schema.collection import Collection
from holdfast.schema.relation import RelationField

_REQUEST: Final = ("auth", "body", "query", "headers", "method", "context")
_PLAIN: Final = ("method", "context")
_OF_AUTH: Final = ("collectionId", "collectionName", "roles")
"""What @request.auth has beside the fields of the auth collection."""


def check_rule(catalog: Catalog, collection: Collection, text: str) -> None:
    """Check a rule of a collection that is, or will be, in the catalog.

    Raises InvalidFilter, with the place in characters from 1, for what cannot be read, for names that are not
    there and for comparisons that cannot be made.
    """
    tree = read_filter(text).tree
    try:
        for term in terms(tree.root):
            _check_term(catalog, collection, tree, term)
    except Unreadable as failure:
        raise tree.invalid(failure) from None


def _check_term(catalog: Catalog, collection: Collection, tree: Tree, term: Term) -> None:
    foreign = [path for side in (term.left, term.right) for path in _paths(side) if path.names[0].startswith("@")]
    for path in foreign:
        _check_path(catalog, collection, path)
    if foreign:
        for path in (*_paths(term.left), *_paths(term.right)):
            if path not in foreign:
                find_route(catalog, collection, path)
        return
    alone: Node = term
    scope = Scope(catalog, collection, raw("record"))
    scope.condition(Tree(alone, tree.place, tree.pinned))


def _paths(operand: Operand) -> tuple[Path, ...]:
    if isinstance(operand, Path):
        return (operand,)
    if isinstance(operand, Call):
        return tuple(path for argument in operand.arguments for path in _paths(argument))
    return ()


def _check_path(catalog: Catalog, collection: Collection, path: Path) -> None:
    if path.names[0] == "@collection":
        _check_collection(catalog, path)
        return
    part = path.names[1] if len(path.names) > 1 else ""
    if part not in _REQUEST:
        raise Unreadable(path.at, f'There is no "@request.{part}"{meant(part, _REQUEST)}')
    if part in _PLAIN:
        _check_plain(path, part)
        return
    if len(path.names) < 3:
        raise Unreadable(path.at, f"@request.{part} needs the name of a field after it")
    if path.modifier == "changed" and part != "body":
        raise Unreadable(path.at + len(path.text), ":changed is for @request.body")
    if part == "auth":
        _check_auth(catalog, path)
    elif part == "body":
        _check_body(catalog, collection, path)


def _check_plain(path: Path, part: str) -> None:
    if len(path.names) > 2:
        raise Unreadable(path.at_name(2), f"@request.{part} has no parts")
    if path.modifier not in ("", "lower"):
        raise Unreadable(path.at + len(path.text), f"@request.{part} has no :{path.modifier}")


def _check_collection(catalog: Catalog, path: Path) -> None:
    if len(path.names) < 3:
        raise Unreadable(path.at, "@collection needs the name of a collection and a field: @collection.news.title")
    found = catalog.find(path.names[1])
    if found is None:
        names = tuple(catalog.by_name)
        raise Unreadable(path.at_name(1), f'There is no collection "{path.names[1]}"{meant(path.names[1], names)}')
    _follow(catalog, found, path, 2)


def _check_auth(catalog: Catalog, path: Path) -> None:
    """One of the auth collections has to have it: who asks may be of any of them."""
    if path.names[2:] in tuple((name,) for name in _OF_AUTH) or path.modifier == "isset":
        return
    refusal: Unreadable | None = None
    for candidate in catalog.collections:
        if not candidate.is_auth:
            continue
        try:
            _follow(catalog, candidate, path, 2)
            return
        except Unreadable as failure:
            refusal = refusal if refusal is not None and "did you mean" in refusal.message else failure
    raise refusal or Unreadable(path.at_name(2), f'There is no field "{path.names[2]}"')


def _check_body(catalog: Catalog, collection: Collection, path: Path) -> None:
    """A body can hold anything; but what follows a relation is looked up."""
    field = collection.by_name.get(path.names[2])
    if isinstance(field, RelationField) and len(path.names) > 3 and field.collection_id in catalog.by_id:
        _follow(catalog, catalog.target(field), path, 3)


def _follow(catalog: Catalog, start: Collection, path: Path, skipped: int) -> Route:
    # Whether a request has something, or changes it, is no question to the field.
    asks_request = path.names[0] == "@request" and path.modifier in ("isset", "changed")
    modifier = "" if asks_request else path.modifier
    rest = Path(path.names[skipped:], modifier, path.at_name(skipped))
    return find_route(catalog, start, rest)
