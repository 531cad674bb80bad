"""Permissions of roles and the collections that they are for."""

import pytest

from holdfast.catalog.snapshot import Catalog
from holdfast.collections.sound_roles import broken_by, faults
from holdfast.schema.collection import Collection
from holdfast.schema.number import NumberField
from holdfast.schema.role import EVERY_COLLECTION, Permission, PermissionFields, Role
from holdfast.schema.text import TextField

TITLE, N = TextField(id="t", name="title"), NumberField(id="n", name="n")
POSTS = Collection(id="posts", name="posts", fields=(TITLE, N))
NOTES = Collection(id="notes", name="notes", fields=(N,))
SYSTEM = Collection(id="system", name="_system", system=True)


def catalog(permission: Permission, *collections: Collection) -> Catalog:
    return Catalog.of(1, collections, (Role("r", "editor", permissions=(Permission("posts", ("view",)), permission)),))


@pytest.mark.parametrize(
    ("permission", "wrong"),
    [
        (Permission("posts", ("view",), "title = 'x'"), []),
        (Permission("posts", ("view",), "word = 'x'"), ["posts"]),
        (Permission("posts", ("view",), "title = "), ["posts"]),
        (Permission("posts", ("view",), "@previous.n = 1"), ["posts"]),
        (Permission("posts", ("update",), "@previous.n = 1"), []),
        (Permission("posts", ("view", "update"), "@previous.n != 1"), ["posts"]),
        (Permission("posts", ("view",), "", PermissionFields(read=("*", "word"))), ["posts"]),
        (Permission("posts", ("view",), "", PermissionFields(write=("title",))), []),
        (Permission(EVERY_COLLECTION, ("view",), "title = 'x'"), ["notes"]),
        (Permission(EVERY_COLLECTION, ("view",), "", PermissionFields(read=("title",))), []),
        (Permission(EVERY_COLLECTION, ("view",), "", PermissionFields(read=("word",))), ["*"]),
        (Permission("gone", ("view",), "word = 'x'"), []),
    ],
)
def test_a_permission_names_what_is_there(permission: Permission, wrong: list[str]):
    found = list(faults(catalog(permission, POSTS, NOTES, SYSTEM)))
    assert [fault.collection_id for fault in found] == wrong
    assert {fault.where for fault in found} <= {"role editor, permission 2"}


@pytest.mark.parametrize(
    ("rule", "breaks"),
    [("n = 1", False), ("title = 'x'", True), ("word = 'x'", False)],
    ids=["kept", "gone", "was broken"],
)
def test_a_fault_is_of_the_change_that_makes_it(rule: str, breaks: bool):
    permission = Permission(EVERY_COLLECTION, ("view",), rule)
    old = catalog(permission, POSTS, NOTES)
    new = catalog(permission, Collection(id="posts", name="posts", fields=(N,)), NOTES)
    assert (broken_by(old, new) is not None) == breaks
