"""The records of a move: staged through COPY, then brought into their collections, in the transaction of the move."""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from typing import Any, Final, cast

import asyncpg
import msgspec

from holdfast.catalog.snapshot import Catalog
from holdfast.db.pool import Transaction
from holdfast.db.sql import Sql, inline
from holdfast.pocketbase import staging
from holdfast.pocketbase.definitions import OWN, PASSING, Column, columns
from holdfast.pocketbase.failed import CannotMove
from holdfast.pocketbase.names import Renames
from holdfast.pocketbase.report import MovedCollection, Notes
from holdfast.pocketbase.source import Source
from holdfast.pocketbase.source_collection import SourceCollection, digest_of
from holdfast.pocketbase.values import NoKey, Read, Unfit, reader
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.file import FileField
from holdfast.schema.generator import generate
from holdfast.schema.relation import RelationField
from holdfast.schema.system_fields import TOKEN_KEY_PATTERN

EXPLAINED: Final = 20  # refused records of a collection that PostgreSQL is asked about one by one
_TAKEN: Final = "another record has a value that must be unique"


class Staged(msgspec.Struct):
    """A collection whose records are staged; the counts grow while they are brought."""

    source: SourceCollection
    collection: Collection
    fields: tuple[Field, ...]
    stage: str
    read: int = 0
    staged: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    refused: int = 0


class RecordsMove:
    """Brings the records. `missing` are files that are nowhere; `follows` says that this is the directory that was
    moved before, so that what is gone from it goes here too."""

    def __init__(
        self,
        tx: Transaction,
        source: Source,
        renames: Renames,
        notes: Notes,
        missing: frozenset[tuple[str, str, str]],
        *,
        follows: bool,
    ) -> None:
        self._tx = tx
        self._source = source
        self._renames = renames
        self._notes = notes
        self._missing = missing
        self._follows = follows

    async def bring(self, catalog: Catalog, sources: Sequence[SourceCollection]) -> list[MovedCollection]:
        """Bring all records; how many of each collection did what."""
        ids = {
            one.id: catalog.by_name[one.name].id for one in sources if one.name in OWN and one.name in catalog.by_name
        }
        staged = [await self._stage(number, *pair, ids) for number, pair in enumerate(self._pairs(catalog, sources))]
        if self._follows:
            for one in staged:
                one.deleted = await self._count(staging.delete_gone(one.collection, one.stage))
        stages = {one.collection.id: one.stage for one in staged}
        for one in staged:
            await self._empty_missing(catalog, one, stages)
        for one in staged:
            await self._merge(one)
        await self._forget_refused(
            catalog, [one.collection.id for one in staged if one.refused > one.read - one.staged]
        )
        for one in staged:
            await self._tx.execute(staging.remember(one.collection, one.stage))
            if self._follows:
                await self._tx.execute(staging.forget_gone(one.collection, one.stage))
        return [_moved(one) for one in staged]

    def _pairs(
        self, catalog: Catalog, sources: Sequence[SourceCollection]
    ) -> Iterator[tuple[SourceCollection, Collection]]:
        for source in sources:
            collection = catalog.by_name.get(source.name) if source.name in OWN else catalog.by_id.get(source.id)
            if source.is_view or collection is None or collection.is_view:
                continue
            if source.name in PASSING:
                count = self._source.count(source.name)
                if count:
                    self._notes.add(source.name, "are left out: they are good for minutes", count=count)
                continue
            yield source, collection

    async def _stage(
        self, number: int, source: SourceCollection, collection: Collection, ids: Mapping[str, str]
    ) -> Staged:
        listed = columns(source, collection, self._renames, self._notes)
        fields = tuple(column.field for column in listed)
        if "id" not in [field.name for field in fields]:
            raise CannotMove(f"The table {source.name} of PocketBase has no column id.")
        found = Staged(source, collection, fields, staging.stage_name(number))
        await self._tx.execute(staging.create_stage(found.stage, fields))
        rows = _Rows(found, listed, self._notes, self._missing, ids)
        await self._tx.connection.copy_records_to_table(
            found.stage,
            records=rows.read(self._source),
            columns=[*(field.name for field in fields), staging.DIGEST, staging.PLACE],
        )
        # More than one statement: not as a prepared one.
        await self._tx.connection.execute(inline(staging.finish_stage(found.stage)))
        found.refused = found.read - found.staged
        return found

    async def _empty_missing(self, catalog: Catalog, one: Staged, stages: Mapping[str, str]) -> None:
        for field in one.fields:
            if isinstance(field, RelationField):
                target = catalog.target(field)
                row = await self._tx.fetchrow(staging.empty_missing(one.stage, field, target, stages.get(target.id)))
                if row is not None and row["rows"]:
                    where = f"{one.source.name}.{field.name}"
                    what = f"pointed at records of {target.name} that are not there: those ids are left out"
                    self._notes.add(where, what, *row["ids"], count=row["rows"])

    async def _merge(self, one: Staged) -> None:
        """Update before inserting: what an update gives up, a new record may take."""
        try:
            async with self._tx.savepoint():
                one.updated = await self._count(staging.update_changed(one.collection, one.stage, one.fields))
        except asyncpg.UniqueViolationError:
            await self._update_each(one)
        one.inserted = await self._count(staging.insert_new(one.collection, one.stage, one.fields))
        rows = await self._tx.fetch(staging.refused_ids(one.collection, one.stage))
        one.refused += len(rows)
        for place, row in enumerate(rows):
            reason = await self._reason(one, row["id"]) if place < EXPLAINED else _TAKEN
            self._notes.add(one.source.name, f"a record cannot come: {reason}", row["id"])

    async def _update_each(self, one: Staged) -> None:
        """One by one, and again as long as that helps: what one gives up another may want."""
        waiting: list[str] = [row["id"] for row in await self._tx.fetch(staging.changed_ids(one.collection, one.stage))]
        while waiting:
            left = [id for id in waiting if not await self._updated(one, [id])]
            if len(left) == len(waiting):
                await self._exchange(one, left)
                return
            waiting = left

    async def _exchange(self, one: Staged, ids: Sequence[str]) -> None:
        """All that are left, at once: they may have changed their values with each other."""
        if not await self._updated(one, ids, parked=True):
            self._notes.add(one.source.name, f"a changed record stays as it was: {_TAKEN}", *ids, count=len(ids))

    async def _updated(self, one: Staged, ids: Sequence[str], *, parked: bool = False) -> bool:
        """Update these, or none of them; whether it could be done."""
        done = 0
        try:
            async with self._tx.savepoint():
                if parked:
                    await self._tx.execute(staging.park(one.collection, ids))
                for id in ids:
                    done += await self._count(staging.update_changed(one.collection, one.stage, one.fields, id))
        except asyncpg.UniqueViolationError:
            return False
        one.updated += done
        return True

    async def _reason(self, one: Staged, id: str) -> str:
        try:
            async with self._tx.savepoint():
                await self._tx.execute(staging.insert_one(one.collection, one.stage, one.fields, id))
                raise _Undone
        except asyncpg.UniqueViolationError as failure:
            return f"{_TAKEN} ({failure.constraint_name})"
        except _Undone:
            return _TAKEN

    async def _forget_refused(self, catalog: Catalog, refused: Sequence[str]) -> None:
        """Empty what points at records that could not come."""
        for id in refused:
            target = catalog.by_id[id]
            for reference in catalog.references(target):
                field = reference.field
                if reference.collection.is_view:
                    continue
                count = await self._count(staging.forget_refused(reference.collection, field, target))
                if count:
                    what = f"pointed at records of {target.name} that could not come: those ids are left out"
                    self._notes.add(f"{reference.collection.name}.{field.name}", what, count=count)

    async def _count(self, sql: Sql) -> int:
        tag = await self._tx.execute(sql)
        return int(tag.rpartition(" ")[2])


