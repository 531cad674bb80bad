"""Whose sessions, codes or passkeys a request is about: the caller's own, or for superusers anybody's."""

from typing import Final

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
