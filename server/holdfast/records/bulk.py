"""`POST …/records/bulk`: one change of many records in one transaction, or a look at what it would do."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

import msgspec

from holdfast.catalog.snapshot import Catalog, Reference
from holdfast.db.pool import Transaction
from holdfast.db.sql import EMPTY, Inputs, Sql, Statement, join, literal, name, named, number, qualified, raw
from holdfast.engine import Engine
from holdfast.errors import BadRequest, PreconditionFailed, ValidationFailed
from holdfast.events.context import SETTING, Context, context_of, write_context
from holdfast.records.bulk_reading import Bulk
from holdfast.records.given import read_given
from holdfast.records.list import BASE, Rows
from holdfast.records.plan import Asked, plan_rows
from holdfast.records.values import Draft, draft_update
from holdfast.records.violations import Action, as_refusals
from holdfast.records.write import Write
from holdfast.records.write_service import delete, settled, update, within
from holdfast.records.writing import settings_of_update, value_name
from holdfast.rules.access import access, audience
from holdfast.rules.facts import FACTS, Facts
from holdfast.schema.collection import Collection

MOST_ONE_BY_ONE: Final = 10_000  # records that plugins are asked about, or accounts: about 10 s of one connection
_IDS: Final = "ids"


class Dependants(msgspec.Struct, frozen=True, rename="camel"):
    """Records that point at some that are deleted by `field`: they go along, or lose the relation."""

    collection: str
    field: str
    rows: int
    deleted: bool


class Done(msgspec.Struct, frozen=True, rename="camel"):
    """How many records were found and changed, and of a delete what hangs on them, one step far."""

    matched: int
    dry_run: bool
    dependants: tuple[Dependants, ...] = ()


class _TakeBack(Exception):
    """What a dry run ends with: everything was done, and none of it is kept."""


class Change(msgspec.Struct, frozen=True):
    """A change of many records with the rows that it is about."""

    catalog: Catalog
    collection: Collection
    facts: Facts
    asked: Bulk
    rows: Rows
    inputs: Inputs


async def change_many(
    engine: Engine, collection: Collection, facts: Facts, asked: Bulk, tx: Transaction | None = None
) -> Done:
    """Set fields of all records that are meant, or delete them: all or nothing. For superusers.

    Raises PreconditionFailed if there are not as many as `expect` says, ValidationFailed for values that a field does
    not take, BadRequest for a delete that a required relation forbids, or where plugins would have to be asked too
    often.
    """
    change = prepare(engine.catalog, collection, facts, asked)
    done = Done(0, asked.dry_run)
    try:
        async with within(engine, tx) as outer:
            try:
                async with outer.savepoint():
                    done = await _change(engine, outer, change)
                    if asked.dry_run:
                        raise _TakeBack
            except _TakeBack:
                pass
    except ValidationFailed as failure:
        raise ValidationFailed({"set": failure.data}, failure.message) from failure
    return done


async def _change(engine: Engine, tx: Transaction, change: Change) -> Done:
    facts, asked = change.facts, change.asked
    await begin(tx, context_of(facts.who, facts.request_id, facts.hops))
    dependants = tuple(await count_dependants(tx, change)) if asked.settings is None else ()
    matched = await _run(engine, tx, change)
    if asked.expect is not None and matched != asked.expect:
        raise PreconditionFailed(f"{matched} records match by now, and not {asked.expect}: look again.")
    return Done(matched, asked.dry_run, dependants)


def prepare(catalog: Catalog, collection: Collection, facts: Facts, asked: Bulk) -> Change:
    """The change with its rows. Raises BadRequest for a view, and for a filter that cannot be read."""
    if collection.is_view:
        raise BadRequest("This collection is a view: its records can only be read.")
    if asked.ids is None:
        rows, inputs = plan_rows(Asked(catalog, collection, audience(facts.who)), asked.where)
        inputs = Inputs(inputs.literals, {**inputs.named, FACTS: facts})
    else:
        source = qualified("public", collection.name) + raw(" AS ") + BASE
        rows = Rows(source, BASE + raw('."id" = ANY (') + named(_IDS, "text[]") + raw(")"))
        inputs = Inputs((), {_IDS: list(asked.ids)})
    return Change(catalog, collection, facts, asked, rows, inputs)


async def begin(tx: Transaction, context: Context) -> None:
    """Say who writes, and take all the time that it needs."""
    told = raw("set_config(") + literal(SETTING) + raw(", ") + named("context", "text") + raw(", true)")
    sql = raw("SELECT set_config('statement_timeout', '0', true), ") + told
    await tx.execute(Statement.of(sql), Inputs((), {"context": write_context(context)}))


async def _run(engine: Engine, tx: Transaction, change: Change) -> int:
    """Do it; how many records there were."""
    if goes_one_by_one(engine, change):
        return await _one_by_one(engine, tx, change)
    statement, inputs = await compile_write(change)
    with refusals(change, inputs):
        return int((await tx.execute(statement, inputs)).rpartition(" ")[2])


def goes_one_by_one(engine: Engine, change: Change) -> bool:
    """Whether each record is written as if it had come by itself: plugins are asked, or it is an account."""
    hooks = engine.hooks.deletes if change.asked.settings is None else engine.hooks.updates
    return bool(hooks) or change.collection.is_auth


async def check_settings(change: Change) -> Draft:
    """What is written into each record. Raises ValidationFailed for values that a field does not take."""
    collection, who = change.collection, change.facts.who
    write = write_of(change, change.asked.settings or {})
    given = read_given(collection, write.body, access(change.catalog, collection, "update", audience(who)))
    return await settled(write, draft_update(collection, given, who, ""))


async def compile_write(change: Change, returning: Sql = EMPTY) -> tuple[Statement, Inputs]:
    """The one statement that writes all rows, and what it is run with; `returning` is what it tells of each."""
    collection, values = change.collection, dict[str, object]()
    if change.asked.settings is None:
        head = raw("DELETE FROM ") + table_of(collection)
    else:
        draft = await check_settings(change)
        columns = settings_of_update(collection, draft.values, new_token_key=False)
        pairs = join(", ", [name(column) + raw(" = ") + content for column, content in columns.items()])
        values = {value_name(field): content for field, content in draft.values.items()}
        head = raw("UPDATE ") + table_of(collection) + raw(" SET ") + pairs
    sql = head + raw(" WHERE ") + BASE + raw('."id" IN (') + ids_of(change.rows) + raw(")") + returning
    return Statement.of(sql), Inputs(change.inputs.literals, {**change.inputs.named, **values})


def refusals(change: Change, inputs: Inputs) -> AbstractContextManager[None]:
    """What the database refuses in the block, as the caller may see it."""
    action: Action = "delete" if change.asked.settings is None else "write"
    return as_refusals(change.catalog, change.collection, change.facts.who, action, inputs.named)


async def _one_by_one(engine: Engine, tx: Transaction, change: Change) -> int:
    """The same as if each record had come by itself: plugins are asked, and accounts keep their own rules."""
    limit = raw(" LIMIT ") + number(MOST_ONE_BY_ONE + 1)
    found = await tx.fetch(Statement.of(ids_of(change.rows) + limit), change.inputs)
    ids = list(dict.fromkeys(str(row["id"]) for row in found))
    if len(ids) > MOST_ONE_BY_ONE:
        raise BadRequest(f"At most {MOST_ONE_BY_ONE} accounts, or records that plugins are asked about, go at once.")
    for id in ids:
        write = msgspec.structs.replace(write_of(change, change.asked.settings or {}), id=id)
        if change.asked.settings is None:
            await delete(engine, write, tx)
        else:
            await update(engine, write, tx)
    return len(ids)


def write_of(change: Change, body: Any) -> Write:
    """The write of one of the records, whose id is still to be put in."""
    facts = msgspec.structs.replace(change.facts, body=body)
    return Write(catalog=change.catalog, collection=change.collection, who=facts.who, body=body, request=facts)


async def count_dependants(tx: Transaction, change: Change) -> Sequence[Dependants]:
    """What points at the records, counted."""
    found: list[Dependants] = []
    for reference in change.catalog.references(change.collection):
        if reference.collection.is_view:
            continue
        row = await tx.fetchrow(Statement.of(_count(reference, change.rows)), change.inputs)
        rows = int(row["rows"]) if row is not None else 0
        if rows:
            field = reference.field
            found.append(Dependants(reference.collection.name, field.name, rows, field.cascade_delete))
    return found


async def count_rows(tx: Transaction, change: Change) -> int:
    """How many records are meant."""
    counted = raw("SELECT count(DISTINCT found.id) AS rows FROM (") + ids_of(change.rows) + raw(") AS found")
    row = await tx.fetchrow(Statement.of(counted), change.inputs)
    return 0 if row is None else int(row["rows"])


def _count(reference: Reference, rows: Rows) -> Sql:
    column = raw("other.") + name(reference.field.name)
    source = raw("SELECT count(*) AS rows FROM ") + qualified("public", reference.collection.name) + raw(" AS other")
    if not reference.field.many:
        return source + raw(" WHERE ") + column + raw(" IN (") + ids_of(rows) + raw(")")
    links = raw(" WHERE EXISTS (SELECT FROM unnest(") + column + raw(") AS link (id) WHERE link.id IN (")
    return source + links + ids_of(rows) + raw("))")


def ids_of(rows: Rows) -> Sql:
    """The ids of the rows, as a query."""
    where = raw(" WHERE ") + rows.condition if rows.condition else raw("")
    return raw("SELECT ") + BASE + raw('."id" FROM ') + rows.source + where


def table_of(collection: Collection) -> Sql:
    """The table of the records, as BASE."""
    return qualified("public", collection.name) + raw(" AS ") + BASE
