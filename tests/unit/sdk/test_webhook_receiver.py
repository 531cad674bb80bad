"""A receiver handles each event once, also in frameworks; whatever fails comes again."""

import asyncio
import io
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import fastapi
import flask
import httpx
import litestar
import pytest

from holdfast.webhooks.signature import new_secret, sign
from holdfast_sdk.webhooks import (
    Event,
    Receiver,
    Seen,
    SeenInFile,
    SeenInMemory,
    asgi_app,
    django_view,
    fastapi_router,
    flask_blueprint,
    litestar_handler,
    wsgi_app,
)

SECRET = new_secret()
BODY = b'{"type":"posts.created","record":{"id":"a"}}'
PATH = "/webhooks/holdfast"


def signed(id: str = "evt_1", body: bytes = BODY, **more: str) -> dict[str, str]:
    now = int(time.time())
    made = {"webhook-id": id, "webhook-timestamp": str(now), "webhook-signature": sign([SECRET], id, now, body)}
    return {**made, **{name.replace("_", "-"): content for name, content in more.items()}}


@pytest.fixture(params=["memory", "file"])
def seen(request: pytest.FixtureRequest, tmp_path: Path) -> Seen:
    return SeenInMemory() if request.param == "memory" else SeenInFile(tmp_path / "seen.db")


def test_an_event_that_comes_twice_is_handled_once(seen: Seen):
    handled: list[Event] = []
    receiver = Receiver(SECRET, handled.append, seen=seen)
    assert [receiver.receive(BODY, signed(id)).status for id in ("evt_1", "evt_1", "evt_2")] == [200] * 3
    assert [event.id for event in handled] == ["evt_1", "evt_2"]


def test_what_failed_is_handled_when_it_comes_again(seen: Seen):
    tries: list[str] = []

    def handle(event: Event) -> None:
        tries.append(event.id)
        if len(tries) == 1:
            raise RuntimeError("the disk is full")

    receiver = Receiver(SECRET, handle, seen=seen)
    assert [receiver.receive(BODY, signed()).status for _ in range(3)] == [500, 200, 200]
    assert tries == ["evt_1", "evt_1"]


def test_the_second_of_two_at_once_is_told_to_come_later(seen: Seen):
    begun, go_on = threading.Event(), threading.Event()

    def handle(_: Event) -> None:
        begun.set()
        assert go_on.wait(10)

    receiver = Receiver(SECRET, handle, seen=seen)
    first = threading.Thread(target=receiver.receive, args=(BODY, signed()))
    first.start()
    assert begun.wait(10)
    second = receiver.receive(BODY, signed())
    assert (second.status, second.headers["Retry-After"]) == (409, "10")
    go_on.set()
    first.join(10)
    assert receiver.receive(BODY, signed()).status == 200


@pytest.mark.parametrize(("replays", "times"), [(False, 1), (True, 2)])
def test_a_replay_is_handled_again_if_that_is_wanted(seen: Seen, replays: bool, times: int):
    handled: list[Event] = []
    receiver = Receiver(SECRET, handled.append, seen=seen, replays=replays)
    for more in ({}, {}, {"webhook_replay": "true"}):
        assert receiver.receive(BODY, signed(**more)).status == 200
    assert len(handled) == times


def test_what_is_forged_or_too_large_is_not_handled():
    receiver = Receiver(SECRET, lambda _: pytest.fail("was handled"))
    assert receiver.receive(BODY + b" ", signed()).status == 401
    assert receiver.receive(b" " * 2_000_000, {}).status == 413


def test_memory_forgets_the_oldest():
    seen = SeenInMemory(most=2)
    for id in "abc":
        assert seen.begin(id) == "new"
        seen.done(id)
    assert [seen.begin(id) for id in "cb"] == ["done", "done"]
    assert seen.begin("a") == "new"


def test_a_file_is_shared_and_outlives_a_restart_and_who_died(tmp_path: Path):
    path = tmp_path / "seen.db"
    first, second = SeenInFile(path), SeenInFile(path, busy_seconds=0.0)
    assert (first.begin("a"), first.begin("a"), second.begin("a")) == ("new", "busy", "new")
    second.done("a")
    assert SeenInFile(path).begin("a") == "done"
    old = SeenInFile(path, kept_days=0.0)
    assert old.begin("b") == "new"
    assert old.begin("a") == "new"


async def test_in_an_event_loop_functions_of_both_colours_will_do():
    names: list[str] = []

    async def colourful(event: Event) -> None:
        await asyncio.sleep(0)
        names.append(threading.current_thread().name)

    def plain(event: Event) -> None:
        names.append(threading.current_thread().name)

    for handle in (colourful, plain):
        assert (await Receiver(SECRET, handle).areceive(BODY, signed())).status == 200
    assert names[0] == threading.main_thread().name != names[1]
    assert await asyncio.to_thread(lambda: Receiver(SECRET, colourful).receive(BODY, signed()).status) == 200


