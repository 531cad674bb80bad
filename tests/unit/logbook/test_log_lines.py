"""Lines of the kept log: what is in them, what is not, and what is no longer kept when too much comes."""

import json
from typing import Any

import msgspec
import pytest

from holdfast.logbook.buffer import MOST_WAITING, Buffer
from holdfast.logbook.line import MOST_DATA_BYTES, event_line, is_quiet, request_line
from holdfast.observe import NoObserver, RequestSeen
from holdfast.schema.app_options import Logs

SEEN = RequestSeen(
    1795173300.1239,
    1.23456,
    "request-1",
    "GET",
    "/api/collections/{collection}/records",
    "/api/collections/posts/records",
    200,
    "users/abc",
    "posts",
    321,
    0.5,
    "192.0.2.7",
    b"curl/8",
)


def changed(**changes: Any) -> RequestSeen:
    return msgspec.structs.replace(SEEN, **changes)


def test_a_request_becomes_a_line_with_the_names_of_pocketbase():
    id, created, level, message, request, data = request_line("x" * 15, SEEN, SEEN.path, Logs(log_auth_id=True))
    assert (id, level, message, request) == ("x" * 15, 0, "GET /api/collections/posts/records", "request-1")
    assert created.microsecond == 123_000
    assert json.loads(data) == {
        "type": "request",
        "method": "GET",
        "url": "/api/collections/posts/records",
        "route": "/api/collections/{collection}/records",
        "status": 200,
        "execTime": 1.235,
        "dbTime": 0.5,
        "auth": "users",
        "authId": "abc",
        "collection": "posts",
        "bytes": 321,
        "userAgent": "curl/8",
        "userIP": "192.0.2.7",
    }


def test_who_asked_from_where_is_left_out_where_the_operator_wants_that():
    data = json.loads(request_line("x", SEEN, SEEN.path, Logs(log_ip=False))[-1])
    assert {"userIP", "authId"} & data.keys() == set()
    assert data["auth"] == "users"


@pytest.mark.parametrize(("status", "level"), [(200, 0), (304, 0), (400, 4), (404, 4), (500, 8), (503, 8)])
def test_a_refusal_is_a_warning_and_a_fault_an_error(status: int, level: int):
    assert request_line("x", changed(status=status), SEEN.path, Logs())[2] == level


@pytest.mark.parametrize(
    ("path", "status", "quiet"),
    [("/api/health", 200, True), ("/_/data/posts", 200, True), ("/metrics", 403, False), ("/api/logs", 200, False)],
)
def test_what_machines_ask_all_day_is_kept_only_when_it_fails(path: str, status: int, quiet: bool):
    assert is_quiet(changed(path=path, status=status)) is quiet


@pytest.mark.parametrize(
    ("fields", "message", "data"),
    [
        ({"event": "a\0b", "level": "info"}, "a\ufffdb", {"type": "event"}),
        ({"event": "half \ud800", "level": "info", "n": 1}, "half ?", {"type": "event", "n": 1}),
        ({"event": "deep", "level": "info", "a": {"b": [1, None, {"c": True}]}}, "deep", {"type": "event", "a": ...}),
    ],
    ids=["NUL", "half a character", "nested"],
)
def test_other_lines_hold_only_what_the_database_takes(fields: dict[str, Any], message: str, data: dict[str, Any]):
    line = event_line("x", 1795173300.0, fields)
    found = json.loads(line[-1])
    assert line[3] == message
    assert found == {**data, **({"a": fields["a"]} if "a" in data else {})}


def test_a_line_has_its_level_and_its_request_and_is_never_large():
    fields = {"event": "x", "level": "error", "request_id": "abcdefgh", "exception": "y" * 100_000}
    line = event_line("x", 1.0, {**fields, **{f"k{at}": "z" * 7000 for at in range(9)}})
    assert (line[2], line[4]) == (8, "abcdefgh")
    assert len(line[-1]) < MOST_DATA_BYTES
    assert json.loads(line[-1])["tooLarge"] > MOST_DATA_BYTES


def test_more_than_a_second_may_keep_is_counted_and_faults_are_kept_all_the_same():
    buffer = Buffer(NoObserver())
    buffer.take(2)
    for status in (200, 200, 200, 503, 404):
        buffer.request(changed(status=status))
    for _ in range(3):
        buffer.event({"event": "x"})
    waiting, dropped = buffer.take(2)
    assert [one.status for one in waiting if isinstance(one, RequestSeen)] == [200, 200, 503]
    assert (len(waiting), dropped) == (5, 3)
    assert buffer.take(2) == ([], 0)


def test_what_could_not_be_written_waits_up_to_a_bound():
    buffer = Buffer(NoObserver())
    buffer.take(10)
    buffer.request(changed(id="new"))
    buffer.put_back([changed(id=f"old{at}") for at in range(MOST_WAITING)], 5)
    waiting, dropped = buffer.take(10)
    ids = [one.id for one in waiting if isinstance(one, RequestSeen)]
    assert (len(ids), ids[0], ids[-1], dropped) == (MOST_WAITING, "old1", "new", 6)
