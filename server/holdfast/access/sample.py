"""Records to try a rule on: some by chance, or some that a caller may not list or view."""

import secrets
import string
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, cast

import asyncpg
import msgspec

from holdfast.access.acting import principal_meant
from holdfast.access.explanation import ROW, Asking
from holdfast.access.question import Question, read_question
from holdfast.access.rehearsal import rehearsal
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Transaction
from holdfast.db.sql import Sql, number, qualified, raw, value
from holdfast.engine import Engine
from holdfast.errors import ApiError, Problem, ValidationFailed
from holdfast.rules.scope import holds
from holdfast.schema.collection import Collection

Pick: TypeAlias = Literal["any", "refused"]
Ended: TypeAlias = Literal["rows", "time"]

PICKS: Final[tuple[Pick, ...]] = ("any", "refused")
MOST_PICKED: Final = 5
MOST_LOOKED: Final = 10_000  # rows, of a collection of any size
_INVALID: Final = "validation_invalid_value"
_LETTERS: Final = string.ascii_lowercase + string.digits  # ids are made of them


class SampleAsked(msgspec.Struct, frozen=True):
    """What is asked for: at most `limit` records that are refused, or any."""

    question: Question
    pick: Pick
    limit: int


class Sample(msgspec.Struct, frozen=True, omit_defaults=True):
    """The ids that were found, among so many records that were `looked` at at the most.

    `ended` says why there may be more of them: there are more `rows` than are looked at, or no `time` was left, and
    then nothing was found.
    """

    ids: tuple[str, ...]
    looked: int
    ended: Ended | None = None


def read_sample(body: Mapping[str, Any]) -> SampleAsked:
    """What a body asks for. Raises ValidationFailed."""
    question = read_question(body, frozenset(("pick", "limit")), of_record=False)
    pick, limit = body.get("pick"), body.get("limit", 1)
    problems: dict[str, Problem] = {}
    if pick not in PICKS:
        problems["pick"] = Problem(_INVALID, f"Must be one of {', '.join(PICKS)}.")
    elif pick == "refused" and question.action not in ("list", "view"):
        problems["action"] = Problem(_INVALID, "Records that are refused can be had for list and view.")
    if type(limit) is not int or not 1 <= limit <= MOST_PICKED:
        problems["limit"] = Problem(_INVALID, f"Must be a whole number from 1 to {MOST_PICKED}.")
    if problems:
        raise ValidationFailed(problems)
    return SampleAsked(question, cast(Pick, pick), cast(int, limit))


async def sample(engine: Engine, collection: Collection, asked: SampleAsked) -> Sample:
    """Find records. Raises ValidationFailed for a caller who is not there."""
    try:
        with as_api_errors():
            async with rehearsal(engine.pool, engine.settings.query_timeout_ms) as tx:
                who = await principal_meant(tx, engine.catalog, asked.question.asker)
                return await _find(tx, Asking(engine.catalog, collection, asked.question, who), asked)
    except ApiError as failure:
        if isinstance(failure.__cause__, asyncpg.QueryCanceledError):
            return Sample((), 0, "time")
        raise
    raise AssertionError("a rehearsal ends with its block")


async def _find(tx: Transaction, asking: Asking, asked: SampleAsked) -> Sample:
    row = await tx.fetchrow(_statement(asking, asked), asking.inputs())
    if row is None:
        raise AssertionError("an aggregate has a row")
    ids = tuple(row["ids"])
    more = row["rows"] > MOST_LOOKED and len(ids) < asked.limit
    return Sample(ids, min(row["rows"], MOST_LOOKED), "rows" if more else None)


def _statement(asking: Asking, asked: SampleAsked) -> Sql:
    """One statement that reads no more than MOST_LOOKED rows, and counts no more than one beyond them."""
    table = qualified("public", asking.collection.name)
    looked = raw("(") + _rows(asking.collection, table) + raw(") AS ") + ROW
    found = raw("SELECT ") + ROW + raw('."id"::text AS id FROM ') + looked
    if asked.pick == "refused":
        found += raw(" WHERE ") + _refused(asking)
    else:
        found += raw(" ORDER BY random()")
    found += raw(" LIMIT ") + number(asked.limit)
    counted = raw("SELECT count(*) FROM (SELECT FROM ") + table + raw(" LIMIT ") + number(MOST_LOOKED + 1)
    return raw("SELECT ARRAY(") + found + raw(") AS ids, (") + counted + raw(") AS counted) AS rows")


def _refused(asking: Asking) -> Sql:
    if asking.ways.everything:
        return raw("false")
    seen = holds(asking.catalog, asking.collection, asking.ways.rules, ROW, asking.audience)
    return raw("(") + seen + raw(") IS NOT TRUE")


def _rows(collection: Collection, table: Sql) -> Sql:
    """The rows that are looked at: of a table from an id by chance on, and from the first one after the last."""
    limit = raw(" LIMIT ") + number(MOST_LOOKED)
    rows = raw("SELECT * FROM ") + table
    if collection.is_view:
        return rows + limit
    start = value("".join(secrets.choice(_LETTERS) for _ in range(4)), "text")
    after = rows + raw(' WHERE "id" >= ') + start + raw(' ORDER BY "id"') + limit
    before = rows + raw(' WHERE "id" < ') + start + raw(' ORDER BY "id"') + limit
    return raw("SELECT * FROM ((") + after + raw(") UNION ALL (") + before + raw(")) AS all_of_it") + limit
