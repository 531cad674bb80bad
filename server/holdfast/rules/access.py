"""Who may do what in a collection: the ways in that its rule and the caller's roles open."""

from collections.abc import Iterable
from functools import cached_property
from typing import Final

import msgspec

from holdfast.catalog.snapshot import Catalog
from holdfast.errors import Forbidden
from holdfast.identity import Principal
from holdfast.schema.collection import Collection, Rule
from holdfast.schema.field import Field
from holdfast.schema.role import EVERY_COLLECTION, EVERY_FIELD, Action, Permission

_ALL: Final = (EVERY_FIELD,)
ID: Final = "id"


class Audience(msgspec.Struct, frozen=True):
    """As much of a principal as the text of a statement may depend on.

    Compiled statements are kept per audience, so whatever differs between two callers of one audience (their
    record id) has to be a bind parameter. `collection_id` is the auth collection of a user, else empty; `roles` are
    ids, sorted. A `key` is no logged-in user: `@request.auth` is empty for it.
    """

    superuser: bool = False
    collection_id: str = ""
    roles: tuple[str, ...] = ()
    key: bool = False


SUPERUSER: Final = Audience(superuser=True)
GUESTS: Final = Audience()


def audience(principal: Principal) -> Audience:
    """The audience that a principal belongs to."""
    if principal.kind == "guest":
        return GUESTS
    if principal.is_superuser:
        return SUPERUSER
    if principal.kind == "user":
        return Audience(collection_id=principal.collection_id, roles=principal.roles)
    return Audience(roles=principal.roles, key=principal.kind == "key")


class Grant(msgspec.Struct, frozen=True):
    """One way in: the rows that `rule` is true of (all if it is empty), and the fields that may be read and written.

    `source` is `rule` for the collection's own, else `role:NAME`. `*` in a list of fields is all that are not
    hidden; a hidden one has to be named.
    """

    source: str
    rule: str
    read: tuple[str, ...] = _ALL
    write: tuple[str, ...] = _ALL

    def reads(self, field: Field) -> bool:
        """Whether the field may be read in the rows of this way. The id always may."""
        return field.name == ID or _names(self.read, field)

    def writes(self, field: Field) -> bool:
        """Whether the field may be written in the rows of this way."""
        return _names(self.write, field)


def _names(fields: tuple[str, ...], field: Field) -> bool:
    return field.name in fields or (EVERY_FIELD in fields and not field.hidden)


class Access(msgspec.Struct, frozen=True, dict=True):
    """What one audience may do by one action in one collection. They widen each other: any way that fits is enough.

    A superuser may do `everything`, whatever the rules say, with hidden fields too (secrets are nobody's).
    """

    grants: tuple[Grant, ...] = ()
    everything: bool = False

    @property
    def is_open(self) -> bool:
        """Whether anything may be done at all."""
        return self.everything or bool(self.grants)

    @cached_property
    def is_plain(self) -> bool:
        """Whether every row is open and all ways in let the same fields be written: there is nothing left to ask."""
        return self.everything or (self.rules == ("",) and all(grant.write == _ALL for grant in self.grants))

    @cached_property
    def rules(self) -> tuple[str, ...]:
        """The rules of which one has to be true of a row; `("",)` if every row is open, `()` if none is."""
        return ("",) if self.everything else _alternatives(grant.rule for grant in self.grants)

    def reading(self, field: Field) -> tuple[str, ...]:
        """The rules of which one has to be true of an open row for the field to be readable in it.

        `("",)` if it is readable in all of them, `()` if in none: then nobody need know that there is such a field.
        """
        return self._least(grant.rule for grant in self.grants if grant.reads(field))

    def writing(self, field: Field) -> tuple[str, ...]:
        """The same for writing it."""
        return self._least(grant.rule for grant in self.grants if grant.writes(field))

    def _least(self, rules: Iterable[str]) -> tuple[str, ...]:
        if self.everything:
            return ("",)
        found = _alternatives(rules)
        # Where every way that opens a row gives the field, there is nothing to ask row by row.
        return ("",) if found and set(found) == set(self.rules) else found


def _alternatives(rules: Iterable[str]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(rule.strip() for rule in rules))
    return ("",) if "" in found else found


EVERYTHING: Final = Access(everything=True)
PLAIN: Final = Access((Grant("rule", ""),))
"""Every row, with all fields that are not hidden. One value for all, because what it remembers costs 7 us to find."""


def ways_in(catalog: Catalog, collection: Collection, action: Action, who: Audience) -> Access:
    """What the collection's rule for the action, and every permission of the caller's roles, let this audience do."""
    if who.superuser:
        return EVERYTHING
    rule = rule_of(collection, action)
    grants = [] if rule is None else [Grant("rule", rule)]
    for role_id in who.roles:
        role = catalog.roles_by_id.get(role_id)
        if role is None:
            continue
        grants += [
            Grant(f"role:{role.name}", permission.rule, permission.fields.read, permission.fields.write)
            for permission in role.permissions
            if action in permission.actions and covers(permission, collection)
        ]
    return PLAIN if rule == "" and len(grants) == 1 else Access(tuple(grants))


def access(catalog: Catalog, collection: Collection, action: Action, who: Audience) -> Access:
    """The same. Raises Forbidden if nothing is open."""
    found = ways_in(catalog, collection, action, who)
    if not found.is_open:
        raise Forbidden("Only superusers may do this.")
    return found


def covers(permission: Permission, collection: Collection) -> bool:
    """Whether the permission is about this collection. `*` are all but system collections, which have to be named.

    Otherwise whoever may change "everything" could give themselves a superuser's password.
    """
    if permission.collection == EVERY_COLLECTION:
        return not collection.system
    return permission.collection == collection.id


def rule_of(collection: Collection, action: Action) -> Rule:
    """The collection's own rule for the action."""
    match action:
        case "list":
            return collection.list_rule
        case "view":
            return collection.view_rule
        case "create":
            return collection.create_rule
        case "update":
            return collection.update_rule
        case "delete":
            return collection.delete_rule
