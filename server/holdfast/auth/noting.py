"""What the audit log is told of logins, and of what people do with their own accounts. No login fails because of it."""

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

from holdfast.audit.accounts import account_kind
from holdfast.audit.actions import Action
from holdfast.audit.author import Author, author_of
from holdfast.audit.entry import Entry, Target
from holdfast.audit.write import write_after
from holdfast.auth.login import Asked
from holdfast.auth.principals import principal_of
from holdfast.engine import Engine
from holdfast.http.peer import limit_key
from holdfast.http.request import Request
from holdfast.identity import GUEST
from holdfast.schema.collection import Collection

Reason: TypeAlias = Literal[
    "auth_rule", "blocked", "code_used", "limited", "passkey", "plugin", "provider", "second_factor", "unknown_account",
    "wrong_code", "wrong_password",
]  # fmt: skip
"""Why a login failed. The client is not told which of some it was; a superuser can see it here."""
FAILED: Final = "auth.login_failed"


async def note_login(
    engine: Engine, asked: Asked, action: Action, collection: Collection, id: str, method: str
) -> None:
    """Write down that an account has shown who it is."""
    author = author_of(principal_of(collection, id), asked.origin.request, asked.origin.address, asked.origin.client)
    target = account_target(collection, id)
    await write_after(engine.pool, author, Entry(action=action, target=target, details={"method": method}))


async def note_failure(
    engine: Engine, asked: Asked, collection: Collection, method: str, reason: Reason, id: str = ""
) -> None:
    """Write down that a login failed; `id` says whose it would have been, where that is known."""
    await write_after(engine.pool, _asking(asked), _failure(collection, method, reason, id))


def count_failure(engine: Engine, asked: Asked, collection: Collection, method: str, reason: Reason) -> None:
    """Count that a login failed which anybody can have fail as often as they like. Nobody waits for it."""
    key = (FAILED, collection.id, method, reason, limit_key(asked.origin.address))
    engine.tally.add(engine.pool, key, _asking(asked), _failure(collection, method, reason, ""))


async def note_act(
    engine: Engine,
    request: Request,
    action: Action,
    collection: Collection,
    id: str,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Write down what somebody has done to an account, their own or another's."""
    entry = Entry(action=action, target=account_target(collection, id), details=details)
    await write_after(engine.pool, Author.of(request), entry)


def account_target(collection: Collection, id: str) -> Target:
    """The account as what something is done to."""
    return Target(account_kind(collection), id, collection.name)


def _asking(asked: Asked) -> Author:
    return author_of(GUEST, asked.origin.request, asked.origin.address, asked.origin.client)


def _failure(collection: Collection, method: str, reason: Reason, id: str) -> Entry:
    target = account_target(collection, id)
    return Entry(action=FAILED, target=target, outcome="failure", reason=reason, details={"method": method})
