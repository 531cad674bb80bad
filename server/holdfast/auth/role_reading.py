"""A role is read from a body, and written as the API has it: collections go by their names there, by ids here. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from holdfast.catalog.snapshot import Catalog
from holdfast.errors import InvalidFilter, Problem, Problems, ValidationFailed
from holdfast.rules.access import covers
from holdfast.rules.check import check_rule, only_updates
from holdfast.schema.collection import Collection
from holdfast.schema.field import EMPTY_MESSAGE
from holdfast.schema.role import (
    ACTIONS,
    EVERY_COLLECTION,
    EVERY_FIELD,
    OPERATIONS,
    Operation,
    Permission,
    PermissionFields,
    Role,
)

NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
MAX_DESCRIPTION_CHARS: Final = 1000
MAX_PERMISSIONS: Final = 200
MAX_ROLES: Final = 500
INVALID: Final = "validation_invalid_value"
KEYS: Final = frozenset(("id", "name", "description", "permissions", "operations", "created", "updated", "ruleTests"))
PERMISSION_KEYS: Final = frozenset(("collection", "actions", "rule", "fields"))
# Who writes `field` for `fields` would give all of them. What was read can be sent back.
UNKNOWN: Final = Problem("validation_unknown_key", "There is no such key here.")


def read_role(catalog: Catalog, body: Mapping[str, Any], old: Role) -> Role:
    """`old` with what the body changes. Raises ValidationFailed with everything that is wrong."""
    problems: dict[str, Problem | Problems] = {key: UNKNOWN for key in body if key not in KEYS}
    name = _name(catalog, body, old, problems)
    description = body.get("description", old.description)
    if not isinstance(description, str) or len(description) > MAX_DESCRIPTION_CHARS:
        problems["description"] = Problem(INVALID, f"Must be a text of at most {MAX_DESCRIPTION_CHARS} characters.")
    permissions = old.permissions
    if "permissions" in body:
        permissions = _permissions(catalog, body["permissions"], problems)
    operations = _operations(body["operations"], problems) if "operations" in body else old.operations
    if problems:
        raise ValidationFailed(problems)
    return msgspec.structs.replace(
        old, name=name, description=description, permissions=permissions, operations=operations
    )


def role_json(catalog: Catalog, role: Role) -> dict[str, Any]:
    """The role as the API writes it."""
    found: dict[str, Any] = msgspec.to_builtins(role)
    for permission in found["permissions"]:
        collection = catalog.by_id.get(permission["collection"])
        permission["collection"] = permission["collection"] if collection is None else collection.name
    return found


def _name(catalog: Catalog, body: Mapping[str, Any], old: Role, problems: dict[str, Problem | Problems]) -> str:
    name = body.get("name", old.name)
    if not name:
        problems["name"] = Problem("validation_required", EMPTY_MESSAGE)
    elif not isinstance(name, str) or NAME.fullmatch(name) is None:
        form = "Must begin with a letter and have at most 63 letters, digits, _ and -."
        problems["name"] = Problem("validation_invalid_format", form)
    elif any(other.name.lower() == name.lower() and other.id != old.id for other in catalog.roles):
        problems["name"] = Problem("validation_not_unique", "There is another role of that name.")
    return str(name)


def _permissions(catalog: Catalog, given: Any, problems: dict[str, Problem | Problems]) -> tuple[Permission, ...]:
    if not isinstance(given, list):
        problems["permissions"] = Problem(INVALID, "Must be a list of permissions.")
        return ()
    items = cast("list[Any]", given)
    if len(items) > MAX_PERMISSIONS:
        problems["permissions"] = Problem("validation_too_many_values", f"Takes at most {MAX_PERMISSIONS}.")
        return ()
    found: list[Permission] = []
    wrong: dict[str, Problem | Problems] = {}
    for at, item in enumerate(items):
        reader = _PermissionReader(catalog)
        permission = reader.read(item)
        if reader.problems:
            wrong[str(at)] = reader.problems
        found.append(permission)
    if wrong:
        problems["permissions"] = wrong
    return tuple(found)


def _operations(given: Any, problems: dict[str, Problem | Problems]) -> tuple[Operation, ...]:
    items = cast("list[Any]", given) if isinstance(given, list) else [None]
    if any(item not in OPERATIONS for item in items):
        problems["operations"] = Problem(INVALID, f"Must be a list of some of {', '.join(OPERATIONS)}.")
        return ()
    return tuple(operation for operation in OPERATIONS if operation in items)


class _PermissionReader:
    """Reads one permission, and notes what is wrong with it."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.problems: dict[str, Problem | Problems] = {}

    def read(self, given: Any) -> Permission:
        if not isinstance(given, dict):
            self.problems["collection"] = Problem("validation_required", "A permission names its collection.")
            return Permission("", ())
        item = cast("dict[str, Any]", given)
        self.problems.update({key: UNKNOWN for key in item if key not in PERMISSION_KEYS})
        collections = self._collections(item.get("collection"))
        actions = self._actions(item.get("actions"))
        fields = self._fields(item.get("fields"), collections)
        rule = item.get("rule") or ""
        permission = Permission("", actions, rule if isinstance(rule, str) else "", fields)
        self._check_rule(rule, collections, updates=only_updates(actions))
        where = EVERY_COLLECTION if item.get("collection") == EVERY_COLLECTION else ""
        return msgspec.structs.replace(permission, collection=where or (collections[0].id if collections else ""))

    def _collections(self, given: Any) -> Sequence[Collection]:
        """The collections that the permission is about."""
        if given == EVERY_COLLECTION:
            every = Permission(EVERY_COLLECTION, ())
            return [collection for collection in self._catalog.collections if covers(every, collection)]
        found = self._catalog.find(given) if isinstance(given, str) else None
        if found is None:
            code = INVALID if given else "validation_required"
            self.problems["collection"] = Problem(code, "Must be the name of a collection, or * for all.")
            return []
        return [found]

    def _actions(self, given: Any) -> tuple[Any, ...]:
        items = cast("list[Any]", given) if isinstance(given, list) else []
        if not items or any(item not in ACTIONS for item in items):
            code = INVALID if given else "validation_required"
            self.problems["actions"] = Problem(code, f"Must be a list of some of {', '.join(ACTIONS)}.")
            return ()
        return tuple(action for action in ACTIONS if action in items)

    def _fields(self, given: Any, collections: Sequence[Collection]) -> PermissionFields:
        if given is None:
            return PermissionFields()
        if not isinstance(given, dict):
            self.problems["fields"] = Problem(INVALID, 'Must be {"read": […], "write": […]}.')
            return PermissionFields()
        lists: dict[str, tuple[str, ...]] = {}
        wrong: dict[str, Problem] = {}
        for side, names in cast("dict[str, Any]", given).items():
            problem = _names_problem(side, names, collections)
            if problem is not None:
                wrong[side] = problem
            else:
                lists[side] = tuple(dict.fromkeys(names))
        if wrong:
            self.problems["fields"] = wrong
        return PermissionFields(**lists) if not wrong else PermissionFields()

    def _check_rule(self, rule: Any, collections: Sequence[Collection], *, updates: bool) -> None:
        """A rule for all collections has to mean something in one of them; elsewhere it lets nobody in."""
        if not isinstance(rule, str):
            self.problems["rule"] = Problem("validation_invalid_rule", "Must be a filter, or empty for all records.")
            return
        failures: list[str] = []
        for collection in collections if rule.strip() else ():
            try:
                check_rule(self._catalog, collection, rule, updates=updates)
                return
            except InvalidFilter as failure:
                failures.append(failure.message)
        if failures:
            self.problems["rule"] = Problem("validation_invalid_rule", failures[0])


def _names_problem(side: str, names: Any, collections: Sequence[Collection]) -> Problem | None:
    if side not in ("read", "write"):
        return Problem(INVALID, "There are only read and write.")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in cast("list[Any]", names)):
        return Problem(INVALID, f"Must be a list of names of fields, or {EVERY_FIELD} for all.")
    known = {field.name for collection in collections for field in collection.fields if not collection.is_secret(field)}
    for name in cast("list[str]", names):
        if name != EVERY_FIELD and collections and name not in known:
            return Problem(INVALID, f"There is no field {name[:100]!r}.")
    return None
