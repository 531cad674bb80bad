"""A question about access: may this caller do that? Read from a body, of `explain` and of a rule's test. Pure."""

from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from holdfast.errors import Problem, Problems, ValidationFailed
from holdfast.rules.facts import Context
from holdfast.schema.field import EMPTY_MESSAGE
from holdfast.schema.role import ACTIONS, Action

CONTEXTS: Final = ("default", "expand", "realtime", "protectedFile", "batch", "oauth2", "otp", "password")
_REQUIRED: Final = Problem("validation_required", EMPTY_MESSAGE)
# A question whose `as` is misspelt would be about a guest, who is refused for another reason.
_UNKNOWN: Final = Problem("validation_unknown_key", "There is no such key here.")
_KEYS: Final = frozenset(("action", "as", "recordId", "body", "query", "headers", "method", "context"))
_NEED_RECORD: Final = ("view", "update", "delete")
_METHODS: Final = {"list": "GET", "view": "GET", "create": "POST", "update": "PATCH", "delete": "DELETE"}


class Asker(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who is meant: a record of an auth collection, an API key by its id, a role by its name or id, which is whoever
    has it and nothing else, or, with nothing given, a guest."""

    collection: str = ""
    id: str = ""
    key: str = ""
    role: str = ""


class Question(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is asked: may `asker` do this? `query`, `headers`, `method` and `context` are of the imagined request."""

    action: Action
    asker: Asker = Asker()
    record_id: str = ""
    body: Mapping[str, Any] = {}
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    method: str = "GET"
    context: Context = "default"


def read_question(body: Mapping[str, Any], also: frozenset[str] = frozenset(), *, of_record: bool = True) -> Question:
    """The question that a JSON body asks; `also` are other keys that it may have.

    With `of_record` it names its record where the action is about one.

    Raises ValidationFailed with everything that is wrong.
    """
    problems: dict[str, Problem | Problems] = {key: _UNKNOWN for key in body if key not in _KEYS | also}
    action = body.get("action")
    if action not in ACTIONS:
        problems["action"] = _one_of(ACTIONS) if action else _REQUIRED
    record_id = _text(body, "recordId", problems)
    if of_record and action in _NEED_RECORD and not record_id and "recordId" not in problems:
        problems["recordId"] = _REQUIRED
    context = body.get("context", "default")
    if context not in CONTEXTS:
        problems["context"] = _one_of(CONTEXTS)
    method = _text(body, "method", problems) or _METHODS.get(str(action), "GET")
    asker = _asker(body.get("as"), problems)
    given = _object(body, "body", problems)
    query, headers = _texts(body, "query", problems), _texts(body, "headers", problems)
    if problems:
        raise ValidationFailed(problems)
    return Question(
        action=cast(Action, action),
        asker=asker,
        record_id=record_id,
        body=given,
        query=query,
        headers={name.lower(): content for name, content in headers.items()},
        method=method.upper(),
        context=cast(Context, context),
    )


def _asker(given: Any, problems: dict[str, Problem | Problems]) -> Asker:
    if given is None:
        return Asker()
    if not isinstance(given, dict):
        problems["as"] = Problem("validation_invalid_value", 'Must be {"collection", "id"}, {"key"}, {"role"} or null.')
        return Asker()
    found = cast("dict[str, Any]", given)
    inner: dict[str, Problem | Problems] = {}
    asker = Asker(*(_text(found, name, inner) for name in ("collection", "id", "key", "role")))
    alone = "role" if asker.role else "key" if asker.key else ""
    if alone and sum(1 for one in (asker.collection or asker.id, asker.key, asker.role) if one) > 1:
        inner[alone] = Problem("validation_invalid_value", f"A {alone} comes without anybody else.")
    elif not alone:
        inner |= {name: _REQUIRED for name in ("collection", "id") if not getattr(asker, name) and name not in inner}
    if inner:
        problems["as"] = inner
    return asker


def _text(body: Mapping[str, Any], name: str, problems: dict[str, Problem | Problems]) -> str:
    given = body.get(name)
    if given is None:
        return ""
    if not isinstance(given, str):
        problems[name] = Problem("validation_invalid_value", "Must be a text.")
        return ""
    return given


def _object(body: Mapping[str, Any], name: str, problems: dict[str, Problem | Problems]) -> dict[str, Any]:
    given = body.get(name)
    if given is None:
        return {}
    if not isinstance(given, dict):
        problems[name] = Problem("validation_invalid_value", "Must be an object.")
        return {}
    return cast("dict[str, Any]", given)


def _texts(body: Mapping[str, Any], name: str, problems: dict[str, Problem | Problems]) -> dict[str, str]:
    found = _object(body, name, problems)
    if not all(isinstance(content, str) for content in found.values()):
        problems[name] = Problem("validation_invalid_value", "Must be an object of texts.")
        return {}
    return found


def _one_of(names: tuple[str, ...]) -> Problem:
    return Problem("validation_invalid_value", f"Must be one of {', '.join(names)}.")
