"""How guessing is slowed down."""

import pytest

from holdfast.auth.attempts import PER_ACCOUNT, PER_ADDRESS, WINDOW_SECONDS, Attempts
from holdfast.errors import RateLimited

HERE = "203.0.113.9"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_an_account_is_left_alone_after_too_many_failures_from_anywhere() -> None:
    attempts = Attempts(Clock())
    for number in range(PER_ACCOUNT):
        attempts.begin("users ann", f"198.51.100.{number}")
    with pytest.raises(RateLimited) as refusal:
        attempts.begin("users ann", HERE)
    assert refusal.value.headers["Retry-After"] == str(int(WINDOW_SECONDS))
    attempts.begin("users bob", HERE)


def test_an_address_is_left_alone_after_too_many_failures_on_any_account() -> None:
    attempts = Attempts(Clock())
    for number in range(PER_ADDRESS):
        attempts.begin(f"users {number}", HERE)
    with pytest.raises(RateLimited):
        attempts.begin("users another", HERE)
    attempts.begin("users another", "198.51.100.1")


def test_an_ipv6_client_cannot_go_on_from_the_next_address_of_its_network() -> None:
    attempts = Attempts(Clock())
    for number in range(PER_ADDRESS):
        attempts.begin(f"users {number}", f"2001:db8::{number:x}")
    with pytest.raises(RateLimited):
        attempts.begin("users another", "2001:db8::ffff")


def test_the_window_ends() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    for _ in range(PER_ACCOUNT):
        attempts.begin("users ann", HERE)
    clock.now += WINDOW_SECONDS + 1
    attempts.begin("users ann", HERE)


def test_success_forgives_the_account() -> None:
    attempts = Attempts(Clock())
    for _ in range(3):
        for _ in range(PER_ACCOUNT - 1):
            attempts.begin("users ann", HERE)
        attempts.begin("users ann", HERE)
        attempts.succeeded("users ann", HERE)


def test_who_logged_in_before_is_not_locked_out_by_others() -> None:
    attempts = Attempts(Clock())
    attempts.begin("users ann", HERE)
    attempts.succeeded("users ann", HERE)
    for number in range(PER_ACCOUNT):
        attempts.begin("users ann", f"198.51.100.{number}")
    with pytest.raises(RateLimited):
        attempts.begin("users ann", "198.51.100.200")
    attempts.begin("users ann", HERE)


def test_and_yet_cannot_guess_without_end() -> None:
    attempts = Attempts(Clock())
    attempts.begin("users ann", HERE)
    attempts.succeeded("users ann", HERE)
    for _ in range(PER_ACCOUNT):
        attempts.begin("users ann", HERE)
    with pytest.raises(RateLimited):
        attempts.begin("users ann", HERE)
