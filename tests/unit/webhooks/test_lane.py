"""What the process that sends knows of one endpoint."""

import msgspec

from holdfast.http.request_limit import RequestLimit
from holdfast.webhooks.circuit import WIDEST, Circuit
from holdfast.webhooks.endpoint import Endpoint, EndpointDraft
from holdfast.webhooks.lane import AHEAD, LONGEST_WAIT_SECONDS, MOST_UNWRITTEN, Lane
from holdfast.webhooks.outcome import Attempt, Outcome, outcome
from holdfast.webhooks.queue import Claimed

OPEN = Circuit(failures=5, failing_since=1.0, opened=2.0, probe_at=100.0, width=1)
ENDPOINT = Endpoint(id="w", draft=EndpointDraft(url="https://example.com:8443/hook"))


def claimed(id: int, since: float = 0.0) -> Claimed:
    return Claimed(
        id=id, webhook_id="w", event_id=f"evt_{id}", lease="", attempts=0, replay=False, old=False, body="", event=None,
        since=since,
    )  # fmt: skip


def lane(waiting: int = 0, **changes: object) -> Lane:
    made = Lane(msgspec.structs.replace(ENDPOINT, **changes))
    made.waiting = [claimed(id) for id in range(waiting)]
    return made


def test_it_sends_as_much_as_its_circuit_and_its_share_allow():
    one = lane(100)
    assert len(one.take(0, 10)) == 10
    assert len(one.take(0, 10)) == 0
    assert len(one.take(0, 100)) == WIDEST - 10
    assert (one.under_way, one.host, one.is_busy) == (WIDEST, "example.com:8443", True)
    one.ended(Outcome("delivered", Circuit()), 0)
    assert len(one.take(0, 100)) == 1


def test_no_more_is_sent_than_may_be_unwritten():
    one = lane(2 * MOST_UNWRITTEN)
    sent = 0
    while taken := one.take(0, 100):
        sent += len(taken)
        for _ in taken:
            one.ended(Outcome("delivered", Circuit()), 0)
    assert sent == MOST_UNWRITTEN
    one.written()
    assert len(one.take(0, 100)) == 1
    for _ in range(2 * MOST_UNWRITTEN):  # some are of an earlier lane
        one.written()
    assert len(one.take(0, 100)) == WIDEST - 1


def test_it_claims_some_ahead_and_a_probe_when_one_is_due():
    assert lane().wanted(0) == WIDEST * AHEAD
    assert lane(10).wanted(0) == WIDEST * AHEAD - 10
    assert lane(circuit=OPEN).wanted(99) == 0
    assert lane(circuit=OPEN).wanted(100) == 1
    assert lane(1, circuit=OPEN).wanted(100) == 0


def test_it_keeps_the_pace_that_is_asked_for():
    slow = lane(10, draft=msgspec.structs.replace(ENDPOINT.draft, rate_limit=RequestLimit(max_requests=3, duration=10)))
    assert [len(slow.take(now, 100)) for now in (100, 105, 110)] == [3, 0, 3]


def test_what_has_waited_for_too_long_is_given_back():
    one = lane()
    one.waiting = [claimed(1, since=0.0), claimed(2, since=10.0)]
    assert [old.id for old in one.stale(LONGEST_WAIT_SECONDS + 5)] == [1]
    assert [kept.id for kept in one.waiting] == [2]


def test_who_closes_a_circuit_is_heeded_once_it_was_written_down():
    one = lane(circuit=OPEN)
    one.changed(msgspec.structs.replace(ENDPOINT, circuit=OPEN))
    assert one.circuit.is_open
    one.turned = True  # it has opened just now, and the row does not say so yet
    one.changed(ENDPOINT)
    assert one.circuit.is_open
    one.turned = False
    one.changed(ENDPOINT)
    assert not one.circuit.is_open


def test_another_address_begins_anew():
    one = lane(circuit=OPEN)
    moved = msgspec.structs.replace(ENDPOINT.draft, url="https://example.com/other")
    one.changed(msgspec.structs.replace(ENDPOINT, draft=moved, circuit=OPEN))
    assert not one.circuit.is_open


def test_what_has_to_be_written_down_is_known():
    one = lane()
    one.ended(Outcome("again", Circuit(failures=1)), 0)
    assert (one.turned, one.gone) == (False, False)
    one.ended(Outcome("again", OPEN), 5)
    assert (one.turned, one.gone) == (True, False)
    other = lane()
    other.ended(outcome(Attempt(ms=1, status=410), 0, Circuit(), 0, lambda: 0.5), 0)
    assert (other.turned, other.gone) == (True, True)


def test_who_is_turned_on_again_begins_anew_but_for_what_is_still_under_way():
    one = lane(WIDEST)
    one.take(0, 10)
    one.ended(Outcome("dead", OPEN, is_gone=True), 0)
    one.resumed(ENDPOINT)
    assert (one.circuit, one.gone, one.turned) == (Circuit(), False, False)
    assert len(one.take(0, 100)) == WIDEST - 10
