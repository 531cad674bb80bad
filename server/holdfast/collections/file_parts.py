"""The triggers that tell the register of files which of them records hold, whoever changes the records. Pure.

What they call is in migrations/m0016_system_files.py.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from holdfast.collections.part import Part, trigger
from holdfast.db.sql import Sql, inline, literal, name, qualified, raw
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field

TRUNCATED: Final = "hf_files_all"


def file_parts(collection: Collection, field: Field, where: tuple[str, ...], basis: tuple[str, ...]) -> Iterator[Part]:
    """The function and the trigger of a file field. `basis` moves when the type of its column does."""
    label = file_label(collection, field)
    yield Part(
        sort="function",
        name=label,
        table=collection.id,
        source=collection.id,
        create=file_function(collection, field),
        where=where,
        follows=False,
    )
    found = trigger(collection, collection, label, file_trigger(collection, field), where, follows=True)
    # PostgreSQL alters no column that a trigger names.
    yield msgspec.structs.replace(found, basis=basis)


def truncate_part(collection: Collection) -> Part:
    """The trigger of a table that has file fields."""
    return trigger(collection, collection, TRUNCATED, truncate_trigger(collection), (), follows=True)


def file_label(collection: Collection, field: Field) -> str:
    """The name of the field's trigger, and of its function in schema holdfast."""
    return f"hf_file_{collection.id}_{field.id}"


def file_function(collection: Collection, field: Field) -> Sql:
    """The statement that makes the trigger function of a file field.

    Written for this one field, as that of a relation to many is: then PostgreSQL keeps its plans. A row that holds no
    file, before and after, costs a comparison.
    """
    body = (
        raw('DECLARE "hf old" text[] := ')
        + literal("{}")
        + raw('; "hf new" text[] := ')
        + literal("{}")
        + raw("; BEGIN IF TG_OP <> 'INSERT' THEN \"hf old\" := ")
        + _names(raw("OLD"), field)
        + raw("; END IF; IF TG_OP <> 'DELETE' THEN \"hf new\" := ")
        + _names(raw("NEW"), field)
        + raw('; END IF; IF "hf old" IS DISTINCT FROM "hf new" THEN PERFORM holdfast.files_move(')
        + literal(collection.id)
        + raw(", ")
        + literal(field.id)
        + raw(', OLD.id, "hf old", NEW.id, "hf new", ')
        + literal(file_label(collection, field))
        + raw("); END IF; RETURN NULL; END")
    )
    return (
        raw("CREATE OR REPLACE FUNCTION ")
        + qualified("holdfast", file_label(collection, field))
        + raw("() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS ")
        + literal(inline(body))
    )


def file_trigger(collection: Collection, field: Field) -> Sql:
    """The statement that makes the trigger of a file field."""
    return (
        raw("CREATE TRIGGER ")
        + name(file_label(collection, field))
        + raw(" AFTER INSERT OR DELETE OR UPDATE OF ")
        + name(field.name)
        + raw(", id ON ")
        + qualified("public", collection.name)
        + raw(" FOR EACH ROW EXECUTE FUNCTION ")
        + qualified("holdfast", file_label(collection, field))
        + raw("()")
    )


def truncate_trigger(collection: Collection) -> Sql:
    """The statement that makes the trigger for the whole table."""
    return (
        raw("CREATE TRIGGER ")
        + name(TRUNCATED)
        + raw(" AFTER TRUNCATE ON ")
        + qualified("public", collection.name)
        + raw(" FOR EACH STATEMENT EXECUTE FUNCTION holdfast.files_all_unused(")
        + literal(collection.id)
        + raw(")")
    )


def _names(row: Sql, field: Field) -> Sql:
    column = row + raw(".") + name(field.name)
    if field.many:
        return raw("coalesce(") + column + raw(", '{}')")
    return raw("CASE WHEN ") + column + raw(" <> '' THEN ARRAY[") + column + raw("] ELSE '{}' END")
