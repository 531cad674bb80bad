"""Authenticators over HTTP: enrol, confirm, log in with a code, turn off."""

from typing import Any, Final

import msgspec

from holdfast.auth.account import account_by_id, auth_collection
from holdfast.auth.authenticator import check_code, confirm, disable, enrol, renew_recovery_codes, state_of
from holdfast.auth.login import Proof, read_asked
from holdfast.auth.noting import count_failure, note_act, note_failure
from holdfast.auth.own import RECORD, require_owner, whose
from holdfast.auth.proved import login_response, proved
from holdfast.auth.routes import ANSWER, SHAPE_PARAMETERS
from holdfast.auth.second_factor import TOTP, first_factor
from holdfast.engine import Engine
from holdfast.errors import BadRequest, Problem, RateLimited, Unauthenticated, ValidationFailed
from holdfast.http.json import refuse_repeated_keys
from holdfast.http.request import Request
from holdfast.http.response import NO_CONTENT, Response
from holdfast.http.routing import Route
from holdfast.schema.collection import Collection
from holdfast.schema.field import EMPTY_MESSAGE

PATH: Final = "/api/collections/{collection}/totp"
MAX_CODE_CHARS: Final = 64
CODE: Final = {
    "type": "object",
    "required": ["code"],
    "properties": {"code": {"type": "string", "maxLength": MAX_CODE_CHARS}},
}
LOGIN: Final = {
    "type": "object",
    "required": ["mfaId", "code"],
    "properties": {
        "mfaId": {"type": "string", "description": "What the first factor was answered with."},
        "code": {
            "type": "string",
            "maxLength": MAX_CODE_CHARS,
            "description": "A code of the authenticator, or a recovery code.",
        },
        "session": {"type": "boolean", "description": "Whether to begin a session, with a refresh token."},
    },
}
ENROLMENT: Final = {
    "type": "object",
    "properties": {"secret": {"type": "string"}, "url": {"type": "string", "description": "For a QR code."}},
}
CODES: Final = {
    "type": "object",
    "properties": {"recoveryCodes": {"type": "array", "items": {"type": "string"}}},
}
STATE: Final = {
    "type": "object",
    "properties": {
        "enabled": {"type": "boolean"},
        "confirmed": {"type": "string"},
        "recoveryCodes": {"type": "integer", "description": "How many are left."},
    },
}


async def get_state(engine: Engine, request: Request) -> Response:
    """Answer `{enabled, confirmed, recoveryCodes}`."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    return _answer(await state_of(engine, collection, whose(collection, request)))


async def post_enroll(engine: Engine, request: Request) -> Response:
    """Answer `{secret, url}` for an authenticator app. It counts when `confirm` was sent a first code."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    record_id = _own(collection, request)
    account = await account_by_id(engine, collection, record_id)
    if account is None:
        raise Unauthenticated
    label = account.email or account.id
    issuer = engine.catalog.options.meta.app_name
    return _answer(await enrol(engine, collection, record_id, label, issuer))


async def post_confirm(engine: Engine, request: Request) -> Response:
    """Turn the authenticator on with a first code; answer `{recoveryCodes}`."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    record_id = _own(collection, request)
    codes = await confirm(engine, collection, record_id, await _code(request))
    await note_act(engine, request, "auth.totp_enabled", collection, record_id)
    return _answer({"recoveryCodes": codes})


async def post_recovery_codes(engine: Engine, request: Request) -> Response:
    """Exchange a code for ten new recovery codes; answer `{recoveryCodes}`. Those before them count no more."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    record_id = _own(collection, request)
    await check_code(engine, collection, record_id, await _code(request))
    codes = await renew_recovery_codes(engine, collection, record_id)
    await note_act(engine, request, "auth.recovery_codes_renewed", collection, record_id)
    return _answer({"recoveryCodes": codes})


async def post_disable(engine: Engine, request: Request) -> Response:
    """Turn the authenticator off with a code; a superuser needs none for others. Answer 204."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    record_id = whose(collection, request)
    if record_id == request.principal.record_id:
        await check_code(engine, collection, record_id, await _code(request))
    if not await disable(engine, collection, record_id):
        raise BadRequest("There is no authenticator.")
    await note_act(engine, request, "auth.totp_disabled", collection, record_id)
    return NO_CONTENT


async def auth_with_totp(engine: Engine, request: Request) -> Response:
    """Complete a login that has shown its first factor; answer `{token, record}`."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    code = await _code(request)
    asked = read_asked(request, await request.object())
    record_id = await first_factor(engine, collection, asked.mfa_id)
    account = await account_by_id(engine, collection, record_id)
    if account is None:
        raise BadRequest("The first factor is not valid any more: begin the login anew.")
    try:
        await check_code(engine, collection, record_id, code)
    except RateLimited:
        count_failure(engine, asked, collection, TOTP, "limited")
        raise
    except BadRequest:
        await note_failure(engine, asked, collection, TOTP, "wrong_code", record_id)
        raise
    return login_response(await proved(engine, asked, Proof(collection=collection, account=account, method=TOTP)))


def _own(collection: Collection, request: Request) -> str:
    """The caller's own record: what is made here is shown, so nobody may make it for another."""
    record_id = whose(collection, request)
    require_owner(record_id, request)
    return record_id


async def _code(request: Request) -> str:
    code = (await request.object()).get("code")
    refuse_repeated_keys(await request.body())
    if not code:
        raise ValidationFailed({"code": Problem("validation_required", EMPTY_MESSAGE)})
    if not isinstance(code, str) or len(code) > MAX_CODE_CHARS:
        raise ValidationFailed({"code": Problem("validation_invalid_value", "Must be a code of the authenticator.")})
    return code


def _answer(content: Any) -> Response:
    return Response(body=msgspec.json.encode(content), headers=((b"cache-control", b"no-store"),))


def _route(path: str, handler: Any, summary: str, **more: Any) -> Route:
    return Route(method="POST", path=PATH + path, handler=handler, summary=summary, tag="auth", access="anyone", **more)


TOTP_ROUTES: Final = (
    Route(
        method="GET",
        path=PATH,
        handler=get_state,
        summary="Whether a record has an authenticator",
        tag="auth",
        access="anyone",
        parameters=(RECORD,),
        answer=STATE,
    ),
    _route("/enroll", post_enroll, "Begin with an authenticator app", answer=ENROLMENT),
    _route("/confirm", post_confirm, "Turn the authenticator on", body=CODE, answer=CODES, errors=(429,)),
    _route("/recovery-codes", post_recovery_codes, "Get new recovery codes", body=CODE, answer=CODES, errors=(429,)),
    _route(
        "/disable",
        post_disable,
        "Turn the authenticator off",
        parameters=(RECORD,),
        body=CODE,
        body_required=False,
        status=204,
        errors=(429,),
    ),
    Route(
        method="POST",
        path="/api/collections/{collection}/auth-with-totp",
        handler=auth_with_totp,
        summary="Complete a login with a code of the authenticator",
        tag="auth",
        access="anyone",
        parameters=SHAPE_PARAMETERS,
        body=LOGIN,
        answer=ANSWER,
        errors=(429,),
    ),
)
