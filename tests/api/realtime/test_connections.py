"""`/api/realtime/connections`: who listens to what, and how a line is ended from outside."""

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
