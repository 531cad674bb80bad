"""What a write may do to the system fields of an auth record: password, token key, email, verified, roles. Pure."""

from collections.abc import Mapping
from typing import Final, cast

from holdfast.catalog.snapshot import Catalog
from holdfast.errors import Problem
from holdfast.identity import Principal
from holdfast.records.given import Given
from holdfast.schema.collection import Collection
from holdfast.schema.field import EMPTY_MESSAGE
from holdfast.schema.system_fields import ROLES

GUARDED: Final = ("email", "verified")  # what only superusers and those with manage access can change directly
SUPERUSERS_ONLY: Final = ("roles",)  # what nobody else can change at all, nor set in a new record

_BLANK: Final = Problem("validation_required", EMPTY_MESSAGE)
_DIFFERENT: Final = Problem("validation_values_mismatch", "Does not match the password.")


def new_token_key(collection: Collection) -> object:
    """A new token key for a record: whoever has a token signed with the one before is logged out."""
    return collection.by_name["tokenKey"].initial(None)


def changes_password(given: Given) -> bool:
    """Whether an update is about the password; an empty password on its own is not."""
    password = given.changes.get("password", ())
    sent = any(change.value not in (None, "") for change in password)
    return sent or bool(given.password_confirm) or bool(given.old_password)


def unknown_roles(catalog: Catalog, collection: Collection, values: Mapping[str, object]) -> Problem | None:
    """What is wrong with the roles of an account: some are not there."""
    names = values.get(ROLES)
    if not names or not isinstance(names, list) or not collection.is_auth or not collection.by_name[ROLES].system:
        return None
    for name in cast("list[str]", names):
        if not any(role.name == name for role in catalog.roles):
            return Problem("validation_invalid_value", f"There is no role {name[:100]!r}.")
    return None


def password_problems(given: Given, password: object) -> dict[str, Problem]:
    """What is wrong with the pair of password and passwordConfirm; nobody is spared the second one."""
    found: dict[str, Problem] = {}
    if not password:
        found["password"] = _BLANK
    if not given.password_confirm:
        found["passwordConfirm"] = _BLANK
    elif given.password_confirm != (password or _typed(given)):
        found["passwordConfirm"] = _DIFFERENT
    return found


def _typed(given: Given) -> object:
    """The password as it was sent: one that is refused for what it is can still be the same twice."""
    return next((change.value for change in reversed(given.changes.get("password", ()))), None)


def guarded_problems(
    collection: Collection,
    given: Given,
    who: Principal,
    old: Mapping[str, object],
    new: Mapping[str, object],
    *,
    manages: bool,
) -> dict[str, Problem]:
    """What a caller who is no superuser may not do to an auth record; somebody who `manages` it may do more.

    `old` holds what the record has now: on create, what it would have if nobody asked.
    """
    if who.is_superuser or not collection.is_auth:
        return {}
    found: dict[str, Problem] = {}
    if "tokenKey" in given.changes:
        found["tokenKey"] = REASONS["tokenKey"]
    for name in SUPERUSERS_ONLY if manages else (*GUARDED, *SUPERUSERS_ONLY):
        if name in given.changes and name in old and name in new and new[name] != old[name]:
            found[name] = REASONS[name]
    return found


REASONS: Final = {
    "tokenKey": Problem("validation_not_allowed", "Only superusers can set the token key."),
    "roles": Problem("validation_not_allowed", "Only superusers can give and take roles."),
    "email": Problem(
        "validation_values_mismatch",
        "Ask for an email change instead: only superusers and managers of the record can change the email directly.",
    ),
    "verified": Problem(
        "validation_values_mismatch",
        "Only superusers and managers of the record can say that an email is verified.",
    ),
}
"""Why somebody may not set a field of an auth record."""


def needed_of_old(collection: Collection, given: Given, who: Principal) -> set[str]:
    """The fields of an auth record that have to be read before an update can be checked."""
    if who.is_superuser or not collection.is_auth:
        return set()
    needed = {name for name in (*GUARDED, *SUPERUSERS_ONLY) if name in given.changes}
    if changes_password(given):
        needed.add("password")
    return needed
