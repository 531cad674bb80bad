"""One topic of one client, ready to be asked which changes it is about."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal

from holdfast.errors import BadRequest
from holdfast.events.event import Event
from holdfast.events.position import Position
from holdfast.expressions.read import Reading, read_filter
from holdfast.identity import Principal
from holdfast.realtime.topic import ALL, Topic
from holdfast.records.query import read_parameters
from holdfast.rules.facts import Facts

if TYPE_CHECKING:
    from holdfast.realtime.streams import Client

_OWN: Final = ("@", "PB_CONNECT")  # what names of messages that are about no record begin with


class Subscription:
    """A topic and who subscribed to it. It is about what came after `after`, or all if that is None."""

    def __init__(self, client: "Client", topic: Topic, after: Position | None) -> None:
        self.client = client
        self.topic = topic
        self._after = after

    def is_after(self, position: Position) -> bool:
        """Whether what is at a position came after it was subscribed to."""
        return self._after is None or position.seq > self._after.seq or position.epoch != self._after.epoch

    @property
    def who(self) -> Principal:
        """Whose rights count: they may change between two messages."""
        return self.client.standing.who

    @property
    def is_about_records(self) -> bool:
        """Whether changes of records may be what it is about."""
        return is_about_records(self.topic)

    @property
    def action(self) -> Literal["list", "view"]:
        """Which rule decides."""
        return "list" if self.topic.record == ALL else "view"

    @cached_property
    def shape(self) -> tuple[str, str]:
        """Its `fields` and `expand`."""
        return self.topic.query.get("fields", ""), self.topic.query.get("expand", "")

    @cached_property
    def filter(self) -> str:
        """Its filter; empty if there is none."""
        return self.topic.query.get("filter", "").strip()

    @cached_property
    def reading(self) -> Reading | None:
        """Its filter, as it was read. Raises InvalidFilter or BadRequest."""
        return read_topic_filter(self.topic)

    @cached_property
    def kind(self) -> Hashable:
        """What all subscriptions have in common that can be answered by one statement, but for who asks."""
        try:
            reading = self.reading
        except BadRequest:  # refused when it came, but what filters may say can change with an update of the server
            return None
        return self.action, self.shape, reading and reading.shape

    @property
    def facts(self) -> Facts:
        """What rules may ask about it."""
        topic = self.topic
        headers = {name.encode(): content.encode() for name, content in topic.headers.items()}
        return Facts(who=self.who, query=lambda: topic.query, headers=headers, context="realtime")


def is_about_records(topic: Topic) -> bool:
    """Whether changes of records may be what a topic is about."""
    return not topic.text.startswith(_OWN) and "/" not in topic.record


def read_topic_filter(topic: Topic) -> Reading | None:
    """The filter of a topic; None if it has none. Raises InvalidFilter or BadRequest."""
    text = topic.query.get("filter", "")
    return read_filter(text, dict(read_parameters(topic.query))) if text.strip() else None


class Index:
    """The subscriptions of all clients that hear changes as they come, by collection and record."""

    def __init__(self) -> None:
        self._places: dict[str, dict[str, dict[Subscription, None]]] = {}

    def __bool__(self) -> bool:
        return bool(self._places)

    def add(self, subscriptions: Iterable[Subscription]) -> None:
        """Let these hear what comes."""
        for one in subscriptions:
            if one.is_about_records:
                place = self._places.setdefault(one.topic.place, {})
                place.setdefault(one.topic.record, {})[one] = None

    def remove(self, subscriptions: Iterable[Subscription]) -> None:
        """Let these hear nothing more."""
        for one in subscriptions:
            place = self._places.get(one.topic.place, {})
            among = place.get(one.topic.record)
            if among is None or among.pop(one, self) is self:
                continue
            if not among:
                del place[one.topic.record]
            if not place:
                del self._places[one.topic.place]

    def clients(self) -> "set[Client]":
        """All clients that hear something."""
        return {one.client for place in self._places.values() for among in place.values() for one in among}

    def matching(self, epoch: str, events: Sequence[Event], names: Mapping[str, str]) -> dict[Subscription, list[int]]:
        """Which of the events each subscription is about, by their places in the list.

        A collection goes by its id, by its name when the event was numbered, and by that which `names` has for its id;
        an event of a plugin by its type.
        """
        found: dict[Subscription, list[int]] = {}
        for at, event in enumerate(events):
            position = Position(epoch, event.seq)
            if not event.collection_id:
                for one in self._places.get(event.type, {}).get(ALL, ()) if event.audience else ():
                    if one.is_after(position):
                        found.setdefault(one, []).append(at)
                continue
            for place in {event.collection_id, event.collection, names.get(event.collection_id, event.collection)}:
                by_record = self._places.get(place)
                if by_record is None:
                    continue
                wanted = (ALL, event.record_id) if event.action != "truncate" else tuple(by_record)
                for record in wanted:
                    for one in by_record.get(record, ()):
                        if one.is_after(position):
                            found.setdefault(one, []).append(at)
        return found
