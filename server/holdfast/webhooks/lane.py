"""What the process that sends knows of one endpoint: what waits here, how many requests are out, how it is doing."""

from typing import Final
from urllib.parse import urlsplit

from holdfast.webhooks.circuit import Circuit
from holdfast.webhooks.endpoint import Endpoint
from holdfast.webhooks.outcome import Outcome
from holdfast.webhooks.pace import Pace
from holdfast.webhooks.queue import LEASE_SECONDS, Claimed

LONGEST_WAIT_SECONDS: Final = LEASE_SECONDS / 3  # and a request takes at most half a lease
AHEAD: Final = 4  # claims per request that may be out, so that a fast receiver never waits for the next look
MOST_UNWRITTEN: Final = 64  # requests that were sent and are not written down: so many a kill may send again


class Lane:
    """One endpoint. `turned`: its circuit has opened or closed, or it is given up, and that is not written down yet.

    `gone`: the receiver has said that it wants nothing any more. `worrying`: superusers are to be warned.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.circuit: Circuit = endpoint.circuit
        self.waiting: list[Claimed] = []
        self.under_way = 0
        self.unwritten = 0
        self.turned = False
        self.gone = False
        self.worrying = False
        self._pace = Pace()

    def changed(self, endpoint: Endpoint) -> None:
        """Heed what somebody has changed. The circuit is known better here, but where somebody has closed it."""
        closed = self.circuit.is_open and not self.turned and not endpoint.circuit.is_open
        if closed or endpoint.draft.url != self.endpoint.draft.url:
            self.circuit = Circuit()
        self.endpoint = endpoint

    def resumed(self, endpoint: Endpoint) -> None:
        """Begin anew, but for what is still under way."""
        self.endpoint, self.circuit = endpoint, endpoint.circuit
        self.turned = self.gone = self.worrying = False

    def wanted(self, now: float) -> int:
        """How many more to claim."""
        room = self.circuit.room(now, self.under_way)
        ahead = room if self.circuit.is_open else self.circuit.width * AHEAD
        most = min(ahead, self._pace.room(self.endpoint.draft.rate_limit, now, ahead)) - len(self.waiting)
        return max(most, 0) if room or not self.circuit.is_open else 0

    @property
    def host(self) -> str:
        """The host that its connections are counted for."""
        return urlsplit(self.endpoint.draft.url).netloc

    @property
    def is_busy(self) -> bool:
        """Whether something is or could be under way."""
        return bool(self.waiting) or self.under_way > 0

    def take(self, now: float, most: int) -> list[Claimed]:
        """What may be sent now, so that at most so much is under way. Who takes it says `ended` for each."""
        room = min(self.circuit.room(now, self.under_way), most - self.under_way, len(self.waiting))
        room = max(min(room, MOST_UNWRITTEN - self.under_way - self.unwritten), 0)
        room = self._pace.room(self.endpoint.draft.rate_limit, now, room)
        taken, self.waiting = self.waiting[:room], self.waiting[room:]
        self._pace.sent(len(taken))
        self.under_way += len(taken)
        return taken

    def stale(self, now: float) -> list[Claimed]:
        """What has waited for so long that its lease could end before its request does. It is not here any more."""
        old = [one for one in self.waiting if now - one.since > LONGEST_WAIT_SECONDS]
        self.waiting = [one for one in self.waiting if now - one.since <= LONGEST_WAIT_SECONDS]
        return old

    def ended(self, outcome: Outcome, now: float) -> None:
        """A request has ended, with this outcome, which somebody has to write down and then to say `written`."""
        self.under_way -= 1
        self.unwritten += 1
        was, self.circuit = self.circuit, outcome.circuit
        self.gone = self.gone or outcome.is_gone
        if was.is_open is not self.circuit.is_open or self.gone or self.circuit.is_given_up(now):
            self.turned = True
        self.worrying = self.circuit.warning(now) > 0

    def written(self) -> None:
        """What became of a request is written down. It may be one of an earlier lane of the endpoint."""
        self.unwritten = max(self.unwritten - 1, 0)
