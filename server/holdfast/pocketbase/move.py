"""A whole move from PocketBase: read at one moment, brought in one transaction, or not at all."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import asyncpg
import msgspec

from holdfast.audit.author import COMMAND_LINE
from holdfast.audit.entry import Entry, Target
from holdfast.audit.write import hush, tell, write
from holdfast.catalog import store
from holdfast.catalog.snapshot import Catalog
from holdfast.collections.audited import write_changes
from holdfast.collections.change import lock, retried, settle
from holdfast.db.pool import Transaction
from holdfast.db.sql import Statement, raw
from holdfast.engine import Engine
from holdfast.pocketbase import files
from holdfast.pocketbase.definitions import PASSING
from holdfast.pocketbase.failed import CannotMove
from holdfast.pocketbase.files import Copied, Copying, Held, Shelf
from holdfast.pocketbase.names import Renames, find_renames, renamed_index, spare_index
from holdfast.pocketbase.records_move import RecordsMove
from holdfast.pocketbase.report import MovedFiles, Notes, Report
from holdfast.pocketbase.schema_move import SchemaMove, remember, remembering, take_dates
from holdfast.pocketbase.settings import read_app_options, read_settings
from holdfast.pocketbase.source import Source, open_source
from holdfast.pocketbase.source_collection import SourceCollection, digest_of
from holdfast.pocketbase.values import NoKey, is_file_name, read_key, read_list
from holdfast.schema.app_options import S3, AppOptions
from holdfast.schema.system import SUPERUSERS
from holdfast.storage.place import Place, place_of, spool_of
from holdfast.storage.storage import Storage, open_storage

SETTINGS: Final = "@settings"  # under which they are remembered; no id has an @
ORIGIN: Final = "@origin"
_PATIENT: Final = Statement.of(
    raw("SELECT set_config('statement_timeout', '0', true),")
    + raw(" set_config('idle_in_transaction_session_timeout', '0', true)")
)
_KNOWN: Final = Statement.of(raw("SELECT record_id, digest FROM holdfast.moved WHERE collection_id = ''"))
_LATER: Final = raw("SET CONSTRAINTS ALL DEFERRED")
_NOW: Final = raw("SET CONSTRAINTS ALL IMMEDIATE")
_Outcome = TypeVar("_Outcome")


class Order(msgspec.Struct, frozen=True):
    """What is to be moved. `key` opens settings that PocketBase has encrypted; `report` hears how far it is."""

    folder: Path
    key: str = ""
    dry_run: bool = False
    report: Callable[[str], None] = lambda _: None


class _OnlyTried(Exception):
    """Ends the transaction of a move that is only tried."""


async def move(engine: Engine, order: Order) -> Report:
    """Move a data directory of PocketBase in, or what has changed in it since it was moved last.

    All or nothing: files are copied first, and count for nothing until the transaction that brings everything else
    takes them. Raises CannotMove, and ApiError for what the database or a guard of the schema refuses.
    """
    with open_source(order.folder) as source:
        return await _Move(engine, order, source).run()


class _Move:
    """The steps of one move."""

    def __init__(self, engine: Engine, order: Order, source: Source) -> None:
        self._engine = engine
        self._order = order
        self._source = source
        self._sources = source.collections()
        self._renames: Renames = find_renames(self._sources)
        self._stored = source.settings()
        self._found = read_settings(self._stored, order.key) if self._stored is not None else None

    async def run(self) -> Report:
        """Copy the files, bring the rest, and take the files back if that fails."""
        copying = self._copying()
        try:
            self._order.report("copying files")
            copied = await copying.copy(_held(self._source, self._sources), only_look=self._order.dry_run)
            self._order.report("bringing collections and records")
            return await self._bring(copied, stays=copying.is_same)
        except BaseException:
            await copying.take_back()
            raise

    def _copying(self) -> Copying:
        """Where files come from, and where they go: into the storage that is in use when the move is done."""
        engine = self._engine
        bucket = _bucket(self._found or {})
        now = engine.catalog.options
        after = msgspec.structs.replace(now, s3=bucket) if bucket is not None else now
        target = place_of(after, engine.settings)
        there = Place(engine.settings.data, bucket) if bucket is not None else None
        is_same = there is not None and not target.url and target.s3 == there.s3
        shelf = Shelf(self._source.storage, None if there is None else open_storage(there))
        storage: Storage = engine.storages.at(target)
        return Copying(engine.pool, shelf, storage, spool_of(engine.settings), is_same=is_same)

    async def _bring(self, copied: Copied, *, stays: bool) -> Report:
        """Try until no value is too long for an index any more."""
        left: frozenset[str] = frozenset()
        while True:
            try:
                return await self._once(copied, left, stays=stays)
            except _TooLong as failure:
                if failure.index in left:
                    message = (
                        f"A value is longer than the index {failure.index} takes. Delete the index, and try again."
                    )
                    raise CannotMove(message) from failure
                left |= {failure.index}

    async def _once(self, copied: Copied, left: frozenset[str], *, stays: bool) -> Report:
        made: list[Report] = []

        async def work(tx: Transaction) -> Catalog:
            report, catalog = await self._all(tx, copied, stays=stays, left=left)
            made.append(report)
            if self._order.dry_run:
                raise _OnlyTried
            return catalog

        try:
            catalog = await retried(self._engine.pool, self._engine.settings, _told(work))
        except _OnlyTried:
            return made[-1]
        await settle(self._engine, catalog)
        return made[-1]

    async def _all(
        self, tx: Transaction, copied: Copied, *, stays: bool, left: frozenset[str]
    ) -> tuple[Report, Catalog]:
        """Everything that is one transaction."""
        engine, notes = self._engine, Notes()
        await lock(tx, engine.settings)
        await tx.fetch(_PATIENT)
        await tell(tx, COMMAND_LINE)
        await hush(tx)
        known = {row["record_id"]: row["digest"] for row in await tx.fetch(_KNOWN)}
        old = await store.load(tx.connection)
        schema = SchemaMove(self._source, _without(self._sources, left, notes), self._renames, notes)
        catalog = await schema.make(tx, engine.settings, old, known)
        if catalog.version != old.version:
            await engine.ask_guards(tx, catalog)
            await write_changes(tx, COMMAND_LINE, old, catalog)
        await take_dates(tx, self._sources, known)
        if stays or self._order.dry_run:
            await files.announce(tx, copied.new)
        await tx.execute(_LATER)
        follows = self._follows(known, notes)
        moving = RecordsMove(tx, self._source, self._renames, notes, copied.missing, follows=follows)
        collections = await moving.bring(catalog, self._sources)
        await files.settle(tx)
        brought = await self._options(tx, catalog, known, notes)
        await self._remember(tx, known)
        await tx.execute(_NOW)
        report = Report(
            dry_run=self._order.dry_run,
            collections=tuple(collections),
            views=schema.views,
            files=_files(copied, self._source),
            settings=brought,
            notes=(*notes.all(),),
        )
        await write(tx, COMMAND_LINE, _entry(report))
        return report, await store.load(tx.connection)

    def _follows(self, known: Mapping[str, bytes], notes: Notes) -> bool:
        """Whether what was moved before came from this very PocketBase: what is gone from another is not gone."""
        origin = known.get(ORIGIN)
        if origin is None or origin == self._origin:
            return True
        what = (
            "is another PocketBase than the one that was moved before, or its secrets are new: nothing is deleted here"
        )
        notes.add(str(self._order.folder), what)
        return False

    @property
    def _origin(self) -> bytes:
        """What tells one PocketBase from another: the secret with which its superusers' tokens are signed."""
        options = [one.options.get("authToken") for one in self._sources if one.name == SUPERUSERS]
        return digest_of(options)

    async def _options(
        self, tx: Transaction, catalog: Catalog, known: Mapping[str, bytes], notes: Notes
    ) -> Literal["brought", "unchanged", "not brought"]:
        if self._found is None:
            if self._stored is not None:
                notes.add("settings", "are encrypted: name the variable that holds the key with --encryption-env")
            return "not brought"
        if known.get(SETTINGS) == digest_of([self._stored]):
            return "unchanged"
        options = read_app_options(self._found, catalog.options, self._engine.settings, catalog.collections, notes)
        await _write_options(tx, catalog.options, options)
        return "brought"

    async def _remember(self, tx: Transaction, known: dict[str, bytes]) -> None:
        await remember(tx, self._sources, known)
        await tx.execute(remembering(ORIGIN, self._origin))
        if self._found is not None:
            await tx.execute(remembering(SETTINGS, digest_of([self._stored])))


