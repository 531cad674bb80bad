"""What plugins do to what clients of realtime ask for, and to what they are sent."""

from collections.abc import Sequence
from typing import Any

import msgspec

from holdfast.engine import Engine
from holdfast.errors import Problem, ValidationFailed
from holdfast.events.event import Event
from holdfast.hooks.calling import call, call_one, tell
from holdfast.hooks.origin import Origin
from holdfast.hooks.table import Calls
from holdfast.http.request import Request
from holdfast.plugin import RealtimeMessage, RealtimeSubscription
from holdfast.realtime.sights import Seen
from holdfast.realtime.subscription import Subscription
from holdfast.realtime.topic import Topic, TopicRefused, read_topic


async def before_subscribe(engine: Engine, request: Request, topics: tuple[Topic, ...]) -> tuple[Topic, ...]:
    """The topics as plugins leave them. Raises what they refuse them with, and ValidationFailed for what is none."""
    calls = engine.hooks.realtime_before_subscribe
    if not calls:
        return topics
    given = RealtimeSubscription([topic.text for topic in topics])
    await call(calls, Origin(who=request.principal, request_id=request.id), given)
    try:
        return tuple({text: read_topic(text) for text in given.topics}.values())
    except TopicRefused as refused:
        problem = Problem(refused.problem.code, refused.problem.message)
        raise ValidationFailed({"subscriptions": problem}) from refused


async def as_sent(engine: Engine, events: Sequence[Event], seen: Seen) -> Seen:
    """What each is sent of what they see, as plugins leave it."""
    calls = engine.hooks.realtime_before_send
    if not calls:
        return seen
    found: Seen = {}
    for one, items in seen.items():
        sent = [(at, await _before_send(engine, calls, one, events[at], item)) for at, item in items]
        found[one] = [(at, item) for at, item in sent if item is not None]
    return found


async def _before_send(engine: Engine, calls: Calls, one: Subscription, event: Event, item: bytes) -> bytes | None:
    """What one client is sent; None if it is nothing. A fault is logged, and nothing sent."""
    message = RealtimeMessage(one.topic.text, event.type, msgspec.json.decode(item, type=dict[str, Any]))
    origin = Origin(who=one.who, collection=engine.catalog.by_id.get(event.collection_id))
    for called in calls:
        try:
            await call_one(called, origin, message)
            item = msgspec.json.encode(message.record)
        except Exception as failure:
            tell(called, failure, event_id=event.id)
            return None
        if message.dropped:
            return None
    return item
