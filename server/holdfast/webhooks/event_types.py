"""Which events an endpoint gets: `posts.created`, `posts.*`, `auth.*`, `*`. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

CHANGES: Final = ("created", "updated", "deleted", "truncated")
EVERYTHING: Final = "*"
MOST: Final = 100
MAX_CHARS: Final = 200
_PATTERN: Final = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*(?:\.\*)?")


def wrong_pattern(pattern: object, collections: Iterable[str], others: Iterable[str]) -> str | None:
    """What is wrong with a pattern of event types, as a sentence; None if it can match something.

    `collections` are the names of those that are there, `others` the event types that are not of a collection, and
    what those of plugins begin with (`orders.`).
    """
    if pattern == EVERYTHING:
        return None
    if not isinstance(pattern, str) or len(pattern) > MAX_CHARS or _PATTERN.fullmatch(pattern) is None:
        return f"{str(pattern)[:MAX_CHARS]!r} is no event type such as posts.created or posts.*."
    first, _, rest = pattern.partition(".")
    if first in set(collections):
        if rest in ("*", *CHANGES) or first + "." in set(others):
            return None
        return f"{pattern} does not happen: a collection has {', '.join(CHANGES)}, and * for all of them."
    if any(matches((pattern,), other) or (other.startswith(first + ".") and rest == "*") for other in others):
        return None
    if any(other.endswith(".") and pattern.startswith(other) for other in others):
        return None
    return f"There is nothing that {pattern} could be: no collection that has events is called {first}."


def by_id(patterns: Iterable[str], ids: Mapping[str, str]) -> tuple[str, ...]:
    """The patterns with other first words, where `ids` has one: a rename of a collection changes nothing then.

    A plugin may be called like a collection: its own events keep their name.
    """
    parts = [one.partition(".") for one in patterns]
    return tuple(
        (ids.get(first, first) if rest in ("*", *CHANGES) else first) + dot + rest for first, dot, rest in parts
    )


def matches(patterns: Iterable[str], type: str) -> bool:
    """Whether one of the patterns asks for events of this type."""
    return any(
        pattern in (EVERYTHING, type) or (pattern.endswith(".*") and type.startswith(pattern[:-1]))
        for pattern in patterns
    )
