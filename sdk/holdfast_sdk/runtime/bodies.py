"""What a write sends: the given fields under the server's names, files apart from the rest."""

from __future__ import annotations

from typing import Any, Final, TypeGuard

import msgspec

from .uploads import Part, Upload
from .values import UNSET, Amount, Input, ListChange, modified_key

PAYLOAD: Final = "@jsonPayload"


class Body(msgspec.Struct, frozen=True):
    """The fields of a write that are JSON, and the files beside them."""

    fields: dict[str, Any]
    files: list[Part]

    def json(self) -> bytes:
        """The fields as JSON."""
        return msgspec.json.encode(self.fields)


def body_of(input: Input, prefix: str = "") -> Body:
    """What is sent of an input. `prefix` goes before the names of files, where many inputs are sent in one form."""
    fields: dict[str, Any] = {}
    files: list[Part] = []
    kind = type(input)
    for attribute, name in zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True):
        value: Any = getattr(input, attribute)
        if value is UNSET:
            continue
        key, value = _changed(name, value)
        given, uploads = _apart(value)
        files += [(prefix + key, upload) for upload in uploads]
        if given is not UNSET:
            fields[key] = given
    if "password" in fields and kind.hf_is_account:
        fields["passwordConfirm"] = fields["password"]
    return Body(fields, files)


def _changed(name: str, given: Any) -> tuple[str, Any]:
    """The key and the value that are sent: those of a change, if it is one."""
    if isinstance(given, Amount):
        return modified_key(name, given), given.by
    value: object = given
    if isinstance(value, ListChange):
        change: ListChange[Any] = given
        return modified_key(name, change), list(change.values)
    return name, given


def _apart(value: Any) -> tuple[Any, list[Upload]]:
    """What of a value is JSON, UNSET if nothing, and the files in it."""
    if isinstance(value, Upload):
        return UNSET, [value]
    if _is_list(value):
        uploads = [item for item in value if isinstance(item, Upload)]
        if uploads:
            names = [item for item in value if not isinstance(item, Upload)]
            return (names or UNSET), uploads
        return list(value), []
    return value, []


def _is_list(value: object) -> TypeGuard[list[object] | tuple[object, ...]]:
    return isinstance(value, list | tuple)
