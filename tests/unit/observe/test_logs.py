"""Log lines: one form, no secrets, nothing that can move a terminal's cursor."""

import io
import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from holdfast.log_redaction import Readable
from holdfast.logs import Logs, start_logs
from holdfast.observe import RequestSeen

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJpZCI6ImFiYyJ9.c2lnbmF0dXJl"
SEEN = RequestSeen(
    time=1795173300.1234,
    ms=1.23456,
    id="request-1",
    method="GET",
    route="/api/collections/{collection}/records",
    path="/api/collections/posts/records",
    status=200,
    principal="_superusers/abc",
    collection="posts",
    bytes=321,
)

Start = Callable[..., tuple[Logs, Callable[[], list[str]]]]


class Terminal(io.BytesIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts logs into memory: the logs, and what reads the lines that were written."""
    root = logging.getLogger()
    before = (root.handlers, root.level)
    started: list[Logs] = []

    def begin(form: str = "json", level: str = "debug", **more: Any) -> tuple[Logs, Callable[[], list[str]]]:
        out = more.pop("stream", None) or io.BytesIO()
        logs = start_logs(form, level, stream=out, **more)
        started.append(logs)

        def lines() -> list[str]:
            logs.close()
            return out.getvalue().decode().splitlines()

        return logs, lines

    yield begin
    for logs in started:
        logs.close()
    root.handlers, root.level = before
    logging.captureWarnings(capture=False)
    logging.getLogger("uvicorn.access").disabled = False
    structlog.reset_defaults()


def test_a_request_is_one_line_of_json(start: Start) -> None:
    logs, lines = start()
    logs.request(SEEN)
    assert [json.loads(line) for line in lines()] == [
        {
            "time": "2026-11-20T11:15:00.123Z",
            "level": "info",
            "event": "request",
            "id": "request-1",
            "method": "GET",
            "route": "/api/collections/{collection}/records",
            "path": "/api/collections/posts/records",
            "status": 200,
            "ms": 1.23,
            "principal": "_superusers/abc",
            "collection": "posts",
            "bytes": 321,
        }
    ]


def test_a_request_is_one_readable_line_on_a_terminal(start: Start) -> None:
    logs, lines = start("auto", stream=Terminal())
    logs.request(SEEN)
    (line,) = lines()
    assert "\x1b[32m200\x1b[0m GET    /api/collections/posts/records 1.2 ms" in line
    assert "_superusers/abc request-1" in line


def test_colours_are_for_terminals_only(start: Start) -> None:
    logs, lines = start("text")
    logs.request(SEEN)
    structlog.get_logger().warning("something", reason="two words")
    assert lines()[0].startswith("11:15:00.123 200 GET    /api/")
    assert "\x1b" not in "".join(lines())
    assert 'warning something reason="two words"' in lines()[1]


def test_auto_is_json_where_there_is_no_terminal(start: Start) -> None:
    logs, lines = start("auto")
    logs.request(SEEN)
    assert json.loads(lines()[0])["event"] == "request"


HOSTILE = "/api/x\r\nfake line\x1b[2J\x00\x7f\x9b31m"


@pytest.mark.parametrize("form", ["json", "text"])
def test_control_characters_are_spelled_out(start: Start, form: str) -> None:
    logs, lines = start(form)
    logs.request(RequestSeen(0.0, 1.0, "id", "GET", "", HOSTILE, 404, "guest", "", 0))
    structlog.get_logger().info("event", name=HOSTILE)
    logging.getLogger("lib").warning("said %s", HOSTILE)
    written = lines()
    assert len(written) == 3
    for line in written:
        assert not {"\x1b", "\x00", "\r"} & set(line)
        if form == "text":
            assert not {"\x7f", "\x9b"} & set(line)


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"password": "hunter2"}, id="by name"),
        pytest.param({"new_password": "hunter2", "passwordConfirm": "x"}, id="by a longer name"),
        pytest.param({"headers": {"Authorization": "hunter2"}}, id="inside"),
        pytest.param({"items": [{"token": "hunter2"}]}, id="inside a list"),
        pytest.param({"reason": "password=hunter2 given"}, id="in a text"),
        pytest.param({"reason": '{"password": "hunter2"}'}, id="in a text of JSON"),
        pytest.param({"reason": "Authorization: Bearer hunter2"}, id="a bearer token in a text"),
        pytest.param({"url": "postgresql://holdfast:hunter2@db/x"}, id="in an address"),
        pytest.param({"reason": RuntimeError("dsn postgres://u:hunter2@h/d")}, id="in an exception"),
        pytest.param({"reason": "invalid input for query argument $2: 'hunter2' (expected int)"}, id="a bind value"),
        pytest.param({"reason": "DETAIL:  Key (secret)=(hunter2) already exists."}, id="a row of PostgreSQL"),
    ],
)
def test_secrets_are_taken_out(start: Start, form: str, fields: dict[str, Any]) -> None:
    _, lines = start(form)
    structlog.get_logger().info("event", **fields)
    (line,) = lines()
    assert "hunter2" not in line
    assert "[redacted]" in line


@pytest.mark.parametrize("secret", [TOKEN, "hf_k1_" + "a" * 43 + "b" * 6, "hfr_" + "a" * 87, "the configured one"])
def test_secrets_are_known_by_their_look_or_by_value_wherever_they_are(start: Start, secret: str) -> None:
    logs, lines = start(secrets=["the configured one", "", "abc"])
    logs.request(RequestSeen(0.0, 1.0, "id", "GET", "", f"/api/{TOKEN}/x", 404, "guest", "", 0))
    structlog.get_logger().info(f"an event with {secret}", path=f"/x/{secret}")
    logging.getLogger("lib").warning("it said %s", secret)
    try:
        raise RuntimeError(f"failed with {secret}")
    except RuntimeError:
        structlog.get_logger().exception("fault")
        logging.getLogger("lib").exception("fault")
    text = "\n".join(lines())
    assert secret not in text
    assert TOKEN not in text
    assert "abc" in text or "Traceback" in text  # what is too short to be a secret blots nothing out


def test_an_exception_comes_with_its_traceback(start: Start) -> None:
    _, lines = start()
    try:
        raise LookupError("what was it")
    except LookupError as failure:
        structlog.get_logger().error("request failed", request_id="r-1", exc_info=failure)
    found = json.loads(lines()[0])
    assert found["request_id"] == "r-1"
    assert found["exception"].startswith("Traceback (most recent call last):\n")
    assert found["exception"].endswith("LookupError: what was it\n")


def test_values_that_json_does_not_have_are_written_as_text(start: Start) -> None:
    _, lines = start()
    structlog.get_logger().info("event", where={1, 2}, what=b"\xff", who=object)
    found = json.loads(lines()[0])
    assert found["event"] == "event"


def test_a_lone_surrogate_does_not_break_the_line(start: Start) -> None:
    logs, lines = start()
    structlog.get_logger().info("event", name="\ud800")
    logs.request(RequestSeen(0.0, 1.0, "id", "GET", "", "/\udcff", 404, "guest", "", 0))
    assert len(lines()) == 2


def test_lines_below_the_level_are_not_written(start: Start) -> None:
    logs, lines = start(level="warning")
    logs.request(SEEN)
    structlog.get_logger().info("quiet")
    logging.getLogger("lib").info("quiet")
    structlog.get_logger().warning("loud")
    assert [json.loads(line)["event"] for line in lines()] == ["loud"]


def test_a_failed_request_is_written_at_every_level(start: Start) -> None:
    logs, lines = start(level="error")
    logs.request(RequestSeen(0.0, 1.0, "id", "GET", "", "/x", 500, "guest", "", 0))
    assert json.loads(lines()[0])["level"] == "error"


def test_a_reader_that_is_gone_does_not_stop_the_server(start: Start) -> None:
    class Broken(io.BytesIO):
        def write(self, data: Any) -> int:
            raise BrokenPipeError

    logs, _ = start(stream=Broken())
    logs.request(SEEN)
    time.sleep(0.15)
    logs.request(SEEN)
    logs.close()


def test_a_line_never_waits_for_a_slow_reader(start: Start) -> None:
    class Slow(io.BytesIO):
        def write(self, data: Any) -> int:
            time.sleep(3)
            return super().write(data)

    logs, _ = start(stream=Slow())
    began = time.perf_counter()
    for _ in range(200):
        logs.request(SEEN)
        time.sleep(0.001)
    assert time.perf_counter() - began < 2.5


def test_a_mail_for_a_developer_keeps_its_link_and_nothing_else_does(start: Start) -> None:
    _, lines = start()
    structlog.get_logger().warning("shown", mail=Readable(f"Open\nhttp://x/{TOKEN}"), other=f"http://x/{TOKEN}")
    line = json.loads(lines()[0])
    assert (line["mail"], line["other"]) == (f"Open\nhttp://x/{TOKEN}", "http://x/[redacted]")


def test_what_else_keeps_the_lines_gets_them_without_secrets_and_without_mails(start: Start) -> None:
    logs, _ = start()
    kept: list[Any] = []
    logs.tell(kept.append)
    logs.event(
        {"time": "t", "level": "info", "event": "mail", "mail": Readable("a link"), "password": "x", "to": "ann"}
    )
    assert kept == [{"time": "t", "level": "info", "event": "mail", "password": "[redacted]", "to": "ann"}]


def test_a_mail_is_shown_line_by_line_and_cannot_move_the_cursor(start: Start) -> None:
    _, lines = start("text")
    structlog.get_logger().warning("shown", to="ann@example.com", mail=Readable("Hello\n\n\x1b[2Jlink"))
    found = lines()
    assert found[0].endswith("shown to=ann@example.com")
    assert found[1:] == ["    Hello", "    ", "    \\x1b[2Jlink"]


def test_what_the_standard_library_logs_in_a_job_carries_its_id(start: Start):
    _, lines = start()
    with structlog.contextvars.bound_contextvars(job_id=12):
        logging.getLogger("library").warning("within")
    logging.getLogger("library").warning("beside")
    found = [json.loads(line) for line in lines()]
    assert [line.get("job_id") for line in found] == [12, None]
