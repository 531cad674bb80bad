"""Permissions of roles, when the fields that they name get other names."""

import pytest

from holdfast.schema.collection import Collection
from holdfast.schema.number import NumberField
from holdfast.schema.role import EVERY_COLLECTION, Permission, PermissionFields, Role, with_new_names
from holdfast.schema.text import TextField


def posts(title: str, n: str) -> Collection:
    return Collection(id="posts", name="posts", fields=(TextField(id="t", name=title), NumberField(id="n", name=n)))


def fields_after(permission: Permission, new: Collection) -> PermissionFields:
    (role,) = with_new_names((Role("r", "editor", permissions=(permission,)),), (posts("title", "n"),), {new.id: new})
    return role.permissions[0].fields


@pytest.mark.parametrize(
    ("collection", "named", "new", "found"),
    [
        ("posts", ("title", "n"), posts("headline", "n"), ("headline", "n")),
        ("posts", ("title",), posts("n", "title"), ("n",)),
        ("posts", ("title",), posts("title", "n"), ("title",)),
        ("posts", ("*",), posts("headline", "n"), ("*",)),
        ("posts", ("title",), Collection(id="posts", name="posts"), ("title",)),
        ("posts", ("title",), Collection(id="notes", name="notes"), ("title",)),
        ("notes", ("title",), posts("headline", "n"), ("title",)),
        (EVERY_COLLECTION, ("title",), posts("headline", "n"), ("title",)),
    ],
    ids=["renamed", "swapped", "as it was", "all fields", "dropped", "another collection", "not of it", "of all"],
)
def test_the_fields_that_a_permission_names_follow_their_new_names(
    collection: str, named: tuple[str, ...], new: Collection, found: tuple[str, ...]
):
    reads = Permission(collection, ("view",), fields=PermissionFields(read=named))
    writes = Permission(collection, ("update",), fields=PermissionFields(write=named))
    assert fields_after(reads, new) == PermissionFields(read=found)
    assert fields_after(writes, new) == PermissionFields(write=found)
