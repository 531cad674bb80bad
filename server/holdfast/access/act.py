"""Does what a question asks about, in a transaction of the caller's, by the code that serves requests."""

from typing import Final

from holdfast.access.explanation import Asking
from holdfast.db.pool import Transaction
from holdfast.engine import Engine
from holdfast.errors import NotFound
from holdfast.records import write_service
from holdfast.records.plan import Asked, inputs, plan_list, plan_view
from holdfast.records.query import ListQuery
from holdfast.records.view import RECORD_ID
from holdfast.records.write_service import Write

_ONLY_ID: Final = ("id", "")


async def act(engine: Engine, tx: Transaction, asking: Asking) -> None:
    """Do it. Raises what the request would be refused with: NotFound also for a record that a list leaves out."""
    match asking.question.action:
        case "list":
            await _list(engine, tx, asking)
        case "view":
            await _view(engine, tx, asking)
        case "create":
            await write_service.create(engine, write_meant(asking), tx)
        case "update":
            await write_service.update(engine, write_meant(asking), tx)
        case "delete":
            await write_service.delete(engine, write_meant(asking), tx)


def write_meant(asking: Asking) -> Write:
    """The write that a question is about."""
    question = asking.question
    return Write(
        catalog=asking.catalog,
        collection=asking.collection,
        who=asking.who,
        id="" if question.action == "create" else question.record_id,
        body=question.body,
        request=asking.facts,
        hooked=False,  # it is about rules, and nothing is really done
    )


async def _view(engine: Engine, tx: Transaction, asking: Asking) -> None:
    plan = plan_view(engine.plans, _asked(asking), _ONLY_ID)
    named = {RECORD_ID: asking.question.record_id}
    if await tx.fetchrow(plan.statement, inputs(named, asking.facts)) is None:
        raise NotFound


async def _list(engine: Engine, tx: Transaction, asking: Asking) -> None:
    wanted = (("id", asking.question.record_id),)
    query = ListQuery(filter="id = {:id}", params=wanted, per_page=1, count="none", fields="id")
    plan = plan_list(engine.plans, _asked(asking), query, engine.secret)
    row = await tx.fetchrow(plan.compiled.statement, inputs(plan.named, asking.facts, plan.literals))
    if row is None or row["items"] is None:
        raise NotFound("The record is not in the list.")


def _asked(asking: Asking) -> Asked:
    return Asked(asking.catalog, asking.collection, asking.audience)
