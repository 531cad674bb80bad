"""The back end in use, opened once for as long as the operator names the same place."""

from holdfast.storage.place import Place
from holdfast.storage.storage import Storage, open_storage


class Storages:
    """Keeps the back end of the last place that was asked for."""

    def __init__(self) -> None:
        self._place: Place | None = None
        self._storage: Storage | None = None

    def at(self, place: Place) -> Storage:
        """The back end at a place. Raises Unavailable for one that cannot be opened."""
        if self._storage is None or place != self._place:
            self._storage = open_storage(place)
            self._place = place
        return self._storage
