"""What a client asks for over HTTP: which of its topics it wants to hear from now on."""

from collections.abc import Sequence
from typing import Any, Final, cast
from urllib.parse import parse_qsl

import msgspec

from holdfast.engine import Engine
from holdfast.errors import BadRequest, Problem, Problems, ValidationFailed
from holdfast.events.position import read_position
from holdfast.http.request import MAX_QUERY_PARTS, Request
from holdfast.identity import Principal
from holdfast.realtime.plan import Watch, plan_seeing
from holdfast.realtime.subscription import is_about_records, read_topic_filter
from holdfast.realtime.topic import ALL, Topic, TopicRefused, read_topic
from holdfast.records.plan import Asked as AskedOf
from holdfast.rules.access import audience

ASKED_KEYS: Final = frozenset(("clientId", "subscriptions", "since"))
UNKNOWN: Final = Problem("validation_unknown_key", "There is no such key here.")
MOST_TOPICS: Final = 1000
MOST_ID_CHARS: Final = 255
_Found = dict[str, Problem | Problems]


class Asked(msgspec.Struct, frozen=True):
    """The topics that take the place of those that the client had, and what it has heard already."""

    client_id: str
    topics: tuple[Topic, ...]
    since: str = ""


def read_asked(body: dict[str, Any]) -> Asked:
    """Read the body of a request. Raises ValidationFailed with what is wrong with each field."""
    problems: _Found = {key: UNKNOWN for key in body.keys() - ASKED_KEYS}
    client_id = body.get("clientId")
    if client_id in (None, ""):
        problems["clientId"] = Problem("validation_required", "A value is needed.")
    elif not isinstance(client_id, str):
        problems["clientId"] = Problem("validation_invalid_value", "Has to be a text.")
    elif len(client_id) > MOST_ID_CHARS:
        problems["clientId"] = Problem(
            "validation_length_out_of_range", f"May have at most {MOST_ID_CHARS} characters."
        )
    topics = _read_topics(body.get("subscriptions"), problems)
    since = _read_since(body.get("since"), problems)
    if problems:
        raise ValidationFailed(problems)
    return Asked(cast(str, client_id), topics, since)


def read_asked_with_line(request: Request) -> Asked | None:
    """What the request for a line says already, with `topics` and `since`; None if it has no topics.

    A browser that reconnects says in `Last-Event-ID` what it had last, which wins over an address that stays the same.
    """
    query = request.query  # refuses what is no UTF-8
    pairs = parse_qsl(request.query_string.decode("latin-1"), keep_blank_values=True, max_num_fields=MAX_QUERY_PARTS)
    given = [text for name, text in pairs if name == "topics"]
    texts = [text for one in given for text in ([one] if "?" in one else one.split(",")) if text]
    if not texts:
        return None
    problems: _Found = {}
    topics = _read_topics(texts, problems)
    since = request.header(b"last-event-id") or _read_since(query.get("since"), problems)
    if problems:
        raise ValidationFailed({"topics" if key == "subscriptions" else key: one for key, one in problems.items()})
    return Asked("", topics, since)


def check_topics(engine: Engine, topics: Sequence[Topic], who: Principal) -> None:
    """Refuse filters and the like that no collection can be asked. Raises ValidationFailed.

    What nobody may see is no error, and a collection that is not there may come.
    """
    problems: dict[str, Problem] = {}
    for at, topic in enumerate(topics):
        try:
            _check_topic(engine, topic, who)
        except BadRequest as failure:
            problems[str(at)] = Problem("validation_invalid_options", f"{topic.text[:100]}: {failure.message}")
    if problems:
        raise ValidationFailed({"subscriptions": problems})


def _check_topic(engine: Engine, topic: Topic, who: Principal) -> None:
    if not topic.query or not is_about_records(topic):
        return
    catalog = engine.catalog
    reading = read_topic_filter(topic)
    collection = catalog.by_name.get(topic.place) or catalog.by_id.get(topic.place)
    if collection is None:
        return
    shape = (topic.query.get("fields", ""), topic.query.get("expand", ""))
    watch = Watch("list" if topic.record == ALL else "view", topic.query.get("filter", ""), shape)
    plan_seeing(engine.plans, AskedOf(catalog, collection, audience(who)), watch, reading)


def _read_since(given: object, problems: _Found) -> str:
    if given in (None, ""):
        return ""
    if not isinstance(given, str) or read_position(given) is None:
        problems["since"] = Problem("validation_invalid_value", "Has to be the id of a message, such as abc123:42.")
        return ""
    return given


def _read_topics(given: object, problems: _Found) -> tuple[Topic, ...]:
    """Read a list of topics, or one, each once; what is wrong is added to `problems`."""
    if given is None:
        return ()
    if isinstance(given, str):
        given = [given] if given else []
    if not isinstance(given, list):
        problems["subscriptions"] = Problem("validation_invalid_value", "Has to be a list of topics.")
        return ()
    texts = cast("list[object]", given)
    if len(texts) > MOST_TOPICS:
        problems["subscriptions"] = Problem("validation_length_out_of_range", f"May hold at most {MOST_TOPICS} topics.")
        return ()
    topics: dict[str, Topic] = {}
    wrong: dict[str, Problem] = {}
    for index, text in enumerate(texts):
        try:
            topic = read_topic(text)
            topics[topic.text] = topic
        except TopicRefused as refused:
            wrong[str(index)] = refused.problem
    if wrong:
        problems["subscriptions"] = wrong
    return tuple(topics.values())
