"""Auth collections over HTTP: log in, refresh, and what ways of logging in there are."""

import re
from typing import Any, Final

import msgspec

from holdfast.auth.account import auth_collection
from holdfast.auth.impersonation import impersonate
from holdfast.auth.login import read_asked
from holdfast.auth.methods import methods
from holdfast.auth.password_login import Credentials, log_in
from holdfast.auth.proved import login_response
from holdfast.auth.refresh import refresh, renew
from holdfast.auth.typed import read_typed
from holdfast.engine import Engine
from holdfast.errors import Problem, Problems, ValidationFailed
from holdfast.http.form import FORMS
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import Parameter, Route
from holdfast.schema.field import EMPTY_MESSAGE

PATH: Final = "/api/collections/{collection}/"
MAX_IDENTITY_CHARS: Final = 255
_WHOLE: Final = re.compile(r"[0-9]{1,12}")
SHAPE_PARAMETERS: Final = (
    Parameter("expand", "Relations to put into the record."),
    Parameter("fields", "Parts of the answer to send, such as token,record.email."),
)
ANSWER: Final = {
    "type": "object",
    "required": ["token", "record"],
    "properties": {
        "token": {"type": "string"},
        "refreshToken": {"type": "string", "description": "Only of a session."},
        "record": {"type": "object"},
    },
}
MFA_ID: Final = {"type": "string", "description": "The first factor that this is the second one to."}
EMAIL: Final = {
    "type": "object",
    "required": ["email"],
    "properties": {"email": {"type": "string", "format": "email"}},
}
DURATION: Final = {"duration": {"type": "integer", "minimum": 0, "description": "Seconds; 0 is as long as a login."}}
IMPERSONATE: Final = {"type": "object", "properties": DURATION}
REFRESH: Final = {"type": "object", "properties": {"refreshToken": {"type": "string"}}}
CREDENTIALS: Final = {
    "type": "object",
    "required": ["identity", "password"],
    "properties": {
        "identity": {"type": "string", "maxLength": MAX_IDENTITY_CHARS},
        "password": {"type": "string", "maxLength": 1024},
        "identityField": {"type": "string"},
        "mfaId": MFA_ID,
        "session": {"type": "boolean", "description": "Whether to begin a session, with a refresh token."},
    },
}
_ENABLED: Final = {"type": "object", "properties": {"enabled": {"type": "boolean"}, "duration": {"type": "integer"}}}
METHODS: Final = {
    "type": "object",
    "properties": {
        "password": {
            "type": "object",
            "properties": {
                "enabled": {"type": "boolean"},
                "identityFields": {"type": "array", "items": {"type": "string"}},
            },
        },
        "oauth2": {
            "type": "object",
            "properties": {
                "enabled": {"type": "boolean"},
                "providers": {"type": "array", "items": {"type": "object"}},
            },
        },
        "mfa": _ENABLED,
        "otp": _ENABLED,
        "passkey": {"type": "object", "properties": {"enabled": {"type": "boolean"}}},
        "authProviders": {"type": "array", "items": {"type": "object"}, "deprecated": True},
        "usernamePassword": {"type": "boolean", "deprecated": True},
        "emailPassword": {"type": "boolean", "deprecated": True},
    },
}


async def auth_with_password(engine: Engine, request: Request) -> Response:
    """Answer `{token, record}`."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    body = await read_typed(request)
    problems = _problems(body)
    if problems:
        raise ValidationFailed(problems, "Failed to authenticate: see data.")
    credentials = Credentials(body["identity"].strip(), body["password"], body.get("identityField") or "")
    asked = read_asked(request, body, "password")
    return login_response(await log_in(engine, collection, credentials, asked))


async def auth_refresh(engine: Engine, request: Request) -> Response:
    """Answer `{token, record}` for the caller, and the next refresh token for one of a session."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    refresh_token = (await _sent(request)).get("refreshToken")
    asked = read_asked(request, {})
    if refresh_token is None:
        return login_response(await refresh(engine, collection, asked))
    if not isinstance(refresh_token, str):
        raise ValidationFailed({"refreshToken": Problem("validation_invalid_value", "Must be a string.")})
    return login_response(await renew(engine, collection, asked, refresh_token))


async def _sent(request: Request) -> dict[str, Any]:
    """The body, where it is JSON: other clients send none, or an empty form."""
    return await request.object() if request.media_type == "application/json" else {}


async def auth_methods(engine: Engine, request: Request) -> Response:
    """Answer which ways are open."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    return Response(
        body=msgspec.json.encode(await methods(engine, collection)), headers=((b"cache-control", b"no-store"),)
    )


async def post_impersonate(engine: Engine, request: Request) -> Response:
    """Answer `{token, record}` of somebody else."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    body = await read_typed(request)
    asked = read_asked(request, body)
    seconds = body.get("duration")
    if request.media_type in FORMS and isinstance(seconds, str) and _WHOLE.fullmatch(seconds):
        seconds = int(seconds)  # a form has no numbers
    return login_response(await impersonate(engine, collection, request.params["id"], seconds, asked))


def _problems(body: dict[str, Any]) -> Problems:
    found: dict[str, Problem] = {}
    for field in ("identity", "password"):
        content = body.get(field)
        if content is not None and not isinstance(content, str):
            found[field] = Problem("validation_invalid_value", "Must be a string.")
        elif not content or (field == "identity" and not content.strip()):
            found[field] = Problem("validation_required", EMPTY_MESSAGE)
        elif field == "identity" and len(content) > MAX_IDENTITY_CHARS:
            found[field] = Problem("validation_length_too_long", f"Must have at most {MAX_IDENTITY_CHARS} characters.")
    if not isinstance(body.get("identityField") or "", str):
        found["identityField"] = Problem("validation_invalid_value", "Must be the name of a field.")
    return found


LOGIN_ROUTES: Final = (
    Route(
        method="POST",
        path=PATH + "auth-with-password",
        handler=auth_with_password,
        summary="Log in with a password",
        tag="auth",
        access="anyone",
        parameters=SHAPE_PARAMETERS,
        body=CREDENTIALS,
        answer=ANSWER,
        errors=(429,),
    ),
    Route(
        method="POST",
        path=PATH + "auth-refresh",
        handler=auth_refresh,
        summary="Exchange a token that still holds, or a refresh token, for a new one",
        tag="auth",
        access="anyone",
        parameters=SHAPE_PARAMETERS,
        body=REFRESH,
        body_required=False,
        answer=ANSWER,
    ),
    Route(
        method="GET",
        path=PATH + "auth-methods",
        handler=auth_methods,
        summary="The ways to log in to the collection",
        tag="auth",
        access="anyone",
        answer=METHODS,
    ),
    Route(
        method="POST",
        path=PATH + "impersonate/{id}",
        handler=post_impersonate,
        recent=True,
        summary="Get a token of somebody else",
        tag="auth",
        parameters=SHAPE_PARAMETERS,
        body=IMPERSONATE,
        body_required=False,
        answer=ANSWER,
    ),
)
