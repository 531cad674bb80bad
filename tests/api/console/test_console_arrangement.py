"""What operators arrange in the console: saved views of a collection, and the places of the diagram."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from client import Api, in_one_loop, refused

pytestmark = in_one_loop
VIEWS = "/api/console/views"
LAYOUT = "/api/console/layouts/diagram"
STATE = {"filter": "n > 1", "sort": "-n", "columns": [{"field": "f1", "width": 90, "pinned": True}]}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def _things(shared_api: Api) -> None:
    await shared_api.define("things", [{"name": "n", "type": "number"}])


@pytest_asyncio.fixture(loop_scope="module")
async def other(shared_api: Api) -> AsyncIterator[httpx.AsyncClient]:
    """Another superuser: a key with their rights."""
    made = await shared_api.root.post("/api/keys", json={"name": "other", "superuser": True})
    async with shared_api.client() as client:
        client.headers["X-API-Key"] = made.json()["key"]
        yield client
    await shared_api.root.delete(f"/api/keys/{made.json()['id']}")


async def save(client: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    answer = await client.post(VIEWS, json={"collection": "things", "name": "big ones", "state": STATE, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def names(client: httpx.AsyncClient) -> list[tuple[str, bool]]:
    answer = await client.get(VIEWS, params={"collection": "things"})
    return [(view["name"], view["mine"]) for view in answer.json()["items"]]


@pytest.mark.usefixtures("_things")
async def test_a_view_is_its_owners_until_it_is_shared(shared_api: Api, other: httpx.AsyncClient) -> None:
    root = shared_api.root
    made = await save(root)
    assert made["state"] == {**STATE, "density": "normal"}
    one = f"{VIEWS}/{made['id']}"
    assert (await names(root), await names(other)) == ([("big ones", True)], [])
    refused(await other.patch(one, json={"name": "mine"}), 404, "not_found")
    await root.patch(one, json={"sharing": "locked"})
    assert await names(other) == [("big ones", False)]
    refused(await other.patch(one, json={"name": "mine"}), 403, "forbidden")
    refused(await other.delete(one), 403, "forbidden")
    await root.patch(one, json={"sharing": "shared"})
    refused(await other.patch(one, json={"sharing": "private"}), 403, "forbidden")
    changed = await other.patch(one, json={"state": {"filter": "n > 2"}})
    assert changed.json()["state"]["filter"] == "n > 2"
    assert (await other.delete(one)).status_code == 204
    assert await names(root) == []


@pytest.mark.usefixtures("_things")
@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param({"collection": "none"}, "collection", id="no such collection"),
        pytest.param({"collection": None}, "collection", id="no collection"),
        pytest.param({"name": " "}, "name", id="no name"),
        pytest.param({"name": "x" * 101}, "name", id="a long name"),
        pytest.param({"sharing": "everyone"}, "sharing", id="an unknown sharing"),
        pytest.param({"owner": "me"}, "owner", id="an unknown key"),
        pytest.param({"state": []}, "state", id="a state that is no object"),
        pytest.param({"state": {"colour": "red"}}, "state", id="an unknown part of the state"),
        pytest.param({"state": {"filter": "x" * 3501}}, "state", id="a long filter"),
        pytest.param({"state": {"columns": [{"field": "a", "width": 5}]}}, "state", id="a narrow column"),
        pytest.param({"state": {"columns": [{"field": ""}]}}, "state", id="a column of no field"),
    ],
)
async def test_a_view_that_makes_no_sense_is_refused(shared_api: Api, change: dict[str, Any], field: str) -> None:
    answer = await shared_api.root.post(VIEWS, json={"collection": "things", "name": "a", "state": {}, **change})
    assert field in refused(answer, 400, "validation_failed")["data"]


@pytest.mark.usefixtures("_things")
async def test_two_views_of_one_owner_have_two_names(shared_api: Api) -> None:
    made = await save(shared_api.root)
    again = await shared_api.root.post(VIEWS, json={"collection": "things", "name": "big ones"})
    assert refused(again, 400, "validation_failed")["data"]["name"]["code"] == "validation_not_unique"
    await shared_api.root.delete(f"{VIEWS}/{made['id']}")


@pytest.mark.parametrize("path", [VIEWS, LAYOUT])
async def test_they_are_for_superusers(shared_api: Api, path: str) -> None:
    refused(await shared_api.guest.get(path), 401, "unauthenticated")


@pytest.mark.usefixtures("_things")
async def test_the_diagram_keeps_the_places_of_collections_that_are_there(shared_api: Api) -> None:
    things = (await shared_api.root.get("/api/collections/things")).json()["id"]
    places = {things: {"x": 12.5, "y": -40.0}, "gone": {"x": 0.0, "y": 0.0}}
    assert (await shared_api.root.put(LAYOUT, json={"positions": places})).status_code == 204
    assert (await shared_api.root.get(LAYOUT)).json() == {"positions": {things: places[things]}}
    assert (await shared_api.root.put(LAYOUT, json={"positions": {}})).status_code == 204
    assert (await shared_api.root.get(LAYOUT)).json() == {"positions": {}}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"positions": {"a": {"x": 1}}}, id="no y"),
        pytest.param({"positions": {"a": {"x": "1", "y": 1}}}, id="a text"),
        pytest.param({"positions": {"a": {"x": 1e9, "y": 1}}}, id="out of sight"),
        pytest.param({"positions": []}, id="no object"),
        pytest.param({}, id="nothing"),
        pytest.param({"positions": {}, "zoom": 1}, id="an unknown key"),
    ],
)
async def test_places_that_are_none_are_refused(shared_api: Api, body: dict[str, Any]) -> None:
    refused(await shared_api.root.put(LAYOUT, json=body), 400, "validation_failed")
