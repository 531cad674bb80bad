"""What hangs on a collection's table beside its columns: indexes, foreign keys, triggers, the capture of events. Pure.

Each is a value that can be compared: what is not in the new set goes, what is not in the old one comes.
"""

from collections.abc import Iterator

import msgspec

from holdfast.audit.accounts import account_triggers, link_triggers
from holdfast.catalog.snapshot import Catalog
from holdfast.collections.convert import column_type, shape
from holdfast.collections.file_parts import file_parts, truncate_part
from holdfast.collections.part import Part, trigger
from holdfast.collections.search import search_vector
from holdfast.db.sql import EMPTY, Sql, inline, join, literal, name, qualified, raw
from holdfast.events import capture, remembering
from holdfast.schema.collection import Collection
from holdfast.schema.condition import condition_sql
from holdfast.schema.field import Field
from holdfast.schema.file import FileField
from holdfast.schema.index import FUNCTIONS, Index, index_sql
from holdfast.schema.index_reading import read_index
from holdfast.schema.relation import RelationField


def parts(catalog: Catalog, collection: Collection) -> tuple[Part, ...]:
    """All that the collection's definition asks for, on its own table and on those that it points at."""
    if collection.is_view:
        return ()
    found: list[Part] = []
    for place, field in enumerate(collection.fields):
        found.extend(_of_field(catalog, collection, field, ("fields", str(place))))
    if any(isinstance(field, FileField) for field in collection.fields):
        found.append(truncate_part(collection))
    if collection.is_auth:
        found.extend(_of_accounts(collection))
    for label, create in link_triggers(collection):
        found.append(trigger(collection, collection, label, create, (), follows=True))
    if collection.searchable:
        found.append(_search(collection))
    for place, statement in enumerate(collection.indexes):
        found.append(_declared(collection, statement, place))
    if capture.is_captured(collection):
        found.append(capture_part(collection))
    if remembering.keeps_history(collection):
        found.append(_history(collection))
    return tuple(found)


def capture_part(collection: Collection) -> Part:
    """What writes the collection's changes to the event log. While a change makes other columns of it, it is off."""
    return Part(
        sort="capture",
        name=capture.function_name(collection),
        table=collection.id,
        source=collection.id,
        create=capture.create(collection),
        where=("events",),
        basis=(capture.signature(collection),),
        follows=False,
    )


def _history(collection: Collection) -> Part:
    """What the versions of the collection's records are called by. It hangs on no trigger: the relay looks at it."""
    return Part(
        sort="history",
        name="hf_history",
        table=collection.id,
        source=collection.id,
        create=remembering.begin(collection),
        where=("history",),
        follows=False,
    )


def dropped(part: Part, table: str) -> Sql:
    """The statement that drops it from the table of this name."""
    on = qualified("public", table)
    if part.sort == "index":
        return raw("DROP INDEX ") + qualified("public", part.name)
    if part.sort == "capture":
        return capture.drop(part.name)
    if part.sort == "history":
        return remembering.end(part.table)
    if part.sort == "function":
        return raw("DROP FUNCTION ") + qualified("holdfast", part.name) + raw("()")
    if part.sort == "relation":
        return raw("ALTER TABLE ") + on + raw(" DROP CONSTRAINT ") + name(part.name)
    return raw("DROP TRIGGER ") + name(part.name) + raw(" ON ") + on


def primary_key(collection: Collection) -> str:
    """The name of the table's primary key and its index."""
    return f"hf_pk_{collection.id}"


def _of_field(catalog: Catalog, collection: Collection, field: Field, where: tuple[str, ...]) -> Iterator[Part]:
    if field.unique:
        yield _unique(collection, field, where)
    if isinstance(field, FileField):
        yield from file_parts(collection, field, where, _basis([field]))
    if not isinstance(field, RelationField):
        return
    target = catalog.by_id[field.collection_id]
    if field.many:
        yield _gin(collection, field, where)
        yield _check(collection, field, target, where)
        yield _keep_added(collection, field, where)
        yield _keep_deleted(collection, field, target, where)
        if target.id != collection.id:
            yield _keep_truncated(collection, field, target, where)
        return
    if not field.unique:
        yield _btree(collection, field, where)
    yield _foreign_key(collection, field, target, where)


