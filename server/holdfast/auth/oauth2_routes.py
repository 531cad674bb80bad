"""OAuth2 over HTTP: log in with a code that came back from a provider."""

from typing import Any, Final, cast

from holdfast.auth.account import auth_collection
from holdfast.auth.login import read_asked
from holdfast.auth.oauth2_exchange import Code
from holdfast.auth.oauth2_login import Coming, log_in_with_oauth2
from holdfast.auth.proved import login_response
from holdfast.auth.routes import ANSWER, MFA_ID, PATH, SHAPE_PARAMETERS
from holdfast.auth.typed import read_typed, text_problem
from holdfast.engine import Engine
from holdfast.errors import Problem, ValidationFailed
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import Route, Schema

MAX_CODE_CHARS: Final = 8192
MAX_CHARS: Final = 2083
COMING: Final[Schema] = {
    "type": "object",
    "required": ["provider", "code", "redirectURL"],
    "properties": {
        "provider": {"type": "string"},
        "code": {"type": "string", "maxLength": MAX_CODE_CHARS, "description": "As the provider sent it."},
        "codeVerifier": {"type": "string", "maxLength": 128, "description": "As auth-methods gave it."},
        "redirectURL": {"type": "string", "maxLength": MAX_CHARS, "description": "Where the provider sent it to."},
        "createData": {"type": "object", "description": "Fields of the record of somebody who is new."},
        "mfaId": MFA_ID,
        "session": {"type": "boolean", "description": "Whether to begin a session, with a refresh token."},
    },
}


async def auth_with_oauth2(engine: Engine, request: Request) -> Response:
    """Answer `{token, record, meta}`."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    coming, body = read_coming(await read_typed(request))
    return login_response(await log_in_with_oauth2(engine, collection, coming, read_asked(request, body, "oauth2")))


def read_coming(body: dict[str, Any]) -> tuple[Coming, dict[str, Any]]:
    """What the body says. Clients of before PocketBase 0.23 spell it `redirectUrl`."""
    body = {**body, "redirectURL": body.get("redirectURL") or body.get("redirectUrl")}
    create_data: object = body.get("createData") or {}
    problems: dict[str, Problem] = {}
    for key, most in (("provider", MAX_CHARS), ("code", MAX_CODE_CHARS), ("redirectURL", MAX_CHARS)):
        problem = text_problem(body.get(key)) or _length_problem(body[key], most)
        if problem is not None:
            problems[key] = problem
    if not isinstance(body.get("codeVerifier") or "", str):
        problems["codeVerifier"] = Problem("validation_invalid_value", "Must be a string.")
    if not isinstance(create_data, dict):
        problems["createData"] = Problem("validation_invalid_value", "Must be an object.")
    if problems:
        raise ValidationFailed(problems)
    code = Code(body["code"], body.get("codeVerifier") or "", body["redirectURL"])
    return Coming(body["provider"], code, cast("dict[str, Any]", create_data)), body


def _length_problem(text: str, most: int) -> Problem | None:
    if len(text) <= most:
        return None
    return Problem("validation_length_too_long", f"Must have at most {most} characters.")


OAUTH2_ROUTES: Final = (
    Route(
        method="POST",
        path=PATH + "auth-with-oauth2",
        handler=auth_with_oauth2,
        summary="Log in with a code of an OAuth2 provider",
        tag="auth",
        access="anyone",
        parameters=SHAPE_PARAMETERS,
        body=COMING,
        answer=ANSWER,
        errors=(429,),
    ),
)
