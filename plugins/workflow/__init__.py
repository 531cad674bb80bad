"""Workflows: the states of a select field, who may move a record from which to which, and a log of the moves."""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath
from typing_extensions import override

from holdfast.db.sql import qualified, raw, value
from holdfast.errors import NotFound, Problem, ValidationFailed
from holdfast.identity import Principal
from holdfast.plugin import Context, Plugin, RecordDraft, RecordWritten, SettingsChange

from .deciding import Asker, Verdict, open_moves, verdict
from .moves import LoggedMove, make_tables, moves_of, write_move
from .settings import Settings, Workflow


@get("/{collection:str}/{id:str}", summary="The state of a record, where the caller may move it, and its moves")
async def show_state(
    ctx: NamedDependency[Context], who: NamedDependency[Principal], collection: FromPath[str], id: FromPath[str]
) -> dict[str, Any]:
    """For whoever may see the record."""
    workflow = ctx.settings(Settings).of(collection)
    if workflow is None:
        raise NotFound("There is no workflow for this collection.")
    record = await ctx.records_as(who).get(collection, id)
    if record is None:
        raise NotFound
    whole = await ctx.records.get(collection, id) or record  # who may read a field is not who may make a move
    open_now = open_moves(workflow, Asker(who, ctx.roles), whole)
    return {"state": whole[workflow.field], "moves": open_now, "log": await moves_of(ctx, collection, id)}


class WorkflowPlugin(Plugin):
    """Looks at every write of a collection that has a workflow."""

    name = "workflow"
    description = "States of records, who may change them, and a log of the changes."
    priority = 100  # after plugins that set the state
    Settings = Settings

    @override
    def routes(self) -> Sequence[Any]:
        return (show_state,)

    @override
    async def startup(self, ctx: Context) -> None:
        await make_tables(ctx)

    @override
    async def settings_changed(self, ctx: Context, change: SettingsChange) -> None:
        for workflow in ctx.settings(Settings).workflows:
            collection = ctx.collections.get(workflow.collection)
            if collection is None or workflow.field not in collection.by_name:
                ctx.log.warning("a workflow has no field", collection=workflow.collection, field=workflow.field)

    @override
    async def record_before_create(self, ctx: Context, draft: RecordDraft) -> None:
        workflow = _workflow(ctx)
        if workflow is None:
            return
        state = str(draft.values.get(workflow.field) or workflow.initial)
        if state != workflow.initial and not ctx.who.is_superuser:
            message = f"Must be {workflow.initial}: that is where new records begin."
            raise ValidationFailed({workflow.field: Problem("validation_wrong_beginning", message)})
        draft.values[workflow.field] = state

    @override
    async def record_after_create(self, ctx: Context, record: RecordWritten) -> None:
        workflow = _workflow(ctx)
        if workflow is not None:
            await _log(ctx, workflow, record.id, "", str(record.values[workflow.field]))

    @override
    async def record_before_update(self, ctx: Context, draft: RecordDraft) -> None:
        workflow = _workflow(ctx)
        if workflow is None or workflow.field not in draft.values:
            return
        record = await _locked(ctx, workflow, draft.id)
        before, after = str(record[workflow.field]), str(draft.values[workflow.field] or "")
        if before == after:
            return
        refused = _refusal(workflow, before, after, verdict(workflow, Asker(ctx.who, ctx.roles), record, after))
        if refused is not None:
            raise ValidationFailed({workflow.field: refused})
        await _log(ctx, workflow, draft.id, before, after)


def _workflow(ctx: Context) -> Workflow | None:
    """The workflow of this collection, if the field is there."""
    collection = ctx.collection
    workflow = None if collection is None else ctx.settings(Settings).of(collection.name)
    if collection is None or workflow is None or workflow.field not in collection.by_name:
        return None
    return workflow


async def _locked(ctx: Context, workflow: Workflow, id: str) -> Mapping[str, Any]:
    """The record as it is, which nobody else moves before this transaction is over."""
    table = qualified("public", workflow.collection)
    rows = await ctx.fetch(raw("SELECT * FROM ") + table + raw(" WHERE id = ") + value(id, "text") + raw(" FOR UPDATE"))
    if not rows:
        raise NotFound
    return rows[0]


def _refusal(workflow: Workflow, before: str, after: str, found: Verdict) -> Problem | None:
    match found:
        case "allowed":
            return None
        case "no such move":
            ways = [move.to for move in workflow.moves if move.from_ == before]
            onward = f"to {' or '.join(dict.fromkeys(ways))}" if ways else "nowhere"
            return Problem("validation_no_such_move", f"Cannot move from {before} to {after}, but {onward}.")
        case "not yours":
            return Problem("validation_move_not_yours", f"The move from {before} to {after} is for others to make.")


async def _log(ctx: Context, workflow: Workflow, id: str, before: str, after: str) -> None:
    move = LoggedMove(workflow.collection, id, before, after, ctx.who.key, ctx.request_id)
    await write_move(ctx, move)
    if before:
        await ctx.emit("moved", {"collection": workflow.collection, "id": id, "from": before, "to": after})
