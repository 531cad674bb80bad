"""What operators arrange in the console: saved views of a collection, the places of the diagram, and folders."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from client import Api, in_one_loop, refused

pytestmark = in_one_loop
VIEWS = "/api/console/views"
LAYOUT = "/api/console/layouts/diagram"
FOLDERS = "/api/console/layouts/folders"
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


@pytest.mark.parametrize("path", [VIEWS, LAYOUT, FOLDERS])
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


def folder(name: str, *collections: str) -> dict[str, Any]:
    """The only one there is."""
    return {"folders": [{"id": name.casefold(), "name": name, "collections": list(collections)}]}


async def tagged(api: Api) -> str:
    return (await api.root.get(FOLDERS)).headers["etag"]


@pytest.mark.usefixtures("_things")
async def test_folders_are_the_same_for_all_superusers_and_keep_their_order(
    shared_api: Api, other: httpx.AsyncClient
) -> None:
    things = (await shared_api.root.get("/api/collections/things")).json()["id"]
    folders: list[dict[str, Any]] = [
        {"id": "b", "name": "Shop", "collections": [things]},
        {"id": "a", "name": "Old", "collections": []},
    ]
    kept = await shared_api.root.put(FOLDERS, json={"folders": folders})
    assert kept.json() == {"folders": folders}
    found = await other.get(FOLDERS)
    assert (found.json(), found.headers["etag"]) == ({"folders": folders}, kept.headers["etag"])
    await shared_api.root.put(FOLDERS, json={"folders": []})


async def test_a_collection_keeps_its_folder_under_another_name_and_leaves_it_when_it_is_deleted(
    shared_api: Api,
) -> None:
    await shared_api.define("parcels", [{"name": "n", "type": "number"}])
    parcels = (await shared_api.root.get("/api/collections/parcels")).json()["id"]
    await shared_api.root.put(FOLDERS, json=folder("Post", parcels))
    await shared_api.root.patch("/api/collections/parcels", json={"name": "packets"})
    assert (await shared_api.root.get(FOLDERS)).json() == folder("Post", parcels)
    await shared_api.root.delete("/api/collections/packets")
    assert (await shared_api.root.get(FOLDERS)).json() == folder("Post")
    await shared_api.root.put(FOLDERS, json={"folders": []})


async def test_of_two_who_change_folders_at_once_the_second_is_told(shared_api: Api, other: httpx.AsyncClient) -> None:
    seen = {"If-Match": await tagged(shared_api)}
    mine, theirs = folder("mine"), folder("theirs")
    assert (await other.put(FOLDERS, json=theirs, headers=seen)).status_code == 200
    refused(await shared_api.root.put(FOLDERS, json=mine, headers=seen), 412, "precondition_failed")
    assert (await shared_api.root.get(FOLDERS)).json() == theirs
    await shared_api.root.put(FOLDERS, json={"folders": []}, headers={"If-Match": await tagged(shared_api)})


@pytest.mark.parametrize(
    "folders",
    [
        pytest.param(None, id="nothing"),
        pytest.param({"a": []}, id="no list"),
        pytest.param([{"id": "a", "name": " "}], id="no name"),
        pytest.param([{"id": "a", "name": "x" * 101}], id="a long name"),
        pytest.param([{"id": "a b", "name": "a"}], id="an id with a blank"),
        pytest.param([{"id": "a", "name": "a", "colour": "red"}], id="an unknown key"),
        pytest.param([{"id": "a", "name": "a"}, {"id": "a", "name": "b"}], id="one id twice"),
        pytest.param([{"id": "a", "name": "Shop"}, {"id": "b", "name": "shop "}], id="one name twice"),
        pytest.param([{"id": "a", "name": "a", "collections": ["x", "x"]}], id="a collection twice"),
        pytest.param([{"id": f"a{n}", "name": f"{n}"} for n in range(501)], id="too many"),
    ],
)
async def test_folders_that_are_none_are_refused(shared_api: Api, folders: object) -> None:
    answer = await shared_api.root.put(FOLDERS, json={"folders": folders})
    assert "folders" in refused(answer, 400, "validation_failed")["data"]
