"""What a hook works with; the promises are those of holdfast.plugin.Context."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import asyncpg
import msgspec
import structlog
from structlog.stdlib import BoundLogger
from typing_extensions import override

from holdfast.db.pool import Transaction
from holdfast.db.sql import Inputs, Sql, Statement, literal, named, raw
from holdfast.engine import Engine
from holdfast.events.context import SETTING, context_of, write_context
from holdfast.hooks.origin import HookContext, Origin
from holdfast.identity import Principal
from holdfast.mail.later import send_later
from holdfast.mail.message import Message
from holdfast.plugin import Audience, Context, JobRun, Priority, Records, SettingsOf
from holdfast.plugins.block import Block
from holdfast.plugins.emitting import emit
from holdfast.plugins.records import HookRecords
from holdfast.plugins.work import enqueue_of
from holdfast.schema.collection import Collection

_TELL: Final = Statement.of(
    raw("SELECT set_config(") + literal(SETTING) + raw(", ") + named("context", "text") + raw(", true)")
)


class EngineContext(HookContext):
    """The context of one call of a hook."""

    __slots__ = ("_blocks", "_engine", "_failed", "_is_over", "_origin", "_plugin", "_settings", "_tx")

    def __init__(self, engine: Engine, plugin: str, settings: msgspec.Struct, origin: Origin) -> None:
        self._engine = engine
        self._plugin = plugin
        self._settings = settings
        self._origin = origin
        self._tx = origin.tx
        self._blocks: list[Block[Any]] = []
        self._failed = False
        self._is_over = False

    @override
    def leave(self) -> str:
        self._is_over = True
        if self._blocks:
            return "it left a transaction open"
        tx = self._origin.tx
        if tx is not None and not tx.connection.is_in_transaction():
            return "it ended the transaction of the request"
        if self._failed:
            return "its SQL failed, and it went on without a savepoint: the transaction cannot be used any more"
        return ""

    @override
    async def undo(self) -> None:
        # Python would do so later, on a connection that is somebody else's by then.
        for block in reversed(tuple(self._blocks)):
            left = RuntimeError("a plugin left a transaction open")
            with suppress(Exception):
                await block.__aexit__(type(left), left, None)

    def _check(self) -> None:
        if self._is_over:
            raise RuntimeError("this context has ended: what a hook is given cannot be used after it")

    @property
    @override
    def who(self) -> Principal:
        return self._origin.who

    @property
    @override
    def roles(self) -> frozenset[str]:
        catalog = self._engine.catalog
        return frozenset(catalog.roles_by_id[id].name for id in self.who.roles if id in catalog.roles_by_id)

    @property
    @override
    def request_id(self) -> str:
        return self._origin.request_id

    @property
    @override
    def collection(self) -> Collection | None:
        return self._origin.collection

    @property
    @override
    def collections(self) -> Mapping[str, Collection]:
        return self._engine.catalog.by_name

    @property
    @override
    def records(self) -> Records:
        return self.records_as(self._itself)

    @property
    def _itself(self) -> Principal:
        return Principal("plugin", name=self._plugin)

    @override
    def records_as(self, who: Principal) -> Records:
        return HookRecords(self._engine, self._origin, who, self._check)

    @override
    async def fetch(self, sql: Sql) -> list[dict[str, Any]]:
        async with self._statement() as tx:
            return [dict(row.items()) for row in await tx.fetch(sql)]

    @override
    async def execute(self, sql: Sql) -> str:
        async with self._statement() as tx:
            return await tx.execute(sql)

    @override
    async def query(self, query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        async with self._statement() as tx:
            for part in query.querystrings:
                text, values = part.compile_string()
                found = [dict(row.items()) for row in await tx.connection.fetch(text, *values)]
        return found

    @asynccontextmanager
    async def _statement(self) -> AsyncGenerator[Transaction]:
        """The transaction, told who changes what in it; one of its own where there is none."""
        self._check()
        if self._tx is None:
            async with self._engine.pool.transaction() as tx:
                tx.is_soiled = True
                await self._tell(tx)
                yield tx
            return
        self._tx.is_soiled = True
        await self._tell(self._tx)
        try:
            yield self._tx
        except asyncpg.PostgresError:
            self._failed = True
            raise

    async def _tell(self, tx: Transaction) -> None:
        context = write_context(context_of(self._itself, self._origin.request_id))
        await tx.execute(_TELL, Inputs(named={"context": context}))

    @override
    def savepoint(self) -> AbstractAsyncContextManager[None]:
        return Block(self._savepoint(), self._blocks)

    @override
    def transaction(self) -> AbstractAsyncContextManager[Context]:
        return Block(self._transaction(), self._blocks)

    @asynccontextmanager
    async def _savepoint(self) -> AsyncGenerator[None]:
        self._check()
        if self._tx is None:
            raise RuntimeError("there is no transaction here: begin one with ctx.transaction()")
        try:
            async with self._tx.savepoint():
                yield
        except BaseException:
            self._failed = False  # what has failed is undone
            raise

    @asynccontextmanager
    async def _transaction(self) -> AsyncGenerator[Context]:
        self._check()
        if self._tx is not None:
            async with self._savepoint():
                yield self
            return
        async with self._engine.pool.transaction() as tx:
            origin = msgspec.structs.replace(self._origin, tx=tx)
            inner = EngineContext(self._engine, self._plugin, self._settings, origin)
            try:
                yield inner
            finally:
                left = inner.leave()
                await inner.undo()
            if left:
                raise RuntimeError(left)

    @override
    async def emit(self, name: str, data: Mapping[str, Any], *, to: Audience = "superusers") -> None:
        self._check()
        await emit(self._engine, self._plugin, self._origin, name, data, to)

    @override
    async def mail(self, to: str, subject: str, html: str, text: str = "") -> None:
        self._check()
        await send_later(self._engine, Message(to=to, subject=subject, html=html, text=text), self._tx)

    @override
    async def enqueue(
        self,
        job: str,
        payload: msgspec.Struct | None = None,
        *,
        key: str | None = None,
        at: datetime | timedelta | None = None,
        priority: Priority | None = None,
    ) -> str:
        self._check()
        origin = self._origin
        return await enqueue_of(self._engine, self._plugin, origin, job, payload, key=key, at=at, priority=priority)

    @property
    @override
    def job(self) -> JobRun | None:
        return self._origin.job

    @override
    def settings(self, kind: type[SettingsOf]) -> SettingsOf:
        if not isinstance(self._settings, kind):
            raise TypeError(f"the settings of {self._plugin} are no {kind.__name__}")
        return self._settings

    @property
    @override
    def log(self) -> BoundLogger:
        more = {} if self.collection is None else {"collection": self.collection.name}
        if self.request_id:
            more["request_id"] = self.request_id
        if self.job is not None:
            more |= {"job": self.job.name, "job_id": self.job.id}
        return structlog.get_logger(f"holdfast.plugins.{self._plugin}").bind(plugin=self._plugin, **more)


def context_maker(engine: Engine, plugin: str, settings: msgspec.Struct) -> "partial[EngineContext]":
    """What makes the contexts of a plugin with these settings."""
    return partial(EngineContext, engine, plugin, settings)
