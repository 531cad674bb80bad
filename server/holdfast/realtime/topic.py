"""What a client subscribes to, as it writes it: `posts/*`, `posts/ID`, a name of its own; with options behind a `?`."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, cast
from urllib.parse import parse_qsl

import msgspec

from holdfast.errors import BadRequest, Problem
from holdfast.http.json import read_json

MOST_CHARS: Final = 2500
ALL: Final = "*"
_NAME: Final = re.compile(r"[\w@.:+~-]{1,255}(?:/(?:\*|[\w@.:+~-]{1,255}))*")
NOTHING: Final[Mapping[str, str]] = {}


class Topic(msgspec.Struct, frozen=True):
    """A topic. `text` is all of it, and the name of the messages that it brings.

    `place` is the collection, by name or id, and `record` the record's id, or ALL. `query` and `headers` stand for
    those of a request: its rules see them, and `filter`, `fields`, `expand` are read from the query.
    """

    text: str
    place: str = ""
    record: str = ""
    query: Mapping[str, str] = NOTHING
    headers: Mapping[str, str] = NOTHING


class TopicRefused(Exception):
    """A topic cannot be understood; `problem` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(code, message)


def read_topic(text: object) -> Topic:
    """Read one. Raises TopicRefused."""
    if not isinstance(text, str) or not text:
        raise TopicRefused("validation_invalid_topic", "Has to be a topic, such as posts/*.")
    if len(text) > MOST_CHARS:
        raise TopicRefused("validation_length_out_of_range", f"May have at most {MOST_CHARS} characters.")
    name, _, behind = text.partition("?")
    if not _NAME.fullmatch(name) or not text.isprintable():
        raise TopicRefused("validation_invalid_topic", "Has to be a topic, such as posts/* or posts/ID.")
    options = _options(behind)
    place, _, record = name.partition("/")
    return Topic(text, place, record or ALL, _texts(options.get("query")), _headers(options.get("headers")))


def _options(behind: str) -> dict[str, Any]:
    try:
        given = dict(parse_qsl(behind, errors="strict", max_num_fields=10)).get("options", "")
        options: Any = read_json(given.encode()) if given else {}
    except (ValueError, BadRequest) as failure:
        raise TopicRefused("validation_invalid_options", "The options have to be JSON, escaped for a URL.") from failure
    if not isinstance(options, dict):
        raise TopicRefused("validation_invalid_options", "The options have to be an object.")
    return cast("dict[str, Any]", options)


def _texts(given: object) -> dict[str, str]:
    """Names to texts, as they would stand in an address."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise TopicRefused("validation_invalid_options", "query and headers have to be objects.")
    found: dict[str, str] = {}
    for name, content in cast("dict[str, Any]", given).items():
        if content is None:
            continue
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        if "\0" in name or "\0" in text:
            raise TopicRefused("validation_invalid_options", "The options hold a NUL character.")
        found[name] = text
    return found


def _headers(given: object) -> dict[str, str]:
    return {name.lower(): content for name, content in _texts(given).items()}
