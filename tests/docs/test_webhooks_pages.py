"""The pages about webhooks: their numbers and names are those of the code, and their examples run."""

import asyncio
import logging
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from holdfast.app import DELIVERY_ROUTES, ENDPOINT_ROUTES
from holdfast.outbound.client import MOST_CONNECTIONS
from holdfast.webhooks import (
    circuit,
    deliverer,
    delivery_query,
    delivery_service,
    endpoint,
    endpoint_reading,
    event_types,
    headers,
    lane,
    outcome,
    queue,
    replay,
    schedule,
    selecting,
    sending,
    service,
)
from holdfast.webhooks.queue import Claimed
from holdfast.webhooks.signature import LEAST_BYTES, MOST_BYTES, new_secret, sign
from holdfast.webhooks.standing_routes import STANDING_ROUTES

DOCS = Path(__file__).parents[2] / "docs"
HOW_TO = (DOCS / "how-to" / "receive-webhooks.md").read_text("utf-8")
REFERENCE = (DOCS / "reference" / "webhooks.md").read_text("utf-8")
PAGE = " ".join(REFERENCE.split())
WHY = " ".join((DOCS / "explanation" / "webhooks.md").read_text("utf-8").split())
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", HOW_TO, re.M | re.S)


def table(title: str) -> list[str]:
    """What the first column of a table says in code."""
    rows = REFERENCE.split(f"| {title} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])]


def test_the_fields_are_those_of_the_code():
    assert sorted(table("field")) == sorted(endpoint_reading.KEYS)


def test_the_paths_are_those_of_the_code():
    routes = {f"{route.method} {route.path}" for route in (*ENDPOINT_ROUTES, *DELIVERY_ROUTES, *STANDING_ROUTES)}
    assert set(table("path")) == routes


def test_the_states_are_those_of_the_code():
    assert table("state") == list(delivery_service.STATES)


def test_the_headers_are_those_that_are_sent():
    claimed = Claimed(
        id=1,
        webhook_id="w",
        event_id="evt_1",
        lease="",
        attempts=0,
        replay=True,
        old=False,
        body="",
        event=None,
        since=0,
    )
    sent = sending._headers(claimed, None, 1)  # pyright: ignore
    assert set(table("header")) == {*sent, "webhook-signature"}


def spoken(seconds: float) -> str:
    for unit, size in (("hour", 3600), ("minute", 60), ("second", 1)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}{'' if seconds == size else 's'}"
    raise AssertionError(seconds)


def test_the_waits_are_those_of_the_code():
    assert ", ".join(spoken(wait) for wait in schedule.WAITS[1:]) in PAGE
    assert f"tried {schedule.TRIES} times" in PAGE
    assert f"each {schedule.SPREAD:.0%}".replace("%", " %") in PAGE


@pytest.mark.parametrize(
    "words",
    [
        f"at most {endpoint_reading.MAX_DESCRIPTION_CHARS:,} characters",
        f"1 to {event_types.MOST} types",
        f"of at most {endpoint_reading.MAX_FILTER_CHARS:,} characters",
        f"at most {endpoint_reading.MAX_FIELDS}, beside",
        f"At most {headers.MOST} more headers",
        f"{LEAST_BYTES} to {MOST_BYTES} bytes in base64",
        f"{endpoint_reading.TIMEOUT[0]} to {endpoint_reading.TIMEOUT[1]}; {endpoint.TIMEOUT_SECONDS} unless told",
        f"There can be {service.MOST:,} webhooks",
        f"An event that {selecting.MOST_HOPS} webhooks have led to",
        f"`{sending.HOPS}`",
        f"up to {schedule.LONGEST_AFTER / 3600:.0f} hours",
        f"`{outcome.GONE}` turns the webhook off",
        f"After {circuit.FAILURES} failures in a row over {circuit.FAILING_SECONDS:.0f} seconds",
        f"every {circuit.PROBE_SECONDS[0]:.0f} to {circuit.PROBE_SECONDS[1]:.0f} seconds",
        f"up to {circuit.WIDEST}.",
        f"with `429`, `502`, `503` or `504` after {circuit.BUSY_FAILURES} failures"
        f" over {circuit.BUSY_SECONDS:.0f} seconds",
        f"After {circuit.WARNINGS[0]} % and after {circuit.WARNINGS[1]} % of"
        f" {circuit.DISABLED_AFTER / circuit.DAY:.0f} days of nothing but failure",
        f"share {deliverer.PER_HOST} connections, and all together {MOST_CONNECTIONS}",
        f"{service.OVERLAP_HOURS} unless told, 0 to {service.LONGEST_OVERLAP_HOURS}",
        f"at most {delivery_query.MOST_LISTED})",
        f"at most {replay.MOST_REPLAYED:,} |",
        f"the first {outcome.MOST_BODY_BYTES // 1024} kB",
        f"all attempts are kept for {queue.DELIVERED_KEPT}",
        f"for {queue.DEAD_KEPT.removesuffix(' days')}.",
    ],
)
def test_what_the_page_says_is_in_the_code(words: str):
    assert words in PAGE


def test_what_the_page_about_why_says_is_in_the_code():
    assert f"**lease** of {queue.LEASE_SECONDS:.0f} seconds" in WHY
    assert f"every {deliverer.FLUSH_SECONDS * 1000:.0f} milliseconds" in WHY
    assert f"No more than {lane.MOST_UNWRITTEN} requests of a webhook" in WHY
    assert queue.LEASE_SECONDS >= 2 * endpoint_reading.TIMEOUT[1]


def test_every_event_type_that_is_of_no_collection_is_named():
    named = REFERENCE.split("## Events", 1)[1]
    for type in service.OTHERS:
        assert f"`{type}`" in named or type.startswith("auth.")


SECRET = new_secret()
BODY = b'{"type": "orders.created", "record": {"id": "o1"}}'


def signed() -> dict[str, str]:
    now = int(time.time())
    signature = sign([SECRET], "evt_1", now, BODY)
    return {"webhook-id": "evt_1", "webhook-timestamp": str(now), "webhook-signature": signature}


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the first example makes."""
    monkeypatch.setenv("HOLDFAST_WEBHOOK_SECRET", SECRET)
    monkeypatch.chdir(tmp_path)
    made: dict[str, Any] = {}
    exec(EXAMPLES[0], made)
    return made


@pytest.fixture
def no_listener_left() -> Iterator[None]:
    """Litestar's logging writes in a thread, to a stream that pytest closes."""
    yield
    for logger in (logging.getLogger(), logging.getLogger("litestar")):
        for handler in logger.handlers:
            listener = getattr(handler, "listener", None)
            if listener is not None:
                listener.handlers = (logging.NullHandler(),)


@pytest.mark.usefixtures("no_listener_left")
@pytest.mark.parametrize("framework", ["litestar", "fastapi", "flask"])
def test_the_example_of_a_framework_receives(
    framework: str, example: dict[str, Any], capsys: pytest.CaptureFixture[str]
):
    (text,) = [text for text in EXAMPLES if f"import {framework}\n" in text]
    exec(text, example)
    app = example["app"]

    async def ask() -> list[int]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
            return [(await client.post(path, content=BODY, headers=signed())).status_code for path in paths]

    paths = ["/webhooks/holdfast"] * 2
    if framework == "flask":
        with httpx.Client(transport=httpx.WSGITransport(app), base_url="http://x") as client:
            answers = [client.post(path, content=BODY, headers=signed()).status_code for path in paths]
    else:
        answers = asyncio.run(ask())
    assert answers == [200, 200]
    assert capsys.readouterr().out == "a new order: o1\n"


def test_the_examples_that_verify_do(example: dict[str, Any]):
    made: dict[str, Any] = {}
    for text in EXAMPLES:
        if "def check(" in text or "def is_genuine(" in text:
            exec(text, made)
    sent = signed()
    assert made["check"](BODY, sent, [SECRET]) == "evt_1"
    assert made["check"](BODY + b" ", sent, [SECRET]) == "answer 401"
    values = (sent["webhook-id"], sent["webhook-timestamp"], sent["webhook-signature"])
    assert made["is_genuine"](BODY, *values, SECRET)
    assert not made["is_genuine"](BODY + b" ", *values, SECRET)


def test_an_example_of_django_is_all_that_does_not_run_here():
    assert len(EXAMPLES) == 7
    assert [text for text in EXAMPLES if "django" in text] == [EXAMPLES[4]]
