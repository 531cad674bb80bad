"""Many empty answers in a short time are held back."""

import pytest

from holdfast.http.request import Request
from holdfast.http.slowing import LONGEST_SECONDS, MOST_KEPT, SHORTEST_SECONDS, Slowing
from holdfast.identity import GUEST, Principal


def request(address: str = "192.0.2.1", who: Principal = GUEST) -> Request:
    scope: dict[str, object] = {
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "headers": [],
        "client": (address, 1),
    }
    made = Request(scope, None, id="", max_body_bytes=0)
    made.principal = who
    return made


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_three_are_free_and_those_after_them_wait():
    slowing = Slowing(Clock())
    pauses = [slowing.pause(request()) for _ in range(6)]
    assert pauses[:3] == [0, 0, 0]
    assert all(SHORTEST_SECONDS <= pause <= LONGEST_SECONDS for pause in pauses[3:])
    assert len(set(pauses[3:])) == 3  # at random


def test_whoever_waits_long_enough_in_between_is_never_slowed():
    clock = Clock()
    slowing = Slowing(clock)
    for _ in range(20):
        assert slowing.pause(request()) == 0
        clock.now += 1.01


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param(request("192.0.2.1"), request("192.0.2.2"), False, id="two addresses"),
        pytest.param(request("2001:db8::1"), request("2001:db8::2"), True, id="two addresses of one network"),
        pytest.param(
            request("192.0.2.1", Principal("user", "c", "users", "a")),
            request("192.0.2.2", Principal("user", "c", "users", "a")),
            True,
            id="one person from two addresses",
        ),
        pytest.param(
            request("192.0.2.1", Principal("user", "c", "users", "a")),
            request("192.0.2.1", Principal("user", "c", "users", "b")),
            False,
            id="two people at one address",
        ),
        pytest.param(request(), request(who=Principal("key", key_id="k")), False, id="a guest and a key"),
    ],
)
def test_callers_are_counted_apart(one: Request, other: Request, same: bool):
    slowing = Slowing(Clock())
    for _ in range(3):
        slowing.pause(one)
    assert bool(slowing.pause(other)) is same


def test_no_more_callers_are_kept_than_there_is_room_for():
    slowing = Slowing(Clock())
    for number in range(MOST_KEPT + 10):
        slowing.pause(request(who=Principal("user", "c", "users", str(number))))
    assert len(slowing) == MOST_KEPT
