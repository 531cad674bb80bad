"""The caller's own password, asked for once more: no stolen session knows it."""

from holdfast.auth.account import account_by_id
from holdfast.auth.attempts import attempt_succeeded, begin_attempt
from holdfast.auth.password_login import account_key
from holdfast.engine import Engine
from holdfast.errors import Problem, ValidationFailed
from holdfast.http.request import Request
from holdfast.passwords import check_password, in_line
from holdfast.schema.collection import Collection


async def check_own_password(engine: Engine, request: Request, collection: Collection, password: str) -> None:
    """Raise ValidationFailed unless it is the password of who asks, and RateLimited after too many guesses.

    `collection` is that of the caller.
    """
    account = await account_by_id(engine, collection, request.principal.record_id)
    key = account_key(collection, account.email if account else request.principal.record_id)
    await begin_attempt(engine.pool, key, request.client)
    with in_line():
        verdict = await check_password(password, account.password if account else "")
    if not verdict.right:
        raise ValidationFailed({"password": Problem("validation_invalid_password", "Is not your password.")})
    await attempt_succeeded(engine.pool, key, request.client)
