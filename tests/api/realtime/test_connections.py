"""`/api/realtime/connections`: who listens to what, and how a line is ended from outside."""

from typing import Any

import pytest

from client import Api, in_one_loop, refused
from sse import stream

pytestmark = in_one_loop
PATH = "/api/realtime/connections"


async def test_a_line_is_listed_with_who_listens_to_what_and_can_be_closed(shared_api: Api) -> None:
    async with stream(shared_api.front) as opened:
        body = {"clientId": opened.id, "subscriptions": ["users/*", "@mine"]}
        assert (await shared_api.root.post("/api/realtime", json=body)).status_code == 204
        items = (await shared_api.root.get(PATH)).json()["items"]
        (found,) = [one for one in items if one["id"] == opened.id]
        assert found["auth"].startswith("_superusers/")
        assert (found["topics"], found["topicCount"]) == (["users/*", "@mine"], 2)
        assert (found["kind"], found["transport"], found["live"]) == ("superuser", "sse", True)
        assert (await shared_api.root.delete(f"{PATH}/{opened.id}")).status_code == 204
        await opened.ended.wait()
    refused(await shared_api.root.delete(f"{PATH}/{opened.id}"), 404, "not_found")
    refused(await shared_api.root.delete(f"{PATH}/nobody"), 404, "not_found")


async def test_nobody_but_superusers_sees_who_listens(shared_api: Api) -> None:
    refused(await shared_api.guest.get(PATH), 401, "unauthenticated")
    refused(await shared_api.guest.delete(f"{PATH}/x"), 401, "unauthenticated")


async def test_a_message_reaches_the_line_that_listens_to_its_topic(shared_api: Api) -> None:
    async with stream(shared_api.front) as opened:
        body = {"clientId": opened.id, "subscriptions": ["users/*"]}
        assert (await shared_api.root.post("/api/realtime", json=body)).status_code == 204
        one = f"{PATH}/{opened.id}/messages"
        message = {"topic": "users/*", "data": {"action": "update", "record": {"name": "Ünused"}}}
        assert (await shared_api.root.post(one, json=message)).status_code == 204
        assert (await opened.next_of("users/*")).json == message["data"]
        refused(await shared_api.root.post(one, json={"topic": "posts/*", "data": 1}), 404, "not_found")
        refused(await shared_api.guest.post(one, json=message), 401, "unauthenticated")
    refused(await shared_api.root.post(f"{PATH}/nobody/messages", json=message), 404, "not_found")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param({"topic": ""}, "topic", id="no topic"),
        pytest.param({"topic": 5}, "topic", id="a topic that is a number"),
        pytest.param({"data": "x" * 64_000}, "data", id="a message that is too large"),
        pytest.param({"to": "all"}, "to", id="an unknown key of a message"),
    ],
)
async def test_a_message_that_makes_no_sense_is_refused(shared_api: Api, change: dict[str, Any], field: str) -> None:
    answer = await shared_api.root.post(f"{PATH}/x/messages", json={"topic": "users/*", "data": 1, **change})
    assert field in refused(answer, 400, "validation_failed")["data"]


async def test_a_message_needs_something_to_say(shared_api: Api) -> None:
    answer = await shared_api.root.post(f"{PATH}/x/messages", json={"topic": "users/*"})
    assert "data" in refused(answer, 400, "validation_failed")["data"]


async def test_a_message_and_the_end_of_a_line_are_in_the_audit_log(shared_api: Api) -> None:
    async with stream(shared_api.front) as opened:
        body = {"clientId": opened.id, "subscriptions": ["users/*"]}
        assert (await shared_api.root.post("/api/realtime", json=body)).status_code == 204
        await shared_api.root.post(f"{PATH}/{opened.id}/messages", json={"topic": "users/*", "data": [1, 2]})
        await shared_api.root.delete(f"{PATH}/{opened.id}")
        await opened.ended.wait()
    await shared_api.root.delete(f"{PATH}/{opened.id}")  # nobody is there any more: nothing is done
    entries = (await shared_api.root.get("/api/audit", params={"target": opened.id})).json()["items"]
    found = [(one["action"], one["actor"]["kind"], one["target"]["kind"], one["details"]) for one in entries]
    assert found == [
        ("realtime.line_closed", "superuser", "line", None),
        ("realtime.message_sent", "superuser", "line", {"topic": "users/*", "bytes": 5}),
    ]
