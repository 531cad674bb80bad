"""The parts of the runtime that need no server."""

import base64
import json
import time
from pathlib import Path

import pytest

from holdfast.errors import catalogue
from holdfast_sdk.runtime.bodies import body_of
from holdfast_sdk.runtime.calls import write
from holdfast_sdk.runtime.drifting import drift
from holdfast_sdk.runtime.errors import (
    KINDS,
    ApiError,
    NotFound,
    SecondFactorNeeded,
    ServerFault,
    Unavailable,
    ValidationFailed,
    api_error,
)
from holdfast_sdk.runtime.retrying import NO_RETRY, Retry, is_passing, retry_after
from holdfast_sdk.runtime.sse import EventReader
from holdfast_sdk.runtime.tokens import FileTokens, Login, read_login
from holdfast_sdk.runtime.uploads import Upload
from holdfast_sdk.runtime.values import UNSET, Input, Unset, add, append, prepend, remove, subtract


class Note(Input, frozen=True, kw_only=True):
    title: str | Unset = UNSET
    views: object = UNSET
    tags: object = UNSET
    paper: object = UNSET


@pytest.mark.parametrize(
    ("note", "fields", "files"),
    [
        (Note(), {}, []),
        (Note(title=""), {"title": ""}, []),
        (Note(views=add(1)), {"views+": 1}, []),
        (Note(views=subtract(2)), {"views-": 2}, []),
        (Note(tags=append("a", "b")), {"tags+": ["a", "b"]}, []),
        (Note(tags=prepend("a")), {"+tags": ["a"]}, []),
        (Note(tags=remove("a")), {"tags-": ["a"]}, []),
        (Note(paper=Upload(b"1", name="a")), {}, ["paper"]),
        (Note(paper=["kept.txt", Upload(b"1")]), {"paper": ["kept.txt"]}, ["paper"]),
        (Note(paper=append(Upload(b"1"), Upload(b"2"))), {}, ["paper+", "paper+"]),
        (Note(tags=()), {"tags": []}, []),
    ],
)
def test_what_is_given_is_sent_and_nothing_else(note: Note, fields: dict[str, object], files: list[str]):
    body = body_of(note)
    assert body.fields == fields
    assert [name for name, _ in body.files] == files


def test_each_write_has_a_key_of_its_own_and_keeps_it():
    first, second = write("POST", "/x"), write("POST", "/x")
    assert first.headers["Idempotency-Key"] != second.headers["Idempotency-Key"]
    assert write("POST", "/x", key="mine").headers["Idempotency-Key"] == "mine"


def test_every_code_of_the_server_has_an_error_of_its_own():
    assert set(KINDS) == {error.code for error in catalogue()}


@pytest.mark.parametrize("code", sorted(KINDS))
def test_the_code_decides_which_error_it_is(code: str):
    found = api_error(418, json.dumps({"code": code, "message": "No.", "data": {}, "requestId": "r1"}).encode())
    assert (type(found), found.request_id, str(found)) == (KINDS[code], "r1", "No.")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (502, b"<html>Bad Gateway</html>", Unavailable),
        (500, b"", ServerFault),
        (404, b'{"code":"not_found","message":"x"}', NotFound),
        (401, b'{"mfaId":"m1"}', SecondFactorNeeded),
        (500, b"\xff\xfe", ServerFault),
        (400, b'{"code": 5}', ApiError),
        (451, b'{"code": "a_code_of_tomorrow"}', ApiError),
    ],
)
def test_whatever_refuses_is_an_error_of_its_kind(status: int, body: bytes, kind: type[Exception]):
    found = api_error(status, body)
    assert type(found) is kind
    assert found.status == status


def test_problems_are_told_by_field_however_deep():
    data = {"title": {"code": "c", "message": "m"}, "requests": {"2": {"url": {"code": "d", "message": "n"}}}}
    found = api_error(400, json.dumps({"code": "validation_failed", "message": "No.", "data": data}).encode())
    assert isinstance(found, ValidationFailed)
    assert {name: problem.code for name, problem in found.problems.items()} == {"title": "c", "requests.2.url": "d"}
    assert "title: m" in str(found)