async def test_who_hangs_up_in_the_middle_may_come_again():
    begun = asyncio.Event()

    async def handle(_: Event) -> None:
        begun.set()
        await asyncio.sleep(30)

    seen = SeenInMemory()
    task = asyncio.create_task(Receiver(SECRET, handle, seen=seen).areceive(BODY, signed()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen.begin("evt_1") == "new"


def in_litestar(receiver: Receiver) -> Any:
    return httpx.ASGITransport(litestar.Litestar([litestar_handler(receiver)], openapi_config=None))


def in_fastapi(receiver: Receiver) -> Any:
    app = fastapi.FastAPI()
    app.include_router(fastapi_router(receiver))
    return httpx.ASGITransport(app)


def in_asgi(receiver: Receiver) -> Any:
    return httpx.ASGITransport(asgi_app(receiver))  # pyright: ignore


def in_flask(receiver: Receiver) -> Any:
    app = flask.Flask("shop")
    app.register_blueprint(flask_blueprint(receiver))
    return httpx.WSGITransport(app)


def in_wsgi(receiver: Receiver) -> Any:
    return httpx.WSGITransport(wsgi_app(receiver))


def handled_by(receiver: list[Event]) -> Callable[[Event], None]:
    def handle(event: Event) -> None:
        receiver.append(event)
        if event.id == "evt_bad":
            raise RuntimeError("no")

    return handle


CASES = (("evt_1", 200), ("evt_1", 200), ("evt_bad", 500), ("forged", 401))


@pytest.mark.parametrize("inside", [in_litestar, in_fastapi, in_asgi])
async def test_an_asynchronous_framework(inside: Callable[[Receiver], Any]):
    handled: list[Event] = []
    async with httpx.AsyncClient(
        transport=inside(Receiver(SECRET, handled_by(handled))), base_url="http://x"
    ) as client:
        for id, status in CASES:
            body = BODY + b" " * (id == "forged")
            assert (await client.post(PATH, content=body, headers=signed(id))).status_code == status
        assert (await client.get(PATH)).status_code == 405
    assert [event.id for event in handled] == ["evt_1", "evt_bad"]


@pytest.mark.parametrize("inside", [in_flask, in_wsgi])
def test_a_framework_of_threads(inside: Callable[[Receiver], Any]):
    handled: list[Event] = []
    with httpx.Client(transport=inside(Receiver(SECRET, handled_by(handled))), base_url="http://x") as client:
        for id, status in CASES:
            body = BODY + b" " * (id == "forged")
            assert client.post(PATH, content=body, headers=signed(id)).status_code == status
        assert client.get(PATH).status_code == 405
    assert [event.id for event in handled] == ["evt_1", "evt_bad"]


def test_django(monkeypatch: pytest.MonkeyPatch):
    """Django is not installed here: what the view takes of it is a response class, and a request's three attributes."""

    class HttpResponse:
        def __init__(self, content: bytes, status: int, headers: dict[str, str]) -> None:
            self.content, self.status_code, self.headers = content, status, headers

    class Request:
        def __init__(self, method: str, headers: dict[str, str], body: bytes) -> None:
            self.method, self.headers, self.body = method, headers, body

    module = ModuleType("django.http")
    module.HttpResponse = HttpResponse  # pyright: ignore
    monkeypatch.setitem(sys.modules, "django", ModuleType("django"))
    monkeypatch.setitem(sys.modules, "django.http", module)
    handled: list[Event] = []
    view: Any = django_view(Receiver(SECRET, handled_by(handled)))
    assert view.csrf_exempt
    for id, status in CASES:
        body = BODY + b" " * (id == "forged")
        assert view(Request("POST", signed(id), body)).status_code == status
    refused = view(Request("GET", {}, b""))
    assert (refused.status_code, refused.headers) == (405, {"Allow": "POST"})
    assert [event.id for event in handled] == ["evt_1", "evt_bad"]


async def test_a_body_without_end_is_not_taken_in():
    async def endless() -> dict[str, Any]:
        return {"type": "http.request", "body": b" " * 500_000, "more_body": True}

    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    app: Callable[..., Awaitable[None]] = asgi_app(Receiver(SECRET, print))
    await app({"type": "http", "method": "POST", "headers": []}, endless, send)
    assert sent[0]["status"] == 413
    environ = {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": "9999999", "wsgi.input": io.BytesIO(b"")}
    statuses: list[str] = []
    wsgi_app(Receiver(SECRET, print))(environ, lambda status, _: statuses.append(status))
    assert statuses[0].startswith("413")
