"""Which collections keep a history, and under which names the log speaks of their fields from when on. Pure.

A version has the names that fields had then. Each set of names is a row of holdfast.history_shapes, good for the
changes between two numbers of the outbox; so a version can be read under the names of today, whatever was renamed.
"""

import msgspec

from holdfast.db.sql import Sql, literal, qualified, raw
from holdfast.events.capture import captured_fields, is_captured
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field


def keeps_history(collection: Collection) -> bool:
    """Whether versions of the collection's records are kept."""
    return collection.history and is_captured(collection)


def form(field: Field) -> str:
    """A field for as long as its values mean the same: its id, and the type of its column."""
    return f"{field.id}/{field.column().type}"


def field_of(form: str) -> str:
    """The id of the field in a form."""
    return form.rpartition("/")[0]


def names(collection: Collection) -> dict[str, str]:
    """What the log has of a record now: the names of the fields, by their forms."""
    return {form(field): field.name for field in captured_fields(collection)}


def begin(collection: Collection) -> Sql:
    """The statements that begin to keep versions, or go on with other names.

    Writers wait until the change is done, so the number of the outbox that is taken here stands between what was
    captured before the change and what is captured after it.
    """
    given = literal(msgspec.json.encode(names(collection)).decode())
    return (
        raw("LOCK TABLE ")
        + qualified("public", collection.name)
        + raw(" IN SHARE ROW EXCLUSIVE MODE; ")
        + _closed(collection.id)
        + raw(" INSERT INTO holdfast.history_shapes (collection_id, names, first, began) SELECT ")
        + literal(collection.id)
        + raw(", ")
        + given
        + raw(", mark.id, coalesce((SELECT max(closed.began) FROM closed), clock_timestamp()) FROM mark")
    )


def end(collection_id: str) -> Sql:
    """The statement that keeps no more versions. Those that are there stay for their time."""
    return _closed(collection_id) + raw(" SELECT FROM closed")


def _closed(id: str) -> Sql:
    return (
        raw("WITH mark AS MATERIALIZED (SELECT nextval('holdfast.outbox_id_seq') AS id), closed AS (")
        + raw("UPDATE holdfast.history_shapes AS shape SET last = mark.id FROM mark WHERE shape.collection_id = ")
        + literal(id)
        + raw(" AND shape.last IS NULL RETURNING shape.began)")
    )
