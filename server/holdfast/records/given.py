"""What the body of a write gives: which fields it touches and how, and what an auth record needs beside them. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from holdfast.errors import BadRequest, Problem
from holdfast.http.form import FormValue, Upload
from holdfast.http.json import read_json
from holdfast.records.modifiers import LISTS, Change, Changes, read_changes
from holdfast.rules.access import Access
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field, FieldError
from holdfast.schema.file import FileField

# Keys that a record has when it goes out: a client may send a whole record back, and they mean nothing then.
ECHOED: Final = frozenset(("collectionId", "collectionName", "expand"))
NOT_ALLOWED: Final = Problem("validation_not_allowed", "Your roles do not let you set this field.")


class Given(msgspec.Struct, frozen=True):
    """The changes to fields, and the keys of an auth record's body that are no fields.

    `refused` are the fields that the body names though no way in lets the caller set them. `files` are the new files
    by the names under which they would be stored; in `changes` stand these names.
    """

    changes: Changes
    password_confirm: str | None = None
    old_password: str | None = None
    refused: tuple[str, ...] = ()
    files: Mapping[str, Upload] = {}


def read_given(collection: Collection, body: Mapping[str, Any], access: Access) -> Given:
    """What the body gives, as far as somebody with this access can give it.

    Keys that name no field are left out, and so are fields that only the server sets (autodates). A hidden field is
    like one that does not exist, unless superusers ask or a role names it; save the password and the token key of an
    auth record, whose names are no secret.
    """
    changes: dict[str, tuple[Change, ...]] = {}
    refused: list[str] = []
    everything, plain = access.everything, access.is_plain
    for name, found in read_changes(collection, body).items():
        field = collection.by_name[name]
        if not field.settable or name in ECHOED:
            continue
        covered = everything or (plain and not field.hidden) or writing(collection, field, access)
        if not covered:
            if not _is_known(collection, field):
                continue
            refused.append(name)
        changes[name] = _typed_changes(field, found)
    files: dict[str, Upload] = {}
    if any(isinstance(value, FormValue) for value in body.values()):
        files = {upload.name: upload for _, upload in sent_files(collection, body)}
    if not collection.is_auth:
        return Given(changes, refused=tuple(refused), files=files)
    return Given(changes, _text(body.get("passwordConfirm")), _text(body.get("oldPassword")), tuple(refused), files)


def sent_files(collection: Collection, body: Mapping[str, Any]) -> Iterator[tuple[FileField, Upload]]:
    """The files that a body brings for file fields."""
    for name, changes in read_changes(collection, body).items():
        field = collection.by_name[name]
        if isinstance(field, FileField):
            values = [change.value for change in changes if isinstance(change.value, FormValue)]
            yield from ((field, upload) for value in values for upload in value.uploads)


def writing(collection: Collection, field: Field, access: Access) -> tuple[str, ...]:
    """The rules of which one has to hold for the field to be set, as `Access.writing` has them."""
    if field.hidden and _is_known(collection, field):
        field = msgspec.structs.replace(field, hidden=False)  # so that `*` is meant to have it
    return access.writing(field)


def _is_known(collection: Collection, field: Field) -> bool:
    """Whether anybody may know that there is such a field."""
    return not field.hidden or (collection.is_auth and field.system and field.name in ("password", "tokenKey"))


def refused_problems(given: Given) -> dict[str, Problem]:
    """What is wrong with the fields that the caller may not set."""
    return dict.fromkeys(given.refused, NOT_ALLOWED)


def _text(value: object) -> str | None:
    if isinstance(value, FormValue):
        value = value.texts[-1] if value.texts else None
    return value if isinstance(value, str) else None


def _typed_changes(field: Field, found: tuple[Change, ...]) -> tuple[Change, ...]:
    if len(found) == 1 and not isinstance(found[0].value, FormValue):
        return found  # as nearly all are: it saves a microsecond for each field
    return tuple(Change(change.operation, _typed(field, change.value)) for change in found)


def _typed(field: Field, value: object) -> object:
    """A form's texts as the field reads them: a list where it holds many, else one string; new files as their names."""
    if not isinstance(value, FormValue):
        return value
    if value.uploads:
        # What is kept of the old comes before what is new.
        return [*value.texts, *(upload.name for upload in value.uploads)] if isinstance(field, FileField) else value
    if field.type not in LISTS and not field.many:
        return value.texts[-1]
    if len(value.texts) == 1 and value.texts[0].startswith("["):
        try:
            return read_json(value.texts[0].encode())
        except BadRequest:
            return value.texts[0]
    return list(value.texts)


def refuse_files(field: Field, changes: tuple[Change, ...]) -> None:
    """Raise FieldError if a form brought a file for a field that takes none."""
    if any(isinstance(change.value, FormValue) for change in changes):
        raise FieldError("validation_invalid_value", f"A {field.type} field takes no file.")
