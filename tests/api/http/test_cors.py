"""Which web sites a browser lets in."""

from collections.abc import Callable, MutableMapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from client import Api, in_one_loop, refused

Start = Callable[..., AbstractAsyncContextManager[Api]]
GOOD = "https://app.example.com"
WRONG = [
    "null",
    "https://app.example.com.evil.test",
    "https://evilapp.example.com",
    "https://appXexample.com",
    "https://APP.example.com",
    "http://app.example.com",
    "https://app.example.com:8443",
    "https://app.example.com/",
    "https://example.com",
    "*",
    "",
]


async def test_an_origin_of_the_list_is_let_in(start_api: Start) -> None:
    async with start_api(cors_origins=(GOOD, "http://localhost:5173")) as api:
        for origin in (GOOD, "http://localhost:5173"):
            headers = (await api.guest.get("/api/health", headers={"origin": origin})).headers
            assert headers["access-control-allow-origin"] == origin
            assert "X-Request-Id" in headers["access-control-expose-headers"]
            assert "access-control-allow-credentials" not in headers
            assert headers["vary"] == "Origin"


@pytest.mark.parametrize("origin", WRONG)
async def test_every_other_origin_is_not(start_api: Start, origin: str) -> None:
    async with start_api(cors_origins=(GOOD,)) as api:
        answer = await api.guest.get("/api/health", headers={"origin": origin})
        assert answer.status_code == 200
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert answer.headers["vary"] == "Origin"
        asked = {"origin": origin, "access-control-request-method": "POST"}
        refused(await api.guest.options("/api/health", headers=asked), 403, "forbidden")


async def test_caches_keep_origins_apart_even_when_none_is_sent(start_api: Start) -> None:
    async with start_api(cors_origins=(GOOD,)) as api:
        assert (await api.guest.get("/api/health")).headers["vary"] == "Origin"


async def test_a_browser_may_ask_before_it_sends(start_api: Start) -> None:
    async with start_api(cors_origins=(GOOD,)) as api:
        asked = {
            "origin": GOOD,
            "access-control-request-method": "PATCH",
            "access-control-request-headers": "authorization,content-type,if-match",
        }
        answer = await api.guest.options("/api/collections/users/records/x", headers=asked)
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == GOOD
        assert "PATCH" in answer.headers["access-control-allow-methods"]
        assert answer.headers["access-control-allow-headers"] == "authorization,content-type,if-match"
        assert answer.headers["access-control-max-age"] == "7200"


@in_one_loop
@pytest.mark.parametrize("names", ["x\r\ny", "x;y", "é", "a" * 3000])
async def test_header_names_that_are_none_are_not_echoed(shared_api: Api, names: str) -> None:
    asked = [
        (b"origin", GOOD.encode()),
        (b"access-control-request-method", b"PATCH"),
        (b"access-control-request-headers", names.encode("latin-1")),
    ]
    refused(await shared_api.guest.options("/api/health", headers=asked), 403, "forbidden")


@in_one_loop
async def test_with_a_star_any_site_may_read_and_none_with_credentials(shared_api: Api) -> None:
    headers = (await shared_api.guest.get("/api/health", headers={"origin": "https://anything.test"})).headers
    assert headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in headers


@in_one_loop
async def test_with_a_star_null_is_still_no_origin(shared_api: Api) -> None:
    headers = (await shared_api.guest.get("/api/health", headers={"origin": "null"})).headers
    assert "access-control-allow-origin" not in headers


async def test_an_error_can_be_read_by_the_site_that_is_let_in(start_api: Start) -> None:
    async with start_api(cors_origins=(GOOD,)) as api:
        for path in ("/api/nothing", "/api/collections", "/api/collections/nothing/records"):
            answer = await api.guest.get(path, headers={"origin": GOOD})
            assert answer.status_code >= 400
            assert answer.headers["access-control-allow-origin"] == GOOD


async def handshake(api: Api, *headers: tuple[bytes, bytes]) -> int:
    """The status of a WebSocket to `holdfast.test` with these headers, which is hung up at once; 101 if it opens."""
    coming = iter(("websocket.connect", "websocket.disconnect"))
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": next(coming), "code": 1000}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    pairs = [(b"host", b"holdfast.test"), *headers]
    path = "/api/realtime/ws"
    scope = {"type": "websocket", "path": path, "query_string": b"", "headers": pairs, "client": ("192.0.2.1", 5)}
    await api.front(scope, receive, send)
    return 101 if sent[0]["type"] == "websocket.accept" else sent[0]["status"]


async def test_s79_a_socket_is_opened_by_pages_that_may_read_and_by_programs(start_api: Start) -> None:
    async with start_api(cors_origins=(GOOD,)) as api:
        opened = {origin: await handshake(api, (b"origin", origin.encode())) for origin in WRONG}
        assert opened == dict.fromkeys(WRONG, 403)
        for origin in (GOOD, "http://holdfast.test", "https://holdfast.test"):
            assert await handshake(api, (b"origin", origin.encode())) == 101
        assert await handshake(api) == 101


@in_one_loop
async def test_s79_with_a_star_any_site_opens_a_socket_and_what_is_no_site_does_not(shared_api: Api) -> None:
    assert await handshake(shared_api, (b"origin", b"https://evil.test")) == 101
    assert await handshake(shared_api, (b"origin", b"null")) == 403


@in_one_loop
async def test_s79_a_socket_is_no_way_around_the_limits_of_requests(shared_api: Api) -> None:
    assert await handshake(shared_api, (b"x-long", b"x" * 40_000)) == 431
    assert await handshake(shared_api, (b"authorization", b"a"), (b"authorization", b"b")) == 400
