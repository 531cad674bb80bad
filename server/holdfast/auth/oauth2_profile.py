"""Who a provider says somebody is: one struct, and how it is read out of whatever each of them answers. Pure."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, cast

import msgspec

from holdfast.schema.email import is_email

Read: TypeAlias = str | Callable[[Mapping[str, Any]], object]
"""Where something stands in an answer, or a function that takes it out.

A place is keys with dots between them (`data.0.id`); places with a space between them are put together
(`first_name last_name`), and of those with a bar between them the first counts that holds anything (`sub|id`).
"""

MAX_ID_CHARS: Final = 500
MAX_TEXT_CHARS: Final = 2083


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider says of somebody. `email` is only there if the provider says that it is theirs."""

    id: str
    name: str = ""
    username: str = ""
    email: str = ""
    avatar_url: str = ""
    raw: Mapping[str, Any] = {}


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """Where each part of a profile is in a provider's answer; `active` False is somebody who was locked out there."""

    id: Read
    name: Read = ""
    username: Read = ""
    email: Read = ""
    verified: Read = ""
    avatar: Read = ""
    active: Read = lambda _: True


def read_profile(reading: Reading, answer: Mapping[str, Any], email: str | None = None) -> Profile | None:
    """The profile in an answer; None for one that names nobody, or somebody who is not active there.

    `email` is a verified one that was asked for apart, or empty; None: it is in the answer.
    """
    id = text_at(answer, reading.id)
    if not id or len(id) > MAX_ID_CHARS or not is_true(_at(answer, reading.active)):
        return None
    if email is None:
        email = text_at(answer, reading.email) if is_true(_at(answer, reading.verified)) else ""
    return Profile(
        id=id,
        name=text_at(answer, reading.name)[:MAX_TEXT_CHARS],
        username=text_at(answer, reading.username)[:MAX_TEXT_CHARS],
        email=email if is_email(email) else "",
        avatar_url=_web_address(text_at(answer, reading.avatar)),
        raw=answer,
    )


def text_at(answer: Mapping[str, Any], read: Read) -> str:
    """The text at a place. A number counts as one; anything else, and what no database keeps, is empty."""
    found = _at(answer, read)
    if isinstance(found, bool) or not isinstance(found, str | int):
        return ""
    text = str(found).strip()
    return "" if "\0" in text or not _is_unicode(text) else text


def is_true(found: object) -> bool:
    """Whether an answer means yes: some providers send `"true"`, or 1."""
    return found is True or found == 1 or (isinstance(found, str) and found.lower() in ("true", "1"))


def _at(answer: Mapping[str, Any], read: Read) -> object:
    if not isinstance(read, str):
        return read(answer)
    for choice in read.split("|"):
        parts = [_inside(answer, place) for place in choice.split()]
        if len(parts) > 1:
            parts = [" ".join(part.strip() for part in parts if isinstance(part, str)).strip()]
        if parts and parts[0] not in (None, ""):
            return parts[0]
    return None


def _inside(answer: object, place: str) -> object:
    for key in place.split("."):
        if isinstance(answer, Mapping):
            answer = cast("Mapping[str, object]", answer).get(key)
        elif isinstance(answer, list) and key.isdecimal() and int(key) < len(cast("list[object]", answer)):
            answer = cast("list[object]", answer)[int(key)]
        else:
            return None
    return answer


def _web_address(text: str) -> str:
    """An address that a page may show as a picture, else nothing: no `javascript:`, no `data:`."""
    is_one = text.startswith(("https://", "http://")) and len(text) <= MAX_TEXT_CHARS
    return text if is_one and not any(char.isspace() for char in text) else ""


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
