"""SQL that operators keep in the console, and the libraries that the server is made of."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from client import Api, in_one_loop, refused
from holdfast.console.libraries import libraries

pytestmark = in_one_loop
QUERIES = "/api/console/queries"
LIBRARIES = "/api/console/libraries"


@pytest_asyncio.fixture(loop_scope="module")
async def colleague(shared_api: Api) -> AsyncIterator[httpx.AsyncClient]:
    """Another superuser: a key with their rights."""
    made = await shared_api.root.post("/api/keys", json={"name": "colleague", "superuser": True})
    async with shared_api.client() as client:
        client.headers["X-API-Key"] = made.json()["key"]
        yield client
    await shared_api.root.delete(f"/api/keys/{made.json()['id']}")


async def keep(client: httpx.AsyncClient, name: str, **more: Any) -> str:
    answer = await client.post(QUERIES, json={"name": name, "sql": "SELECT 1", **more})
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]


async def listed(client: httpx.AsyncClient) -> list[tuple[str, bool, str]]:
    items = (await client.get(QUERIES)).json()["items"]
    return [(query["name"], query["mine"], query["sql"]) for query in items]


async def test_a_query_is_its_owners_and_the_others_only_run_it(shared_api: Api, colleague: httpx.AsyncClient) -> None:
    root = shared_api.root
    one = f"{QUERIES}/{await keep(root, ' The newest ')}"
    assert (await listed(root), await listed(colleague)) == ([("The newest", True, "SELECT 1")], [])
    refused(await colleague.patch(one, json={"sql": "SELECT 2"}), 404, "not_found")
    await root.patch(one, json={"shared": True, "sql": "SELECT 3"})
    assert await listed(colleague) == [("The newest", False, "SELECT 3")]
    refused(await colleague.patch(one, json={"sql": "SELECT 2"}), 403, "forbidden")
    refused(await colleague.delete(one), 403, "forbidden")
    assert (await root.delete(one)).status_code == 204
    assert await listed(colleague) == []


async def test_two_queries_of_one_owner_have_two_names(shared_api: Api, colleague: httpx.AsyncClient) -> None:
    made, theirs = await keep(shared_api.root, "same"), await keep(colleague, "same")
    again = await shared_api.root.post(QUERIES, json={"name": "same", "sql": "SELECT 1"})
    assert refused(again, 400, "validation_failed")["data"]["name"]["code"] == "validation_not_unique"
    await shared_api.root.delete(f"{QUERIES}/{made}")
    await colleague.delete(f"{QUERIES}/{theirs}")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param({"name": " "}, "name", id="no name"),
        pytest.param({"name": "x" * 101}, "name", id="a long name"),
        pytest.param({"sql": ""}, "sql", id="no statement"),
        pytest.param({"sql": 1}, "sql", id="a statement that is a number"),
        pytest.param({"sql": "x" * 100_001}, "sql", id="a statement without end"),
        pytest.param({"shared": "yes"}, "shared", id="a word for shared"),
        pytest.param({"owner": "me"}, "owner", id="an unknown key of a query"),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused(shared_api: Api, change: dict[str, Any], field: str) -> None:
    answer = await shared_api.root.post(QUERIES, json={"name": "a", "sql": "SELECT 1", **change})
    assert field in refused(answer, 400, "validation_failed")["data"]


@pytest.mark.parametrize("path", [QUERIES, LIBRARIES])
async def test_queries_and_libraries_are_for_superusers(shared_api: Api, path: str) -> None:
    refused(await shared_api.guest.get(path), 401, "unauthenticated")


async def test_the_libraries_are_told_with_their_licences(shared_api: Api) -> None:
    items = (await shared_api.root.get(LIBRARIES)).json()["items"]
    names = {one["name"].lower() for one in items}
    assert {"litestar", "asyncpg", "msgspec", "argon2-cffi"} <= names
    assert "pytest" not in names, "what only tests need is no part of it"
    assert [one["name"] for one in items if not one["licence"] or not one["version"]] == []


async def test_a_package_that_is_not_installed_needs_nothing() -> None:
    assert libraries("no-such-package-anywhere") == ()
