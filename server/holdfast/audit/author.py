"""Who makes a change of the control plane, in which request, and from where."""

from typing import Final

import msgspec

from holdfast.events.context import Actor, Context, context_of, write_context
from holdfast.http.client_name import client_name
from holdfast.http.request import Request
from holdfast.identity import Principal


class Author(msgspec.Struct, frozen=True):
    """Who makes a change. `request`, `address` and `client` are empty where there is no request."""

    actor: Actor
    request: str = ""
    address: str = ""
    client: str = ""

    @classmethod
    def of(cls, request: Request) -> "Author":
        """Who sent a request."""
        return author_of(request.principal, request.id, request.client, client_name(request.headers))

    @property
    def context(self) -> str:
        """The same for the setting that triggers read."""
        return write_context(Context(actor=self.actor, request=self.request, address=self.address, client=self.client))


def author_of(who: Principal, request: str = "", address: str = "", client: str = "") -> Author:
    """Somebody who makes a change."""
    return Author(context_of(who).actor or Actor(kind="guest"), request, address, client)


COMMAND_LINE: Final = Author(Actor(kind="cli"))
"""Whoever may run `holdfast` on the server's machine."""
SERVER: Final = Author(Actor(kind="server"))
"""The server by itself."""
