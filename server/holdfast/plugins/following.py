"""Offers the changes of records to plugins, from the log: at least once, in order, each plugin from where it was."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, cast

import asyncpg
import msgspec
import structlog

from holdfast.db.failures import end_if_cancelled
from holdfast.db.pool import Transaction
from holdfast.db.sql import Inputs, Statement, named, raw
from holdfast.engine import Engine
from holdfast.errors import ApiError
from holdfast.events.event import Event
from holdfast.events.position import Position, PositionLost
from holdfast.hooks.calling import call_one, tell
from holdfast.hooks.table import Called
from holdfast.plugin import RecordEvent
from holdfast.plugins.hosting import Plugins

LOOK_SECONDS: Final = 0.5  # between two looks at which plugins want changes, and whether another process is at work
WAIT_SECONDS: Final = 5.0
AT_ONCE: Final = 100  # events of one read
LONGEST_PAUSE_SECONDS: Final = 60.0  # between two tries of one event
_FAILURES: Final = (ApiError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
_BEGIN: Final = Statement.of(
    raw("INSERT INTO holdfast.plugin_cursors (plugin, epoch, seq) VALUES (")
    + named("plugin", "text")
    + raw(", ")
    + named("epoch", "text")
    + raw(", ")
    + named("seq", "bigint")
    + raw(") ON CONFLICT DO NOTHING")
)
_READ: Final = raw("SELECT epoch, seq FROM holdfast.plugin_cursors WHERE plugin = ") + named("plugin", "text")
_LOOK: Final = Statement.of(_READ)
_TAKE: Final = Statement.of(
    _READ + raw(" AND epoch = ") + named("epoch", "text") + raw(" AND seq = ") + named("before", "bigint")
    + raw(" FOR UPDATE SKIP LOCKED")
)  # fmt: skip
_MOVE: Final = Statement.of(
    raw("UPDATE holdfast.plugin_cursors SET epoch = ")
    + named("epoch", "text")
    + raw(", seq = ")
    + named("seq", "bigint")
    + raw(", moved = now() WHERE plugin = ")
    + named("plugin", "text")
)
_log: Final = structlog.get_logger("holdfast.plugins")


async def follow_changes(plugins: Plugins) -> None:
    """Offer changes to the plugins that want them and are on, until cancelled."""
    running: dict[str, asyncio.Task[None]] = {}
    try:
        while True:
            wanted = {called.plugin: called for called in plugins.hooks.record_changed}
            # One that was off and on again between two looks has ended by itself.
            ended = {name for name, task in running.items() if task.done()}
            for name in ended | (running.keys() - wanted.keys()):
                running.pop(name).cancel()
            for name in wanted.keys() - running.keys():
                running[name] = asyncio.create_task(_follow(plugins, name), name=f"offer changes to {name}")
            await asyncio.sleep(LOOK_SECONDS)
    finally:
        for task in running.values():
            task.cancel()
        await asyncio.gather(*running.values(), return_exceptions=True)


async def begin(plugins: Plugins) -> None:
    """Let plugins that are new hear of what happens from now on, as `follow_changes` does when it looks."""
    for called in plugins.hooks.record_changed:
        await _place(plugins.engine, called.plugin)


async def _follow(plugins: Plugins, name: str) -> None:
    failures = 0
    while True:
        called = next((one for one in plugins.hooks.record_changed if one.plugin == name), None)
        if called is None:
            return
        try:
            moved = await _turn(plugins, called)
            failures = 0
        except Exception as failure:
            end_if_cancelled()
            failures += 1
            if isinstance(failure, _FAILURES) and not isinstance(failure, ApiError):
                _log.warning("changes cannot be offered and wait", plugin=name, reason=str(failure))
            else:
                tell(called, failure, tries=failures)
            await asyncio.sleep(min(2.0 ** (failures - 1), LONGEST_PAUSE_SECONDS))
            continue
        if not moved:
            await asyncio.sleep(LOOK_SECONDS)


async def _turn(plugins: Plugins, called: Called) -> bool:
    """Offer what there is; False if another process does it."""
    engine = plugins.engine
    after = await _place(engine, called.plugin)
    try:
        events = await engine.feed.read(after, AT_ONCE)
    except PositionLost:
        await _begin_anew(engine, called.plugin)
        return True
    if not events:
        await engine.feed.wait(after, WAIT_SECONDS)
        return True
    for event in events:
        if not await _offer(plugins, called, after, event):
            return False
        after = Position(after.epoch, event.seq)
    return True


async def _place(engine: Engine, plugin: str) -> Position:
    """Up to where a plugin has come; for a new one that is where the log stands."""
    row = await engine.pool.fetchrow(_LOOK, Inputs(named={"plugin": plugin}))
    if row is not None:
        return Position(row["epoch"], row["seq"])
    now = await engine.feed.position()
    await engine.pool.execute(_BEGIN, Inputs(named={"plugin": plugin, "epoch": now.epoch, "seq": now.seq}))
    return now


async def _begin_anew(engine: Engine, plugin: str) -> None:
    now = await engine.feed.position()
    _log.error("the log does not go back to where a plugin was: it has missed changes", plugin=plugin)
    await engine.pool.execute(_MOVE, Inputs(named={"plugin": plugin, "epoch": now.epoch, "seq": now.seq}))


async def _offer(plugins: Plugins, called: Called, after: Position, event: Event) -> bool:
    """Offer one event, and move on in the same transaction; False if another process is at it."""
    inputs = {"plugin": called.plugin, "epoch": after.epoch, "before": after.seq, "seq": event.seq}
    async with plugins.engine.pool.transaction() as tx:
        if await tx.fetchrow(_TAKE, Inputs(named=inputs)) is None:
            return False
        if event.collection_id:
            await _call(plugins, called, event, tx)
        await tx.execute(_MOVE, Inputs(named=inputs))
    return True


async def _call(plugins: Plugins, called: Called, event: Event, tx: Transaction) -> None:
    collection = plugins.engine.catalog.by_id.get(event.collection_id)
    origin = msgspec.structs.replace(plugins.origin(called.plugin), collection=collection, tx=tx)
    await call_one(called, origin, told(event))


def told(event: Event) -> RecordEvent:
    """An event as plugins are given it. Pure."""
    return RecordEvent(
        id=event.id,
        seq=event.seq,
        type=event.type,
        action=event.action,
        timestamp=event.timestamp,
        collection=event.collection,
        record_id=event.record_id,
        record=_object(event.record),
        previous=_object(event.previous) or {},
        request_id=event.request,
    )


def _object(content: msgspec.Raw) -> Mapping[str, Any] | None:
    with suppress(msgspec.DecodeError):
        found: object = msgspec.json.decode(content)
        if isinstance(found, dict):
            return cast("dict[str, Any]", found)
    return None
