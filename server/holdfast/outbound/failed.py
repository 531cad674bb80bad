"""A request that brought no whole answer."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdfast.outbound.client import Received


class Failed(Exception):
    """The name, the connection, TLS, the time, or an answer that is too long or none. Its text says which.

    `received` is the beginning of the answer, if one began.
    """

    def __init__(self, text: str, received: "Received | None" = None) -> None:
        super().__init__(text)
        self.received = received
