"""The rows of the rule tests."""

from collections.abc import Sequence
from typing import Final

import asyncpg
import msgspec

from holdfast.access.rule_test import RuleTest, read_rule_test, rule_test_json
from holdfast.db.pool import Row, Transaction
from holdfast.db.sql import EMPTY, raw, value
from holdfast.errors import NotFound, Problem, ValidationFailed
from holdfast.schema.ids import new_id

_COLUMNS: Final = raw(
    "SELECT t.id, t.collection_id, t.definition::text AS definition, holdfast.stamp(t.created) AS created,"
    " holdfast.stamp(t.updated) AS updated FROM holdfast.rule_tests AS t"
)


async def all_tests(tx: Transaction, collection_ids: Sequence[str] | None = None) -> list[RuleTest]:
    """The tests of these collections, or all of them, in the order in which they were made."""
    of_these = EMPTY
    if collection_ids is not None:
        of_these = raw(" WHERE t.collection_id = ANY (") + value(list(collection_ids), "text[]") + raw(")")
    return [_test(row) for row in await tx.fetch(_COLUMNS + of_these + raw(" ORDER BY t.created, t.id"))]


async def get_test(tx: Transaction, id: str) -> RuleTest:
    """One test. Raises NotFound."""
    row = await tx.fetchrow(_COLUMNS + raw(" WHERE t.id = ") + value(id, "text"))
    if row is None:
        raise NotFound("There is no rule test of that id.")
    return _test(row)


async def put_test(tx: Transaction, test: RuleTest) -> RuleTest:
    """Write a test, a new one when it has no id. Raises ValidationFailed if its collection has one of that name."""
    id = test.id or new_id()
    try:
        await tx.execute(
            raw("INSERT INTO holdfast.rule_tests AS t (id, collection_id, name, definition) VALUES (")
            + value(id, "text")
            + raw(", ")
            + value(test.collection_id, "text")
            + raw(", ")
            + value(test.name, "text")
            + raw(", ")
            + value(msgspec.json.encode(rule_test_json(test, "")).decode(), "jsonb")
            + raw(
                ") ON CONFLICT (id) DO UPDATE SET collection_id = excluded.collection_id, name = excluded.name,"
                " definition = excluded.definition, updated = now()"
            )
        )
    except asyncpg.UniqueViolationError as failure:
        taken = Problem("validation_not_unique", "Another test of this collection has the name.")
        raise ValidationFailed({"name": taken}) from failure
    return await get_test(tx, id)


async def delete_test(tx: Transaction, id: str) -> None:
    """Delete a test. Raises NotFound."""
    row = await tx.fetchrow(
        raw("DELETE FROM holdfast.rule_tests WHERE id = ") + value(id, "text") + raw(" RETURNING id")
    )
    if row is None:
        raise NotFound("There is no rule test of that id.")


def _test(row: Row) -> RuleTest:
    found = read_rule_test(msgspec.json.decode(row["definition"]), row["id"], row["collection_id"])
    return msgspec.structs.replace(found, created=row["created"], updated=row["updated"])
