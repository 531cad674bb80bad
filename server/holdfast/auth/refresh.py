"""A token that still holds, or the refresh token of a session, is exchanged for a new one."""

from typing import Final

from holdfast.auth.account import account_by_id
from holdfast.auth.answer import logged_in
from holdfast.auth.auth_rule import require_auth_rule
from holdfast.auth.blocks import require_unblocked
from holdfast.auth.login import Asked, Proof
from holdfast.auth.principals import bare_token
from holdfast.auth.proved import Outcome, proved
from holdfast.auth.sessions import renew_session
from holdfast.auth.tokens import peek
from holdfast.engine import Engine
from holdfast.errors import Forbidden, Unauthenticated
from holdfast.http.selection import read_fields
from holdfast.records.expansion import read_expand
from holdfast.schema.collection import Collection

NO_METHOD: Final = ""  # nobody logs in anew


async def refresh(engine: Engine, collection: Collection, asked: Asked) -> Outcome:
    """A new token for the caller, whose present one is good.

    Raises Unauthenticated for a guest, and Forbidden for a record of another collection, a token that is not to be
    exchanged (of an impersonation), and one that the collection's authRule refuses by now.
    """
    who = asked.facts.who
    if not who.record_id:
        raise Unauthenticated
    if who.collection_id != collection.id:
        raise Forbidden("This token belongs to another collection.")
    claims = peek(bare_token(asked.facts.headers.get(b"authorization", b"")))
    if claims is None or not claims.refreshable:
        raise Forbidden("This token cannot be exchanged for a new one: it ends when it ends.")
    account = await account_by_id(engine, collection, who.record_id)
    if account is None:
        raise Unauthenticated
    return await proved(engine, asked, Proof(collection=collection, account=account, method=NO_METHOD))


async def renew(engine: Engine, collection: Collection, asked: Asked, refresh_token: str) -> Outcome:
    """A new token for the session that a refresh token belongs to, and the refresh token that follows.

    Raises Unauthenticated when the session has ended, and Forbidden when the collection's authRule refuses the record.
    """
    # Read before the old token is used up: a mistake in them costs nothing then.
    read_fields(asked.fields)
    read_expand(asked.expand)
    session = await renew_session(engine, collection, refresh_token, asked.origin)
    account = await account_by_id(engine, collection, session.record_id)
    if account is None:
        raise Unauthenticated
    await require_unblocked(engine, collection, account.id)
    await require_auth_rule(engine, collection, account.id, asked.facts)
    return await logged_in(engine, collection, account, fields=asked.fields, expand=asked.expand, session=session)
