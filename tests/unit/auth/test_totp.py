"""Codes by the clock and recovery codes, against the values of RFC 6238."""

import time
from urllib.parse import parse_qs, urlsplit

import pytest

from holdfast.auth.totp import (
    RECOVERY_CODES,
    STEP_SECONDS,
    matching_step,
    new_recovery_codes,
    new_secret,
    otpauth_url,
    recovery_hash,
    shown_secret,
)

SECRET = b"12345678901234567890"  # the RFC's
NOW = 1_111_111_109.0


@pytest.mark.parametrize(
    ("now", "code"),
    [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")],
)
def test_the_codes_are_those_of_the_rfc(now: int, code: str) -> None:
    assert matching_step(SECRET, code, now, 0) == now // STEP_SECONDS


def test_a_code_counts_one_step_before_and_after_its_own() -> None:
    counts = [matching_step(SECRET, "081804", NOW + steps * STEP_SECONDS, 0) is not None for steps in range(-3, 4)]
    assert counts == [False, False, True, True, True, False, False]


def test_a_code_of_a_step_that_was_taken_counts_no_more() -> None:
    step = int(NOW) // STEP_SECONDS
    assert matching_step(SECRET, "081804", NOW, step - 1) == step
    assert matching_step(SECRET, "081804", NOW, step) is None
    assert matching_step(SECRET, "081804", NOW, step + 1) is None


@pytest.mark.parametrize("code", ["081 804", " 081804\n"])
def test_spaces_do_not_matter(code: str) -> None:
    assert matching_step(SECRET, code, NOW, 0) is not None


@pytest.mark.parametrize("code", ["", "81804", "0818044", "08180a", "081804 1", "٠٨١٨٠٤", "-81804", "081805"])
def test_other_texts_are_no_code(code: str) -> None:
    assert matching_step(SECRET, code, NOW, 0) is None


def test_a_secret_has_160_bits_and_is_typed_as_base32() -> None:
    secret = new_secret()
    assert len(secret) == 20
    assert secret != new_secret()
    assert len(shown_secret(secret)) == 32


def test_the_url_says_all_that_an_app_needs() -> None:
    url = urlsplit(otpauth_url(SECRET, "api.example.com", "ann+1@example.com"))
    assert (url.scheme, url.netloc, url.path) == ("otpauth", "totp", "/api.example.com:ann%2B1%40example.com")
    assert parse_qs(url.query) == {"secret": ["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"], "issuer": ["api.example.com"]}


def test_recovery_codes_differ_and_are_known_however_they_are_typed() -> None:
    codes = new_recovery_codes()
    assert len({recovery_hash(code) for code in codes}) == RECOVERY_CODES == len(codes)
    code = codes[0]
    assert recovery_hash(f" {code.upper().replace('-', ' ')} ") == recovery_hash(code) != recovery_hash(codes[1])
    assert recovery_hash(code) is not None


@pytest.mark.parametrize("code", ["", "123456", "abcd-efgh-ijkl", "abcd-efgh-ijkl-mno1", "abcd-efgh-ijkl-mnop-q"])
def test_what_cannot_be_a_recovery_code_is_none(code: str) -> None:
    assert recovery_hash(code) is None


def test_checking_a_code_costs_little() -> None:
    began = time.perf_counter()
    for _ in range(100):
        matching_step(SECRET, "000000", NOW, 0)
    assert (time.perf_counter() - began) / 100 < 0.005  # seconds: a login is held up by no more
