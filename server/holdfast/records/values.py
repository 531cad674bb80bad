"""From the body of a write to the values that are bound: checked, completed, all problems at once. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, cast

import msgspec

from holdfast.errors import Problem, ValidationFailed
from holdfast.identity import Principal
from holdfast.records.credentials import (
    changes_password,
    guarded_problems,
    needed_of_old,
    new_token_key,
    password_problems,
)
from holdfast.records.given import Given, refuse_files, refused_problems
from holdfast.records.modifiers import Change, builds_on_old, outcome
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field, FieldError
from holdfast.schema.field_default import CALLER, NOW
from holdfast.schema.file import FileField, NewFile
from holdfast.schema.password import PasswordField

NOTHING: Final[Mapping[str, object]] = {}
# What a new auth record has if nobody asks. An email is the newcomer's to choose.
_UNGUARDED: Final[Mapping[str, object]] = {"verified": False, "roles": []}


class Draft(msgspec.Struct, frozen=True):
    """The values of one write by field name, ready to be bound but for `passwords`, which are to be hashed first.

    `old_password` is set when it has to fit the record's password before anything is written.
    `token_key` is for an update that sends an email: it is the record's new one if the email is another.
    `managing` are the fields of a new record that only somebody with manage access may set so, `now` those that get
    the time of the statement, whatever `values` hold for them.
    """

    values: dict[str, object]
    passwords: tuple[str, ...] = ()
    old_password: str | None = None
    token_key: object = None
    managing: tuple[str, ...] = ()
    now: tuple[str, ...] = ()


def draft_create(
    collection: Collection, given: Given, who: Principal, *, may_manage: bool = False, new_id: str = ""
) -> Draft:
    """The values of a new record: one for every field that is not the server's own to set.

    With `may_manage` it depends on the record whether the caller manages it. `new_id` is its id if the body names none.
    Raises ValidationFailed with everything that is wrong, by field.
    """
    problems: dict[str, Problem] = refused_problems(given)
    values: dict[str, object] = {}
    passwords: list[str] = []
    for field in collection.fields:
        if not field.settable or field.name in given.refused:
            continue
        try:
            values[field.name] = _first(field, given, who)
        except FieldError as failure:
            problems[field.name] = failure.problem
        if isinstance(field, PasswordField) and values.get(field.name):
            passwords.append(field.name)
    if new_id and "id" not in given.changes:
        values["id"] = new_id
    managing: tuple[str, ...] = ()
    if collection.is_auth:
        guarded = guarded_problems(collection, given, who, _UNGUARDED, values, manages=may_manage)
        problems.update(guarded)
        confirmation = password_problems(given, values.get("password"))
        problems.update({name: problem for name, problem in confirmation.items() if name not in problems})
        if may_manage:
            others = guarded_problems(collection, given, who, _UNGUARDED, values, manages=False)
            managing = tuple(others.keys() - guarded.keys())
    if problems:
        raise ValidationFailed(problems)
    now = tuple(field.name for field in collection.fields if field.default == NOW and field.name not in given.changes)
    return Draft(values, tuple(passwords), managing=managing, now=now)


def _first(field: Field, given: Given, who: Principal) -> object:
    """The value of a field in a new record."""
    changes = given.changes.get(field.name, ())
    refuse_files(field, changes)
    if changes and not builds_on_old(changes):
        value = outcome(field, None, changes)
    else:
        value = outcome(field, starting_value(field, who), changes)
    taken = field.take(field.initial(value))
    if isinstance(field, FileField):
        _check_files(field, taken, (), given)
    return taken


def starting_value(field: Field, who: Principal) -> object:
    """The value of a field that the body does not name: its default, or nothing."""
    if field.default == NOW:
        return datetime.now(UTC)
    if field.default == CALLER:
        return who.record_id
    return field.default


def columns_needed(collection: Collection, given: Given, who: Principal) -> frozenset[str]:
    """The fields whose present values decide what an update does; mostly none, and then it is one statement."""
    needed = needed_of_old(collection, given, who)
    for name, changes in given.changes.items():
        keeps_files = isinstance(collection.by_name[name], FileField) and any(
            str(file) not in given.files for one in changes for file in _names(one.value)
        )
        if keeps_files or builds_on_old(changes):
            needed.add(name)
    return frozenset(needed)


def draft_update(
    collection: Collection,
    given: Given,
    who: Principal,
    record_id: str,
    old: Mapping[str, object] = NOTHING,
    *,
    manages: bool = False,
) -> Draft:
    """The values that an update sets; `old` holds the present ones of `columns_needed`.

    `manages` is whether the caller has manage access to the record.
    Raises ValidationFailed with everything that is wrong, by field.
    """
    problems: dict[str, Problem] = refused_problems(given)
    problems.pop("id", None)  # to send the id along is to say what is so
    values: dict[str, object] = {}
    for name, changes in given.changes.items():
        if name == "id":
            if changes != (Change("set", record_id),):
                problems["id"] = Problem("validation_pk_change", "The id of a record cannot be changed.")
            continue
        if name in given.refused:
            continue
        try:
            values[name] = _next(collection.by_name[name], given, old)
        except FieldError as failure:
            problems[name] = failure.problem
    problems.update(guarded_problems(collection, given, who, old, values, manages=manages))
    old_password = _take_password(collection, given, values, problems)
    if manages or who.is_superuser:
        old_password = None
    if problems:
        raise ValidationFailed(problems)
    passwords = tuple(
        name for name, value in values.items() if value and isinstance(collection.by_name[name], PasswordField)
    )
    if not collection.is_auth or "tokenKey" in values:
        return Draft(values, passwords, old_password)
    if "password" in passwords:
        values["tokenKey"] = new_token_key(collection)
        return Draft(values, passwords, old_password)
    return Draft(values, passwords, old_password, new_token_key(collection) if "email" in values else None)


def _next(field: Field, given: Given, old: Mapping[str, object]) -> object:
    """The value of a field after an update."""
    changes = given.changes[field.name]
    if isinstance(field, PasswordField) and field.system and all(change.value in (None, "") for change in changes):
        return ""  # what a form sends when nobody typed anything: not a new password, so not one to be checked
    refuse_files(field, changes)
    now = old.get(field.name)
    taken = field.take(outcome(field, now, changes))
    if isinstance(field, FileField):
        _check_files(field, taken, now, given)
    return taken


def _check_files(field: FileField, taken: object, stored: object, given: Given) -> None:
    """Raise FieldError unless every file is one that the record has, or a new one that the field takes."""
    for name in set(_names(taken)) - set(_names(stored)):
        file = given.files.get(str(name))
        if file is None:
            message = "The record has no such file: new ones are sent in a form, and kept or taken away by their names."
            raise FieldError("validation_invalid_file", message)
        field.check_new(NewFile(file.original, file.content.size, file.found_type))


def _names(value: object) -> list[object]:
    if isinstance(value, list | tuple):
        return list(cast(list[object], value))
    return [value] if value else []


def _take_password(
    collection: Collection, given: Given, values: dict[str, object], problems: dict[str, Problem]
) -> str | None:
    """Check what an update says about an auth record's password.

    The answer is the old password, if there is a new one. An update without a password loses its empty one.
    """
    if not collection.is_auth:
        return None
    if not changes_password(given):
        values.pop("password", None)
        return None
    found = password_problems(given, values.get("password"))
    problems.update({name: problem for name, problem in found.items() if name not in problems})
    return given.old_password or ""
