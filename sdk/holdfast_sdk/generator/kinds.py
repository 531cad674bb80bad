"""What each type of field is in Python: as it comes, as it is sent, and as a path."""

from typing import Final

import msgspec

from holdfast_sdk.schema import Field


class Kind(msgspec.Struct, frozen=True):
    """The types of a field. `empty` is what a record has where the field did not come."""

    read: str
    empty: str
    sent: str
    path: str


_TEXT: Final = Kind("str", '""', "str", "hf.Text")
_PLAIN: Final = {
    "text": _TEXT,
    "editor": _TEXT,
    "email": _TEXT,
    "url": _TEXT,
    "password": _TEXT,
    "number": Kind("float", "0.0", "float", "hf.Number"),
    "bool": Kind("bool", "False", "bool", "hf.Bool"),
    "date": Kind("hf.Date", "None", "hf.datetime | hf.date | str", "hf.Moment"),
    "autodate": Kind("hf.Date", "None", "hf.datetime | hf.date | str", "hf.Moment"),
    "relation": _TEXT,
    "file": Kind("str", '""', "hf.Upload | str", "hf.Text"),
    "json": Kind("hf.Any", "None", "hf.Any", "hf.Json"),
    "geoPoint": Kind("hf.GeoPoint", "hf.GeoPoint()", "hf.GeoPoint", "hf.Point"),
    "vector": Kind("list[float] | None", "None", "hf.Sequence[float]", "hf.Opaque"),
    "decimal": Kind("hf.Decimal", "hf.Decimal(0)", "hf.Decimal | int | str", "hf.Exact"),
}
_UNKNOWN: Final = Kind("hf.Any", "None", "hf.Any", "hf.Json")
_WHOLE: Final = Kind("int", "0", "int", "hf.Number")
_ALWAYS: Final = Kind("hf.datetime", "hf.NO_DATE", "hf.datetime | hf.date | str", "hf.Moment")


def kind_of(field: Field, alias: str = "") -> Kind:
    """The types of a field. `alias` is the name of those of a select's values."""
    kind = _one(field, alias)
    if field.many:
        sent = f"hf.Sequence[{kind.sent}]"
        path = kind.path if alias else "hf.Choice[str]"
        kind = Kind(f"list[{kind.read}]", "[]", sent, path)
    if not field.nullable:
        return kind
    nothing = kind.read.endswith("None") or kind.read in ("hf.Date", "hf.Any")
    read = kind.read if nothing else f"{kind.read} | None"
    return Kind(read, "None", kind.sent if kind.sent == "hf.Any" else f"{kind.sent} | None", kind.path)


def _one(field: Field, alias: str) -> Kind:
    if field.type == "select" and not alias:
        return Kind("str", '""', "str", "hf.Choice[str]")
    if alias:
        blank = not field.required and not field.many
        return Kind(alias, '""' if blank else "hf.ABSENT", alias, f"hf.Choice[{alias}]")
    if field.type == "number" and field.whole:
        return _WHOLE
    if field.always:
        return _ALWAYS
    return _PLAIN.get(field.type, _UNKNOWN)


def changed(field: Field, kind: Kind) -> str:
    """What an update takes of a field beside its value: changes of it."""
    if field.many:
        item = kind.sent.removesuffix(" | None").removeprefix("hf.Sequence[").removesuffix("]")
        return f"{kind.sent} | hf.ListChange[{item}]"
    if field.type in ("number", "decimal"):
        return f"{kind.sent} | hf.Amount"
    return kind.sent