def _of_accounts(collection: Collection) -> Iterator[Part]:
    """What keeps logins in step with the accounts that they belong to: see migrations/m0008_system_logins.py."""
    on = raw(" ON ") + qualified("public", collection.name)
    calls = raw(" EXECUTE FUNCTION holdfast.account_gone(") + literal(collection.id) + raw(")")
    renews = raw(" EXECUTE FUNCTION holdfast.account_renewed(") + literal(collection.id) + raw(")")
    each = raw(' FOR EACH ROW WHEN (OLD."tokenKey" IS DISTINCT FROM NEW."tokenKey")')
    for label, when, what in (
        ("hf_gone", raw(" AFTER DELETE"), raw(" REFERENCING OLD TABLE AS gone FOR EACH STATEMENT") + calls),
        ("hf_gone_all", raw(" AFTER TRUNCATE"), raw(" FOR EACH STATEMENT") + calls),
        ("hf_renewed", raw(' AFTER UPDATE OF "tokenKey"'), each + renews),
    ):
        create = raw("CREATE TRIGGER ") + name(label) + when + on + what
        yield trigger(collection, collection, label, create, (), follows=True)
    for label, create in account_triggers(collection):
        yield trigger(collection, collection, label, create, (), follows=True)


def _index(
    collection: Collection,
    label: str,
    body: Sql,
    where: tuple[str, ...],
    fields: list[Field],
    *,
    duplicates: Sql | None = None,
) -> Part:
    head = raw("CREATE INDEX ") if duplicates is None else raw("CREATE UNIQUE INDEX ")
    return Part(
        sort="index",
        name=label,
        table=collection.id,
        source=collection.id,
        create=head + name(label) + raw(" ON ") + qualified("public", collection.name) + raw(" ") + body,
        where=where,
        basis=_basis(fields),
        duplicates=duplicates,
    )


def _basis(fields: list[Field]) -> tuple[str, ...]:
    return tuple(f"{field.id} {inline(column_type(field))} {field.column().not_null}" for field in fields)


def _unique(collection: Collection, field: Field, where: tuple[str, ...]) -> Part:
    column = name(field.name)
    # "" is no value, so any number of rows may have it.
    some = raw(" WHERE ") + column + raw(" <> ''") if field.cast == "text" else EMPTY
    body = raw("(") + column + raw(")") + some
    again = _again(collection, column, raw(" WHERE ") + column + (raw(" <> ''") if some else raw(" IS NOT NULL")))
    label = f"hf_uq_{collection.id}_{field.id}"
    return _index(collection, label, body, (*where, "unique"), [field], duplicates=again)


def _btree(collection: Collection, field: Field, where: tuple[str, ...]) -> Part:
    body = raw("(") + name(field.name) + raw(" ASC NULLS FIRST)")
    return _index(collection, f"hf_ix_{collection.id}_{field.id}", body, where, [field])


def _gin(collection: Collection, field: Field, where: tuple[str, ...]) -> Part:
    # Without the list of pending entries, which every look into the index would read from end to end.
    body = raw("USING gin (") + name(field.name) + raw(") WITH (fastupdate = off)")
    return _index(collection, f"hf_gin_{collection.id}_{field.id}", body, where, [field])


def _search(collection: Collection) -> Part:
    fields = [collection.by_name[field] for field in collection.searchable]
    body = raw("USING gin (") + search_vector(collection) + raw(")")
    return _index(collection, f"hf_fts_{collection.id}", body, ("searchable",), fields)


