"""What a role is: a name, and what it lets its holders do beside what the rules of the collections do."""

from typing import Final, Literal, TypeAlias

import msgspec

Action: TypeAlias = Literal["list", "view", "create", "update", "delete"]
ACTIONS: Final[tuple[Action, ...]] = ("list", "view", "create", "update", "delete")
EVERY_COLLECTION: Final = "*"
EVERY_FIELD: Final = "*"


class PermissionFields(msgspec.Struct, frozen=True):
    """The names of the fields that a permission lets be read and written; `*` is all that are not hidden."""

    read: tuple[str, ...] = (EVERY_FIELD,)
    write: tuple[str, ...] = (EVERY_FIELD,)


class Permission(msgspec.Struct, frozen=True, rename="camel"):
    """What may be done in one collection, or in all (`*`): with the rows that `rule` is true of, all if it is empty.

    `collection` is the id of a collection here, and its name in the API, so that a rename is a rename.
    """

    collection: str
    actions: tuple[Action, ...]
    rule: str = ""
    fields: PermissionFields = PermissionFields()


class Role(msgspec.Struct, frozen=True, rename="camel"):
    """A role. Users and API keys hold roles by id; rules name them (`@request.auth.roles ?= "editor"`)."""

    id: str
    name: str
    description: str = ""
    permissions: tuple[Permission, ...] = ()
    created: str = ""
    updated: str = ""
