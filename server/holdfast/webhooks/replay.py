"""The events of a time are sent to an endpoint again."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from holdfast.audit.author import Author
from holdfast.audit.entry import Entry, Target
from holdfast.audit.write import write
from holdfast.db.failures import as_api_errors
from holdfast.db.sql import Inputs, Statement, named, raw, value
from holdfast.engine import Engine
from holdfast.errors import BadRequest, Problem, ValidationFailed
from holdfast.events.event import NOTHING, Event, read_event
from holdfast.expressions.moment import read_moment
from holdfast.webhooks import store
from holdfast.webhooks.audited import KIND
from holdfast.webhooks.endpoint import Endpoint
from holdfast.webhooks.endpoint_reading import UNKNOWN
from holdfast.webhooks.event_types import MOST, by_id, matches, wrong_pattern
from holdfast.webhooks.router import queue_events
from holdfast.webhooks.selecting import key_of, select
from holdfast.webhooks.service import others

MOST_REPLAYED: Final = 100_000  # events of one call
_BATCH: Final = 1000
_RANGE: Final = Statement.of(
    raw("SELECT e.seq, e.id, e.type, e.collection_id, e.collection, e.record_id, e.record, e.previous,")
    + raw(" e.context, e.whole, holdfast.stamp(e.at) AS timestamp FROM holdfast.events AS e WHERE e.seq > ")
    + named("after", "bigint")
    + raw(" AND e.at >= ")
    + named("since", "timestamptz")
    + raw(" AND e.at < ")
    + named("until", "timestamptz")
    + raw(" ORDER BY e.seq LIMIT ")
    + value(_BATCH, "bigint")
)


class Wanted(msgspec.Struct, frozen=True):
    """Which events are sent again: those of a time, of these types if there are any. `dry`: they are only counted."""

    since: datetime
    until: datetime
    events: tuple[str, ...] = ()
    dry: bool = False


async def replay(engine: Engine, author: Author, webhook_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Send the events of a time again, as far as the endpoint gets them and they are in the log.

    Each keeps its `webhook-id`; for `dryRun` they are only counted. Raises NotFound, ValidationFailed, and BadRequest
    for more than MOST_REPLAYED.
    """
    wanted = _read(engine, body)
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            endpoint = store.endpoint_of(engine, await store.get_row(tx, webhook_id))
        found = await _found(engine, endpoint, wanted)
        if wanted.dry:
            return {"queued": len(found)}
        async with engine.pool.transaction() as tx:
            await store.get_row(tx, webhook_id, locked=True)
            await queue_events(tx, webhook_id, found, replay=True)
            target, details = Target(KIND, webhook_id, endpoint.draft.url), {"queued": len(found)}
            await write(tx, author, Entry(action="webhook.replayed", target=target, details=details))
    return {"queued": len(found)}


async def _found(engine: Engine, endpoint: Endpoint, wanted: Wanted) -> list[Event]:
    """The events, without their records: those are read again when they are sent."""
    found: list[Event] = []
    after = 0
    while True:
        inputs = Inputs(named={"after": after, "since": wanted.since, "until": wanted.until})
        page = [read_event(dict(row)) for row in await engine.pool.fetch(_RANGE, inputs)]
        if not page:
            return found
        after = page[-1].seq
        some = [event for event in page if not wanted.events or matches(wanted.events, key_of(event))]
        for event in await select(engine, endpoint, "", some):
            found.append(msgspec.structs.replace(event, record=NOTHING, previous=NOTHING))
        if len(found) > MOST_REPLAYED:
            raise BadRequest(f"These are more than {MOST_REPLAYED:,} events: ask for a shorter time.")


def _read(engine: Engine, body: Mapping[str, Any]) -> Wanted:
    problems: dict[str, Problem] = {key: UNKNOWN for key in body if key not in ("from", "to", "events", "dryRun")}
    since = _moment(body, "from", problems)
    until = datetime.now(UTC) if body.get("to") in (None, "") else _moment(body, "to", problems)
    events = _patterns(engine, body.get("events"), problems)
    dry = read_dry_run(body, problems)
    if not problems and since >= until:
        problems["to"] = Problem("validation_out_of_range", "Must be after `from`.")
    if problems:
        raise ValidationFailed(problems)
    return Wanted(since, until, events, dry)


def read_dry_run(body: Mapping[str, Any], problems: dict[str, Problem]) -> bool:
    """Whether `dryRun` asks for a count alone."""
    given = body.get("dryRun", False)
    if not isinstance(given, bool):
        problems["dryRun"] = Problem("validation_invalid_value", "Must be true or false.")
    return given is True


def _moment(body: Mapping[str, Any], name: str, problems: dict[str, Problem]) -> datetime:
    given = body.get(name)
    found = read_moment(given) if isinstance(given, str) else None
    if found is None:
        problems[name] = Problem("validation_invalid_date", "Must be a date such as 2026-11-21 12:00:00Z.")
    return found or datetime.now(UTC)


def _patterns(engine: Engine, given: Any, problems: dict[str, Problem]) -> tuple[str, ...]:
    try:
        patterns = msgspec.convert([] if given is None else given, list[str])
    except msgspec.ValidationError:
        problems["events"] = Problem("validation_invalid_value", "Must be a list of event types such as posts.created.")
        return ()
    names = [one.name for one in engine.catalog.collections]
    wrong = next((wrong for one in patterns if (wrong := wrong_pattern(one, names, others(engine))) is not None), None)
    if wrong is not None or len(patterns) > MOST:
        message = wrong or f"Must be at most {MOST} event types."
        problems["events"] = Problem("validation_invalid_value", message)
    return by_id(patterns, {one.name: one.id for one in engine.catalog.collections})
