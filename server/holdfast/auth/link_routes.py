"""What goes by mailed links, over HTTP: confirm an address, set a new password, change the email."""

from typing import Final

from holdfast.auth.account import auth_collection
from holdfast.auth.email_change import check_new_email, confirm_email_change
from holdfast.auth.letter_limit import allow_again
from holdfast.auth.letters import ask_by_email, ask_email_change
from holdfast.auth.password_reset import confirm_password_reset, require_passwords
from holdfast.auth.routes import EMAIL, PATH
from holdfast.auth.typed import read_email, read_typed
from holdfast.auth.verification import confirm_verification, refuse_superusers
from holdfast.engine import Engine
from holdfast.http.request import Request
from holdfast.http.response import NO_CONTENT, Response
from holdfast.http.routing import Handler, Route, Schema
from holdfast.mail.later import require_mail
from holdfast.rules.facts import Facts

TOKEN: Final = {"type": "string", "description": "As it stands at the end of the link in the mail."}
TOKEN_ALONE: Final = {"type": "object", "required": ["token"], "properties": {"token": TOKEN}}
NEW_PASSWORD: Final = {
    "type": "object",
    "required": ["token", "password", "passwordConfirm"],
    "properties": {"token": TOKEN, "password": {"type": "string"}, "passwordConfirm": {"type": "string"}},
}
NEW_EMAIL: Final = {
    "type": "object",
    "required": ["newEmail"],
    "properties": {"newEmail": {"type": "string", "format": "email"}},
}
CONFIRM_EMAIL: Final = {
    "type": "object",
    "required": ["token", "password"],
    "properties": {"token": TOKEN, "password": {"type": "string", "description": "The account's password."}},
}


async def request_verification(engine: Engine, request: Request) -> Response:
    """Answer 204, alike whether or not somebody has that address."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    refuse_superusers(collection)
    email = read_email(await read_typed(request))
    require_mail(engine)
    await ask_by_email(engine, collection, "verification", email)
    return NO_CONTENT


async def post_confirm_verification(engine: Engine, request: Request) -> Response:
    """Answer 204 once the address is confirmed."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    body = await read_typed(request)
    await confirm_verification(engine, collection, body.get("token"), Facts.of(request))
    return NO_CONTENT


async def request_password_reset(engine: Engine, request: Request) -> Response:
    """Answer 204, alike whether or not somebody has that address."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    require_passwords(collection)
    email = read_email(await read_typed(request))
    require_mail(engine)
    await ask_by_email(engine, collection, "passwordReset", email)
    return NO_CONTENT


async def post_confirm_password_reset(engine: Engine, request: Request) -> Response:
    """Answer 204 once the account has its new password."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    record_id = await confirm_password_reset(engine, collection, await read_typed(request), Facts.of(request))
    await allow_again(engine, collection, record_id, "passwordReset")
    return NO_CONTENT


async def request_email_change(engine: Engine, request: Request) -> Response:
    """Answer 204 once the mail to the new address is promised."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    body = await read_typed(request)
    account = await check_new_email(engine, collection, request.principal, body.get("newEmail"))
    require_mail(engine)
    await ask_email_change(engine, collection, account.id, body["newEmail"])
    return NO_CONTENT


async def post_confirm_email_change(engine: Engine, request: Request) -> Response:
    """Answer 204 once the account has its new email."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    await confirm_email_change(engine, collection, await read_typed(request), Facts.of(request))
    return NO_CONTENT


def _route(path: str, handler: Handler, summary: str, body: Schema, *errors: int) -> Route:
    return Route(
        method="POST",
        path=PATH + path,
        handler=handler,
        summary=summary,
        tag="auth",
        access="anyone",
        body=body,
        status=204,
        errors=errors,
    )


LINK_ROUTES: Final = (
    _route("request-verification", request_verification, "Have a link mailed that confirms the address", EMAIL, 503),
    _route("confirm-verification", post_confirm_verification, "Confirm an address", TOKEN_ALONE),
    _route("request-password-reset", request_password_reset, "Have a link mailed for a new password", EMAIL, 503),
    _route("confirm-password-reset", post_confirm_password_reset, "Set a new password", NEW_PASSWORD),
    _route("request-email-change", request_email_change, "Ask for another email", NEW_EMAIL, 503),
    _route("confirm-email-change", post_confirm_email_change, "Take the other email", CONFIRM_EMAIL, 429),
)
