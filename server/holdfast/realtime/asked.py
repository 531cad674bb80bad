"""What a client asks for over HTTP: which of its topics it wants to hear from now on."""

from typing import Any, Final, cast

import msgspec

from holdfast.errors import Problem, Problems, ValidationFailed
from holdfast.realtime.topic import Topic, TopicRefused, read_topic

MOST_TOPICS: Final = 1000
MOST_ID_CHARS: Final = 255


class Asked(msgspec.Struct, frozen=True):
    """The topics that take the place of those that the client had."""

    client_id: str
    topics: tuple[Topic, ...]


def read_asked(body: dict[str, Any]) -> Asked:
    """Read the body of a request. Raises ValidationFailed with what is wrong with each field."""
    problems: dict[str, Problem | Problems] = {}
    client_id = body.get("clientId")
    if client_id in (None, ""):
        problems["clientId"] = Problem("validation_required", "A value is needed.")
    elif not isinstance(client_id, str):
        problems["clientId"] = Problem("validation_invalid_value", "Has to be a text.")
    elif len(client_id) > MOST_ID_CHARS:
        problems["clientId"] = Problem(
            "validation_length_out_of_range", f"May have at most {MOST_ID_CHARS} characters."
        )
    topics = read_topics(body.get("subscriptions"), problems)
    if problems:
        raise ValidationFailed(problems)
    return Asked(cast(str, client_id), topics)


def read_topics(given: object, problems: dict[str, Problem | Problems]) -> tuple[Topic, ...]:
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
