"""What a caller sees of rows and fields: those that a list or view rule, or one of the caller's roles, opens."""

from typing import Final

from typing_extensions import override

from holdfast.catalog.sight import EVERYTHING_SEEN, Sight
from holdfast.catalog.snapshot import Catalog
from holdfast.db.sql import Sql, name, raw, renamed
from holdfast.expressions.emit import both, either
from holdfast.expressions.value import ALWAYS, NEVER
from holdfast.rules.access import Access, Audience, ways_in
from holdfast.rules.facts import CALLER_ID
from holdfast.rules.names import NOTHING_SPOKEN, Spoken
from holdfast.rules.scope import holds
from holdfast.schema.auth_options import auth_options
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.system_fields import ROLES

_ROW: Final = name("hf gate")


class CallerSight(Sight):
    """What one audience sees. `Sight` itself is for superusers: see `sight_of`."""

    def __init__(self, catalog: Catalog, who: Audience) -> None:
        self._catalog = catalog
        self._who = who
        self._access: dict[str, Access] = {}
        self._held: dict[tuple[str, tuple[str, ...], str], Sql] = {}

    def access(self, collection: Collection) -> Access:
        """The ways in to the collection's list."""
        found = self._access.get(collection.id)
        if found is None:
            found = self._access[collection.id] = ways_in(self._catalog, collection, "list", self._who)
        return found

    @override
    def knows(self, collection: Collection, field: Field) -> bool:
        if collection.is_secret(field):
            return False
        found = self.access(collection)
        # Where nothing is open a path meets no row, and the names are those that anybody would know.
        return bool(found.reading(field)) if found.is_open else not field.hidden

    @override
    def is_open(self, collection: Collection) -> bool:
        return self.access(collection).rules == ("",)

    @override
    def gate(self, collection: Collection, alias: Sql) -> Sql:
        return self._holds(collection, self.access(collection).rules, alias, "g")

    @override
    def shows(self, collection: Collection, field: Field, alias: Sql) -> Sql:
        rules = self.access(collection).reading(field)
        granted = ALWAYS if rules in ((), ("",)) else self._holds(collection, rules, alias, "f")
        if are_roles(collection, field):
            return both(granted, roles_show(self._catalog, collection, alias, self._who))
        return granted

    def _holds(self, collection: Collection, rules: tuple[str, ...], alias: Sql, prefix: str) -> Sql:
        """That one of the rules holds. Compiled once, however many rows of one filter it is asked of."""
        key = (collection.id, rules, prefix)
        found = self._held.get(key)
        if found is None:
            found = self._held[key] = holds(self._catalog, collection, rules, _ROW, self._who, prefix=prefix)
        return found if found is ALWAYS else renamed(found, _ROW, alias)

    @override
    def shows_email(self, collection: Collection, alias: Sql) -> Sql:
        return email_shows(self._catalog, collection, alias, self._who)


def sight_of(catalog: Catalog, who: Audience) -> Sight:
    """What an audience sees through filters, sorts and the paths in them."""
    return EVERYTHING_SEEN if who.superuser else CallerSight(catalog, who)


def email_shows(
    catalog: Catalog, collection: Collection, alias: Sql, who: Audience, spoken: Spoken = NOTHING_SPOKEN
) -> Sql:
    """The condition for the email of an auth record to be shown.

    It is where the record says so, to its owner, and to whoever may manage it.
    """
    private = roles_show(catalog, collection, alias, who, spoken)
    return private if private is ALWAYS else either(alias + raw('."emailVisibility"'), private)


def roles_show(
    catalog: Catalog, collection: Collection, alias: Sql, who: Audience, spoken: Spoken = NOTHING_SPOKEN
) -> Sql:
    """The condition for the roles of an auth record to be shown: to its owner, and to whoever may manage it.

    NEVER where the audience has neither.
    """
    if who.superuser:
        return ALWAYS
    own = alias + raw('."id" = ') + CALLER_ID if who.collection_id == collection.id else NEVER
    manages = may_manage(catalog, collection, alias, who, spoken)
    if manages is None or manages is ALWAYS:
        return own if manages is None else ALWAYS
    return either(manages, own)


def are_roles(collection: Collection, field: Field) -> bool:
    """Whether the field has the roles of a person, which are their own business."""
    return field.name == ROLES and field.system and collection.is_auth


def may_manage(
    catalog: Catalog, collection: Collection, alias: Sql, who: Audience, spoken: Spoken = NOTHING_SPOKEN
) -> Sql | None:
    """The condition for the audience to have manage access to an auth record; None where it never has.

    Only somebody who is logged in ever has, whatever the rule says.
    """
    if who.superuser:
        return ALWAYS
    rule = auth_options(collection.auth).manage_rule
    if rule is None or not who.collection_id:
        return None
    return holds(catalog, collection, (rule,), alias, who, spoken, prefix="m")
