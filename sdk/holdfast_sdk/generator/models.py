"""Writes the file of a collection in `models`: records, what is sent, paths, and the event."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from holdfast_sdk.generator.kinds import changed
from holdfast_sdk.generator.names import sentence
from holdfast_sdk.generator.plan import PlannedCollection, PlannedField, Relation
from holdfast_sdk.generator.text import Type, call, docstring, enclosed, fits, imports, listed, literal, member

OTHERS: Final = "hf_models"
TOO_MANY_BLANK: Final = re.compile(r"\n{4,}")  # behind a class of nothing but its docstring
HEAD: Final = '''"""The records of every collection, each in a file that is read when somebody asks for it."""

import typing

'''
LATER: Final = """else:
    from .._runtime.lazily import lazily

    FILES = {files}
    __getattr__ = lazily(__name__, FILES)

"""


def models(collections: Sequence[PlannedCollection]) -> dict[str, str]:
    """The text of each file of `models`."""
    found = {f"{one.file}.py": _model(one) for one in collections}
    return {"__init__.py": _init(collections), **found}


def names_of(one: PlannedCollection) -> list[str]:
    """What the file of a collection has for others."""
    parts = ["", "Record", "Fields", *(["Create", "Update", "Event"] if one.can_write else [])]
    parts += ["Expand"] if one.relations else []
    aliases = [field.alias for field in one.fields if field.alias]
    return sorted([one.base + part for part in parts] + aliases)


def mapped(names: Mapping[str, str]) -> str:
    """A dictionary of texts within an indented block."""
    return "{\n" + "".join(f"        {literal(name)}: {literal(file)},\n" for name, file in names.items()) + "    }"


def _init(collections: Sequence[PlannedCollection]) -> str:
    shown = "".join(imports(f".{one.file}", names_of(one), "    ") for one in sorted(collections, key=_by_file))
    names = sorted(name for one in collections for name in names_of(one))
    later = LATER.replace("{files}", mapped({name: f".{one.file}" for one in collections for name in names_of(one)}))
    return f"{HEAD}if typing.TYPE_CHECKING:\n{shown}{later}\n{listed('__all__', names)}"


def _by_file(one: PlannedCollection) -> str:
    return one.file


def _model(one: PlannedCollection) -> str:
    aliases = [field for field in one.fields if field.alias]
    needs_typing = aliases or (one.can_write and one.collection.type == "auth")
    parts = [
        docstring(_title(one, "The records of"), ""),
        "\nfrom __future__ import annotations\n\n",
        "import typing\n\n" if needs_typing else "",
        f"from .. import models as {OTHERS}\n" if one.relations else "",
        "from .._runtime import model as hf\n",
        *_aliases(aliases),
        *_expand(one),
        *_record(one),
    ]
    if one.can_write:
        parts += [*_create(one), *_update(one), *_event(one)]
    fields = f"{one.base} = {one.base}Fields()\n"
    if not fits(fields):
        fields = f"{one.base} = (\n    {one.base}Fields()\n)\n"
    text = "".join([*parts, *_paths(one), f"\n\n{fields}"])
    return TOO_MANY_BLANK.sub("\n\n\n", text)


def _aliases(fields: Sequence[PlannedField]) -> Iterator[str]:
    """The values of selects. For a running program they are texts: the server may know more of them by now."""
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
    return enclosed(f"    {field.alias}: typing.TypeAlias = typing.Literal", "[]", values)


def _title(collection: PlannedCollection, before: str) -> str:
    comment = sentence(collection.collection.comment)
    return f"{before} `{collection.collection.name}`." + (f" {comment}" if comment else "")


def _class(collection: PlannedCollection, part: str, base: str, title: str) -> str:
    head = call(f"class {collection.base}{part}", [base, "frozen=True", "kw_only=True"], ":")
    return f"\n\n{head}{docstring(_title(collection, title))}\n"


def _expand(collection: PlannedCollection) -> Iterator[str]:
    if not collection.relations:
        return
    yield f"\n\nclass {collection.base}Expand(hf.Expand):\n"
    yield docstring(_title(collection, "What was expanded in a record of"))
    for relation in collection.relations:
        kind = f"{OTHERS}.{relation.target}Record"
        type = Type("list", (kind,)) if relation.many else Type(f"{kind} | None")
        method = "        return self._many" if relation.many else "        return self._one"
        value = call(method, [literal(relation.name), kind])
        yield member(relation.attribute, type, _about(relation), value, cached=True)


def _about(relation: Relation) -> str:
    if not relation.back:
        return f"`{relation.name}`."
    collection, _, field = relation.name.partition("_via_")
    return f"The records of `{collection}` whose `{field}` points here."


def _attribute(attribute: str, name: str, type: str, default: str, help: str = "") -> str:
    line = f"    {attribute}: {type} = {default}\n"
    if attribute != name:
        line = call(f"    {attribute}: {type} = hf.field", [f"name={literal(name)}", f"default={default}"])
    return line + (docstring(sentence(help)) if sentence(help) else "")


def _record(collection: PlannedCollection) -> Iterator[str]:
    yield _class(collection, "Record", "hf.Related" if collection.relations else "hf.Record", "A record of")
    shown = [one for one in collection.fields if one.field.read]
    for one in shown:
        yield _attribute(one.attribute, one.field.name, one.kind.read, one.kind.empty, one.field.help)
    if collection.relations:
        value = f"        return {collection.base}Expand(self.hf_expand)\n"
        kind = Type(f"{collection.base}Expand")
        made = member("expand", kind, "The records that belong to it, if they were asked for.", value, cached=True)
        yield made if shown else made[1:]


def _create(collection: PlannedCollection) -> Iterator[str]:
    yield from _input(collection, "Create", "A new record of")
    for one in _sent(collection):
        if one.field.input == "required":
            name = f" = hf.field(name={literal(one.field.name)})" if one.attribute != one.field.name else ""
            yield f"    {one.attribute}: {one.kind.sent}{name}\n"
            yield docstring(sentence(one.field.help)) if sentence(one.field.help) else ""
        else:
            yield _optional(one, one.kind.sent)


def _update(collection: PlannedCollection) -> Iterator[str]:
    yield from _input(collection, "Update", "A change of a record of")
    for one in _sent(collection):
        if one.field.name != "id":
            yield _optional(one, changed(one.field, one.kind))
    if collection.collection.type == "auth":
        yield "    oldPassword: str | hf.Unset = hf.UNSET\n"


def _input(collection: PlannedCollection, part: str, title: str) -> Iterator[str]:
    yield _class(collection, part, "hf.Input", title)
    if collection.collection.type == "auth":
        yield "    hf_is_account: typing.ClassVar[bool] = True\n"


def _sent(collection: PlannedCollection) -> list[PlannedField]:
    return [one for one in collection.fields if one.field.input != "none"]


def _optional(one: PlannedField, type: str) -> str:
    kind = type if type == "hf.Any" else f"{type} | hf.Unset"
    return _attribute(one.attribute, one.field.name, kind, "hf.UNSET", one.field.help)


def _event(one: PlannedCollection) -> Iterator[str]:
    bases = [f"hf.RecordEvent[{one.base}Record]", "frozen=True", "kw_only=True"]
    yield "\n\n" + call(f"class {one.base}Event", bases, ":")
    yield docstring(f"A record of `{one.collection.name}` was made, changed or deleted.")


def _paths(collection: PlannedCollection) -> Iterator[str]:
    yield f"\n\nclass {collection.base}Fields(hf.RecordPath):\n"
    yield docstring(_title(collection, "The fields of"))
    forwards = {relation.name: relation for relation in collection.relations if not relation.back}
    for one in collection.fields:
        if one.field.read:
            relation = forwards.get(one.field.name)
            kind = one.kind.path if relation is None else f"{OTHERS}.{relation.target}Fields"
            yield _path(one.attribute, one.field.name, kind, sentence(one.field.help) or f"`{one.field.name}`.")
    for relation in collection.relations:
        if relation.back:
            yield _path(relation.attribute, relation.name, f"{OTHERS}.{relation.target}Fields", _about(relation))


def _path(attribute: str, name: str, kind: str, about: str) -> str:
    return member(attribute, Type(kind), about, call(f"        return {kind}", ["self", literal(name)]), cached=False)
