"""What a request that logs in says besides who it is: where it comes from, and what it wants to be answered."""

from collections.abc import Mapping
from typing import Any

import msgspec

from holdfast.auth.account import Account
from holdfast.auth.sessions import MAX_AGENT_CHARS, Origin
from holdfast.http.client_name import client_name
from holdfast.http.request import Request
from holdfast.rules.facts import Context, Facts
from holdfast.schema.collection import Collection


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The request around a login.

    `mfa_id` is the first factor that this one is to complete. `session` asks for a refresh token beside the token.
    """

    facts: Facts
    origin: Origin
    fields: str = ""
    expand: str = ""
    mfa_id: str = ""
    session: bool = False


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """That somebody has shown to be an account.

    `method` is by what (`password`, `otp`, `oauth2`, `passkey`, …): a second factor has to be another one. It is
    empty where nobody logs in anew (a refresh, an impersonation): there are no second factor and no alert then.
    `whole` says that the method is two factors in itself. `meta` goes out with the answer.
    """

    collection: Collection
    account: Account
    method: str
    whole: bool = False
    meta: Mapping[str, Any] | msgspec.UnsetType = msgspec.UNSET


def _origin(request: Request) -> Origin:
    agent = request.header(b"user-agent")[:MAX_AGENT_CHARS]
    return Origin(request.client, agent, request.id, client_name(request.headers))


def read_asked(request: Request, body: Mapping[str, Any], context: Context = "default") -> Asked:
    """What a request asks for; `mfaId` may stand in its query or its body, as in PocketBase."""
    query = request.query
    mfa_id = query.get("mfaId") or body.get("mfaId")
    return Asked(
        facts=Facts.of(request, body, context),
        origin=_origin(request),
        fields=query.get("fields", ""),
        expand=query.get("expand", ""),
        mfa_id=mfa_id if isinstance(mfa_id, str) else "",
        session=body.get("session") is True,
    )
