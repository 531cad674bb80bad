"""Who has a record open in the console: as their pages have said of late, and of nobody else."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from client import Api, in_one_loop, refused

pytestmark = in_one_loop
PRESENCE = "/api/console/presence"


@pytest_asyncio.fixture(loop_scope="module")
async def neighbour(shared_api: Api) -> AsyncIterator[httpx.AsyncClient]:
    """Another superuser: a key with their rights."""
    made = await shared_api.root.post("/api/keys", json={"name": "neighbour", "superuser": True})
    async with shared_api.client() as client:
        client.headers["X-API-Key"] = made.json()["key"]
        yield client
    await shared_api.root.delete(f"/api/keys/{made.json()['id']}")


async def says(client: httpx.AsyncClient, page: str, record: str, **more: Any) -> list[dict[str, Any]]:
    body = {"collection": "users", "record": record, "page": page, "writes": False, **more}
    answer = await client.put(PRESENCE, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def test_each_page_hears_of_the_others_at_its_record(shared_api: Api, neighbour: httpx.AsyncClient) -> None:
    assert await says(neighbour, "here", "one", writes=True) == []
    assert await says(neighbour, "there", "another") == []
    [other] = await says(shared_api.root, "mine", "one")
    assert (other["name"], other["own"], other["writes"]) == ("neighbour", False, True)


async def test_of_ones_own_pages_it_is_said_that_they_are_ones_own(shared_api: Api) -> None:
    await says(shared_api.root, "first", "own")
    [other] = await says(shared_api.root, "second", "own")
    assert (other["own"], "@" in other["name"]) == (True, True)


async def test_a_page_that_is_left_is_not_there_and_nobody_else_ends_it(
    shared_api: Api, neighbour: httpx.AsyncClient
) -> None:
    await says(neighbour, "leaves", "left")
    assert (await shared_api.root.delete(f"{PRESENCE}/leaves")).status_code == 204
    assert len(await says(shared_api.root, "stays", "left")) == 1
    assert (await neighbour.delete(f"{PRESENCE}/leaves")).status_code == 204
    assert await says(shared_api.root, "stays", "left") == []


async def test_a_page_that_has_said_nothing_for_long_is_not_there(
    shared_api: Api, neighbour: httpx.AsyncClient
) -> None:
    await says(neighbour, "silent", "long")
    async with shared_api.pool.transaction() as tx:
        await tx.connection.execute("UPDATE holdfast.presence SET seen = now() - interval '30 s' WHERE page = 'silent'")
    assert await says(shared_api.root, "awake", "long") == []


@pytest.mark.parametrize(
    ("change", "path"),
    [
        pytest.param({"collection": "nothing"}, "collection", id="no collection"),
        pytest.param({"record": ""}, "record", id="no record"),
        pytest.param({"page": "p" * 101}, "page", id="a long page"),
        pytest.param({"writes": "yes"}, "writes", id="no flag"),
        pytest.param({"more": 1}, "more", id="a key that there is not"),
    ],
)
async def test_what_no_page_says_is_refused_with_its_place(shared_api: Api, change: dict[str, Any], path: str) -> None:
    body = {"collection": "users", "record": "r", "page": "p", "writes": False, **change}
    assert path in refused(await shared_api.root.put(PRESENCE, json=body), 400, "validation_failed")["data"]


async def test_who_has_a_record_open_is_for_superusers(shared_api: Api) -> None:
    refused(await shared_api.guest.put(PRESENCE, json={}), 401, "unauthenticated")
    refused(await shared_api.guest.delete(f"{PRESENCE}/p"), 401, "unauthenticated")
