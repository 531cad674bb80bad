"""The use cases of rule tests: keep them, run them, and let no change of the catalog break them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from holdfast.access.rehearsal import rehearsal
from holdfast.access.rule_test import RuleTest, read_rule_test, rule_test_json
from holdfast.access.rule_test_names import with_new_names
from holdfast.access.rule_test_run import Report, run_tests
from holdfast.access.rule_test_store import all_tests, delete_test, get_test, put_test
from holdfast.audit.author import Author
from holdfast.audit.entry import Entry, Target, changed
from holdfast.audit.write import write
from holdfast.catalog.snapshot import Catalog
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Transaction
from holdfast.engine import Engine
from holdfast.errors import Problem, ValidationFailed
from holdfast.schema.collection import Collection

FAILED: Final = "validation_rule_test_failed"


async def list_tests(engine: Engine, collection: str) -> list[dict[str, Any]]:
    """All tests, or those of a collection. Raises NotFound for a collection that is not there."""
    wanted = [engine.catalog.get(collection).id] if collection else None
    async with engine.pool.transaction() as tx:
        return [_shown(engine, test) for test in await all_tests(tx, wanted)]


async def view_test(engine: Engine, id: str) -> dict[str, Any]:
    """One test. Raises NotFound."""
    async with engine.pool.transaction() as tx:
        return _shown(engine, await get_test(tx, id))


async def create_test(engine: Engine, author: Author, body: Mapping[str, Any]) -> dict[str, Any]:
    """Keep a new test. It may fail as yet: the rule that it is for may still have to be written."""
    collection = _collection(engine.catalog, body.get("collection"))
    test = read_rule_test(body, "", collection.id)
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            made = _shown(engine, await put_test(tx, test))
            target = Target("rule_test", made["id"], made["name"])
            await write(tx, author, Entry(action="rule_test.created", target=target, after=made))
            return made


async def update_test(engine: Engine, author: Author, id: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Change a test: only given keys change. Raises NotFound and ValidationFailed."""
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            old = await get_test(tx, id)
            name = engine.catalog.by_id[old.collection_id].name
            merged = {**rule_test_json(old, name), **body}
            new = read_rule_test(merged, id, _collection(engine.catalog, merged["collection"]).id)
            made = _shown(engine, await put_test(tx, new))
            before, after = changed(_shown(engine, old), made, apart=frozenset(("updated",)))
            target = Target("rule_test", id, made["name"])
            await write(tx, author, Entry(action="rule_test.updated", target=target, before=before, after=after))
            return made


async def remove_test(engine: Engine, author: Author, id: str) -> None:
    """Forget a test. Raises NotFound."""
    async with engine.pool.transaction() as tx:
        old = _shown(engine, await get_test(tx, id))
        await delete_test(tx, id)
        target = Target("rule_test", id, old["name"])
        await write(tx, author, Entry(action="rule_test.deleted", target=target, before=old))


async def run(engine: Engine, collections: Sequence[str] | None = None) -> Report:
    """Run the tests of these collections, or all, on the data as it is. Raises NotFound for unknown collections."""
    catalog = engine.catalog
    wanted = None if collections is None else [catalog.get(name).id for name in collections]
    async with rehearsal(engine.pool, engine.settings.statement_timeout_ms) as tx:
        return await run_tests(engine, tx, catalog, await all_tests(tx, wanted))


async def refuse_failing(engine: Engine, tx: Transaction, new: Catalog) -> None:
    """Look at all tests before a change of the catalog is committed. Raises ValidationFailed naming those that fail.

    The tests follow the new names of fields and collections first.
    """
    tests = [await _follow(engine, tx, new, test) for test in await all_tests(tx)]
    if not tests:
        return
    report = await run_tests(engine, tx, new, tests)
    failing = [result for result in report.results if not result.passed]
    if not failing:
        return
    told: dict[str, Problem] = {}
    for result in failing:
        why = f" ({result.message})" if result.message else ""
        about = f"{result.collection}: {result.name}: should be {result.expected}, would be {result.got}{why}"
        told[result.id] = Problem(FAILED, about)
    message = f"{len(failing)} of {len(report.results)} rule tests would fail: {told[failing[0].id].message}"
    raise ValidationFailed({"ruleTests": told}, message)


async def _follow(engine: Engine, tx: Transaction, new: Catalog, test: RuleTest) -> RuleTest:
    """A test as it speaks of what there is now, written down if that is not as it spoke before."""
    found = with_new_names(test, engine.catalog, new)
    return test if found is test else await put_test(tx, found)


def _collection(catalog: Catalog, given: Any) -> Collection:
    found = catalog.find(given) if isinstance(given, str) else None
    if found is None:
        code = "validation_invalid_value" if given else "validation_required"
        raise ValidationFailed({"collection": Problem(code, "Must be the name of a collection.")})
    return found


def _shown(engine: Engine, test: RuleTest) -> dict[str, Any]:
    found = engine.catalog.by_id.get(test.collection_id)
    return rule_test_json(test, found.name if found else test.collection_id)
