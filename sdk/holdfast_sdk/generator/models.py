"""Writes `models.py` of a package: records, what is sent, and paths."""

from collections.abc import Iterable, Iterator
from typing import Final

from holdfast_sdk.generator.kinds import changed
from holdfast_sdk.generator.names import sentence
from holdfast_sdk.generator.plan import PlannedCollection, PlannedField, Relation

HEAD: Final = '''"""The records of every collection: as they come, as they are sent, and as paths of filters."""

from __future__ import annotations

import typing

from ._runtime import model as hf
'''
WIDTH: Final = 120


def models(collections: Iterable[PlannedCollection]) -> str:
    """The text of the file."""
    many = list(collections)
    parts = [HEAD, *_aliases(many)]
    for collection in many:
        parts += _expand(collection)
        parts += _record(collection)
        if collection.can_write:
            parts += _create(collection)
            parts += _update(collection)
    for collection in many:
        parts += _paths(collection)
    parts.append("\n\n" + "".join(f"{one.base} = {one.base}Fields()\n" for one in many))
    return "".join(parts).rstrip("\n") + "\n"


def _aliases(collections: list[PlannedCollection]) -> Iterator[str]:
    """The values of selects. For a running program they are texts: the server may know more of them by now."""
    fields = [field for collection in collections for field in collection.fields if field.alias]
    if not fields:
        return
    yield "\nif typing.TYPE_CHECKING:\n"
    for field in fields:
        yield _alias(field)
    yield "else:\n"
    for field in fields:
        yield f"    {field.alias} = str\n"


def _alias(field: PlannedField) -> str:
    blank = [""] if not field.field.required and not field.field.many else []
    values = [literal(value) for value in (*blank, *field.field.values)]
    start = f"    {field.alias}: typing.TypeAlias = typing.Literal["
    line = f"{start}{', '.join(values)}]\n"
    if len(line) <= WIDTH + 1:
        return line
    inner = "".join(f"        {value},\n" for value in values)
    return f"{start}\n{inner}    ]\n"


def literal(text: str) -> str:
    """A text as Python writes it, in double quotes where that needs no more escapes."""
    found = repr(text)
    if found.startswith("'") and '"' not in found:
        return '"' + found[1:-1] + '"'
    return found


def _docstring(text: str, indent: str = "    ") -> str:
    return f'{indent}"""{text}"""\n'


def _title(collection: PlannedCollection, before: str) -> str:
    comment = sentence(collection.collection.comment)
    return f"{before} `{collection.collection.name}`." + (f" {comment}" if comment else "")


def _expand(collection: PlannedCollection) -> Iterator[str]:
    if not collection.relations:
        return
    yield f"\n\nclass {collection.base}Expand(hf.Record, frozen=True, kw_only=True):\n"
    yield _docstring(_title(collection, "What was expanded in a record of")) + "\n"
    for relation in collection.relations:
        if relation.many:
            yield _attribute(relation.attribute, relation.name, f"list[{relation.target}Record]", "[]")
        else:
            yield _attribute(relation.attribute, relation.name, f"{relation.target}Record | None", "None")


def _attribute(attribute: str, name: str, type: str, default: str, help: str = "") -> str:
    if attribute != name:
        default = f"hf.field(name={literal(name)}, default={default})"
    line = f"    {attribute}: {type} = {default}\n"
    return line + (_docstring(sentence(help)) if sentence(help) else "")


def _record(collection: PlannedCollection) -> Iterator[str]:
    yield f"\n\nclass {collection.base}Record(hf.Record, frozen=True, kw_only=True):\n"
    yield _docstring(_title(collection, "A record of")) + "\n"
    for one in collection.fields:
        if one.field.read:
            yield _attribute(one.attribute, one.field.name, one.kind.read, one.kind.empty, one.field.help)
    if collection.relations:
        yield f"    expand: {collection.base}Expand = {collection.base}Expand()\n"


def _create(collection: PlannedCollection) -> Iterator[str]:
    yield from _input(collection, "Create", "A new record of")
    for one in _sent(collection):
        if one.field.input == "required":
            name = f" = hf.field(name={literal(one.field.name)})" if one.attribute != one.field.name else ""
            yield f"    {one.attribute}: {one.kind.sent}{name}\n"
            yield _docstring(sentence(one.field.help)) if sentence(one.field.help) else ""
        else:
            yield _optional(one, one.kind.sent)
    yield "" if _sent(collection) else "    pass\n"


def _update(collection: PlannedCollection) -> Iterator[str]:
    yield from _input(collection, "Update", "A change of a record of")
    for one in _sent(collection):
        if one.field.name != "id":
            yield _optional(one, changed(one.field, one.kind))
    if collection.collection.type == "auth":
        yield "    oldPassword: str | hf.Unset = hf.UNSET\n"


def _input(collection: PlannedCollection, part: str, title: str) -> Iterator[str]:
    yield f"\n\nclass {collection.base}{part}(hf.Input, frozen=True, kw_only=True):\n"
    yield _docstring(_title(collection, title)) + "\n"
    if collection.collection.type == "auth":
        yield "    hf_is_account: typing.ClassVar[bool] = True\n"


def _sent(collection: PlannedCollection) -> list[PlannedField]:
    return [one for one in collection.fields if one.field.input != "none"]


def _optional(one: PlannedField, type: str) -> str:
    kind = type if type == "hf.Any" else f"{type} | hf.Unset"
    return _attribute(one.attribute, one.field.name, kind, "hf.UNSET", one.field.help)


def _paths(collection: PlannedCollection) -> Iterator[str]:
    yield f"\n\nclass {collection.base}Fields(hf.RecordPath):\n"
    yield _docstring(_title(collection, "The fields of"))
    forwards = {relation.name: relation for relation in collection.relations if not relation.back}
    for one in collection.fields:
        if one.field.read:
            relation = forwards.get(one.field.name)
            kind = one.kind.path if relation is None else f"{relation.target}Fields"
            yield _property(one.attribute, one.field.name, kind, sentence(one.field.help) or f"`{one.field.name}`.")
    for relation in collection.relations:
        if relation.back:
            yield _property(relation.attribute, relation.name, f"{relation.target}Fields", _backwards(relation))


def _backwards(relation: Relation) -> str:
    collection, _, field = relation.name.partition("_via_")
    return f"The records of `{collection}` whose `{field}` points here."


def _property(attribute: str, name: str, kind: str, help: str) -> str:
    made = f"        return {kind}(self, {literal(name)})\n"
    return f"\n    @property\n    def {attribute}(self) -> {kind}:\n{_docstring(help, '        ')}{made}"
