"""Changes of records as messages to clients."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from holdfast.engine import Engine
from holdfast.events.event import Event
from holdfast.events.position import Position
from holdfast.identity import Principal
from holdfast.realtime.hooked import as_sent
from holdfast.realtime.message import event as encode_event
from holdfast.realtime.sights import Seen, may_see_any, see
from holdfast.realtime.streams import Client
from holdfast.realtime.subscription import Subscription

READY: Final = "HF_READY"
RESET: Final = "HF_RESET"
Letters: TypeAlias = dict[Client, list[bytes]]
"""The messages for each client, in the order of the events."""


async def messages(
    engine: Engine, epoch: str, events: Sequence[Event], wanted: Mapping[Subscription, Sequence[int]]
) -> Letters:
    """What all who subscribed are told of the events. Messages that are equal are one object."""
    seen = await as_sent(engine, events, await see(engine, events, wanted))
    emitted = await as_sent(engine, events, _heard(events, wanted))
    made: dict[tuple[str, int, int], bytes] = {}
    found: dict[Client, list[tuple[int, bytes]]] = {}
    for of_records, sight in ((True, seen), (False, emitted)):
        for one, items in sight.items():
            told = found.setdefault(one.client, [])
            for at, item in items:
                # Its id is that of nothing else: `seen` and `emitted` hold it.
                key = (one.topic.text, at, id(item))
                message = made.get(key)
                if message is None:
                    message = made[key] = _message(one.topic.text, epoch, events[at], item, of_record=of_records)
                told.append((at, message))
    for one, places in wanted.items():
        emptied = [at for at in places if events[at].action == "truncate" and may_see_any(engine, one, events[at])]
        for at in emptied:
            found.setdefault(one.client, []).append((at, reset(Position(epoch, events[at].seq), "truncated")))
    for told in found.values():
        told.sort(key=lambda one: one[0])
    return {client: list(dict.fromkeys(message for _, message in told)) for client, told in found.items()}


def _heard(events: Sequence[Event], wanted: Mapping[Subscription, Sequence[int]]) -> Seen:
    """What each may hear of the events of plugins. Those who hear the same have the same object."""
    items = {at: bytes(event.record) for at, event in enumerate(events) if event.audience}
    if not items:
        return {}
    heard: Seen = {}
    for one, places in wanted.items():
        own = [(at, items[at]) for at in places if at in items and is_for(events[at].audience, one.who)]
        if own:
            heard[one] = own
    return heard


def ready(position: Position) -> bytes:
    """That every change after the position will be told."""
    data = {"seq": position.seq, "since": str(position)}
    return encode_event(READY, msgspec.json.encode(data), str(position))


def reset(position: Position, reason: str) -> bytes:
    """That the client has to read afresh what it knows: changes up to the position cannot be told one by one."""
    data = {"reason": reason, "seq": position.seq, "since": str(position)}
    return encode_event(RESET, msgspec.json.encode(data), str(position))


def is_for(audience: str, who: Principal) -> bool:
    """Whether somebody is one of those that an event of a plugin is for."""
    if audience == "anyone" or who.is_superuser:
        return True
    return audience == "users" and who.kind in ("user", "key")


def _message(topic: str, epoch: str, event: Event, item: bytes, *, of_record: bool) -> bytes:
    if of_record:
        data = b'{"action":"%b","record":%b}' % (event.action.encode(), item)
    else:
        data = msgspec.json.encode({"type": event.type, "timestamp": event.timestamp, "record": msgspec.Raw(item)})
    return encode_event(topic, data, f"{epoch}:{event.seq}")
