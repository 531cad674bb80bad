"""Whether the permissions of roles still mean something after a change of the collections. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

from holdfast.catalog.snapshot import Catalog
from holdfast.errors import InvalidFilter
from holdfast.rules.access import covers
from holdfast.rules.check import check_rule, only_updates
from holdfast.schema.collection import Collection
from holdfast.schema.role import EVERY_COLLECTION, EVERY_FIELD, Permission


class Fault(NamedTuple):
    """What is wrong with a permission in one collection: `where` is `role editor, permission 2`."""

    where: str
    collection_id: str
    what: str


def permissions_for(catalog: Catalog, collection: Collection) -> list[str]:
    """The permissions that are about this collection alone, each as `role editor, permission 2`."""
    return [where for where, permission in _permissions(catalog) if permission.collection == collection.id]


def faults(catalog: Catalog) -> Iterator[Fault]:
    """Rules that cannot be used, and fields that are named and not there.

    In a permission for all collections there is one for each collection in which its rule means nothing, and for each
    field that none of them has.
    """
    for where, permission in _permissions(catalog):
        covered = [one for one in catalog.collections if covers(permission, one)]
        for collection in covered:
            message = _broken(catalog, collection, permission)
            if message:
                yield Fault(where, collection.id, message)
        known = {field.name for one in covered for field in one.fields}
        for field in dict.fromkeys((*permission.fields.read, *permission.fields.write)):
            if field != EVERY_FIELD and field not in known and covered:
                yield Fault(where, permission.collection, f'There is no field "{field}"')


def broken_by(old: Catalog, new: Catalog) -> Fault | None:
    """The first fault that is there after a change, and was not before it in the same collection."""
    before = {(fault.where, fault.collection_id) for fault in faults(old)}
    for fault in faults(new):
        was_there = fault.collection_id in old.by_id or fault.collection_id == EVERY_COLLECTION
        if was_there and (fault.where, fault.collection_id) not in before:
            return fault
    return None


def _permissions(catalog: Catalog) -> Iterator[tuple[str, Permission]]:
    for role in catalog.roles:
        for number, permission in enumerate(role.permissions, 1):
            yield f"role {role.name}, permission {number}", permission


def _broken(catalog: Catalog, collection: Collection, permission: Permission) -> str:
    if not permission.rule.strip():
        return ""
    try:
        check_rule(catalog, collection, permission.rule, updates=only_updates(permission.actions))
    except InvalidFilter as failure:
        return failure.message.rstrip(".")
    return ""
