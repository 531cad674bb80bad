"""Passkeys over HTTP: make one, log in with one, see and delete them."""

from typing import Any, Final, cast

import msgspec

from holdfast.auth.account import account_by_id, auth_collection
from holdfast.auth.auth_rule import require_open
from holdfast.auth.login import Proof, read_asked
from holdfast.auth.noting import count_failure, note_act
from holdfast.auth.own import RECORD, require_owner, whose
from holdfast.auth.passkeys import (
    ask_to_login,
    ask_to_register,
    check_passkey,
    delete_passkey,
    list_passkeys,
    register,
    require_passkeys,
)
from holdfast.auth.proved import login_response, proved
from holdfast.auth.routes import ANSWER, SHAPE_PARAMETERS
from holdfast.db.pool import Row
from holdfast.engine import Engine
from holdfast.errors import BadRequest, NotFound, Problem, Unauthenticated, ValidationFailed
from holdfast.http.request import Request
from holdfast.http.response import NO_CONTENT, Response
from holdfast.http.routing import OBJECT, Route
from holdfast.schema.collection import Collection

METHOD: Final = "passkey"
PATH: Final = "/api/collections/{collection}/passkeys"
MAX_NAME_CHARS: Final = 100
OPTIONS: Final = {"type": "object", "description": "For navigator.credentials, as WebAuthn writes it in JSON."}
PASSKEY: Final = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "name": {"type": "string"},
        "transports": {"type": "array", "items": {"type": "string"}},
        "synced": {"type": "boolean", "description": "Whether it is kept on more than one device."},
        "created": {"type": "string"},
        "lastUsed": {"type": "string"},
    },
}
REGISTRATION: Final = {
    "type": "object",
    "required": ["credential"],
    "properties": {
        "name": {"type": "string", "maxLength": MAX_NAME_CHARS, "description": "How its owner calls it."},
        "credential": {"type": "object", "description": "What the browser answered, as JSON."},
    },
}
LOGIN: Final = {
    "type": "object",
    "required": ["credential"],
    "properties": {
        "credential": {"type": "object", "description": "What the browser answered, as JSON."},
        "mfaId": {"type": "string"},
        "session": {"type": "boolean", "description": "Whether to begin a session, with a refresh token."},
    },
}


async def post_register_options(engine: Engine, request: Request) -> Response:
    """Answer what a browser makes a passkey with, for the caller."""
    collection, record_id = _own(engine, request)
    account = await account_by_id(engine, collection, record_id)
    if account is None:
        raise Unauthenticated
    return _answer(await ask_to_register(engine, collection, account))


async def post_register(engine: Engine, request: Request) -> Response:
    """Keep the passkey that the browser has made; answer how it is listed from now on."""
    collection, record_id = _own(engine, request)
    body = await request.object()
    name = body.get("name") or "Passkey"
    if not isinstance(name, str) or len(name) > MAX_NAME_CHARS:
        problem = Problem("validation_invalid_value", f"Must be a text of at most {MAX_NAME_CHARS} characters.")
        raise ValidationFailed({"name": problem})
    made = await register(engine, collection, record_id, name, _credential(body))
    await note_act(engine, request, "auth.passkey_added", collection, record_id, {"passkey": made["id"]})
    return _answer(_shown(made))


async def post_login_options(engine: Engine, request: Request) -> Response:
    """Answer what a browser has to sign; no name is asked."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    require_passkeys(collection)
    return _answer(await ask_to_login(engine, collection))


async def post_login(engine: Engine, request: Request) -> Response:
    """Log in with what the browser signed; answer `{token, record}`."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    require_passkeys(collection)
    body = await request.object()
    asked = read_asked(request, body)
    require_open(collection, asked.facts)
    try:
        record_id, verified = await check_passkey(engine, collection, _credential(body), asked.origin.address)
    except BadRequest:
        count_failure(engine, asked, collection, METHOD, "passkey")
        raise
    account = await account_by_id(engine, collection, record_id)
    if account is None:
        raise BadRequest("Failed to authenticate.")
    # With a finger, a face or a PIN it is two things at once: the device that somebody has, and what they are or know.
    proof = Proof(collection=collection, account=account, method=METHOD, whole=verified)
    return login_response(await proved(engine, asked, proof))


async def get_passkeys(engine: Engine, request: Request) -> Response:
    """Answer `{items}`, the oldest first."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    rows = await list_passkeys(engine, collection, whose(collection, request))
    return _answer({"items": [_shown(row) for row in rows]})


async def delete_one(engine: Engine, request: Request) -> Response:
    """Forget a passkey. Answer 204, or 404 when there is none of that id."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    record_id, id = whose(collection, request), request.params["id"]
    if not await delete_passkey(engine, collection, record_id, id):
        raise NotFound("There is no such passkey.")
    await note_act(engine, request, "auth.passkey_removed", collection, record_id, {"passkey": id})
    return NO_CONTENT


def _own(engine: Engine, request: Request) -> tuple[Collection, str]:
    """The collection, and the caller's own record: nobody may make a passkey for another."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    require_passkeys(collection)
    record_id = whose(collection, request)
    require_owner(record_id, request)
    return collection, record_id


def _credential(body: dict[str, Any]) -> dict[str, Any]:
    credential = body.get("credential")
    if not isinstance(credential, dict):
        problem = Problem("validation_required", "Must be what the browser answered, as an object.")
        raise ValidationFailed({"credential": problem})
    return cast(dict[str, Any], credential)


def _shown(row: Row) -> dict[str, object]:
    return {
        "id": row["id"],
        "name": row["name"],
        "transports": row["transports"],
        "synced": row["synced"],
        "created": row["created"],
        "lastUsed": row["used"],
    }


def _answer(content: Any) -> Response:
    return Response(body=msgspec.json.encode(content), headers=((b"cache-control", b"no-store"),))


def _post(path: str, handler: Any, summary: str, **more: Any) -> Route:
    return Route(method="POST", path=PATH + path, handler=handler, summary=summary, tag="auth", access="anyone", **more)


PASSKEY_ROUTES: Final = (
    _post("/register-options", post_register_options, "Begin to make a passkey", answer=OPTIONS),
    _post("/register", post_register, "Keep a new passkey", body=REGISTRATION, answer=PASSKEY),
    _post("/login-options", post_login_options, "Begin to log in with a passkey", answer=OPTIONS),
    _post("/login", post_login, "Log in with a passkey", parameters=SHAPE_PARAMETERS, body=LOGIN, answer=ANSWER),
    Route(
        method="GET",
        path=PATH,
        handler=get_passkeys,
        summary="List the passkeys of a record",
        tag="auth",
        access="anyone",
        parameters=(RECORD,),
        answer={**OBJECT, "properties": {"items": {"type": "array", "items": PASSKEY}}},
    ),
    Route(
        method="DELETE",
        path=PATH + "/{id}",
        handler=delete_one,
        summary="Delete a passkey",
        tag="auth",
        access="anyone",
        parameters=(RECORD,),
        status=204,
    ),
)