def _declared(collection: Collection, statement: str, place: int) -> Part:
    index = read_index(statement, collection.by_name)
    return Part(
        sort="index",
        name=index.name,
        table=collection.id,
        source=collection.id,
        create=index_sql(index, collection),
        where=("indexes", str(place)),
        basis=_basis([collection.by_name[field] for field in sorted(index.fields)]),
        duplicates=_declared_again(collection, index) if index.unique else None,
    )


def _declared_again(collection: Collection, index: Index) -> Sql:
    """Counts the rows against a declared unique index, each value in the spelling in which it is compared."""
    keys: list[Sql] = []
    for part in index.parts:
        key = raw("lower(") + name(part.field) + raw(")") if part.folded else name(part.field)
        keys.append(raw(FUNCTIONS[part.function]) + key + raw(")") if part.function else key)
    conditions = [] if index.where is None else [raw("(") + condition_sql(index.where, collection.by_name) + raw(")")]
    fields = [collection.by_name[part.field] for part in index.parts]
    if any(field.nullable for field in fields):  # as many nulls as you like
        conditions.extend(name(field.name) + raw(" IS NOT NULL") for field in fields)
    where = raw(" WHERE ") + join(" AND ", conditions) if conditions else EMPTY
    return _again(collection, join(", ", keys), where)


def _again(collection: Collection, keys: Sql, where: Sql) -> Sql:
    return (
        raw("SELECT coalesce(sum(held.rows - 1), 0)::bigint FROM (SELECT count(*) AS rows FROM ")
        + qualified("public", collection.name)
        + where
        + raw(" GROUP BY ")
        + keys
        + raw(") AS held WHERE held.rows > 1")
    )


def _foreign_key(collection: Collection, field: RelationField, target: Collection, where: tuple[str, ...]) -> Part:
    label = f"hf_fk_{collection.id}_{field.id}"
    create = (
        raw("ALTER TABLE ")
        + qualified("public", collection.name)
        + raw(" ADD CONSTRAINT ")
        + name(label)
        + raw(" FOREIGN KEY (")
        + name(field.name)
        + raw(") REFERENCES ")
        + qualified("public", target.name)
        + raw(" (id) ON DELETE ")
        + _on_delete(field)
        + raw(" DEFERRABLE INITIALLY IMMEDIATE")
    )
    return Part(
        sort="relation",
        name=label,
        table=collection.id,
        source=collection.id,
        create=create,
        where=where,
        basis=(field.id, shape(field).value),
    )


def _on_delete(field: RelationField) -> Sql:
    if field.cascade_delete:
        return raw("CASCADE")
    return raw("NO ACTION") if field.required else raw("SET NULL")


def _check(collection: Collection, field: RelationField, target: Collection, where: tuple[str, ...]) -> Part:
    """The trigger function that looks for the ids of a list in the target, and locks them as a foreign key does.

    It is written for this one field, because then PostgreSQL keeps its plans: 85 us a row, where one function for all
    fields takes 300 us to make its statements each time (15,000 rows of 3 ids, version 18).
    """
    label = f"hf_fk_{collection.id}_{field.id}"
    create = (
        raw("CREATE OR REPLACE FUNCTION ")
        + qualified("holdfast", label)
        + raw("() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS ")
        + literal(inline(_check_body(collection, field, target, label)))
    )
    return Part(
        sort="function",
        name=label,
        table=collection.id,
        source=collection.id,
        create=create,
        where=where,
        follows=False,
    )


