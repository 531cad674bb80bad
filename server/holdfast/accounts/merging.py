"""Two accounts of one collection become one: what points at the one points at the other, and the one goes."""

from typing import Final

import asyncpg
import msgspec

from holdfast.audit.author import Author
from holdfast.audit.entry import Entry
from holdfast.audit.write import tell, write
from holdfast.auth.accounts import AccountState, account_states
from holdfast.auth.changing import SERVER
from holdfast.auth.noting import account_target
from holdfast.catalog.snapshot import Catalog, Reference
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Transaction
from holdfast.db.sql import EMPTY, Sql, join, name, qualified, raw, value
from holdfast.engine import Engine
from holdfast.errors import Conflict, NotFound, Problem, ValidationFailed
from holdfast.records.write_service import Write, allow_time, delete
from holdfast.schema.autodate import AutodateField
from holdfast.schema.collection import Collection

_MILLISECONDS: Final = raw("date_trunc('milliseconds', clock_timestamp())")


class Pointing(msgspec.Struct, frozen=True):
    """A relation, and how many records point at the account by it."""

    collection: str
    field: str
    records: int


class Merged(msgspec.Struct, frozen=True):
    """What a merge does, or has done. `moved` and `dropped` are providers: the account that stays has one of each.

    What else the account that goes has to log in with ends with it.
    """

    relations: tuple[Pointing, ...]
    moved: tuple[str, ...]
    dropped: tuple[str, ...]
    gone: AccountState


async def look(engine: Engine, collection: Collection, gone: str, stays: str) -> Merged:
    """Say what a merge would do.

    Raises NotFound, ValidationFailed for an account to merge into that is none, and Conflict for one that is blocked.
    """
    states = await _states(engine, collection, gone, stays)
    counted: list[Pointing] = []
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            await allow_time(tx, engine.settings.statement_timeout_ms)
            await _require_unblocked(tx, collection, gone)
            for reference in _references(engine.catalog, collection):
                row = await tx.fetchrow(_count(reference, gone))
                counted.append(_pointing(reference, 0 if row is None else row[0]))
    return _merged(counted, *states)


async def merge(engine: Engine, author: Author, collection: Collection, gone: str, stays: str) -> Merged:
    """Merge, all or nothing. Raises what `look` raises, and Conflict where both are pointed at where one may be."""
    catalog = engine.catalog
    states = await _states(engine, collection, gone, stays)
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            await allow_time(tx, engine.settings.statement_timeout_ms)
            await tell(tx, author)
            await _hold(tx, collection, gone, stays)
            await _require_unblocked(tx, collection, gone)
            moved = [await _move(tx, reference, gone, stays) for reference in _references(catalog, collection)]
            await tx.execute(_move_links(collection, gone, stays))
            asked = Write(catalog=catalog, collection=collection, who=SERVER, id=gone)
            await delete(engine, asked, tx)
            found = _merged(moved, *states)
            details = {"gone": gone, "records": sum(one.records for one in moved), "providers": list(found.moved)}
            target = account_target(collection, stays)
            await write(tx, author, Entry(action="auth.merged", target=target, details=details))
            return found


async def _states(engine: Engine, collection: Collection, gone: str, stays: str) -> tuple[AccountState, AccountState]:
    if gone == stays:
        raise ValidationFailed({"into": Problem("validation_invalid_value", "Name another account than this one.")})
    found = {one.id: one for one in await account_states(engine, collection, [gone, stays])}
    if gone not in found:
        raise NotFound
    if stays not in found:
        message = f"There is no such account in {collection.name}."
        raise ValidationFailed({"into": Problem("validation_invalid_value", message)})
    return found[gone], found[stays]


async def _hold(tx: Transaction, collection: Collection, gone: str, stays: str) -> None:
    """Let nothing begin to point at the account that goes, and nobody merge the other away. Raises NotFound."""
    ids = raw(" WHERE id = ANY (") + value(sorted((gone, stays)), "text[]") + raw(") ORDER BY id FOR UPDATE")
    if len(await tx.fetch(raw("SELECT id FROM ") + qualified("public", collection.name) + ids)) < 2:
        raise NotFound


