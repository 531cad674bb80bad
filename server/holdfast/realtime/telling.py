"""Changes of records as messages to clients."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from holdfast.engine import Engine
from holdfast.events.event import Event
from holdfast.events.position import Position
from holdfast.identity import Principal
from holdfast.realtime.message import event as encode_event
from holdfast.realtime.sights import may_see_any, see
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
    seen = await see(engine, events, wanted)
    made: dict[tuple[str, int, int], bytes] = {}
    found: dict[Client, list[tuple[int, bytes]]] = {}
    for one, items in seen.items():
        told = found.setdefault(one.client, [])
        for at, item in items:
            key = (one.topic.text, at, id(item))
            message = made.get(key)
            if message is None:
                message = made[key] = _changed(one.topic.text, epoch, events[at], item)
            told.append((at, message))
    for one, places in wanted.items():
        emptied = [at for at in places if events[at].action == "truncate" and may_see_any(engine, one, events[at])]
        for at in emptied:
            found.setdefault(one.client, []).append((at, reset(Position(epoch, events[at].seq), "truncated")))
    for one, places in wanted.items():
        own = [at for at in places if events[at].audience and is_for(events[at].audience, one.who)]
        for at in own:
            found.setdefault(one.client, []).append((at, _emitted(one.topic.text, epoch, events[at])))
    for told in found.values():
        told.sort(key=lambda one: one[0])
    return {client: list(dict.fromkeys(message for _, message in told)) for client, told in found.items()}


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


def _emitted(topic: str, epoch: str, event: Event) -> bytes:
    data = msgspec.json.encode({"type": event.type, "timestamp": event.timestamp, "record": event.record})
    return encode_event(topic, data, f"{epoch}:{event.seq}")


def _changed(topic: str, epoch: str, event: Event, item: bytes) -> bytes:
    data = b'{"action":"%b","record":%b}' % (event.action.encode(), item)
    return encode_event(topic, data, f"{epoch}:{event.seq}")
