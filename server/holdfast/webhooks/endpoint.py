"""An endpoint: where events are sent, which ones, and what of them."""

from collections.abc import Mapping
from typing import Final

import msgspec

from holdfast.http.request_limit import RequestLimit
from holdfast.rules.access import SUPERUSER, Audience
from holdfast.webhooks.circuit import Circuit

TIMEOUT_SECONDS: Final = 15
UNREADABLE: Final = (
    "Its secret cannot be read: it was sealed with another key than the server has now. Everything waits until it gets"
    " a new one by rotate-secret."
)


class EndpointDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What can be said about an endpoint. `events` name collections by their ids.

    `role` is an id; without one it gets all that the log has. `filter` and `fields` are read with the rights of the
    role. `ordered`: events of one record come one after the other. `timeout` is in seconds.
    """

    url: str = ""
    description: str = ""
    events: tuple[str, ...] = ()
    filter: str = ""
    fields: tuple[str, ...] = ()
    role: str = ""
    headers: Mapping[str, str] = {}
    active: bool = True
    ordered: bool = False
    timeout: int = TIMEOUT_SECONDS
    rate_limit: RequestLimit | None = None

    @property
    def who(self) -> Audience:
        """Whose rights it has: those of a key with its role, or everything that is not hidden."""
        return Audience(roles=(self.role,), key=True) if self.role else SUPERUSER


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint as it is kept. `secrets` are those that sign now, the newest first; `disabled` says why it was."""

    id: str
    draft: EndpointDraft
    circuit: Circuit = Circuit()
    secrets: tuple[str, ...] = ()
    disabled: str = ""
