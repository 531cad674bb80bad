"""A record of the log as PostgreSQL can make a row of its table of it again. Pure."""

from typing import Any, cast

import msgspec

from holdfast.events.event import Event
from holdfast.expressions.kind import Kind
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.relation import RelationField


def row_after(collection: Collection, event: Event) -> dict[str, Any]:
    """The row after the change (of a deleted record: as it was), for jsonb_populate_record. Hidden columns are null."""
    return {"id": event.record_id, **_columns(collection, event.record)}


def row_before(collection: Collection, event: Event) -> dict[str, Any] | None:
    """The row before the change; None where there was none."""
    if event.action == "create":
        return None
    return {**row_after(collection, event), **_columns(collection, event.previous)}


def _columns(collection: Collection, record: msgspec.Raw) -> dict[str, Any]:
    given = cast("dict[str, Any] | None", msgspec.json.decode(record)) or {}
    return {field.name: _column(field, given[field.name]) for field in collection.fields if field.name in given}


def _column(field: Field, content: Any) -> Any:
    """A value as the API writes it, as the column takes it."""
    if content == "" and (field.kind is Kind.DATE or isinstance(field, RelationField)):
        return None
    if field.kind is Kind.POINT and isinstance(content, dict):
        point = cast("dict[str, Any]", content)
        return f"({point.get('lon', 0)},{point.get('lat', 0)})"
    return content
