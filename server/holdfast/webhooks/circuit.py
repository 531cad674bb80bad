"""The circuit of an endpoint: whether it is asked at all, and by how many requests at once. Pure.

While it is open no delivery uses up a try: one probe goes out now and then, and the first success lets the backlog go,
slowly at first. A schedule of retries alone would bring the backlog of an hour's outage up to an hour and a half late.
"""

from collections.abc import Callable
from typing import Final

import msgspec

FAILURES: Final = 5  # in a row, before it opens
FAILING_SECONDS: Final = 30.0  # that they have to span
BUSY_FAILURES: Final = 3  # the same of a receiver that says it has too much to do
BUSY_SECONDS: Final = 5.0
PROBE_SECONDS: Final = (30.0, 60.0)  # between two probes
LEAST_PROBE_SECONDS: Final = 1.0  # if the receiver asks for shorter waits
LONGEST_PROBE_SECONDS: Final = 3600.0  # if the receiver asks for longer waits
WIDEST: Final = 16  # requests at once to one endpoint
DAY: Final = 86_400.0
DISABLED_AFTER: Final = 5 * DAY  # of nothing but failure
WARNINGS: Final = (50, 80)  # percent of that, after each of which the superusers are warned


class Circuit(msgspec.Struct, frozen=True):
    """What is known of an endpoint's health. Times are seconds since 1970; 0 is never.

    `failing_since` is when the first failure after the last success was; `opened` since when it is asked by probes
    only; `width` how many requests may be under way at once while it is closed; `warned` the last of WARNINGS that the
    superusers were told.
    """

    failures: int = 0
    failing_since: float = 0.0
    opened: float = 0.0
    probe_at: float = 0.0
    width: int = WIDEST
    warned: int = 0

    @property
    def is_open(self) -> bool:
        """Whether only probes are sent."""
        return self.opened > 0

    def room(self, now: float, under_way: int) -> int:
        """How many more requests may be sent now."""
        if self.is_open:
            return 1 if now >= self.probe_at and not under_way else 0
        return max(self.width - under_way, 0)

    def failed(
        self,
        now: float,
        chance: Callable[[], float],
        retry_after: float = 0.0,
        took: float = 0.0,
        *,
        busy: bool = False,
    ) -> "Circuit":
        """After a failure. `chance` gives a number from 0 to 1; `retry_after` is what the receiver asks for.

        It `took` so many seconds to fail. The next probe counts from the beginning of this one, so that a receiver
        that takes requests and never answers does not put off its own return. One that says it is `busy` is left alone
        sooner, at once if it says for how long, and asked again then.
        """
        failures, since = self.failures + 1, self.failing_since or now
        asked = min(retry_after, LONGEST_PROBE_SECONDS)
        least, most = PROBE_SECONDS
        wait = least + (most - least) * chance()
        wait = max(asked, LEAST_PROBE_SECONDS) if busy and asked else max(wait - took, asked, 0.0)
        changed = msgspec.structs.replace(self, failures=failures, failing_since=since)
        if self.is_open:
            return msgspec.structs.replace(changed, probe_at=now + wait)
        if _is_enough(failures, now - since, busy=busy, asked=asked > 0):
            return msgspec.structs.replace(changed, opened=now, probe_at=now + wait, width=1)
        return changed

    def succeeded(self) -> "Circuit":
        """After a success: one request at once when it was open before, then two, four, up to WIDEST."""
        return Circuit(width=1 if self.is_open else min(self.width * 2, WIDEST))

    def is_given_up(self, now: float) -> bool:
        """Whether there has been nothing but failure for DISABLED_AFTER."""
        return self.failing_since > 0 and now - self.failing_since >= DISABLED_AFTER

    def warning(self, now: float) -> int:
        """Which of WARNINGS is due now; 0 if none is."""
        if not self.failing_since:
            return 0
        passed = (now - self.failing_since) * 100 / DISABLED_AFTER
        return max((share for share in WARNINGS if self.warned < share <= passed), default=0)


def _is_enough(failures: int, seconds: float, *, busy: bool, asked: bool) -> bool:
    """Whether so many failures in a row, over so many seconds, open a circuit."""
    if busy and (asked or (failures >= BUSY_FAILURES and seconds >= BUSY_SECONDS)):
        return True
    return failures >= FAILURES and seconds >= FAILING_SECONDS
