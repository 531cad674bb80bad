"""Whose sessions, codes or passkeys a request is about: the caller's own, or for superusers anybody's."""

from typing import Final

from holdfast.auth.principals import bare_token
from holdfast.auth.tokens import peek
from holdfast.errors import BadRequest, Forbidden, Unauthenticated
from holdfast.http.request import Request
from holdfast.http.routing import Parameter
from holdfast.schema.collection import Collection

RECORD: Final = Parameter(
    "record", "The id of the record whose they are; only superusers may name another than themselves."
)


def whose(collection: Collection, request: Request) -> str:
    """The id of the record that a request is about.

    Raises Unauthenticated for a guest, Forbidden for who is not of this collection, and BadRequest for a superuser who
    has to say whom they mean.
    """
    who = request.principal
    named = request.query.get("record", "")
    if named and who.is_superuser:
        return named
    own = who.record_id if who.collection_id == collection.id else ""
    if named not in ("", own):
        raise Unauthenticated if who.kind == "guest" else Forbidden
    if own:
        return own
    if who.is_superuser:
        raise BadRequest("Say whose by the query parameter record, an id.")
    if who.kind == "guest":
        raise Unauthenticated
    raise Forbidden("Only a record of this collection may do this, for itself.")


def require_owner(record_id: str, request: Request) -> None:
    """Raise Forbidden unless the caller is this record, and has logged in as it: what is made here can log in later.

    The token of an impersonation ends when it ends, so it makes nothing that lasts longer.
    """
    if record_id != request.principal.record_id:
        raise Forbidden("Only its owner may do this.")
    if is_impersonation(request.headers.get(b"authorization", b"")):
        raise Forbidden("Only who has logged in may do this: this token is of an impersonation.")


def is_impersonation(authorization: bytes) -> bool:
    """Whether a token was given to a superuser, and not to its owner: neither it nor a session's can be exchanged."""
    claims = peek(bare_token(authorization))
    return claims is not None and not claims.refreshable and not claims.sid