def _check_body(collection: Collection, field: RelationField, target: Collection, label: str) -> Sql:
    # Its variables have names with a space: no field can have one, so that none is meant by them.
    column = name(field.name)
    return (
        raw(
            'DECLARE "hf added" text[]; "hf held" bigint; BEGIN'
            # A list that only shrank can have lost its other targets in the same command.
            " IF TG_OP = 'UPDATE' THEN \"hf added\" := ARRAY(SELECT unnest(NEW."
        )
        + column
        + raw(") EXCEPT SELECT unnest(OLD.")
        + column
        + raw(')); ELSE "hf added" := ARRAY(SELECT DISTINCT unnest(NEW.')
        + column
        + raw(')); END IF; IF cardinality("hf added") = 0 THEN RETURN NULL; END IF; PERFORM FROM ')
        + qualified("public", target.name)
        + raw(
            ' AS target WHERE target.id = ANY ("hf added") FOR KEY SHARE; GET DIAGNOSTICS "hf held" = ROW_COUNT;'
            ' IF "hf held" = cardinality("hf added") THEN RETURN NULL; END IF;'
            # A deferred check comes at the commit, when the row may be gone or hold another list.
            " PERFORM FROM "
        )
        + qualified("public", collection.name)
        + raw(" AS source WHERE source.id = NEW.id AND source.")
        + column
        + raw(" = NEW.")
        + column
        + raw("; IF FOUND THEN RAISE foreign_key_violation USING MESSAGE = ")
        + literal(f"a list in {collection.name}.{field.name} names an id that is not in {target.name}")
        + raw(", SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, COLUMN = ")
        + literal(field.name)
        + raw(", CONSTRAINT = ")
        + literal(label)
        + raw("; END IF; RETURN NULL; END")
    )


def _keep_added(collection: Collection, field: RelationField, where: tuple[str, ...]) -> Part:
    label = f"hf_fk_{collection.id}_{field.id}"
    create = (
        raw("CREATE CONSTRAINT TRIGGER ")
        + name(label)
        + raw(" AFTER INSERT OR UPDATE OF ")
        + name(field.name)
        + raw(" ON ")
        + qualified("public", collection.name)
        + raw(" DEFERRABLE INITIALLY IMMEDIATE FOR EACH ROW WHEN (cardinality(NEW.")
        + name(field.name)
        + raw(") > 0) EXECUTE FUNCTION ")
        + qualified("holdfast", label)
        + raw("()")
    )
    found = trigger(collection, collection, label, create, where, follows=True)
    return msgspec.structs.replace(found, basis=(field.collection_id,))


def _keep_deleted(collection: Collection, field: RelationField, target: Collection, where: tuple[str, ...]) -> Part:
    label = f"hf_del_{collection.id}_{field.id}"
    if field.required and not field.cascade_delete:
        # Like a foreign key without an action: it can wait for the end of a batch.
        head, tail = raw("CREATE CONSTRAINT TRIGGER "), raw(" DEFERRABLE INITIALLY IMMEDIATE FOR EACH ROW")
        function = raw(" EXECUTE FUNCTION holdfast.keep_many_needed(")
        arguments = _arguments(_quoted(collection), field.name, f"hf_fk_{collection.id}_{field.id}")
    else:
        head, tail = raw("CREATE TRIGGER "), raw(" REFERENCING OLD TABLE AS gone FOR EACH STATEMENT")
        function = raw(" EXECUTE FUNCTION holdfast.keep_many_gone(")
        arguments = _arguments(_quoted(collection), field.name, "cascade" if field.cascade_delete else "clear")
    create = (
        head
        + name(label)
        + raw(" AFTER DELETE ON ")
        + qualified("public", target.name)
        + tail
        + function
        + arguments
        + raw(")")
    )
    return trigger(target, collection, label, create, where, follows=False)


def _keep_truncated(collection: Collection, field: RelationField, target: Collection, where: tuple[str, ...]) -> Part:
    label = f"hf_tru_{collection.id}_{field.id}"
    create = (
        raw("CREATE TRIGGER ")
        + name(label)
        + raw(" BEFORE TRUNCATE ON ")
        + qualified("public", target.name)
        + raw(" FOR EACH STATEMENT EXECUTE FUNCTION holdfast.keep_many_needed(")
        + _arguments(_quoted(collection), field.name, f"hf_fk_{collection.id}_{field.id}")
        + raw(")")
    )
    return trigger(target, collection, label, create, where, follows=False)


def _quoted(collection: Collection) -> str:
    return inline(qualified("public", collection.name))


def _arguments(*texts: str) -> Sql:
    return join(", ", [literal(text) for text in texts])
