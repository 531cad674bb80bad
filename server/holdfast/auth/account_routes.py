"""Accounts over HTTP, for superusers: how they log in, and what keeps them from it."""

from typing import Any, Final

import msgspec

from holdfast.audit.author import Author
from holdfast.auth.account import auth_collection
from holdfast.auth.accounts import account_states
from holdfast.auth.blocks import MAX_REASON_CHARS, block, sign_out, unblock
from holdfast.engine import Engine
from holdfast.errors import NotFound, Problem, ValidationFailed
from holdfast.http.request import Request
from holdfast.http.response import NO_CONTENT, Response
from holdfast.http.routing import Parameter, Route, Schema

PATH: Final = "/api/collections/{collection}/accounts"
ONE: Final = PATH + "/{id}"
MOST_ASKED: Final = 200  # accounts in one answer
_BLOCK: Final[Schema] = {
    "type": "object",
    "required": ["since", "reason"],
    "properties": {"since": {"type": "string"}, "reason": {"type": "string"}},
}
_STATE: Final[Schema] = {
    "type": "object",
    "required": ["id", "sessions", "lastUsed", "authenticator", "passkeys", "providers", "block"],
    "properties": {
        "id": {"type": "string"},
        "sessions": {"type": "integer", "description": "How many go on now."},
        "lastUsed": {"type": "string", "description": "When one of them was refreshed last."},
        "authenticator": {"type": "boolean"},
        "passkeys": {"type": "integer"},
        "providers": {"type": "array", "items": {"type": "string"}, "description": "Of OAuth2, by name."},
        "block": {"anyOf": [_BLOCK, {"type": "null"}]},
    },
}


async def get_accounts(engine: Engine, request: Request) -> Response:
    """Answer `{items}`: of the records that are named, those that are there."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    ids = [id for id in request.query.get("records", "").split(",") if id]
    if not ids or len(ids) > MOST_ASKED:
        raise ValidationFailed({"records": Problem("validation_invalid_value", f"Name 1 to {MOST_ASKED} ids.")})
    return _answer({"items": await account_states(engine, collection, ids)})


async def post_block(engine: Engine, request: Request) -> Response:
    """Let nobody log in to an account, and end all its logins. Answer 204."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    reason = (await request.object()).get("reason", "")
    if not isinstance(reason, str) or len(reason) > MAX_REASON_CHARS:
        problem = Problem("validation_invalid_value", f"Must be a text of at most {MAX_REASON_CHARS} characters.")
        raise ValidationFailed({"reason": problem})
    await block(engine, Author.of(request), collection, request.params["id"], reason.strip())
    return NO_CONTENT


async def delete_block(engine: Engine, request: Request) -> Response:
    """Take the block away. Answer 204, or 404 where there is none."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    if not await unblock(engine, Author.of(request), collection, request.params["id"]):
        raise NotFound("This account is not blocked.")
    return NO_CONTENT


async def post_sign_out(engine: Engine, request: Request) -> Response:
    """End every login of an account: its tokens, its sessions, its mailed links. Answer 204."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    await sign_out(engine, Author.of(request), collection, request.params["id"])
    return NO_CONTENT


def _answer(content: Any) -> Response:
    return Response(body=msgspec.json.encode(content), headers=((b"cache-control", b"no-store"),))


ACCOUNT_ROUTES: Final = (
    Route(
        method="GET",
        path=PATH,
        handler=get_accounts,
        summary="How accounts log in, and whether they may",
        tag="accounts",
        parameters=(Parameter("records", f"Ids with commas between them, at most {MOST_ASKED}.", required=True),),
        answer={"type": "object", "required": ["items"], "properties": {"items": {"type": "array", "items": _STATE}}},
    ),
    Route(
        method="POST",
        path=ONE + "/block",
        handler=post_block,
        summary="Block an account, and end all its logins",
        tag="accounts",
        body={"type": "object", "properties": {"reason": {"type": "string", "maxLength": MAX_REASON_CHARS}}},
        body_required=False,
        status=204,
    ),
    Route(
        method="DELETE",
        path=ONE + "/block",
        handler=delete_block,
        summary="Take the block of an account away",
        tag="accounts",
        status=204,
    ),
    Route(
        method="POST",
        path=ONE + "/sign-out",
        handler=post_sign_out,
        summary="End every login of an account",
        tag="accounts",
        status=204,
    ),
)
