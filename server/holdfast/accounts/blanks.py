"""What can be taken out of an account's record, and what stands there afterwards. Pure."""

from typing import Any, Final

import msgspec

from holdfast.schema.autodate import AutodateField
from holdfast.schema.collection import Collection
from holdfast.schema.date import DateField
from holdfast.schema.editor import EditorField
from holdfast.schema.email import EmailField
from holdfast.schema.field import Field, FieldError
from holdfast.schema.file import FileField
from holdfast.schema.geo_point import GeoPointField
from holdfast.schema.json import JsonField
from holdfast.schema.password import PasswordField
from holdfast.schema.text import TextField
from holdfast.schema.url import UrlField
from holdfast.schema.vector import VectorField

# What people write of themselves. Numbers, choices and relations tell little of who somebody is, and are what is left
# to count by; whoever wants them out names them.
_PERSONAL: Final = (
    TextField, EditorField, EmailField, UrlField, FileField, JsonField, GeoPointField, DateField, VectorField,
)  # fmt: skip
_OWN: Final = ("id", "password", "tokenKey", "emailVisibility", "verified", "roles")  # seen to without being asked
NOBODY: Final = "anonymous.invalid"  # RFC 2606: no mail ever goes there


class Blank(msgspec.Struct, frozen=True):
    """A field of an account. `blank`: it is taken out unless others are named. `why` says why it cannot be."""

    name: str
    type: str
    blank: bool
    to: Any = None
    why: str = ""


def blanks(collection: Collection, id: str) -> tuple[Blank, ...]:
    """The fields that hold what is theirs, in the order of the collection."""
    return tuple(
        _blank(field, id)
        for field in collection.fields
        if field.name not in _OWN and field.settable and not isinstance(field, AutodateField | PasswordField)
    )


def _blank(field: Field, id: str) -> Blank:
    type = msgspec.to_builtins(field)["type"]
    if not field.required:
        return Blank(field.name, type, isinstance(field, _PERSONAL), _nothing(field))
    to, why = _stand_in(field, id)
    return Blank(field.name, type, not why and isinstance(field, _PERSONAL), to, why)


def _nothing(field: Field) -> Any:
    """What a write sends for no value: null is that for every field."""
    return [] if field.many else None


def _stand_in(field: Field, id: str) -> tuple[str | None, str]:
    """What takes the place of a value that has to be there; or None, and why there is nothing."""
    why = "It is required, and there is nothing to put in its place."
    for text in _stand_ins(field, id):
        try:
            field.take(text)
        except FieldError as refusal:
            why = f"It is required, and does not take what would stand there. {refusal.problem.message}"
        else:
            return text, ""
    return None, why


def _stand_ins(field: Field, id: str) -> tuple[str, ...]:
    """What may take the place of a value, the best first."""
    if isinstance(field, EmailField):
        return (f"{id}@{NOBODY}",)
    if isinstance(field, UrlField):
        return (f"https://{NOBODY}/{id}",)
    if isinstance(field, TextField) and field.pattern:
        return (id, f"anonymous {id}")
    if isinstance(field, TextField | EditorField):
        return (f"anonymous {id}", id)
    return ()
