"""The views of a change: resolved against the collections as they will be, and what of them has to be made anew.

A view is described on empty copies of the tables that it reads, so that it can be planned, and refused, before
anything is changed.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import asyncpg
import msgspec

from holdfast.catalog.snapshot import Catalog
from holdfast.collections import convert, tables
from holdfast.collections.view_fields import create_view, view_fields
from holdfast.collections.view_order import in_order
from holdfast.collections.view_query import ViewQuery, read_view
from holdfast.collections.view_syntax import InvalidView
from holdfast.db.pool import Transaction
from holdfast.db.sql import Sql, Statement, inline, name, qualified, raw
from holdfast.schema.collection import Collection

_NOT_A_VIEW: Final = ("42", "22", "0A")  # SQLSTATE classes of queries that PostgreSQL does not take


class BrokenView(Exception):
    """A view that cannot be made from the collections as they will be."""

    def __init__(self, view: Collection, message: str) -> None:
        super().__init__(message)
        self.view = view
        self.message = message


class MadeView(msgspec.Struct, frozen=True):
    """A view that has to be made, and whether its ids have to be looked at."""

    collection: Collection
    create: Sql
    look_at_ids: bool


class Settled(msgspec.Struct, frozen=True):
    """The collections with the fields of their views, the views that go first, and those that come last, in order."""

    collections: tuple[Collection, ...]
    gone: tuple[Collection, ...] = ()
    made: tuple[MadeView, ...] = ()


async def settle_views(tx: Transaction, old: Catalog, new: Sequence[Collection]) -> Settled:
    """Infer the fields of all views that a change can touch. Raises BrokenView."""
    settling = _Settling(tx, old, new)
    for view in _ordered(old, [one for one in new if one.is_view]):
        await settling.settle(view)
    stays = {view.id for view in new if view.is_view} - {made.collection.id for made in settling.made}
    gone = [view for view in _ordered(old, [one for one in old.collections if one.is_view]) if view.id not in stays]
    collections = tuple(settling.now[one.name] for one in new)
    return Settled(collections, tuple(reversed(gone)), tuple(settling.made))


def _ordered(old: Catalog, views: Sequence[Collection]) -> list[Collection]:
    try:
        return in_order(views)
    except InvalidView as failure:
        changed = [view for view in views if old.by_id.get(view.id) != view]
        raise BrokenView((changed or views)[0], str(failure)) from failure


class _Settling:
    """Goes through the views, those first that others read."""

    def __init__(self, tx: Transaction, old: Catalog, new: Sequence[Collection]) -> None:
        self._tx = tx
        self._old = old
        self.now = {one.name: one for one in new}
        self.made: list[MadeView] = []

    async def settle(self, view: Collection) -> None:
        """Infer the fields of one view, whose sources are settled."""
        query = self._read(view, self.now)
        was = self._old.by_id.get(view.id)
        if was is not None and was == view and not self._moved(query):
            return
        types = await self._describe(view, query)
        fields = view_fields(query, types, self.now)
        settled = msgspec.structs.replace(view, fields=fields)
        self.now[view.name] = settled
        if was is None or self._must_make(was, settled, query):
            look = was is None or was.view_query != view.view_query
            create = create_view(view.name, query, fields)
            self.made.append(MadeView(settled, create, look and not query.one_row_each))

    def _read(self, view: Collection, collections: Mapping[str, Collection]) -> ViewQuery:
        try:
            return read_view(view.view_query, collections)
        except InvalidView as failure:
            raise BrokenView(view, str(failure)) from failure

    def _moved(self, query: ViewQuery) -> bool:
        """Whether a collection that the view reads is another one now, or a view that is made anew."""
        if query.tables & self._remade:
            return True
        return any(self._old.by_id.get(self.now[table].id) != self.now[table] for table in query.tables)

    @property
    def _remade(self) -> set[str]:
        return {made.collection.name for made in self.made}

    def _must_make(self, was: Collection, now: Collection, query: ViewQuery) -> bool:
        """Whether the view in the database is not the one that is wanted any more."""
        if was.name != now.name or query.tables & self._remade:
            return True
        before = self._read(was, self._old.by_name)
        if inline(before.select()) != inline(query.select()) or _columns(was) != _columns(now):
            return True
        return _basis(before, self._old.by_name) != _basis(query, self.now)

    async def _describe(self, view: Collection, query: ViewQuery) -> dict[str, str]:
        """The PostgreSQL type of each column, by name."""
        shadow = self._tx.connection.transaction()
        await shadow.start()
        try:
            for table in sorted(query.tables):
                await self._tx.execute(tables.shadow(self.now[table]))
            select = Statement.of(raw("SELECT * FROM (") + query.select("pg_temp") + raw(") AS shown"))
            prepared = await self._tx.connection.prepare(select.text)
            return {attribute.name: attribute.type.name for attribute in prepared.get_attributes()}
        except asyncpg.PostgresError as failure:
            if not (failure.sqlstate or "").startswith(_NOT_A_VIEW):
                raise
            raise BrokenView(view, f"PostgreSQL does not take it: {failure.message}.") from failure
        finally:
            await shadow.rollback()


def _columns(view: Collection) -> list[tuple[str, str, bool]]:
    return [(field.name, inline(convert.column_type(field)), field.column().not_null) for field in view.fields]


def _basis(query: ViewQuery, collections: Mapping[str, Collection]) -> set[tuple[str, str, str]]:
    """What PostgreSQL's view hangs on: the tables, and the columns that it uses, with their types."""
    found: set[tuple[str, str, str]] = set()
    for table, column in query.uses:
        collection = collections[table]
        field = collection.by_name[column]
        found.add((collection.id, field.id, inline(convert.column_type(field))))
    return found


async def has_doubtful_ids(tx: Transaction, view: Collection) -> bool:
    """Whether two rows of the view have one id, or one has none. Runs the whole query."""
    row = await tx.fetchrow(
        raw("SELECT EXISTS (SELECT FROM ")
        + qualified("public", view.name)
        + raw(" AS shown GROUP BY shown.")
        + name("id")
        + raw(" HAVING count(*) > 1 OR shown.")
        + name("id")
        + raw(" IS NULL)")
    )
    return row is not None and row[0]
