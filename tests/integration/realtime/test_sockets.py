"""The same topics over a WebSocket."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx
import pytest

from served import Served
from sse import dialled


@asynccontextmanager
async def rooted(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=served.url) as root:
        credentials = {"identity": served.email, "password": served.password}
        login = await root.post("/api/collections/_superusers/auth-with-password", json=credentials)
        root.headers["Authorization"] = login.json()["token"]
        yield root


async def collection(root: httpx.AsyncClient, name: str, rule: str | None = "") -> None:
    body = {"name": name, "type": "base", "fields": [{"name": "n", "type": "number"}], "listRule": rule}
    made = await root.post("/api/collections", json=body)
    assert made.status_code == 200, made.text


@asynccontextmanager
async def socket(served: Served, **options: Any) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(served.url.replace("http", "ws") + "/api/realtime/ws", **options) as opened,
    ):
        yield opened


async def next_of(opened: aiohttp.ClientWebSocketResponse, name: str) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while (message := json.loads(await opened.receive_str()))["event"] != name:
            pass
    return message


async def test_a_socket_tells_what_a_line_tells_and_goes_on_where_it_was(served: Served):
    async with rooted(served) as root:
        await collection(root, "ws_posts")
        async with socket(served) as opened, dialled(served.url, "topics=ws_posts/*") as line:
            first = json.loads(await opened.receive_str())
            assert first["event"] == "PB_CONNECT"
            assert first["id"] == first["data"]["clientId"]
            await opened.send_json({"subscriptions": ["ws_posts/*"]})
            await next_of(opened, "HF_READY")
            await line.next_of("HF_READY")
            await root.post("/api/collections/ws_posts/records", json={"n": 1})
            message, event = await next_of(opened, "ws_posts/*"), await line.next()
            assert (message["id"], message["data"]) == (event.id, event.json)
        for n in (2, 3):
            await root.post("/api/collections/ws_posts/records", json={"n": n})
        for word in ("since", "resume"):
            async with socket(served) as opened:
                await opened.send_json({"subscriptions": ["ws_posts/*"], word: message["id"]})
                missed = [await next_of(opened, "ws_posts/*") for _ in range(2)]
                assert [one["data"]["record"]["n"] for one in missed] == [2, 3]


async def test_a_token_in_a_message_or_in_a_header_says_who_asks(served: Served):
    async with rooted(served) as root:
        await collection(root, "ws_closed", None)
        token = root.headers["Authorization"]
        async with (
            socket(served) as said,
            socket(served, headers={"Authorization": token}) as sent,
            socket(served) as guest,
        ):
            await said.send_json({"subscriptions": ["ws_closed/*"], "token": token})
            await sent.send_json({"subscriptions": ["ws_closed/*"]})
            await guest.send_json({"subscriptions": ["ws_closed/*"]})
            for opened in (said, sent, guest):
                await next_of(opened, "HF_READY")
            await root.post("/api/collections/ws_closed/records", json={"n": 1})
            for opened in (said, sent):
                assert (await next_of(opened, "ws_closed/*"))["data"]["action"] == "create"
            with pytest.raises(TimeoutError):
                await guest.receive(0.3)


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        pytest.param("{", 400, "bad_request", id="no JSON"),
        pytest.param("[]", 400, "bad_request", id="a list"),
        pytest.param('{"subscriptions":7}', 400, "validation_failed", id="no topics"),
        pytest.param('{"subscriptions":["a b"]}', 400, "validation_failed", id="no topic"),
        pytest.param('{"since":"x"}', 400, "validation_failed", id="no position"),
        pytest.param("{}", 400, "validation_failed", id="nothing said"),
        pytest.param('{"subscription":["users/*"]}', 400, "validation_failed", id="a misspelt key"),
        pytest.param('{"subscriptions":[],"sice":"x"}', 400, "validation_failed", id="another misspelt key"),
        pytest.param('{"subscriptions":[],"token":"hf_nothing"}', 401, "unauthenticated", id="no key"),
        pytest.param('{"subscriptions":[],"token":"é"}', 204, "", id="no token"),
    ],
)
async def test_what_cannot_be_understood_is_said_and_the_socket_stays(
    served: Served, text: str, status: int, code: str
):
    async with socket(served) as opened:
        await next_of(opened, "PB_CONNECT")
        await opened.send_str(text)
        if status != 204:
            told = (await next_of(opened, "HF_ERROR"))["data"]
            assert (told["status"], told["code"]) == (status, code)
        await opened.send_json({"subscriptions": ["users/*"]})
        await next_of(opened, "HF_READY")


async def test_a_key_that_is_none_is_refused_before_the_socket_opens(served: Served):
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        async with socket(served, headers={"X-API-Key": "hf_nothing"}):
            pass
    assert refusal.value.status == 401


async def test_a_message_that_is_too_long_ends_the_socket(served: Served):
    async with socket(served) as opened:
        await next_of(opened, "PB_CONNECT")
        await opened.send_str("x" * (1024 * 1024 + 1))
        message = await opened.receive(5)
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        assert opened.close_code == 1009


async def test_other_paths_have_no_sockets(served: Served):
    async with aiohttp.ClientSession() as session:
        for path in ("/api/realtime", "/api/health", "/"):
            with pytest.raises(aiohttp.WSServerHandshakeError):
                async with session.ws_connect(
                    served.url.replace("http", "ws") + path, timeout=aiohttp.ClientWSTimeout(ws_close=1)
                ) as opened:
                    await opened.close()
