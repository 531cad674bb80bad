"""Which view reads which, so that each is made after those that it reads. Pure."""

from collections.abc import Sequence

from holdfast.collections.view_query import tables_of
from holdfast.collections.view_syntax import InvalidView
from holdfast.schema.collection import Collection


def in_order(views: Sequence[Collection]) -> list[Collection]:
    """The views, those first that others read. Raises InvalidView for a circle."""
    waiting = {view.name.lower(): view for view in views}
    reads = {label: _reads(view) & waiting.keys() for label, view in waiting.items()}
    found: list[Collection] = []
    while waiting:
        ready = [label for label in waiting if not reads[label] & waiting.keys()]
        if not ready:
            raise InvalidView(f"These views read each other in a circle: {', '.join(sorted(waiting))}.")
        found.extend(waiting.pop(label) for label in ready)
    return found


def _reads(view: Collection) -> frozenset[str]:
    try:
        return tables_of(view.view_query)
    except InvalidView:
        return frozenset()  # whoever resolves it says what is wrong
