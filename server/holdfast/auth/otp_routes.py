"""One-time passwords over HTTP: have one sent, log in with it."""

from typing import Final

import msgspec

from holdfast.auth.account import auth_collection
from holdfast.auth.login import read_asked
from holdfast.auth.otp import OneTimePassword, log_in_with_otp, request_otp
from holdfast.auth.proved import login_response
from holdfast.auth.routes import ANSWER, EMAIL, MFA_ID, PATH, SHAPE_PARAMETERS
from holdfast.auth.typed import read_email, read_texts, read_typed
from holdfast.engine import Engine
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import Route
from holdfast.mail.later import require_mail

REQUESTED: Final = {"type": "object", "properties": {"otpId": {"type": "string"}}}
TYPED: Final = {
    "type": "object",
    "required": ["otpId", "password"],
    "properties": {
        "otpId": {"type": "string"},
        "password": {"type": "string", "description": "As it came by mail."},
        "mfaId": MFA_ID,
        "session": {"type": "boolean", "description": "Whether to begin a session, with a refresh token."},
    },
}


async def post_request_otp(engine: Engine, request: Request) -> Response:
    """Answer `{otpId}`, alike whether or not somebody has that address."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    email = read_email(await read_typed(request))
    require_mail(engine)
    id = await request_otp(engine, collection, email)
    return Response(body=msgspec.json.encode({"otpId": id}), headers=((b"cache-control", b"no-store"),))


async def post_auth_with_otp(engine: Engine, request: Request) -> Response:
    """Answer `{token, record}`."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    body = await read_typed(request)
    typed = OneTimePassword(*read_texts(body, "otpId", "password"))
    return login_response(await log_in_with_otp(engine, collection, typed, read_asked(request, body, "otp")))


OTP_ROUTES: Final = (
    Route(
        method="POST",
        path=PATH + "request-otp",
        handler=post_request_otp,
        summary="Have a one-time password mailed",
        tag="auth",
        access="anyone",
        body=EMAIL,
        answer=REQUESTED,
        errors=(429, 503),
    ),
    Route(
        method="POST",
        path=PATH + "auth-with-otp",
        handler=post_auth_with_otp,
        summary="Log in with a one-time password",
        tag="auth",
        access="anyone",
        parameters=SHAPE_PARAMETERS,
        body=TYPED,
        answer=ANSWER,
        errors=(429,),
    ),
)
