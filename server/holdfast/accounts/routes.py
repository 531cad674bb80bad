"""Whole accounts over HTTP, for superusers: anonymised, and merged."""

from typing import Any, Final, cast

import msgspec

from holdfast.accounts.anonymising import anonymise, prospect
from holdfast.accounts.merging import look, merge
from holdfast.audit.author import Author
from holdfast.auth.account import auth_collection
from holdfast.auth.account_routes import ONE
from holdfast.engine import Engine
from holdfast.errors import BadRequest, Problem, ValidationFailed
from holdfast.http.recent import require_recent
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import ANY, Route, Schema
from holdfast.schema.collection import Collection
from holdfast.schema.system import SUPERUSERS

_TEXT: Final[Schema] = {"type": "string"}
_TEXTS: Final[Schema] = {"type": "array", "items": _TEXT}
_COUNT: Final[Schema] = {"type": "integer"}
_ACCOUNT: Final[Schema] = {
    "type": "object",
    "required": ["sessions", "authenticator", "passkeys", "providers"],
    "properties": {"sessions": _COUNT, "authenticator": {"type": "boolean"}, "passkeys": _COUNT, "providers": _TEXTS},
}
_BLANK: Final[Schema] = {
    "type": "object",
    "required": ["name", "type", "blank", "to", "why"],
    "properties": {
        "name": _TEXT,
        "type": _TEXT,
        "blank": {"type": "boolean", "description": "Whether it is blanked when no fields are named."},
        "to": {**ANY, "description": "What stands there then; null is nothing."},
        "why": {**_TEXT, "description": "Why it cannot be blanked, or empty."},
    },
}
_POINTING: Final[Schema] = {
    "type": "object",
    "required": ["collection", "field", "records"],
    "properties": {"collection": _TEXT, "field": _TEXT, "records": _COUNT},
}


async def show_anonymous(engine: Engine, request: Request) -> Response:
    """Answer what anonymising the account would do, without doing it."""
    collection = _people(engine, request)
    return _answer(await prospect(engine, collection, request.params["id"]))


async def post_anonymous(engine: Engine, request: Request) -> Response:
    """Anonymise the account."""
    collection, author = _people(engine, request), Author.of(request)
    _refuse_oneself(author, request.params["id"])
    fields = (await request.object()).get("fields")
    if fields is not None and not _are_texts(fields):
        raise ValidationFailed({"fields": Problem("validation_invalid_value", "Must be a list of names of fields.")})
    return _answer(await anonymise(engine, author, collection, request.params["id"], fields))


async def post_merge(engine: Engine, request: Request) -> Response:
    """Merge the account into another one, or say what that would do."""
    collection, author, gone = _people(engine, request), Author.of(request), request.params["id"]
    body = await request.object()
    into, dry_run = body.get("into"), body.get("dryRun", False)
    if not isinstance(into, str) or not into:
        raise ValidationFailed({"into": Problem("validation_required", "Must be the id of the account that stays.")})
    if not isinstance(dry_run, bool):
        raise ValidationFailed({"dryRun": Problem("validation_invalid_value", "Must be true or false.")})
    if dry_run:
        return _answer(await look(engine, collection, gone, into))
    await require_recent(engine, request.principal)
    return _answer(await merge(engine, author, collection, gone, into))


def _people(engine: Engine, request: Request) -> Collection:
    collection = auth_collection(engine.catalog, request.params["collection"])
    if collection.name == SUPERUSERS:
        raise BadRequest("What superusers have done is told under their names: block or delete the account instead.")
    return collection


def _refuse_oneself(author: Author, id: str) -> None:
    if author.actor.id == id:
        raise BadRequest("You cannot anonymise yourself.")


def _are_texts(given: object) -> bool:
    return isinstance(given, list) and all(isinstance(one, str) for one in cast(list[Any], given))


def _answer(content: Any) -> Response:
    return Response(body=msgspec.json.encode(content), headers=((b"cache-control", b"no-store"),))


ACCOUNTS_ROUTES: Final = (
    Route(
        method="GET",
        path=ONE + "/anonymise",
        handler=show_anonymous,
        summary="What anonymising an account would do, without doing it",
        tag="accounts",
        answer={
            "type": "object",
            "required": ["fields", "account"],
            "properties": {"fields": {"type": "array", "items": _BLANK}, "account": _ACCOUNT},
        },
    ),
    Route(
        method="POST",
        path=ONE + "/anonymise",
        handler=post_anonymous,
        summary="Take out of an account who it is of, and all that it logs in with",
        tag="accounts",
        recent=True,
        body={"type": "object", "properties": {"fields": _TEXTS}},
        body_required=False,
        answer={
            "type": "object",
            "required": ["fields", "versions", "events"],
            "properties": {"fields": _TEXTS, "versions": _COUNT, "events": _COUNT},
        },
        errors=(503,),
    ),
    Route(
        method="POST",
        path=ONE + "/merge",
        handler=post_merge,
        summary="Merge an account into another one of its collection",
        description="What points at it points at the other one, and it is deleted. With `dryRun` it is only counted.",
        tag="accounts",
        body={
            "type": "object",
            "required": ["into"],
            "properties": {"into": _TEXT, "dryRun": {"type": "boolean"}},
        },
        answer={
            "type": "object",
            "required": ["relations", "moved", "dropped", "gone"],
            "properties": {
                "relations": {"type": "array", "items": _POINTING},
                "moved": {**_TEXTS, "description": "Links with providers that go along."},
                "dropped": {**_TEXTS, "description": "Those of which the other account has one already."},
                "gone": {**_ACCOUNT, "description": "What the account that goes had to log in with."},
            },
        },
        errors=(403, 409, 503),
    ),
)
