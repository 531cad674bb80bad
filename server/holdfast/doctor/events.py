"""Whether every change becomes an event, and every event gets its number."""

from collections.abc import Sequence
from typing import Final

from holdfast.collections.capturing import Uncaptured
from holdfast.db.sql import inline
from holdfast.doctor.finding import Finding, broken, ok, warning
from holdfast.events import capture
from holdfast.events.state import EventsState

ABOUT: Final = "events"
_LOST: Final = "What was changed in the meantime is not in the log."
_SAID: Final = {"missing": "lacks", "changed": "has another version of"}


def captured(found: Sequence[Uncaptured]) -> list[Finding]:
    """What is wrong with the capture of events; nothing if it is sound."""
    return [_fault(one) for one in found]


def _fault(found: Uncaptured) -> Finding:
    table = found.collection.name
    if found.fault == "disabled":
        names = ", ".join(found.triggers)
        verb = "is" if len(found.triggers) == 1 else "are"
        cure = "; ".join(inline(capture.enable(found.collection, name)) for name in found.triggers)
        return broken(ABOUT, f"{names} of {table} {verb} off, or not for every session", f"Run {cure}. {_LOST}")
    what = f"{table} {_SAID[found.fault]} the triggers that capture its changes"
    return broken(ABOUT, what, f"Run holdfast migrate, or start the server: it puts them in again. {_LOST}")


def relayed(state: EventsState) -> Finding:
    """What the state of the log means."""
    if state.late:
        advice = "Is a server running, without --no-background? Its log says why it relays no events."
        return warning(ABOUT, f"one has waited for its number for {state.lag:.0f} s", advice)
    return ok(ABOUT, f"none is late; the newest is {state.newest}")