async def _require_unblocked(tx: Transaction, collection: Collection, gone: str) -> None:
    """Raise Conflict where the account that goes is blocked: its links would log in to the other, without the block.

    A block is made with its account locked: once the account is held, none can come any more.
    """
    mine = raw(" WHERE collection_id = ") + value(collection.id, "text") + raw(" AND record_id = ")
    if await tx.fetch(raw("SELECT FROM holdfast.blocks") + mine + value(gone, "text")):
        raise Conflict(
            "The account that would go is blocked, and its block would go with it: take the block away first,"
            " or merge the other account into this one."
        )


def _references(catalog: Catalog, collection: Collection) -> tuple[Reference, ...]:
    return tuple(one for one in catalog.references(collection) if not one.collection.is_view)


def _pointing(reference: Reference, records: int) -> Pointing:
    return Pointing(reference.collection.name, reference.field.name, records)


def _merged(relations: list[Pointing], gone: AccountState, stays: AccountState) -> Merged:
    return Merged(
        relations=tuple(relations),
        moved=tuple(one for one in gone.providers if one not in stays.providers),
        dropped=tuple(one for one in gone.providers if one in stays.providers),
        gone=gone,
    )


def _count(reference: Reference, id: str) -> Sql:
    table = qualified("public", reference.collection.name)
    return raw("SELECT count(*) FROM ") + table + raw(" AS source WHERE ") + _points(reference, id)


def _points(reference: Reference, id: str) -> Sql:
    column = raw("source.") + name(reference.field.name)
    if reference.field.many:
        return column + raw(" @> ARRAY[") + value(id, "text") + raw("]")
    return column + raw(" = ") + value(id, "text")


async def _move(tx: Transaction, reference: Reference, gone: str, stays: str) -> Pointing:
    try:
        tag = await tx.execute(_point_elsewhere(reference, gone, stays))
    except asyncpg.UniqueViolationError as failure:
        field = f"{reference.collection.name}.{reference.field.name}"
        raise Conflict(
            f"Both accounts have a record in {field}, where each may have one: delete one of the two, then merge."
        ) from failure
    return _pointing(reference, int(tag.rpartition(" ")[2]))


def _point_elsewhere(reference: Reference, gone: str, stays: str) -> Sql:
    column = raw("source.") + name(reference.field.name)
    now = value(stays, "text")
    if reference.field.many:  # in the place of the first of the two, where both are in the list
        now = (
            raw("ARRAY(SELECT one.id FROM unnest(array_replace(")
            + join(", ", [column, value(gone, "text"), value(stays, "text")])
            + raw(")) WITH ORDINALITY AS one (id, place) GROUP BY one.id ORDER BY min(one.place))")
        )
    touched = EMPTY
    for field in reference.collection.fields:
        if isinstance(field, AutodateField) and field.on_update:
            touched += raw(", ") + name(field.name) + raw(" = ") + _MILLISECONDS
    table = qualified("public", reference.collection.name)
    head = raw("UPDATE ") + table + raw(" AS source SET ") + name(reference.field.name) + raw(" = ") + now
    return head + touched + raw(" WHERE ") + _points(reference, gone)


def _move_links(collection: Collection, gone: str, stays: str) -> Sql:
    """The links with providers that the account that stays has none of; the others go with the account."""
    mine = raw(' "collectionRef" = ') + value(collection.id, "text") + raw(' AND "recordRef" = ')
    return (
        raw('UPDATE public."_externalAuths" AS held SET "recordRef" = ')
        + value(stays, "text")
        + raw(" WHERE")
        + mine
        + value(gone, "text")
        + raw(' AND NOT EXISTS (SELECT FROM public."_externalAuths" AS other WHERE other."provider" = held."provider"')
        + raw(' AND other."collectionRef" = held."collectionRef" AND other."recordRef" = ')
        + value(stays, "text")
        + raw(")")
    )
