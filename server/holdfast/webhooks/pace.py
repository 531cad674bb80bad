"""How fast an endpoint wants its requests: so many in so much time. Pure."""

from holdfast.http.request_limit import RequestLimit


class Pace:
    """Counts requests in windows. One process sends to an endpoint at a time, so it need not ask others."""

    def __init__(self) -> None:
        self._begun = 0.0
        self._sent = 0

    def room(self, limit: RequestLimit | None, now: float, wanted: int) -> int:
        """How many of the wanted requests may go out now."""
        if limit is None:
            return wanted
        if now - self._begun >= limit.duration:
            self._begun, self._sent = now, 0
        return max(0, min(wanted, limit.max_requests - self._sent))

    def sent(self, count: int) -> None:
        """Count requests."""
        self._sent += count
