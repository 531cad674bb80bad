"""What a change of the collections breaks in programs that use the client. Pure."""

from collections.abc import Iterator

import msgspec

from holdfast_sdk.generator.kinds import kind_of
from holdfast_sdk.schema import Collection, Field, Schema


class Break(msgspec.Struct, frozen=True):
    """Something that a program may use, and that is another afterwards. `field` is empty for the collection itself."""

    collection: str
    field: str
    what: str

    def __str__(self) -> str:
        """As a line for people."""
        return f"{self.collection}.{self.field}: {self.what}" if self.field else f"{self.collection}: {self.what}"


def breaks(before: Schema, after: Schema) -> tuple[Break, ...]:
    """Everything that breaks from one schema to the other, in the order of the first."""
    now = {one.name: one for one in after.collections}
    found: list[Break] = []
    for one in before.collections:
        other = now.get(one.name)
        found += [Break(one.name, "", "the collection is gone")] if other is None else _of_collection(one, other)
    return tuple(found)


def _of_collection(before: Collection, after: Collection) -> Iterator[Break]:
    if before.type != "view" and after.type == "view":
        yield Break(before.name, "", "it can only be read")
    if before.type == "auth" and after.type != "auth":
        yield Break(before.name, "", "nobody can log in with it")
    now = {field.name: field for field in after.fields}
    for field in before.fields:
        other = now.get(field.name)
        texts = ["the field is gone"] if other is None else [*_reading(field, other), *_writing(field, other)]
        yield from (Break(before.name, field.name, text) for text in texts)
    known = {field.name for field in before.fields}
    for field in after.fields:
        if field.name not in known and field.input == "required":
            yield Break(before.name, field.name, "a create has to name this new field")


def _reading(before: Field, after: Field) -> Iterator[str]:
    """What is wrong for a program that reads the field."""
    if not before.read:
        return
    if not after.read:
        yield "it is not sent any more"
        return
    old, new = kind_of(_bare(before)).read, kind_of(_bare(after)).read
    if old != new:
        yield f"it is {_spoken(new)} and no more {_spoken(old)}"
    elif after.nullable and not before.nullable:
        yield "it can be None"
    if before.always and not after.always:
        yield "it can be missing"
    if before.target and before.target != after.target:
        yield f"it leads to {after.target or 'nothing'} and no more to {before.target}"
    if before.single != after.single and before.target:
        yield "the way back leads to one record" if after.single else "the way back leads to many records"
    if before.values and (more := [value for value in after.values if value not in before.values]):
        yield f"it can hold values that a program has not heard of: {', '.join(map(repr, more))}"


def _writing(before: Field, after: Field) -> Iterator[str]:
    """What is wrong for a program that sends the field."""
    if before.input == "none":
        return
    if after.input == "none":
        yield "it cannot be set any more"
    if after.input == "required" and before.input != "required":
        yield "a create has to name it"
    if gone := [value for value in before.values if after.values and value not in after.values]:
        yield f"it does not take {', '.join(map(repr, gone))} any more"
    if before.nullable and not after.nullable:
        yield "it does not take None any more"
    if before.type != after.type and kind_of(_bare(before)).sent != kind_of(_bare(after)).sent:
        yield f"it takes {_spoken(kind_of(_bare(after)).sent)}"


def _bare(field: Field) -> Field:
    return msgspec.structs.replace(field, nullable=False, always=False)


def _spoken(type: str) -> str:
    return type.replace("hf.", "")
