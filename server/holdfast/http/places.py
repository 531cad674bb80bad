"""How many of a sort may run at once in one process."""

from collections.abc import Generator
from contextlib import contextmanager

from holdfast.errors import Unavailable


class Places:
    """A number of places; who finds none is refused, and waits for nobody."""

    __slots__ = ("_free", "_what")

    def __init__(self, most: int, what: str) -> None:
        self._free = most
        self._what = what

    @contextmanager
    def one(self) -> Generator[None]:
        """Take a place for the block. Raises Unavailable when there is none."""
        if self._free <= 0:
            raise Unavailable(f"Too many {self._what} run at this moment: try again in a while.", retry_after=10)
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1
