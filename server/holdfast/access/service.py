"""Explains whether a caller may do something: by the rules as they are, on the data as it is, and without a trace."""

from typing import Final

import msgspec

from holdfast.access.act import act, write_meant
from holdfast.access.acting import principal_meant
from holdfast.access.explanation import (
    Asking,
    Check,
    Seen,
    look_at_all,
    look_at_row,
    place_as_it_would_be,
    place_before,
    place_of_record,
)
from holdfast.access.question import Question
from holdfast.access.rehearsal import rehearsal
from holdfast.access.sentence import sentence
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Transaction
from holdfast.engine import Engine
from holdfast.errors import ApiError
from holdfast.records.imagine import imagine
from holdfast.schema.collection import Collection

SUPERUSER: Final = "superuser"
_DONE: Final = {"list": 200, "view": 200, "create": 200, "update": 200, "delete": 204}


class Explanation(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The answer: whether it would be let through, with which status, by what, and every way in that was looked at.

    `granted_by` is `superuser`, `rule` or `role:NAME`, and empty when nothing lets the caller in. `seen` is there for
    lists as a whole.
    """

    allowed: bool
    status: int
    granted_by: str = ""
    message: str = ""
    checks: tuple[Check, ...] = ()
    seen: Seen | None = None


async def explain(engine: Engine, collection: Collection, question: Question) -> Explanation:
    """Answer a question. Raises ValidationFailed for a caller who is not there."""
    catalog = engine.catalog
    with as_api_errors():
        async with rehearsal(engine.pool, engine.settings.statement_timeout_ms) as tx:
            who = await principal_meant(tx, catalog, question.asker)
            return await _explain(engine, tx, Asking(catalog, collection, question, who))
    raise AssertionError("a rehearsal ends with its block")


async def _explain(engine: Engine, tx: Transaction, asking: Asking) -> Explanation:
    done = _DONE[asking.question.action]
    if asking.ways.everything:
        return Explanation(allowed=True, status=done, granted_by=SUPERUSER, message="A superuser may do everything.")
    if asking.question.action == "list" and not asking.question.record_id:
        checks, seen = await look_at_all(tx, asking)
        return _closed(checks) if not asking.ways.is_open else _granted(checks, done, seen)
    if asking.ways.is_open and asking.question.action in ("create", "update"):
        return await _explain_write(engine, tx, asking)
    checks = await look_at_row(tx, asking, place_of_record(asking.collection))
    if not asking.ways.is_open:
        return _closed(checks)
    if any(check.result for check in checks):
        return _granted(checks, done)
    message = "No way in is open for this record: it is as if it were not there."
    return Explanation(allowed=False, status=404, checks=checks, message=message)


async def _explain_write(engine: Engine, tx: Transaction, asking: Asking) -> Explanation:
    """The checks, and what comes of it when it is really done."""
    new = asking.question.action == "create"
    checks: tuple[Check, ...] = ()
    try:
        imagined = await imagine(write_meant(asking), tx)
        if not new:
            before = await look_at_row(tx, asking, place_before(asking.collection, imagined))
            checks = tuple(msgspec.structs.replace(check, when="before") for check in before)
        after = await look_at_row(tx, asking, place_as_it_would_be(asking.collection, imagined, new=new))
        checks += tuple(msgspec.structs.replace(check, when="after") for check in after)
        async with tx.savepoint():
            await act(engine, tx, asking)
    except ApiError as refusal:
        return Explanation(allowed=False, status=refusal.status, checks=checks, message=sentence(refusal))
    passed = {check.source for check in checks if check.result} - {check.source for check in checks if not check.result}
    granted_by = next((check.source for check in checks if check.source in passed), "")
    return Explanation(allowed=True, status=_DONE[asking.question.action], granted_by=granted_by, checks=checks)


def _granted(checks: tuple[Check, ...], status: int, seen: Seen | None = None) -> Explanation:
    granted_by = next((check.source for check in checks if check.result), "")
    return Explanation(allowed=True, status=status, granted_by=granted_by, checks=checks, seen=seen)


def _closed(checks: tuple[Check, ...]) -> Explanation:
    message = "Only superusers may do this: neither the rule nor a role opens it."
    return Explanation(allowed=False, status=403, checks=checks, message=message)
