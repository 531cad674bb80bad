"""The console's login over HTTP: it begins a session that lives in a cookie, and ends it."""

from typing import Any, Final

import msgspec

from holdfast.auth.account import Account, account_by_id
from holdfast.auth.answer import LoggedIn, new_token
from holdfast.auth.browser import cookie_of, csrf_token, require_own_page, set_cookie
from holdfast.auth.login import Asked, read_asked
from holdfast.auth.noting import note_act
from holdfast.auth.own import is_impersonation
from holdfast.auth.own_password import check_own_password
from holdfast.auth.password_login import Credentials, log_in
from holdfast.auth.proved import SecondFactor
from holdfast.auth.sessions import begin_session, end_session
from holdfast.auth.tokens import peek
from holdfast.auth.typed import read_texts, read_typed
from holdfast.engine import Engine
from holdfast.errors import Forbidden, Unauthenticated
from holdfast.http.recent import note_proof
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import Route, Schema
from holdfast.schema.auth_options import auth_options
from holdfast.schema.collection import Collection
from holdfast.schema.system import SUPERUSERS

PATH: Final = "/api/console/session"
NO_STORE: Final = (b"cache-control", b"no-store")
_LOGIN: Final[Schema] = {
    "type": "object",
    "properties": {
        "identity": {"type": "string", "maxLength": 255},
        "password": {"type": "string", "maxLength": 1024},
    },
}
_BEGUN: Final[Schema] = {
    "type": "object",
    "required": ["csrf"],
    "properties": {"csrf": {"type": "string", "description": "What the page sends as X-CSRF-Token from now on."}},
}


class Begun(msgspec.Struct, frozen=True):
    """A session has begun: its cookie comes beside this."""

    csrf: str


async def post_session(engine: Engine, request: Request) -> Response:
    """Log a superuser in by identity and password, or by the token of a login that was just made; set the cookie.

    Answer `{csrf}`, or 401 with `mfaId` where a second factor has to follow: its route gives a token to come back with.
    """
    require_own_page(request)
    collection = engine.catalog.get(SUPERUSERS)
    if request.principal.kind == "guest":
        body = await read_typed(request)
        found = await _by_password(engine, collection, body, read_asked(request, body))
    else:
        found = await _by_token(engine, collection, request)
    if isinstance(found, SecondFactor):
        return Response(401, msgspec.json.encode(found), (NO_STORE,))
    return await _begin(engine, request, collection, found)


async def _by_password(
    engine: Engine, collection: Collection, body: dict[str, Any], asked: Asked
) -> Account | SecondFactor:
    identity, password = read_texts(body, "identity", "password")
    outcome = await log_in(engine, collection, Credentials(identity.strip(), password), asked)
    if isinstance(outcome, SecondFactor):
        return outcome
    return await _account(engine, collection, _record_id(outcome))


def _record_id(login: LoggedIn) -> str:
    claims = peek(login.token) if isinstance(login.token, str) else None
    return claims.id if claims else ""


async def _by_token(engine: Engine, collection: Collection, request: Request) -> Account:
    """Whoever has logged in otherwise. The token of an impersonation ends by itself, and makes nothing that lasts."""
    who = request.principal
    if who.collection_id != collection.id or who.key_id:
        raise Forbidden("Only superusers who have logged in themselves use the console.")
    if is_impersonation(request.headers.get(b"authorization", b"")):
        raise Forbidden("Only who has logged in may do this: this token is of an impersonation.")
    return await _account(engine, collection, who.record_id)


async def _account(engine: Engine, collection: Collection, id: str) -> Account:
    found = await account_by_id(engine, collection, id)
    if found is None:
        raise Unauthenticated
    return found


async def _begin(engine: Engine, request: Request, collection: Collection, account: Account) -> Response:
    asked = read_asked(request, {})
    session = await begin_session(engine, collection, account.id, account.token_key, asked.origin)
    await note_proof(engine, session.id)
    # As long as the session: a cookie cannot be renewed by a refresh token, and ends with its row in any case.
    seconds = auth_options(collection.auth).auth_token.duration
    token = await new_token(engine, collection, account, session_id=session.id, seconds=seconds, refreshable=False)
    begun = msgspec.json.encode(Begun(csrf_token(engine.secret, token)))
    return Response(body=begun, headers=(NO_STORE, set_cookie(request, token, seconds)))


async def post_proof(engine: Engine, request: Request) -> Response:
    """Take the password once more, for what cannot be taken back. Answer 204, or 400 where it is another one."""
    who = request.principal
    collection = engine.catalog.get(SUPERUSERS)
    if who.collection_id != collection.id or not who.session_id:
        raise Forbidden("Only who has signed in to the console can show it once more.")
    (password,) = read_texts(await read_typed(request), "password")
    await check_own_password(engine, request, collection, password)
    await note_proof(engine, who.session_id)
    return Response(204, headers=(NO_STORE,))


async def delete_session(engine: Engine, request: Request) -> Response:
    """End the session of the cookie, and take the cookie away. Answer 204, also when it had ended before."""
    require_own_page(request)
    who = request.principal
    if who.session_id and cookie_of(request):
        collection = engine.catalog.get(SUPERUSERS)
        if await end_session(engine, collection, who.record_id, who.session_id):
            details = {"session": who.session_id}
            await note_act(engine, request, "auth.sessions_ended", collection, who.record_id, details)
    return Response(204, headers=(NO_STORE, set_cookie(request, "", 0)))


SESSION_ROUTES: Final = (
    Route(
        method="POST",
        path=PATH,
        handler=post_session,
        summary="Log in to the console: the session is in a cookie",
        tag="console",
        access="anyone",
        body=_LOGIN,
        body_required=False,
        answer=_BEGUN,
        errors=(401, 403, 429),
    ),
    Route(
        method="POST",
        path=PATH + "/proof",
        handler=post_proof,
        summary="Show once more who you are",
        description="For ten minutes, what cannot be taken back may be asked for by this session of the console.",
        tag="console",
        body={"type": "object", "required": ["password"], "properties": {"password": {"type": "string"}}},
        status=204,
        errors=(429,),
    ),
    Route(
        method="DELETE",
        path=PATH,
        handler=delete_session,
        summary="Log out of the console",
        tag="console",
        access="anyone",
        status=204,
        errors=(403,),
    ),
)