class _TooLong(Exception):
    """A value is too long for an index."""

    def __init__(self, index: str, message: str) -> None:
        super().__init__(message)
        self.index = index


def _told(work: Callable[[Transaction], Awaitable[_Outcome]]) -> Callable[[Transaction], Awaitable[_Outcome]]:
    """The same work, with failures of the database that only a move can have in words for people."""

    async def told(tx: Transaction) -> _Outcome:
        try:
            return await work(tx)
        except asyncpg.ProgramLimitExceededError as failure:
            if not failure.constraint_name:
                raise
            raise _TooLong(failure.constraint_name, failure.message or "") from failure
        except asyncpg.ForeignKeyViolationError as failure:
            raise CannotMove(
                f"A record that was made here needs one that PocketBase has deleted ({failure.constraint_name})."
                " Change or delete it, and try again."
            ) from failure

    return told


def _without(sources: Sequence[SourceCollection], left: frozenset[str], notes: Notes) -> list[SourceCollection]:
    """The collections without indexes that have no room for a value: where one was, there is an empty text."""
    found: list[SourceCollection] = []
    for one in sources:
        kept = tuple("" if _is_named(one, at, left) else text for at, text in enumerate(one.indexes))
        if kept != one.indexes:
            notes.add(one.name, "an index is left out: values are longer than PostgreSQL's indexes take (2,700 bytes)")
        found.append(msgspec.structs.replace(one, indexes=kept))
    return found


