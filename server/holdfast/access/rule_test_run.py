"""Runs rule tests: each case is really done, by the code that serves requests, and then undone."""

from collections.abc import Iterable
from typing import Final

import asyncpg
import msgspec

from holdfast.access.act import act
from holdfast.access.acting import principal_meant
from holdfast.access.explanation import Asking
from holdfast.access.rule_test import RuleTest
from holdfast.access.sentence import sentence
from holdfast.catalog.snapshot import Catalog
from holdfast.db.failures import api_error
from holdfast.db.plans import Plans
from holdfast.db.pool import Transaction
from holdfast.engine import Engine
from holdfast.errors import ApiError, Forbidden, NotFound, RuleFailed
from holdfast.identity import Principal
from holdfast.records.write_service import Write, create

_REFUSALS: Final = (Forbidden, NotFound, RuleFailed)
_MAKER: Final = Principal(kind="superuser", name="rule tests")


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a test ended. `got` is allowed, refused, or error, of which `message` tells more."""

    id: str
    name: str
    collection: str
    passed: bool
    expected: str
    got: str
    message: str = ""


class Report(msgspec.Struct, frozen=True):
    """How all of them ended."""

    passed: int
    failed: int
    results: tuple[Result, ...]


class _Over(Exception):
    """Ends the savepoint of a case. Never seen outside."""


async def run_tests(engine: Engine, tx: Transaction, catalog: Catalog, tests: Iterable[RuleTest]) -> Report:
    """Run the tests in a transaction that has the catalog, be it committed or not. Nothing of them is left."""
    # Plans of a catalog that may never be committed must not be found again.
    apart = msgspec.structs.replace(engine, plans=Plans())
    results = tuple([await _run(apart, tx, catalog, test) for test in tests if test.collection_id in catalog.by_id])
    passed = sum(result.passed for result in results)
    return Report(passed, len(results) - passed, results)


async def _run(engine: Engine, tx: Transaction, catalog: Catalog, test: RuleTest) -> Result:
    got, message = "error", ""
    try:
        async with tx.savepoint():
            got, message = await _outcome(engine, tx, catalog, test)
            raise _Over
    except _Over:
        pass
    except ApiError as failure:
        message = sentence(failure)
    except asyncpg.PostgresError as failure:
        known = api_error(failure)
        if known is None:
            raise
        message = sentence(known)
    collection = catalog.by_id[test.collection_id].name
    return Result(test.id, test.name, collection, got == test.expect, test.expect, got, message)


async def _outcome(engine: Engine, tx: Transaction, catalog: Catalog, test: RuleTest) -> tuple[str, str]:
    """What comes of the case. Raises ApiError for what cannot be prepared."""
    for name, records in test.given.items():
        for record in records:
            made = Write(catalog=catalog, collection=catalog.get(name), who=_MAKER, body=record, hooked=False)
            await create(engine, made, tx)
    who = await principal_meant(tx, catalog, test.question.asker)
    asking = Asking(catalog, catalog.by_id[test.collection_id], test.question, who)
    try:
        await act(engine, tx, asking)
    except _REFUSALS as refusal:
        return "refused", refusal.message
    return "allowed", ""
