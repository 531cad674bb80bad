"""The body of `POST /api/batch`: which writes it asks for, in order. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, cast
from urllib.parse import parse_qsl, unquote

import msgspec

from holdfast.errors import Problem, Problems, ValidationFailed
from holdfast.http.form import FormValue
from holdfast.schema.field import EMPTY_MESSAGE

Action: TypeAlias = Literal["create", "update", "upsert", "delete"]

MAX_URL_CHARS: Final = 16_384
_URL: Final = re.compile(r"/?api/collections/([^/?#]+)/records(?:/([^/?#]+))?/?(?:\?([^#]*))?(?:#.*)?")
_FORM_KEY: Final = re.compile(r"requests(?:\.([0-9]{1,6})|\[([0-9]{1,6})\])\.(.+)", re.DOTALL)
# Method, and whether the path names a record.
ACTIONS: Final[Mapping[tuple[str, bool], Action]] = {
    ("POST", False): "create",
    ("PATCH", True): "update",
    ("PUT", False): "upsert",
    ("PUT", True): "upsert",
    ("DELETE", True): "delete",
}


class Part(msgspec.Struct, frozen=True):
    """One write of a batch. `collection` is as the URL names it, not looked up yet; the names of headers are lower.

    `new_id` is for a record that comes without an id: files are stored under it.
    """

    action: Action
    method: str
    collection: str
    id: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    new_id: str = ""

    @property
    def path(self) -> str:
        """Where it would have been sent on its own."""
        path = f"/api/collections/{self.collection}/records"
        return f"{path}/{self.id}" if self.id else path


def read_batch(values: Mapping[str, Any], most: int) -> tuple[Part, ...]:
    """The writes that a body asks for. Values and files of a form go to `requests.0.NAME` or `requests[0].NAME`.

    Raises ValidationFailed for anything but 1 to `most` requests that write records.
    """
    requests = values.get("requests")
    if not isinstance(requests, list) or not requests:
        raise ValidationFailed({"requests": Problem("validation_required", EMPTY_MESSAGE)})
    given = cast(list[Any], requests)
    if len(given) > most:
        message = f"A batch has at most {most} requests."
        raise ValidationFailed({"requests": Problem("validation_length_too_long", message)})
    forms = _forms(values)
    parts: list[Part] = []
    problems: dict[str, Problem | Problems] = {}
    for at, one in enumerate(given):
        found = _read_part(one, forms.get(at, {}))
        if isinstance(found, Part):
            parts.append(found)
        else:
            problems[str(at)] = found
    if problems:
        raise ValidationFailed({"requests": problems})
    return tuple(parts)


def _forms(values: Mapping[str, Any]) -> dict[int, dict[str, FormValue]]:
    found: dict[int, dict[str, FormValue]] = {}
    for key, value in values.items():
        named = _FORM_KEY.fullmatch(key) if isinstance(value, FormValue) else None
        if named is not None:
            found.setdefault(int(named[1] or named[2]), {})[named[3]] = value
    return found


def _read_part(given: Any, form: Mapping[str, FormValue]) -> Part | Problems:
    """One request of the batch, or what is wrong with it."""
    if not isinstance(given, dict):
        return {"method": Problem("validation_required", EMPTY_MESSAGE)}
    request = cast(dict[str, Any], given)
    method, url = request.get("method"), request.get("url")
    body, headers = request.get("body"), request.get("headers")
    problems: dict[str, Problem] = {}
    for name, value in (("body", body), ("headers", headers)):
        if value is not None and not isinstance(value, dict):
            problems[name] = Problem("validation_invalid_value", "Must be an object.")
    path = _read_url(url)
    if path is None:
        problems["url"] = Problem("validation_invalid_value", "Must be /api/collections/NAME/records or …/records/ID.")
        return problems
    action = ACTIONS.get((str(method).upper(), bool(path[1])))
    if action is None:
        message = "Must be POST or PUT for …/records, and PATCH, PUT or DELETE for …/records/ID."
        problems["method"] = Problem("validation_invalid_value", message)
    if problems or action is None:
        return problems
    texts = {str(name).lower(): value for name, value in _object(headers).items() if isinstance(value, str)}
    return Part(action, str(method).upper(), *path, texts, {**_object(body), **form})


def _object(value: Any) -> dict[str, Any]:
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def _read_url(url: object) -> tuple[str, str, dict[str, str]] | None:
    """Collection, record and query parameters; None for any other URL."""
    found = _URL.fullmatch(url) if isinstance(url, str) and len(url) <= MAX_URL_CHARS else None
    if found is None:
        return None
    try:
        collection, id = (unquote(text or "", errors="strict") for text in found.group(1, 2))
        pairs = parse_qsl(found[3] or "", keep_blank_values=True, errors="strict")
    except ValueError:
        return None
    if "\0" in collection + id or any("\0" in name + text for name, text in pairs):
        return None
    query: dict[str, str] = {}
    for name, text in pairs:
        query.setdefault(name, text)
    return collection, id, query