class _Undone(Exception):
    """It could be done after all, and is not to be."""


def _moved(one: Staged) -> MovedCollection:
    return MovedCollection(
        name=one.collection.name,
        type=one.collection.type,
        read=one.read,
        inserted=one.inserted,
        updated=one.updated,
        unchanged=one.read - one.inserted - one.updated - one.refused,
        refused=one.refused,
        deleted=one.deleted,
    )


class _Rows:
    """Reads the rows of one table, value by value."""

    def __init__(
        self,
        staged: Staged,
        listed: Sequence[Column],
        notes: Notes,
        missing: frozenset[tuple[str, str, str]],
        ids: Mapping[str, str],
    ) -> None:
        self._staged = staged
        self._listed = listed
        self._notes = notes
        self._readers: list[Read] = [self._reader(column.field, ids) for column in listed]
        self._key = next(at for at, column in enumerate(listed) if column.field.name == "id")
        self._files = [at for at, column in enumerate(listed) if isinstance(column.field, FileField)]
        mine = staged.collection.id
        self._missing = frozenset((record, name) for collection, record, name in missing if collection == mine)

    def _reader(self, field: Field, ids: Mapping[str, str]) -> Read:
        collection = self._staged.collection
        if collection.is_auth and field.name == "tokenKey":
            return _read_token_key
        found = reader(field)
        if collection.name in OWN and field.name == "collectionRef":
            return lambda value: ids.get(value, value)
        return found

    async def read(self, source: Source) -> AsyncGenerator[tuple[object, ...], None]:
        """The rows as the stage takes them; those that cannot come are counted and noted."""
        table = self._staged.source.name
        for page in source.rows(table, [column.name for column in self._listed]):
            for row in page:
                self._staged.read += 1
                made = self._made(row)
                if made is not None:
                    self._staged.staged += 1
                    yield made

    def _made(self, row: tuple[Any, ...]) -> tuple[object, ...] | None:
        try:
            id = str(self._readers[self._key](row[self._key]))
        except NoKey as failure:
            self._notes.add(self._staged.source.name, f"a record cannot come: {failure}", str(row[self._key])[:40])
            return None
        values: list[object] = []
        for at, read in enumerate(self._readers):
            try:
                values.append(read(row[at]))
            except Unfit as failure:
                values.append(failure.instead)
                self._notes.add(f"{self._staged.source.name}.{self._listed[at].name}", failure.what, id)
        gone = self._without_missing(id, values) if self._missing else ()
        return (*values, digest_of((row, gone)), self._staged.read)

    def _without_missing(self, id: str, values: list[object]) -> tuple[str, ...]:
        """Take names out that stand for no file; which those are."""
        gone: list[str] = []
        for at in self._files:
            held = values[at]
            names = cast(list[object], held) if isinstance(held, list) else [held]
            left = [name for name in names if (id, name) not in self._missing]
            if len(left) < len(names):
                gone += [str(name) for name in names if name not in left]
                values[at] = left if isinstance(held, list) else ""
                where = f"{self._staged.source.name}.{self._listed[at].name}"
                self._notes.add(where, "named files that are not in PocketBase's storage: those names are left out", id)
        return tuple(gone)


def _read_token_key(value: Any) -> object:
    if isinstance(value, str) and value:
        return value
    raise Unfit(generate(TOKEN_KEY_PATTERN), "was empty: there is a new one, and its tokens are good no more")
