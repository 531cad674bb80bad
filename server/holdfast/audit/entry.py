"""One line of the audit log as it is written: what was done to what, and what changed. Pure."""

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, cast

import msgspec

from holdfast.audit.actions import Action

MOST_BYTES: Final = 64 * 1024  # of `before`, and of `after`
MOST_KEYS: Final = 100  # that are named in place of what is larger
_encode: Final = msgspec.json.Encoder(enc_hook=str).encode
Parts: TypeAlias = Mapping[str, Any]
Outcome: TypeAlias = Literal["success", "failure"]


class Target(msgspec.Struct, frozen=True):
    """What something was done to. Of an account `name` is its collection."""

    kind: str
    id: str = ""
    name: str = ""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What is written down.

    `before` and `after` are what has changed, as the API shows it, so without secrets; None for what was not there.
    `details` are about the act itself: the method of a login, how often something was refused.
    """

    action: Action
    target: Target
    outcome: Outcome = "success"
    reason: str = ""
    details: Parts | None = None
    before: Parts | None = None
    after: Parts | None = None


def changed(before: Parts, after: Parts, *, apart: frozenset[str] = frozenset()) -> tuple[Parts, Parts]:
    """The keys that are not the same in both, with what each has there. The keys `apart` are of no interest.

    Of two lists of things that have ids (the fields of a collection) only the things that differ are told.
    """
    old: dict[str, Any] = {}
    new: dict[str, Any] = {}
    for key in [*before, *(key for key in after if key not in before)]:
        was, now = before.get(key), after.get(key)
        if was == now or key in apart:
            continue
        if _have_ids(was) and _have_ids(now):
            was, now = _without(was, now), _without(now, was)
        if key in before:
            old[key] = was
        if key in after:
            new[key] = now
    return old, new


def _have_ids(value: Any) -> bool:
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(one, Mapping) and "id" in one for one in cast(list[Any], value))


def _without(some: Any, others: Any) -> list[Any]:
    return [one for one in some if one not in others]


def bounded(parts: Parts | None) -> str | None:
    """The parts as JSON; for what takes more than MOST_BYTES its keys alone."""
    if parts is None:
        return None
    text = _encode(parts)
    if len(text) > MOST_BYTES:
        text = _encode({"tooLarge": len(text), "keys": [key[:MOST_KEYS] for key in list(parts)[:MOST_KEYS]]})
    return text.decode()
