"""Whether there is an account cannot be told: not by a status, not by a body, not by the time that an answer takes."""

import itertools
import statistics
import time
from typing import Any

import pytest

from client import PASSWORD, in_one_loop
from holdfast.passwords import PROPER
from office import Office, Person

SAME_SECONDS = 0.005  # between the medians, over TRIES each
TRIES = 300
OTP = {"otp": {"enabled": True}}
NUMBERS = itertools.count(1)


class Question:
    """What somebody asks who wants to know whether an address has an account."""

    def __init__(self, path: str, **body: Any) -> None:
        self.path = path
        self.body = body

    async def ask(self, office: Office, collection: str, email: str) -> tuple[int, str, dict[str, str], float]:
        """Status, body and headers as far as they could tell, and the seconds that it took."""
        body = {key: email if value == "EMAIL" else value for key, value in self.body.items()}
        before = time.perf_counter()
        answer = await office.post(f"{collection}/{self.path}", body)
        seconds = time.perf_counter() - before
        told = answer.json() if answer.content else {}
        for key in ("requestId", "otpId"):
            if key in told:
                told[key] = "*" * len(told[key])
        ours = ("x-request-id", "date", "etag")
        headers = {name: value for name, value in answer.headers.items() if name not in ours}
        return answer.status_code, str(told), headers, seconds


QUESTIONS = [
    pytest.param(Question("auth-with-password", identity="EMAIL", password="wrong"), id="login"),
    pytest.param(Question("auth-with-password", identity="EMAIL", password="x" * 2000), id="login, 2,000 bytes"),
    pytest.param(Question("request-otp", email="EMAIL"), id="one-time password"),
    pytest.param(Question("request-password-reset", email="EMAIL"), id="reset"),
    pytest.param(Question("request-verification", email="EMAIL"), id="verification"),
]


async def fresh(office: Office, collection: str) -> Person:
    """Somebody of whom nothing was asked yet."""
    return await office.person(collection, verified=next(NUMBERS) % 2 == 0)


@in_one_loop
@pytest.mark.parametrize("question", QUESTIONS)
async def test_an_account_is_answered_like_none(office: Office, question: Question) -> None:
    collection = await office.collection(**OTP)
    person = await fresh(office, collection)
    for _ in range(2):
        known = await question.ask(office, collection, person.email)
        unknown = await question.ask(office, collection, f"nobody{next(NUMBERS)}@example.com")
        assert known[:3] == unknown[:3]


@in_one_loop
async def test_too_many_tries_are_counted_alike_whether_or_not_there_is_an_account(office: Office) -> None:
    collection = await office.collection(**OTP)
    question = Question("auth-with-password", identity="EMAIL", password="wrong")
    person = await fresh(office, collection)
    for email in (person.email, "nobody@example.com"):
        statuses = [(await question.ask(office, collection, email))[0] for _ in range(12)]
        assert statuses == [400] * 10 + [429] * 2


@pytest.mark.usefixtures("proper_passwords")
@in_one_loop
async def test_a_login_without_an_account_hashes_as_one_with_an_account(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes the time is done once for each, with the same parameters."""
    verified: list[str] = []
    real = PROPER.hasher.verify

    class Watching:
        def verify(self, hash: str, password: str) -> bool:
            verified.append(hash.rpartition("p=1")[0])
            return real(hash, password)

        def __getattr__(self, name: str) -> Any:
            return getattr(real.__self__, name)

    monkeypatch.setattr(PROPER, "hasher", Watching())
    collection = await office.collection(**OTP)
    person = await fresh(office, collection)
    for email in (person.email, "nobody@example.com"):
        body = {"identity": email, "password": "wrong"}
        assert (await office.post(f"{collection}/auth-with-password", body)).status_code == 400
    assert (await office.post(f"{collection}/auth-with-otp", {"otpId": "x", "password": "1"})).status_code == 400
    assert verified == ["$argon2id$v=19$m=19456,t=2,"] * 3


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("proper_passwords")
@in_one_loop
@pytest.mark.parametrize("question", QUESTIONS)
async def test_the_time_of_an_answer_does_not_tell_either(office: Office, question: Question) -> None:
    collection = await office.collection(**OTP)
    people = [await fresh(office, collection) for _ in range(TRIES // 6)]
    times: dict[bool, list[float]] = {True: [], False: []}
    for number in range(TRIES):
        email = people[number % len(people)].email
        times[True].append((await question.ask(office, collection, email))[3])
        times[False].append((await question.ask(office, collection, f"nobody{number // 6}@example.com"))[3])
    known, unknown = statistics.median(times[True]), statistics.median(times[False])
    print(f"{question.path}: {known * 1000:.2f} ms with an account, {unknown * 1000:.2f} ms without")
    assert abs(known - unknown) < SAME_SECONDS


@in_one_loop
async def test_signing_up_with_an_address_that_is_taken_says_so_as_in_pocketbase(office: Office) -> None:
    """The one place where it can be told, and only where the operator lets strangers sign up."""
    person = await office.person()
    body = {"email": person.email, "password": PASSWORD, "passwordConfirm": PASSWORD}
    answer = await office.api.guest.post("/api/collections/users/records", json=body)
    assert answer.status_code == 400
    assert answer.json()["data"]["email"]["code"] == "validation_not_unique"
