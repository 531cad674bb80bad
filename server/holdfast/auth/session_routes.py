"""Sessions over HTTP: look at them, end them."""

from typing import Any, Final

import msgspec

from holdfast.audit.author import Author
from holdfast.auth.account import auth_collection
from holdfast.auth.noting import note_act
from holdfast.auth.own import RECORD, whose
from holdfast.auth.sessions import end_session, end_sessions, list_sessions
from holdfast.auth.signing_keys import all_keys, key_set, rotate_keys
from holdfast.engine import Engine
from holdfast.errors import NotFound
from holdfast.http.request import Request
from holdfast.http.response import NO_CONTENT, Response
from holdfast.http.routing import Route

PATH: Final = "/api/collections/{collection}/sessions"
KEYS_SECONDS: Final = 300  # how long others may keep the published keys
SESSION: Final = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "record": {"type": "string", "description": "The id of the record that is logged in."},
        "created": {"type": "string"},
        "lastUsed": {"type": "string", "description": "When it was refreshed last."},
        "expires": {"type": "string"},
        "address": {"type": "string"},
        "userAgent": {"type": "string"},
        "current": {"type": "boolean", "description": "Whether this very request belongs to it."},
    },
}
SESSIONS: Final = {"type": "object", "properties": {"items": {"type": "array", "items": SESSION}}}
KEY_SET: Final = {"type": "object", "properties": {"keys": {"type": "array", "items": {"type": "object"}}}}


class Session(msgspec.Struct, frozen=True, rename="camel"):
    """A session as its owner sees it."""

    id: str
    record: str
    created: str
    last_used: str
    expires: str
    address: str
    user_agent: str
    current: bool


async def get_sessions(engine: Engine, request: Request) -> Response:
    """Answer `{items}`, the one that was used last first."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    rows = await list_sessions(engine, collection, whose(collection, request))
    items = [
        Session(
            id=row["id"],
            record=row["record_id"],
            created=row["created"],
            last_used=row["used"],
            expires=row["expires"],
            address=row["address"],
            user_agent=row["agent"],
            current=row["id"] == request.principal.session_id,
        )
        for row in rows
    ]
    return _answer({"items": items})


async def delete_session(engine: Engine, request: Request) -> Response:
    """End one session. Answer 204, or 404 when there is none of that id."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    record_id, id = whose(collection, request), request.params["id"]
    if not await end_session(engine, collection, record_id, id):
        raise NotFound("There is no such session.")
    await note_act(engine, request, "auth.sessions_ended", collection, record_id, {"session": id})
    return NO_CONTENT


async def delete_sessions(engine: Engine, request: Request) -> Response:
    """End all sessions of the record, the one of this request too. Answer 204."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    record_id = whose(collection, request)
    ended = await end_sessions(engine, collection, record_id)
    if ended:
        await note_act(engine, request, "auth.sessions_ended", collection, record_id, {"count": ended})
    return NO_CONTENT


async def get_keys(engine: Engine, _: Request) -> Response:
    """Answer the public keys of the server as a JSON Web Key Set."""
    body = msgspec.json.encode(key_set(await all_keys(engine)))
    return Response(body=body, headers=((b"cache-control", b"public, max-age=%d" % KEYS_SECONDS),))


async def post_rotate_keys(engine: Engine, request: Request) -> Response:
    """Let a new key sign from now on; answer the key set with it."""
    return _answer(key_set(await rotate_keys(engine, Author.of(request))))


def _answer(content: Any) -> Response:
    return Response(body=msgspec.json.encode(content), headers=((b"cache-control", b"no-store"),))


SESSION_ROUTES: Final = (
    Route(
        method="GET",
        path=PATH,
        handler=get_sessions,
        summary="List the sessions of a record",
        tag="auth",
        access="anyone",
        parameters=(RECORD,),
        answer=SESSIONS,
    ),
    Route(
        method="DELETE",
        path=PATH,
        handler=delete_sessions,
        summary="End all sessions of a record",
        tag="auth",
        access="anyone",
        parameters=(RECORD,),
        status=204,
    ),
    Route(
        method="DELETE",
        path=PATH + "/{id}",
        handler=delete_session,
        summary="End a session",
        tag="auth",
        access="anyone",
        parameters=(RECORD,),
        status=204,
    ),
    Route(
        method="GET",
        path="/.well-known/jwks.json",
        handler=get_keys,
        summary="The public keys of the tokens that are signed with EdDSA",
        tag="server",
        access="anyone",
        answer=KEY_SET,
    ),
    Route(
        method="POST",
        path="/api/signing-keys/rotate",
        handler=post_rotate_keys,
        summary="Sign tokens with a new key from now on",
        tag="server",
        answer=KEY_SET,
    ),
)
