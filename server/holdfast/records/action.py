"""Record actions of plugins: which there are, and how one is done to a record, whatever becomes of the others."""

from typing import Any, Final

import msgspec
import structlog

from holdfast.db.pool import Transaction
from holdfast.db.sql import Inputs, Statement, named, raw
from holdfast.engine import Engine
from holdfast.errors import ApiError, BadRequest, NotFound, Unavailable
from holdfast.hooks.calling import call_one
from holdfast.hooks.offered import Offered
from holdfast.hooks.origin import Origin
from holdfast.identity import Principal
from holdfast.records.bulk import Change, ids_of, table_of
from holdfast.records.bulk_chunk import GONE, OTHER, narrowed
from holdfast.records.bulk_store import Tally
from holdfast.records.list import BASE, check_size
from holdfast.records.plan import Asked, inputs, plan_view
from holdfast.records.view import RECORD_ID
from holdfast.rules.access import audience
from holdfast.schema.collection import Collection

_ONE_ALONE: Final = "This action is done to one record at a time."
_log: Final = structlog.get_logger("holdfast.records")


def actions_of(engine: Engine, collection: Collection) -> list[Offered]:
    """The actions that there are for records of a collection, as the plugins come."""
    return [one for one in engine.host.actions.values() if one.is_for(collection)]


def find_action(engine: Engine, collection: Collection, name: str) -> Offered:
    """An action for records of a collection. Raises NotFound, and Unavailable while its plugin starts."""
    found = engine.host.actions.get(name)
    if found is not None and found.is_for(collection):
        return found
    plugin = name.partition(".")[0]
    if engine.host.is_awaited(plugin):
        raise Unavailable(f"The plugin {plugin} has not started yet: try again in a moment.")
    if found is None and all(one.plugin != plugin for one in engine.host.actions.values()):
        raise NotFound(f"The plugin {plugin} is off, is not there any more, or has no actions.")
    raise NotFound(f"The plugin {plugin} has no action {name} for records of {collection.name}.")


def check_many(offered: Offered, matched: int) -> None:
    """Raise BadRequest for more records than the action takes at a time."""
    if matched > 1 and not offered.action.many:
        raise BadRequest(_ONE_ALONE)


class ActionChunk:
    """Some records to which an action is done: each by itself, with what it did undone where it fails."""

    def __init__(self, engine: Engine, tx: Transaction, change: Change) -> None:
        self._engine = engine
        self._tx = tx
        self._change = change
        self.tally = Tally()

    async def write(self, ids: list[str]) -> None:
        """Do it to those that are still meant. Raises NotFound where there is no such action any more."""
        for id in ids:
            await self._one(id)

    async def _one(self, id: str) -> None:
        change, tally = self._change, self.tally
        offered = find_action(self._engine, change.collection, change.asked.action)
        try:
            async with self._tx.savepoint():
                record = await self._locked(id, offered.plugin)
                if record is None:
                    return tally.skip([id], GONE.code, GONE.message)
                if not await self._is_meant(id):
                    return tally.skip([id], OTHER.code, OTHER.message)
                await call_one(offered.called, self._origin(), record)
        except ApiError as refusal:
            return self._fail(id, refusal)
        tally.done += 1

    async def _locked(self, id: str, plugin: str) -> dict[str, Any] | None:
        """The record as it stays until the transaction ends, unless the action changes it; None if it is gone."""
        change = self._change
        lock = raw("SELECT 1 FROM ") + table_of(change.collection) + raw(" WHERE ") + BASE + raw('."id" = ')
        lock += named(RECORD_ID, "text") + raw(" FOR NO KEY UPDATE")
        if await self._tx.fetchrow(Statement.of(lock), Inputs(named={RECORD_ID: id})) is None:
            return None
        who = Principal("plugin", name=plugin)
        compiled = plan_view(self._engine.plans, Asked(change.catalog, change.collection, audience(who)), ("", ""))
        facts = msgspec.structs.replace(change.facts, who=who, body={})
        row = await self._tx.fetchrow(compiled.statement, inputs({RECORD_ID: id}, facts))
        if row is None:
            return None
        check_size(row["item"])
        return msgspec.json.decode(row["item"])

    async def _is_meant(self, id: str) -> bool:
        """Whether the filter still finds it."""
        if self._change.asked.ids is not None:
            return True
        found = narrowed(self._change, [id])
        return await self._tx.fetchrow(Statement.of(ids_of(found.rows)), found.inputs) is not None

    def _origin(self) -> Origin:
        facts = self._change.facts
        return Origin(
            who=facts.who,
            request_id=facts.request_id,
            collection=self._change.collection,
            tx=self._tx,
            facts=lambda: facts,
        )

    def _fail(self, id: str, refusal: ApiError) -> None:
        self.tally.fail(id, refusal)
        if refusal.status >= 500:
            change = self._change
            told = {"collection": change.collection.name, "id": id, "request_id": change.facts.request_id}
            _log.error("an action failed", action=change.asked.action, **told, exc_info=refusal)
