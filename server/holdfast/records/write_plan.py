"""A write becomes statements: planned once for all requests that are alike, and kept. Pure."""

from collections.abc import Callable, Hashable
from typing import Final, TypeVar

import msgspec

from holdfast.db.plans import Plans
from holdfast.db.sql import Statement, raw
from holdfast.errors import Problem
from holdfast.expressions.value import ALWAYS, NEVER
from holdfast.records.answered import shown_after
from holdfast.records.document import Document, document, read_shape
from holdfast.records.list import BASE
from holdfast.records.permit import Attempt, Permit, permit_before, permit_create, permit_update
from holdfast.records.view import compile_view
from holdfast.records.writing import (
    check_insert,
    check_update,
    compile_delete,
    compile_insert,
    compile_lock,
    compile_update,
    settings_of_update,
    values_of_insert,
)
from holdfast.rules.access import ways_in
from holdfast.rules.names import Spoken
from holdfast.rules.sight import may_manage
from holdfast.rules.speaks import speak_of_body

_EMPTY: Final = Document(raw("''::text"), (), False)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a write does and answers, as far as its statement depends on it.

    `names` are the fields that an update sets, and those that a create sets to the time; `shape` the parameters
    `fields` and `expand`.
    """

    names: tuple[str, ...] = ()
    shape: tuple[str, str] = ("", "")
    versioned: bool = False
    new_token_key: bool = False


class WritePlan(msgspec.Struct, frozen=True):
    """The statement that writes, and the one that reads the answer where that has to see what was written.

    `demands` are what single fields ask for beside the row, to be looked at one by one where nothing was written.
    """

    write: Statement
    read: Statement | None
    spaced: bool
    demands: tuple[tuple[str, Problem], ...] = ()


class LockPlan(msgspec.Struct, frozen=True):
    """The statement that reads and locks a record before an update.

    `settled` is whether it tells of no record that the caller may not write: it cannot, where a rule asks for values
    that are known only afterwards.
    """

    statement: Statement
    settled: bool


def plan_create(plans: Plans, attempt: Attempt, wanted: Wanted) -> WritePlan:
    """The plan of a create."""

    def make() -> WritePlan:
        values = values_of_insert(attempt.collection, wanted.names)
        permit = permit_create(attempt, values)
        answer = _answer(attempt, wanted)
        write = compile_insert(attempt.collection, values, permit, _EMPTY if answer.nested else answer)
        return _write_plan(attempt, write, answer, permit)

    return _kept(plans, ("create", *_key(attempt), wanted), WritePlan, make)


def plan_update(plans: Plans, attempt: Attempt, wanted: Wanted) -> WritePlan:
    """The plan of an update."""

    def make() -> WritePlan:
        settings = settings_of_update(attempt.collection, wanted.names, new_token_key=wanted.new_token_key)
        permit = permit_update(attempt, settings)
        answer = _answer(attempt, wanted)
        returned = _EMPTY if answer.nested else answer
        write = compile_update(attempt.collection, settings, permit, returned, versioned=wanted.versioned)
        return _write_plan(attempt, write, answer, permit)

    return _kept(plans, ("update", *_key(attempt), wanted), WritePlan, make)


def plan_delete(plans: Plans, attempt: Attempt, *, versioned: bool) -> Statement:
    """The statement of a delete."""
    return _kept(
        plans,
        ("delete", *_key(attempt), versioned),
        Statement,
        lambda: compile_delete(attempt.collection, permit_before(attempt), versioned=versioned),
    )


def plan_lock(plans: Plans, attempt: Attempt, columns: frozenset[str]) -> LockPlan:
    """The plan to lock a record, and to read these columns of it."""

    def make() -> LockPlan:
        settled = not speak_of_body(attempt.access.rules)
        manages = NEVER
        if attempt.managing:
            spoken = Spoken(previous=BASE)
            manages = may_manage(attempt.catalog, attempt.collection, BASE, attempt.who, spoken) or NEVER
        permit = permit_before(attempt) if settled else Permit()
        return LockPlan(compile_lock(attempt.collection, columns, permit, manages), settled)

    return _kept(plans, ("lock", *_key(attempt), columns), LockPlan, make)


def plan_look(plans: Plans, attempt: Attempt) -> Statement:
    """The question whether the record is there and may be written as it is."""
    return _kept(
        plans, ("look", *_key(attempt)), Statement, lambda: check_update(attempt.collection, permit_before(attempt))
    )


def check_of_create(attempt: Attempt, wanted: Wanted) -> Statement:
    """The question whether such a record may be made. Asked where none was, so it is not kept."""
    values = values_of_insert(attempt.collection, wanted.names)
    return check_insert(attempt.collection, values, permit_create(attempt, values))


def check_of_update(attempt: Attempt, wanted: Wanted) -> Statement:
    """The same for an update."""
    settings = settings_of_update(attempt.collection, wanted.names, new_token_key=wanted.new_token_key)
    return check_update(attempt.collection, permit_update(attempt, settings))


def _answer(attempt: Attempt, wanted: Wanted) -> Document:
    view = ways_in(attempt.catalog, attempt.collection, "view", attempt.who)
    shown = shown_after(attempt.collection, attempt.access, view)
    return document(attempt.catalog, attempt.who, attempt.collection, BASE, read_shape(*wanted.shape), shown)


def _write_plan(attempt: Attempt, write: Statement, answer: Document, permit: Permit) -> WritePlan:
    # A statement does not see what it writes, but an expanded record may be, or point at, the one that is written.
    read = Statement.of(compile_view(attempt.collection, answer, ALWAYS)) if answer.nested else None
    return WritePlan(write, read, answer.spaced, tuple((one.field, one.problem) for one in permit.demands))


_Plan = TypeVar("_Plan")


def _kept(plans: Plans, key: Hashable, kind: type[_Plan], make: Callable[[], _Plan]) -> _Plan:
    found = plans.get(key)
    if isinstance(found, kind):
        return found
    made = make()
    plans.put(key, made)
    return made


def _key(attempt: Attempt) -> tuple[Hashable, ...]:
    """As much of an attempt as its statements depend on. Its access follows from the audience."""
    return (attempt.catalog.version, attempt.collection.id, attempt.who, attempt.given, attempt.managing)
