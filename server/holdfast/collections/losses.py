"""Which records would lose something by a change, before it is made."""

from collections.abc import Mapping
from typing import Any

import msgspec

from holdfast.collections.change import losing_rows
from holdfast.collections.decisions import of_request
from holdfast.db.pool import Row
from holdfast.engine import Engine
from holdfast.errors import BadRequest


class Losing(msgspec.Struct, frozen=True):
    """A record, its value in the field, and what it would become; null where nothing would be left."""

    id: str
    value: msgspec.Raw
    becomes: msgspec.Raw


async def losses(engine: Engine, given: Mapping[str, Any]) -> tuple[Losing, ...]:
    """The first records, by id, that lose their value in the field `losing` of a change, described as for a plan.

    At most tables.SAMPLE; none where the change takes nothing from it. Raises BadRequest where `losing` is no
    `collection.field`, and what the change is refused with.
    """
    losing = given.get("losing")
    if not isinstance(losing, str) or losing.count(".") != 1:
        raise BadRequest("`losing` has to be the collection and the field of a step of the plan: posts.count.")
    collection, _, field = losing.partition(".")
    rest = {key: value for key, value in given.items() if key != "losing"}
    return tuple(_losing(row) for row in await losing_rows(engine, of_request(rest), collection, field))


def _losing(row: Row) -> Losing:
    return Losing(row["id"], _raw(row["value"]), _raw(row["becomes"]))


def _raw(json: str | None) -> msgspec.Raw:
    return msgspec.Raw(b"null" if json is None else json.encode())
