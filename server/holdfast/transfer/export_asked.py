"""What an export is asked for: the records of a list, as a file. Pure."""

from collections.abc import Mapping
from typing import Final

import msgspec

from holdfast.errors import ValidationFailed
from holdfast.http.selection import Selection, read_fields
from holdfast.records.query import ListQuery, read_parameters, read_text
from holdfast.rules.access import Access
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.relation import RelationField
from holdfast.transfer.asked import (
    Format,
    not_there,
    read_delimiter,
    read_flag,
    read_format,
    read_null,
    refused,
    unknown,
)
from holdfast.transfer.columns import is_unique

MAX_LABELS: Final = 100
_KNOWN: Final = ("format", "filter", "sort", "fields", "labels", "delimiter", "guard", "null", "bom")


class ExportAsked(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. `labels` name relations that go out as a field of their targets: `author.email`."""

    format: Format = "csv"
    filter: str = ""
    sort: str = ""
    fields: str = ""
    labels: str = ""
    delimiter: str = ","
    guard: bool = True
    null: str = ""
    bom: bool = False
    params: tuple[tuple[str, str | int | float | bool | None], ...] = ()


class ExportColumn(msgspec.Struct, frozen=True):
    """One column of an export. `through` is the relation whose records it labels, by the field `name` of theirs."""

    header: str
    name: str
    field: Field | None
    through: RelationField | None = None


def read_export(query: Mapping[str, str]) -> ExportAsked:
    """What the parameters ask for. Raises ValidationFailed and BadRequest."""
    problems = {name: unknown(name, _KNOWN) for name in query if name not in _KNOWN and not name.startswith("p.")}
    if problems:
        raise ValidationFailed(problems, "The export has a parameter that is not known: see data.")
    format = read_format(query)
    return ExportAsked(
        format=format,
        filter=read_text(query, "filter"),
        sort=read_text(query, "sort"),
        fields=read_text(query, "fields"),
        labels=read_text(query, "labels"),
        delimiter=read_delimiter(query) or ",",
        guard=read_flag(query, "guard", default=True),
        null=read_null(query, format),
        bom=read_flag(query, "bom", default=False),
        params=read_parameters(query),
    )


def columns_of(
    collection: Collection, access: Access, asked: ExportAsked, targets: Mapping[str, Collection]
) -> tuple[ExportColumn, ...]:
    """The columns of an export. `targets` are the collections that relations point at, by the names of the fields.

    Raises ValidationFailed for labels that cannot be had.
    """
    readable = [one for one in collection.fields if not collection.is_secret(one) and access.reading(one)]
    wanted = readable
    if asked.fields.strip():
        wanted = _selected(readable, read_fields(asked.fields))
        if not wanted:
            raise refused("fields", "It names no field of the collection.")
    labels = _labels(wanted, asked.labels, targets)
    return tuple(labels.get(field.name) or ExportColumn(field.name, field.name, field) for field in wanted)


def _selected(readable: list[Field], selection: Selection) -> list[Field]:
    by_name = {field.name: field for field in readable}
    named = [by_name[name] for name, _ in selection.parts if name in by_name]
    return [*named, *(field for field in readable if field not in named)] if selection.every else named


def _labels(wanted: list[Field], text: str, targets: Mapping[str, Collection]) -> dict[str, ExportColumn]:
    relations = {field.name: field for field in wanted if isinstance(field, RelationField)}
    if text.strip() == "*":
        found = {name: label_of(targets[name]) for name in relations}
        return {name: _label(relations[name], field) for name, field in found.items() if field is not None}
    labels: dict[str, ExportColumn] = {}
    for path in [part.strip() for part in text.split(",") if part.strip()][:MAX_LABELS]:
        name, _, rest = path.partition(".")
        relation = relations.get(name)
        if relation is None:
            raise refused("labels", not_there(f"There is no relation {name[:100]!r} in the export", name, [*relations]))
        field = targets[name].by_name.get(rest)
        if field is None or targets[name].is_secret(field):
            known = [one.name for one in targets[name].fields if not one.hidden]
            raise refused("labels", not_there(f"{targets[name].name} has no field {rest[:100]!r}", rest, known))
        labels[name] = _label(relation, field)
    return labels


def _label(relation: RelationField, field: Field) -> ExportColumn:
    return ExportColumn(f"{relation.name}.{field.name}", field.name, field, relation)


def label_of(target: Collection) -> Field | None:
    """The field by which people know the records of a collection: one that an import can find them by, too."""
    texts = [one for one in target.fields if one.cast == "text" and one.name != "id" and not one.hidden]
    shown = [one for one in texts if one.presentable and is_unique(target, one)]
    unique = [one for one in texts if is_unique(target, one) and not target.is_secret(one)]
    presentable = [one for one in texts if one.presentable]
    return next(iter((*shown, *unique, *presentable)), None)


def query_of(asked: ExportAsked, columns: tuple[ExportColumn, ...]) -> ListQuery:
    """The list of which the export is made: with no more in its records than goes out."""
    fields: list[str] = []
    for column in columns:
        path = f"expand.{column.through.name}.{column.name}" if column.through is not None else column.name
        fields.append(path)
    expand = ",".join(column.through.name for column in columns if column.through is not None)
    return ListQuery(
        filter=asked.filter,
        sort=asked.sort,
        fields=",".join(fields),
        expand=expand,
        params=asked.params,
        per_page=1000,
        count="none",
    )
