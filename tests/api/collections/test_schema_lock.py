"""A schema that is locked: planned over the API, and changed by nothing that comes over it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from client import Api, in_one_loop, refused, running
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT

pytestmark = in_one_loop

C = "/api/collections"
NOTE = {"name": "notes", "fields": [{"name": "title", "type": "text"}]}
MORE = {"name": "nickname", "type": "text"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def locked(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    dsn = await make_database(cluster, PROJECT)
    async with running(dsn, tmp_path_factory.mktemp("locked"), schema_lock=True) as made:
        yield made
    await drop_database(cluster, dsn)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("POST", C, NOTE, id="make"),
        pytest.param("PATCH", f"{C}/users", {"comment": "People"}, id="change"),
        pytest.param("PATCH", f"{C}/users", {"listRule": ""}, id="change a rule"),
        pytest.param("DELETE", f"{C}/users", None, id="delete"),
        pytest.param("PUT", f"{C}/import", {"collections": [NOTE]}, id="import"),
        pytest.param("POST", f"{C}/trash/1/restore", None, id="bring back"),
    ],
)
async def test_no_collection_is_changed(locked: Api, method: str, path: str, body: dict[str, Any] | None):
    before = (await locked.root.get(C)).json()
    refused(await locked.root.request(method, path, json=body), 403, "schema_locked")
    refused(await locked.guest.request(method, path, json=body), 401, "unauthenticated")
    assert (await locked.root.get(C)).json() == before


async def test_a_change_is_planned_and_the_console_is_told(locked: Api):
    fields = [*(await locked.root.get(f"{C}/users")).json()["fields"], MORE]
    asked = {"method": "PATCH", "collection": "users", "body": {"fields": fields}}
    plan = await locked.root.post(f"{C}/plan", json=asked)
    assert "add_field" in [step["action"] for step in plan.json()["steps"]]
    sources = await locked.root.get("/api/settings/sources")
    assert [one["value"] for one in sources.json()["startup"] if one["name"] == "schema_lock"] == [True]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param(
            "POST", f"{C}/users/records", {"password": "long enough", "passwordConfirm": "long enough"}, id="records"
        ),
        pytest.param("POST", "/api/roles", {"name": "readers", "permissions": []}, id="roles"),
        pytest.param("PATCH", "/api/settings", {"meta": {"appName": "Locked"}}, id="settings"),
        pytest.param("DELETE", f"{C}/users/truncate", None, id="emptying"),
    ],
)
async def test_what_is_not_the_schema_goes_on(locked: Api, method: str, path: str, body: dict[str, Any] | None):
    answer = await locked.root.request(method, path, json=body)
    assert answer.status_code in (200, 201, 204), answer.text
