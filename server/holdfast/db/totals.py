"""How much was done in all, kept in the database: the counts outlive every process, and any process can tell them."""

from collections.abc import Mapping
from typing import Final

import msgspec

from holdfast.db.pool import Connection, Transaction
from holdfast.db.sql import Inputs, Sql, Statement, literal, named, raw

_HEAD: Final = raw("INSERT INTO holdfast.totals AS t (name, label, outcome, value) ")
_ADD: Final = raw(" ON CONFLICT (name, label, outcome) DO UPDATE SET value = t.value + excluded.value")
# In one order, so that two who count the same things wait for each other and do not block each other for ever.
_COUNT: Final = Statement.of(
    _HEAD
    + raw("SELECT ")
    + named("name", "text")
    + raw(", '', found.outcome, found.value FROM unnest(")
    + named("outcomes", "text[]")
    + raw(", ")
    + named("values", "bigint[]")
    + raw(") AS found (outcome, value) ORDER BY found.outcome")
    + _ADD
)
_READ: Final = "SELECT name, label, outcome, value FROM holdfast.totals ORDER BY name, label, outcome"


class Total(msgspec.Struct, frozen=True):
    """How often something was done to this end. `label` tells sorts of it apart, where there are some."""

    name: str
    label: str
    outcome: str
    value: int


def count_changed(name: str, outcome: str) -> Sql:
    """A statement that counts the rows of `changed`, a part of the same statement, by the `name` that each has."""
    found = raw("SELECT ") + literal(name) + raw(", changed.name, ") + literal(outcome) + raw(", count(*)")
    return _HEAD + found + raw(" FROM changed GROUP BY changed.name ORDER BY changed.name") + _ADD


async def count(tx: Transaction, name: str, outcomes: Mapping[str, int]) -> None:
    """Count what was done, by how it ended: in the transaction that writes down what was done."""
    inputs = {"name": name, "outcomes": list(outcomes), "values": list(outcomes.values())}
    await tx.execute(_COUNT, Inputs(named=inputs))


async def read_totals(connection: Connection) -> tuple[Total, ...]:
    """All totals."""
    rows = await connection.fetch(_READ)
    return tuple(Total(row["name"], row["label"], row["outcome"], row["value"]) for row in rows)
