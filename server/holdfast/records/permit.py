"""What lets a write pass, as conditions about the row as it was and the row as it would be. Pure."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

import msgspec

from holdfast.catalog.snapshot import Catalog
from holdfast.db.sql import Sql, join, name, raw
from holdfast.errors import Problem
from holdfast.expressions.emit import both
from holdfast.expressions.value import ALWAYS
from holdfast.records.credentials import REASONS
from holdfast.records.given import NOT_ALLOWED, writing
from holdfast.records.list import BASE
from holdfast.rules.access import Access, Audience
from holdfast.rules.names import Spoken
from holdfast.rules.scope import holds
from holdfast.rules.sight import may_manage
from holdfast.rules.speaks import own_fields
from holdfast.schema.auth_options import auth_options
from holdfast.schema.collection import Collection

NEW: Final = name("hf new")
"""The alias of the row as it would be."""
_NOBODY: Final = raw("false")


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """A write, as far as it depends on it whether it passes.

    `given` are the fields that the body names. `managing` are those among them that are set as only somebody with
    manage access may set them.
    """

    catalog: Catalog
    collection: Collection
    who: Audience
    access: Access
    given: tuple[str, ...] = ()
    managing: tuple[str, ...] = ()


class Demand(msgspec.Struct, frozen=True):
    """What has to hold for one field to be set, once the row passes; and what is said where it does not."""

    field: str
    condition: Sql
    problem: Problem


class Permit(msgspec.Struct, frozen=True):
    """The conditions of a write: one for the row, and some for single fields. ALWAYS where nothing is asked."""

    row: Sql = ALWAYS
    demands: tuple[Demand, ...] = ()

    @property
    def whole(self) -> Sql:
        """All of them."""
        found = self.row
        for demand in self.demands:
            found = both(found, demand.condition)
        return found


def could_manage(collection: Collection, who: Audience) -> bool:
    """Whether it depends on the record whether the audience has manage access to it."""
    if who.superuser or not who.collection_id or not collection.is_auth:
        return False
    return auth_options(collection.auth).manage_rule is not None


_Passes: TypeAlias = Callable[[tuple[str, ...]], Sql]
"""The condition that one of these rules holds."""


def permit_create(attempt: Attempt, values: Mapping[str, Sql]) -> Permit:
    """When a record of these values may be made. The conditions are about the row NEW."""
    spoken = Spoken(body=_sent(attempt, values))

    def passes(rules: tuple[str, ...]) -> Sql:
        return holds(attempt.catalog, attempt.collection, rules, NEW, attempt.who, spoken)

    demands = list(_demands(attempt, passes))
    if attempt.managing:
        manages = may_manage(attempt.catalog, attempt.collection, NEW, attempt.who, spoken) or _NOBODY
        demands += [Demand(field, manages, REASONS[field]) for field in attempt.managing]
    return Permit(passes(attempt.access.rules), tuple(demands))


def permit_update(attempt: Attempt, settings: Mapping[str, Sql]) -> Permit:
    """When a record may get these settings: where the rules hold for the row BASE before and after.

    `settings` has everything that the statement sets. What rules do not ask for need not be looked at twice.
    """
    spoken = Spoken(body=_sent(attempt, settings), previous=BASE)

    def passes(rules: tuple[str, ...]) -> Sql:
        before = holds(attempt.catalog, attempt.collection, rules, BASE, attempt.who, spoken)
        if own_fields(rules).isdisjoint(settings):
            return before
        after = holds(attempt.catalog, attempt.collection, rules, NEW, attempt.who, spoken)
        row = new_row(attempt.collection, settings)
        return both(before, raw("EXISTS (SELECT FROM ") + row + raw(" WHERE ") + after + raw(")"))

    return Permit(passes(attempt.access.rules), tuple(_demands(attempt, passes)))


def permit_before(attempt: Attempt) -> Permit:
    """When a record, the row BASE, may be written as it is now, whatever becomes of it: all that a delete asks.

    Of an update it is the half that can be told before the new values are known; they count as they were sent.
    """
    rules, spoken = attempt.access.rules, Spoken(previous=BASE)
    return Permit(holds(attempt.catalog, attempt.collection, rules, BASE, attempt.who, spoken))


def new_row(collection: Collection, settings: Mapping[str, Sql]) -> Sql:
    """The row as it would be, as NEW in a FROM: with the settings, and for the rest as BASE is."""
    columns = [
        (settings.get(field.name) or BASE + raw(".") + name(field.name)) + raw(" AS ") + name(field.name)
        for field in collection.fields
    ]
    return raw("(SELECT ") + join(", ", columns) + raw(") AS ") + NEW


def _sent(attempt: Attempt, values: Mapping[str, Sql]) -> Mapping[str, Sql]:
    return {field: values[field] for field in attempt.given if field in values}


def _demands(attempt: Attempt, passes: _Passes) -> Iterator[Demand]:
    """What the lists of fields that roles may write ask, where they ask more than that the row passes."""
    for field in attempt.given:
        rules = writing(attempt.collection, attempt.collection.by_name[field], attempt.access)
        if rules not in ((), ("",)):
            yield Demand(field, passes(rules), NOT_ALLOWED)