def test_waits_grow_and_end():
    retry = Retry(seconds=10, first=0.1, longest=2)
    waits = [retry.wait(attempt, 0.0) or 0.0 for attempt in range(8)]
    assert all(wait <= min(2, 0.1 * 2**attempt) for attempt, wait in enumerate(waits))
    assert all(wait > 0 for wait in waits)
    assert retry.wait(0, 9.99) is None
    assert 3 <= (retry.wait(0, 0.0, asked=3) or 0) <= 4
    assert retry.wait(0, 0.0, asked=30) is None
    assert NO_RETRY.wait(0, 0.0) is None


@pytest.mark.parametrize(
    ("status", "repeatable", "asked", "again"),
    [
        (503, "always", None, True),
        (503, "unsent", None, False),
        (503, "unsent", 1.0, True),
        (429, "unsent", 1.0, True),
        (502, "unsent", None, False),
        (409, "always", 1.0, True),
        (409, "always", None, False),
        (400, "always", None, False),
        (500, "always", None, False),
        (429, "never", 1.0, False),
    ],
)
def test_only_what_does_no_harm_is_tried_again(status: int, repeatable: str, asked: float | None, again: bool):
    assert is_passing(status, repeatable, asked) is again  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("", None), ("7", 7.0), ("soon", None), ("-1", None), ("Thu, 01 Jan 1970 00:01:00 GMT", 60.0)],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None):
    assert retry_after(header, 0.0) == seconds


STREAM = b"id:1\nevent:a\ndata:one\ndata:two\n\n:\nid:2\n\nid: 3\r\ndata: x\r\n\r\nevent:b\n\n"


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_events_are_read_however_they_come(size: int):
    reader = EventReader("0")
    found = [message for at in range(0, len(STREAM), size) for message in reader.feed(STREAM[at : at + size])]
    assert [(one.event, one.data, one.id) for one in found] == [("a", "one\ntwo", "1"), ("message", "x", "3")]
    assert reader.position == "3"


def token(**claims: object) -> str:
    return ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({}, claims, {})
    )


def test_a_login_is_renewed_before_its_end_by_the_clock_of_the_server():
    date = "Thu, 01 Jan 2026 00:00:00 GMT"
    server = 1_767_225_600
    login = read_login(token(exp=server + 900, sid="s"), "users", "u1", "hfr_x", date)
    assert 890 < login.ends - time.time() <= 900
    assert 89 < login.ends - login.renew_at < 91
    assert login.can_renew
    assert not read_login(token(exp=server + 900), "users", "u1", "", date).can_renew
    assert read_login(token(exp=server + 900, refreshable=True), "users", "u1", "", date).can_renew


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "..", "a.e30.c", "a.bnVsbA.c"])
def test_a_token_that_says_nothing_is_kept_without_an_end(text: str):
    assert read_login(text, "users", "u1", "", None) == Login(text, "users", "u1")


def test_a_file_of_tokens_that_is_broken_holds_none(tmp_path: Path):
    store = FileTokens(tmp_path / "a" / "login")
    store.save(Login("t"))
    assert store.load() == Login("t")
    (tmp_path / "a" / "login").write_bytes(b"{")
    assert store.load() is None
    store.save(None)
    store.save(None)
    assert list((tmp_path / "a").iterdir()) == []


@pytest.mark.parametrize(
    ("mine", "theirs", "said"),
    [
        ("5.a", "5.a", ""),
        ("5.a", "9.a", ""),
        ("5.a", "9.b", "upgrade"),
        ("9.a", "5.b", "newer"),
        ("", "5.b", ""),
        ("5.a", "nonsense", ""),
    ],
)
def test_a_package_knows_when_the_collections_have_changed(mine: str, theirs: str, said: str):
    assert said in drift(mine, theirs)
    assert bool(drift(mine, theirs)) == bool(said)
