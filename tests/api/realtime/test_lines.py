"""GET and POST /api/realtime: what opens, what is refused, and whose line it is."""

import asyncio

import pytest

from client import Api, in_one_loop, refused
from holdfast.realtime import streams
from sse import stream

pytestmark = in_one_loop

OAUTH2 = ["@oauth2"]


async def test_a_line_begins_with_the_id_of_its_client_and_no_proxy_may_hold_it_back(shared_api: Api):
    async with stream(shared_api.front) as opened:
        assert opened.status == 200
        assert opened.headers["content-type"] == "text/event-stream"
        assert opened.headers["cache-control"] == "no-store"
        assert opened.headers["x-accel-buffering"] == "no"
        assert "content-encoding" not in opened.headers
        assert opened.raw == f'id:{opened.id}\nevent:PB_CONNECT\ndata:{{"clientId":"{opened.id}"}}\n\n'
        assert len(opened.id) == 40


async def test_every_client_has_an_id_of_its_own(shared_api: Api):
    async with stream(shared_api.front) as one, stream(shared_api.front) as other:
        assert one.id != other.id
        assert one.id[:8] == other.id[:8]  # the process that holds both


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({"json": {"subscriptions": ["posts/*", "posts/abc"]}}, id="JSON"),
        pytest.param({"json": {"subscriptions": []}}, id="nothing any more"),
        pytest.param({"json": {}}, id="no list at all"),
        pytest.param({"data": {"subscriptions": "posts/*"}}, id="a form"),
        pytest.param({"data": {"subscriptions": ["posts/*", "other/*"]}}, id="a form with two"),
        pytest.param({"json": {"subscriptions": ["posts/*?options=%7B%22query%22%3A%7B%7D%7D"]}}, id="with options"),
        pytest.param({"json": {"subscriptions": ["PB_CONNECT", "@oauth2", "my.own/topic"]}}, id="names of one's own"),
        pytest.param({"json": {"subscriptions": ["posts/*"] * 1000}}, id="a thousand"),
    ],
)
async def test_topics_are_taken_as_json_and_as_a_form(shared_api: Api, sent: dict):
    async with stream(shared_api.front) as opened:
        for body in sent.values():
            body["clientId"] = opened.id
        answer = await shared_api.guest.post("/api/realtime", **sent)
        assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        pytest.param({}, "clientId", "validation_required", id="no id"),
        pytest.param({"clientId": ""}, "clientId", "validation_required", id="an empty id"),
        pytest.param({"clientId": 7}, "clientId", "validation_invalid_value", id="a number for an id"),
        pytest.param({"clientId": "x" * 256}, "clientId", "validation_length_out_of_range", id="a long id"),
        pytest.param({"subscription": ["a"]}, "subscription", "validation_unknown_key", id="a misspelt key"),
        pytest.param({"subscriptions": 7}, "subscriptions", "validation_invalid_value", id="a number for topics"),
        pytest.param({"subscriptions": ["a"] * 1001}, "subscriptions", "validation_length_out_of_range", id="too many"),
    ],
)
async def test_a_body_that_cannot_be_understood_is_refused_by_its_field(
    shared_api: Api, body: dict, field: str, code: str
):
    async with stream(shared_api.front) as opened:
        answer = await shared_api.guest.post("/api/realtime", json={"clientId": opened.id, **body} if body else {})
        assert refused(answer, 400, "validation_failed")["data"][field]["code"] == code


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        pytest.param("", "validation_invalid_topic", id="empty"),
        pytest.param(None, "validation_invalid_topic", id="null"),
        pytest.param("posts/*\nevent:x", "validation_invalid_topic", id="a line break"),
        pytest.param("posts/*?a=\r", "validation_invalid_topic", id="a line break in the options"),
        pytest.param("a b", "validation_invalid_topic", id="a blank"),
        pytest.param("/x", "validation_invalid_topic", id="no collection"),
        pytest.param("posts/", "validation_invalid_topic", id="no record"),
        pytest.param("x" * 2501, "validation_length_out_of_range", id="long"),
        pytest.param("posts/*?options=%7B", "validation_invalid_options", id="broken JSON"),
        pytest.param("posts/*?options=[]", "validation_invalid_options", id="a list"),
        pytest.param(
            "posts/*?options=%7B%22query%22%3A7%7D", "validation_invalid_options", id="a number for the query"
        ),
        pytest.param("posts/*?options=%ff", "validation_invalid_options", id="no UTF-8"),
        pytest.param("posts/*?options=" + "%5B" * 800, "validation_invalid_options", id="nested without end"),
        pytest.param(
            "posts/*?options=%7B%22query%22%3A%7B%22a%22%3A%22%5Cu0000%22%7D%7D", "validation_invalid_options", id="NUL"
        ),
    ],
)
async def test_a_topic_that_cannot_be_understood_is_refused_by_its_place(shared_api: Api, topic: object, code: str):
    async with stream(shared_api.front) as opened:
        body = {"clientId": opened.id, "subscriptions": ["posts/*", topic]}
        answer = await shared_api.guest.post("/api/realtime", json=body)
        assert refused(answer, 400, "validation_failed")["data"]["subscriptions"]["1"]["code"] == code


