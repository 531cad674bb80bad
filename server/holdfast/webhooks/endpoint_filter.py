"""The filter of an endpoint: a client's filter, about the record of an event, and the record before it. Pure."""

from typing_extensions import override

from holdfast.catalog.sight import Sight
from holdfast.catalog.snapshot import Catalog
from holdfast.db.sql import Sql, raw
from holdfast.expressions.read import read_filter
from holdfast.expressions.tree import Unreadable
from holdfast.rules.access import Access, Audience, ways_in
from holdfast.rules.names import PREVIOUS, Spoken
from holdfast.rules.scope import RuleScope
from holdfast.rules.sight import CallerSight
from holdfast.rules.speaks import paths
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field


class _LogSight(Sight):
    """Sees every row, and every field that is in the log."""

    @override
    def knows(self, collection: Collection, field: Field) -> bool:
        return not field.hidden and not collection.is_secret(field)


class _RoleSight(CallerSight):
    """Sees what a role may view: that is what it is sent. Nobody looks for anything here, as in a list."""

    def __init__(self, catalog: Catalog, who: Audience) -> None:
        super().__init__(catalog, who)
        self._viewed: dict[str, Access] = {}

    @override
    def access(self, collection: Collection) -> Access:
        found = self._viewed.get(collection.id)
        if found is None:
            found = self._viewed[collection.id] = ways_in(self._catalog, collection, "view", self._who)
        return found


def endpoint_sight(catalog: Catalog, who: Audience) -> Sight:
    """What an endpoint sees: what its role sees, or all but what is hidden."""
    return _LogSight() if who.superuser else _RoleSight(catalog, who)


def filter_scope(catalog: Catalog, collection: Collection, who: Audience, record: Sql, previous: Sql) -> RuleScope:
    """The scope of filters about the row `record`, and `previous`, the same row before the change."""
    sight = endpoint_sight(catalog, who)
    return RuleScope(catalog, collection, record, who, Spoken(previous=previous), "w", sight)


def check_endpoint_filter(catalog: Catalog, collection: Collection, who: Audience, text: str) -> None:
    """Check a filter for the events of a collection.

    Raises InvalidFilter, with the place, for what cannot be read, for fields that are not there or not for its role,
    and for names that only rules have: nobody makes a request here.
    """
    tree = read_filter(text).tree
    for path in paths(tree.root):
        if path.names[0].startswith("@") and path.names[0] != PREVIOUS:
            raise tree.invalid(Unreadable(path.at, f"{path.names[0]} is for rules: nobody makes a request here"))
    filter_scope(catalog, collection, who, raw("record"), raw("previous")).condition(text)
