"""A rule is checked when it is saved: by compiling it, for everyone who may come to ask."""

from collections.abc import Collection as Some
from collections.abc import Iterator, Mapping

from holdfast.catalog.snapshot import Catalog
from holdfast.db.sql import Sql, raw
from holdfast.expressions.read import read_filter
from holdfast.expressions.tree import Path, Tree, Unreadable
from holdfast.rules.access import GUESTS, Audience
from holdfast.rules.names import NOTHING_SPOKEN, OF_AUTH, PREVIOUS, Spoken, find_auth
from holdfast.rules.scope import RuleScope
from holdfast.rules.speaks import paths
from holdfast.schema.collection import Collection
from holdfast.schema.role import Action


def check_rule(catalog: Catalog, collection: Collection, text: str, *, updates: bool = False) -> None:
    """Check a rule of a collection that is, or will be, in the catalog.

    `updates` is whether it is about changes of records, and so can speak of the row before one (`@previous`).

    Raises InvalidFilter, with the place in characters from 1, for what cannot be read, for names that are not
    there and for comparisons that cannot be made.
    """
    tree = read_filter(text).tree
    found = paths(tree.root)
    _check_names(catalog, tree, found, updates=updates)
    for who in _audiences(catalog, found):
        for spoken in _spoken(collection, found):
            RuleScope(catalog, collection, raw("record"), who, spoken).condition(text)


def only_updates(actions: Some[Action]) -> bool:
    """Whether a rule for these actions can speak of the row before: of any other action there is none.

    Null in its place, `@previous.status != 'done'` would open what it is meant to close.
    """
    return set(actions) == {"update"}


def _check_names(catalog: Catalog, tree: Tree, found: list[Path], *, updates: bool) -> None:
    """What compiling for one audience does not see: names that only some may have, or that stand in the wrong rule."""
    try:
        for path in found:
            if path.names[0] == PREVIOUS and not updates:
                raise Unreadable(path.at, "@previous is for update rules: there is no row before in this one")
            if path.names[:2] == ("@request", "auth") and len(path.names) > 2:
                _check_auth(catalog, path)
    except Unreadable as failure:
        raise tree.invalid(failure) from None


def _check_auth(catalog: Catalog, path: Path) -> None:
    """One of the auth collections has to have it: who asks may be of any of them."""
    if path.modifier == "changed" or (len(path.names) == 3 and path.names[2] in OF_AUTH and not path.modifier):
        return
    refusal: Unreadable | None = None
    for candidate in catalog.collections:
        if not candidate.is_auth:
            continue
        try:
            find_auth(catalog, candidate, path)
            return
        except Unreadable as failure:
            refusal = refusal if refusal is not None and "did you mean" in refusal.message else failure
    if path.modifier != "isset":
        raise refusal or Unreadable(path.at_name(2), f'There is no field "{path.names[2]}"')


def _audiences(catalog: Catalog, found: list[Path]) -> Iterator[Audience]:
    """Everyone for whom the rule compiles to something else."""
    yield GUESTS
    if any(path.names[:2] == ("@request", "auth") for path in found):
        for collection in catalog.collections:
            if collection.is_auth:
                yield Audience(collection_id=collection.id)


def _spoken(collection: Collection, found: list[Path]) -> Iterator[Spoken]:
    """The requests for which it does: one that sends nothing, and one that sends every field."""
    yield NOTHING_SPOKEN
    if any(path.names[0] == PREVIOUS or path.names[:2] == ("@request", "body") for path in found):
        yield Spoken(body=_everything(collection), previous=raw("previous"))


def _everything(collection: Collection) -> Mapping[str, Sql]:
    return {field.name: raw("NULL::") + raw(field.cast) for field in collection.fields if field.settable}