@pytest.mark.parametrize(
    "client_id",
    ["nobody", "7fffffff" + "0" * 32, "ffffffff" + "0" * 32, "0" * 40, "é" * 40],
    ids=["no id of ours", "a process that is gone", "no process", "zeros", "letters"],
)
async def test_a_client_that_is_not_there_is_not_found(shared_api: Api, client_id: str):
    refused(await shared_api.guest.post("/api/realtime", json={"clientId": client_id}), 404, "not_found")


async def test_the_secret_half_of_an_id_counts(shared_api: Api):
    async with stream(shared_api.front) as opened:
        other = opened.id[:-1] + ("0" if opened.id[-1] != "0" else "1")
        refused(await shared_api.guest.post("/api/realtime", json={"clientId": other}), 404, "not_found")


async def test_a_client_is_forgotten_with_its_line(shared_api: Api):
    async with stream(shared_api.front) as opened:
        pass
    refused(await shared_api.guest.post("/api/realtime", json={"clientId": opened.id}), 404, "not_found")


async def test_a_line_belongs_to_the_first_who_is_no_guest(shared_api: Api):
    for email in ("a@example.com", "b@example.com"):
        await shared_api.create("users", email=email, password="long enough", passwordConfirm="long enough")
    one = shared_api.client(await shared_api.login("a@example.com", "long enough", "users"))
    other = shared_api.client(await shared_api.login("b@example.com", "long enough", "users"))
    async with stream(shared_api.front) as opened, one, other:
        body = {"clientId": opened.id, "subscriptions": OAUTH2}
        for client in (shared_api.guest, one, one):
            assert (await client.post("/api/realtime", json=body)).status_code == 204
        for client in (other, shared_api.guest, shared_api.root):
            refused(await client.post("/api/realtime", json=body), 403, "forbidden")


async def test_a_key_that_is_none_is_refused_as_everywhere(shared_api: Api):
    async with stream(shared_api.front) as opened:
        answer = await shared_api.guest.post(
            "/api/realtime", json={"clientId": opened.id}, headers={"X-API-Key": "hf_nothing"}
        )
        refused(answer, 401, "unauthenticated")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_other_methods_are_not_allowed(shared_api: Api, method: str):
    answer = await shared_api.guest.request(method, "/api/realtime")
    refused(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"


async def test_the_head_of_a_line_can_be_asked_for_alone(shared_api: Api):
    answer = await shared_api.guest.head("/api/realtime")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "text/event-stream"


async def test_too_many_lines_of_one_process_are_refused(shared_api: Api, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streams, "MOST_CLIENTS", 1)
    async with stream(shared_api.front):
        refused(await shared_api.guest.get("/api/realtime"), 503, "unavailable")


@pytest.mark.asyncio(loop_scope="function")
async def test_lines_end_with_the_application_and_clients_are_told_when_to_come_again(start_api):
    async with start_api() as api:
        lines = [stream(api.front) for _ in range(3)]
        opened = [await line.__aenter__() for line in lines]
    async with asyncio.timeout(5):
        for one in opened:
            await one.ended.wait()
            assert one.raw.endswith("retry:1000\n\n")
    for line in lines:
        await line.__aexit__(None, None, None)
