"""Records for plugins: the reads and writes of the API, in the transaction of a hook."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from holdfast.db.pool import Row, Transaction
from holdfast.db.sql import Inputs, Statement
from holdfast.engine import Engine
from holdfast.hooks.origin import MOST_DEEP, Origin
from holdfast.identity import Principal
from holdfast.records import write_service
from holdfast.records.list import check_size
from holdfast.records.plan import Asked, inputs, plan_list, plan_view
from holdfast.records.query import from_body
from holdfast.records.view import RECORD_ID
from holdfast.records.write import Write
from holdfast.rules.access import audience
from holdfast.rules.facts import Facts


class HookRecords:
    """Records as `who` may use them. `check` raises once the context has ended."""

    def __init__(self, engine: Engine, origin: Origin, who: Principal, check: Callable[[], None]) -> None:
        self._engine = engine
        self._origin = origin
        self._who = who
        self._check = check

    async def get(self, collection: str, id: str, *, fields: str = "", expand: str = "") -> dict[str, Any] | None:
        """See holdfast.plugin.Records, here and below."""
        self._check()
        compiled = plan_view(self._engine.plans, self._asked(collection), (fields, expand))
        row = await self._fetchrow(compiled.statement, inputs({RECORD_ID: id}, self._facts({})))
        if row is None:
            return None
        check_size(row["item"])
        return msgspec.json.decode(row["item"])

    async def list(
        self,
        collection: str,
        *,
        filter: str = "",
        params: Mapping[str, Any] | None = None,
        sort: str = "",
        fields: str = "",
        expand: str = "",
        page: int = 1,
        per_page: int = 30,
    ) -> list[dict[str, Any]]:
        """A page."""
        self._check()
        asked: dict[str, Any] = {"filter": filter, "sort": sort, "fields": fields, "expand": expand, "page": page}
        query = from_body({**asked, "perPage": per_page, "p": dict(params or {}), "count": "none"})
        plan = plan_list(self._engine.plans, self._asked(collection), query, self._engine.secret)
        row = await self._fetchrow(plan.compiled.statement, inputs(plan.named, self._facts({}), plan.literals))
        if row is None or row["items"] is None:
            return []
        check_size(row["items"])
        return msgspec.json.decode(f"[{row['items']}]")

    async def create(self, collection: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Make one."""
        async with self._within() as tx:
            written = await write_service.create(self._engine, self._write(collection, "", values, "POST"), tx)
        return msgspec.json.decode(written.body)

    async def update(self, collection: str, id: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Change one."""
        async with self._within() as tx:
            written = await write_service.update(self._engine, self._write(collection, id, values, "PATCH"), tx)
        return msgspec.json.decode(written.body)

    async def delete(self, collection: str, id: str) -> None:
        """Delete one."""
        async with self._within() as tx:
            await write_service.delete(self._engine, self._write(collection, id, {}, "DELETE"), tx)

    def _asked(self, collection: str) -> Asked:
        catalog = self._engine.catalog
        return Asked(catalog, catalog.get(collection), audience(self._who))

    def _facts(self, body: Mapping[str, Any], method: str = "GET") -> Facts:
        known = self._origin.facts
        facts = Facts(request_id=self._origin.request_id) if known is None else known()
        return msgspec.structs.replace(facts, who=self._who, body=body, method=method)

    def _write(self, collection: str, id: str, values: Mapping[str, Any], method: str) -> Write:
        self._check()
        depth = self._origin.depth + 1
        if depth > MOST_DEEP:
            raise RecursionError(f"writes of hooks lead to writes of hooks, {MOST_DEEP} deep")
        catalog = self._engine.catalog
        return Write(
            catalog=catalog,
            collection=catalog.get(collection),
            who=self._who,
            id=id,
            body=values,
            request=self._facts(values, method),
            depth=depth,
        )

    async def _fetchrow(self, statement: Statement, given: Inputs) -> Row | None:
        return await (self._origin.tx or self._engine.pool).fetchrow(statement, given)

    @asynccontextmanager
    async def _within(self) -> AsyncGenerator[Transaction | None]:
        """The transaction of the hook, in which a write that fails can be caught: only it is undone then."""
        self._check()
        tx = self._origin.tx
        if tx is None:
            yield None
            return
        async with tx.savepoint():
            yield tx
