"""A superuser gets a token of somebody else, to see what they see; it ends when it ends."""

from typing import Final

import msgspec
import structlog

from holdfast.audit.author import author_of
from holdfast.audit.entry import Entry
from holdfast.audit.write import write_after
from holdfast.auth.account import account_by_id
from holdfast.auth.answer import LoggedIn, logged_in, new_token
from holdfast.auth.login import Asked
from holdfast.auth.noting import account_target
from holdfast.engine import Engine
from holdfast.errors import NotFound, Problem, ValidationFailed
from holdfast.http.selection import read_fields
from holdfast.schema.auth_options import auth_options
from holdfast.schema.auth_reading import MAX_TOKEN_SECONDS
from holdfast.schema.collection import Collection

_log: Final = structlog.get_logger("holdfast.auth")


async def impersonate(
    engine: Engine, collection: Collection, record_id: str, seconds: object, asked: Asked
) -> LoggedIn:
    """A token of the record that is good for `seconds` (0 or None: as long as a login), and cannot be refreshed.

    The caller is a superuser. Raises NotFound, and ValidationFailed for a time that is none.
    """
    lifetime = _read_seconds(seconds) or auth_options(collection.auth).auth_token.duration
    account = await account_by_id(engine, collection, record_id)
    if account is None:
        raise NotFound
    answer = await logged_in(engine, collection, account, fields=asked.fields, expand=asked.expand)
    author = author_of(asked.facts.who, asked.origin.request, asked.origin.address, asked.origin.client)
    entry = Entry(
        action="auth.impersonated", target=account_target(collection, account.id), details={"seconds": lifetime}
    )
    await write_after(engine.pool, author, entry)
    _log.info(
        "login",
        outcome="impersonated",
        method="impersonate",
        collection=collection.name,
        record=account.id,
        by=asked.facts.who.key,
        address=asked.origin.address,
    )
    if read_fields(asked.fields).part("token") is None:
        return answer
    token = await new_token(engine, collection, account, seconds=lifetime, refreshable=False)
    return msgspec.structs.replace(answer, token=token)


def _read_seconds(given: object) -> int:
    if given is None:
        return 0
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= MAX_TOKEN_SECONDS:
        message = f"Must be a whole number of seconds from 0 to {MAX_TOKEN_SECONDS}."
        raise ValidationFailed({"duration": Problem("validation_invalid_duration", message)})
    return given