def _is_named(source: SourceCollection, at: int, names: frozenset[str]) -> bool:
    """Whether an index is called by one of the names, here."""
    statement = renamed_index(source.indexes[at], {}, spare_index(source, at)).partition("`")[2]
    return statement.partition("`")[0] in names


def _bucket(found: Mapping[str, Any]) -> S3 | None:
    """The bucket in which PocketBase keeps files, if it does."""
    try:
        s3 = msgspec.convert(found.get("s3") or {}, S3)
    except msgspec.ValidationError:
        return None
    return s3 if s3.enabled else None


def _held(source: Source, sources: Sequence[SourceCollection]) -> Iterator[Held]:
    """Every file that a record names."""
    for one in sources:
        fields = [field for field in one.fields if field.get("type") == "file" and field.get("name") in one.columns]
        if one.is_view or not fields or one.name in PASSING or "id" not in one.columns:
            continue
        names = [str(field["name"]) for field in fields]
        for page in source.rows(one.name, ["id", *names]):
            for row in page:
                yield from _held_by(one, fields, row)


def _held_by(one: SourceCollection, fields: Sequence[Mapping[str, Any]], row: Sequence[Any]) -> Iterator[Held]:
    try:
        id = str(read_key(row[0]))
    except NoKey:
        return
    for field, value in zip(fields, row[1:], strict=True):
        if not value or value == "[]":
            continue
        held = read_list(value)
        most = field.get("maxSelect") or 0
        for name in held if most > 1 else held[-1:]:
            if is_file_name(name):
                yield Held(one.id, id, str(field.get("id", "")), name)


def _files(copied: Copied, source: Source) -> MovedFiles:
    found = copied.held - len(copied.missing)
    return MovedFiles(
        held=copied.held,
        copied=len(copied.new),
        there=copied.there,
        missing=len(copied.missing),
        bytes=copied.bytes,
        unheld=max(0, Shelf(source.storage, None).names() - found),
    )


async def _write_options(tx: Transaction, now: AppOptions, options: AppOptions) -> None:
    if options == now:
        return
    await store.write_options(tx, options)
    await store.moved_on(tx)
    await write(tx, COMMAND_LINE, Entry(action="settings.updated", target=Target("settings")))


def _entry(report: Report) -> Entry:
    counts = {
        one.name: [one.inserted, one.updated, one.deleted] for one in report.collections if one.read or one.deleted
    }
    return Entry(
        action="pocketbase.moved",
        target=Target("pocketbase"),
        details={"records": counts, "files": report.files.copied, "notes": len(report.notes)},
    )
