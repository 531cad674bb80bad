"""A place in the log."""

from typing import Final

import msgspec

MAX_SEQ: Final = 2**63 - 1
_MOST_DIGITS: Final = 19


class Position(msgspec.Struct, frozen=True):
    """After the event `seq` of an epoch; 0 is before the first.

    The epoch becomes another one when the database is restored or fails over, since numbers can then come again that
    somebody has seen on other events.
    """

    epoch: str
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch}:{self.seq}"


def read_position(text: str) -> Position | None:
    """The position that `str` has written; None for a text that is none."""
    epoch, colon, seq = text.partition(":")
    if not colon or not epoch.isascii() or not epoch.isalnum() or not seq.isascii() or not seq.isdecimal():
        return None
    if len(seq) > _MOST_DIGITS or int(seq) > MAX_SEQ:
        return None
    return Position(epoch, int(seq))


class PositionLost(Exception):
    """Nobody can say what came after this position: it is older than what is kept, of another epoch, or of no time.

    Whoever stood there has to read the records afresh, and go on from the position that `Feed.position` gives.
    """

    def __init__(self, position: Position) -> None:
        super().__init__(f"the log cannot be read from {position}")
        self.position = position
