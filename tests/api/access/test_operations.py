"""What a role lets its holders do with the server itself."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest
import pytest_asyncio

from client import PASSWORD, Api, in_one_loop, refused

pytestmark = in_one_loop
VIEWS = (("GET", "/api/jobs"), ("GET", "/api/jobs/1"), ("GET", "/api/jobs/stats"), ("GET", "/api/crons"))
CHANGES = (
    ("POST", "/api/jobs/999999999/retry"),
    ("POST", "/api/jobs/999999999/run"),
    ("DELETE", "/api/jobs/999999999"),
    ("POST", "/api/crons/nothing"),
)
LOGS = (
    ("GET", "/api/logs"),
    ("GET", "/api/logs/stats"),
    ("GET", "/api/logs/nothing"),
    ("GET", "/api/logs/requests/no-such-id"),
)
LINES = (("GET", "/api/realtime/connections"),)
CLOSES = (("DELETE", "/api/realtime/connections/nothing"),)
OTHERS = (("GET", "/api/webhooks"), ("GET", "/api/plugins"), ("GET", "/api/roles"), ("GET", "/api/settings"))
LETS = {
    "viewer": ["jobs.view"],
    "starter": ["jobs.change"],
    "reader": ["logs.view"],
    "listener": ["realtime.view"],
    "closer": ["realtime.close"],
    "plain": [],
}
MAY = {"viewer": VIEWS, "starter": CHANGES, "reader": LOGS, "listener": LINES, "closer": CLOSES, "plain": ()}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def keys(shared_api: Api) -> AsyncIterator[Mapping[str, httpx.AsyncClient]]:
    """A key for each role of LETS, whose name it has."""
    found: dict[str, httpx.AsyncClient] = {}
    for name, operations in LETS.items():
        role = {"name": name, "operations": operations, "permissions": []}
        assert (await shared_api.root.post("/api/roles", json=role)).json()["operations"] == operations
        made = await shared_api.root.post("/api/keys", json={"name": name, "roles": [name]})
        found[name] = shared_api.client()
        found[name].headers["X-API-Key"] = made.json()["key"]
    yield found


@pytest.mark.parametrize(("method", "path"), [*VIEWS, *CHANGES, *LOGS, *LINES, *CLOSES, *OTHERS])
async def test_a_role_lets_do_what_it_names_and_nothing_else(
    shared_api: Api, keys: Mapping[str, httpx.AsyncClient], method: str, path: str
) -> None:
    for name, client in keys.items():
        answer = await client.request(method, path)
        if (method, path) in MAY[name]:
            assert answer.status_code in (200, 404), (name, answer.text)
        else:
            refused(answer, 403, "forbidden")
    refused(await shared_api.guest.request(method, path), 401, "unauthenticated")


async def test_a_person_starts_a_schedule_and_the_audit_log_names_them(shared_api: Api) -> None:
    role = {"name": "night-watch", "operations": ["jobs.view", "jobs.change", "jobs.view"]}
    assert (await shared_api.root.post("/api/roles", json=role)).json()["operations"] == ["jobs.view", "jobs.change"]
    person = {"email": "ann@example.com", "password": PASSWORD, "passwordConfirm": PASSWORD, "roles": ["night-watch"]}
    ann = await shared_api.create("users", **person)
    async with shared_api.client(await shared_api.login("ann@example.com", collection="users")) as client:
        schedule = (await client.get("/api/crons")).json()[0]["id"]
        assert (await client.post(f"/api/crons/{schedule}")).status_code == 204
        (entry,) = (await shared_api.root.get("/api/audit", params={"action": "cron.run"})).json()["items"]
        assert (entry["actor"]["id"], entry["target"]["id"]) == (ann["id"], schedule)
        changed = await shared_api.root.patch("/api/roles/night-watch", json={"operations": []})
        assert changed.json()["operations"] == []
        for _ in range(20):
            if (await client.get("/api/crons")).status_code == 403:
                return
            await asyncio.sleep(0.1)
        pytest.fail("what was taken away still holds after two seconds")


@pytest.mark.parametrize("given", ["jobs.view", [7], ["jobs.*"], ["jobs.view", "webhooks.view"], None], ids=str)
async def test_operations_that_there_are_not_are_refused(shared_api: Api, given: Any) -> None:
    answer = await shared_api.root.post("/api/roles", json={"name": "odd", "operations": given})
    assert set(refused(answer, 400, "validation_failed")["data"]) == {"operations"}
