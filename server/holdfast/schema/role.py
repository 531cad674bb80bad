"""What a role is: a name, and what it lets its holders do beside what the rules of the collections do."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias, get_args

import msgspec

from holdfast.schema.collection import Collection
from holdfast.schema.renames import new_names

Action: TypeAlias = Literal["list", "view", "create", "update", "delete"]
ACTIONS: Final[tuple[Action, ...]] = ("list", "view", "create", "update", "delete")
Operation: TypeAlias = Literal["jobs.view", "jobs.change", "logs.view", "realtime.view", "realtime.close", "sql.read"]
"""What a role may let its holders do with the server itself, beside records: look at something, or act on it."""
OPERATIONS: Final[tuple[Operation, ...]] = get_args(Operation)
VIEW_JOBS: Final[Operation] = "jobs.view"
CHANGE_JOBS: Final[Operation] = "jobs.change"
VIEW_LOGS: Final[Operation] = "logs.view"
VIEW_LINES: Final[Operation] = "realtime.view"
CLOSE_LINES: Final[Operation] = "realtime.close"
READ_SQL: Final[Operation] = "sql.read"
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
    """A role. Users and API keys hold roles by id; rules name them (`@request.auth.roles ?= "editor"`).

    `permissions` are about records, `operations` about the server itself.
    """

    id: str
    name: str
    description: str = ""
    permissions: tuple[Permission, ...] = ()
    operations: tuple[Operation, ...] = ()
    created: str = ""
    updated: str = ""


def with_new_names(roles: Iterable[Role], old: Iterable[Collection], new: Mapping[str, Collection]) -> tuple[Role, ...]:
    """The roles after fields got new names: what a permission for one collection lets be read and written follows them.

    Rules are texts of their author and do not follow, neither do the permissions for all collections.
    """
    names = {one.id: new_names(one, new[one.id]) for one in old if one.id in new and new[one.id] is not one}
    renamed = {id: of_fields for id, of_fields in names.items() if of_fields}
    return tuple(_follow(role, renamed) for role in roles) if renamed else tuple(roles)


def _follow(role: Role, renamed: Mapping[str, Mapping[str, str]]) -> Role:
    permissions: list[Permission] = []
    for permission in role.permissions:
        names = renamed.get(permission.collection, {})
        fields = PermissionFields(
            read=tuple(names.get(field, field) for field in permission.fields.read),
            write=tuple(names.get(field, field) for field in permission.fields.write),
        )
        permissions.append(msgspec.structs.replace(permission, fields=fields))
    return msgspec.structs.replace(role, permissions=tuple(permissions))
