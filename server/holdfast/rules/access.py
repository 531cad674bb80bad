"""Which rows a caller may see or touch, as a condition in SQL."""

from collections.abc import Callable
from typing import Final, Literal, TypeAlias

import msgspec

from holdfast.db.sql import Sql, raw
from holdfast.errors import Forbidden
from holdfast.identity import Principal
from holdfast.schema.collection import Collection, Rule

Gate: TypeAlias = Callable[[Collection], Sql]
"""The condition that a row of another collection has to satisfy to be seen on the way."""

EVERY_ROW: Final = raw("true")
NO_ROW: Final = raw("false")


class Audience(msgspec.Struct, frozen=True):
    """As much of a principal as the text of a statement may depend on.

    Compiled statements are kept per audience, so whatever differs between two callers of one audience (their
    record id) has to be a bind parameter. `collection_id` is the auth collection of a user, else empty.
    """

    superuser: bool = False
    collection_id: str = ""


def audience(principal: Principal) -> Audience:
    """The audience that a principal belongs to."""
    if principal.is_superuser:
        return Audience(superuser=True)
    return Audience(collection_id=principal.collection_id if principal.kind == "user" else "")


def guard(principal: Principal, rule: Rule) -> Sql:
    """The condition that `rule` puts on the rows of its own collection.

    Raises Forbidden where the rule is closed to this principal. A rule that is an expression counts as closed
    to everyone but superusers: it is stored and its grammar is checked, but nothing evaluates it yet.
    """
    if principal.is_superuser or rule == "":
        return EVERY_ROW
    if rule is None:
        raise Forbidden("Only superusers may do this.")
    raise Forbidden("Only superusers may do this: this collection's rule is an expression, and those are closed.")


def gate(who: Audience, action: Literal["list", "view"]) -> Gate:
    """What a path that enters another collection may see there: its list rule for filters, its view rule for expand.

    Nothing is raised: a closed collection has no rows for whoever comes through.
    """
    if who.superuser:
        return lambda _: EVERY_ROW
    if action == "list":
        return lambda collection: EVERY_ROW if collection.list_rule == "" else NO_ROW
    return lambda collection: EVERY_ROW if collection.view_rule == "" else NO_ROW
