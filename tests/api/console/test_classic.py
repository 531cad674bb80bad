"""Piccolo Admin at /admin/tables: who gets in, what it shows, and that what it writes is written as by any client."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from client import EMAIL, PASSWORD, Api, in_one_loop
from holdfast.db.sql import Statement, raw

SITE = "http://holdfast.test"
TABLES = "/admin/tables/api/tables"
EVENTS = Statement.of(
    raw(
        "SELECT type, context::json -> 'actor' ->> 'kind' AS kind FROM holdfast.outbox"
        " WHERE type LIKE 'posts.%' ORDER BY id"
    )
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admin(shared_api: Api) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that is signed in to the console, with the token that Piccolo Admin asks for."""
    body = {"name": "teams", "fields": [{"name": "name", "type": "text", "required": True}]}
    assert (await shared_api.root.post("/api/collections", json=body)).status_code == 200
    fields: list[dict[str, Any]] = [
        {"name": "title", "type": "text", "required": True, "max": 20},
        {"name": "select", "type": "select", "values": ["draft", "done"]},  # as a method of Piccolo's is called
        {"name": "views", "type": "number", "onlyInt": True},
        {"name": "team", "type": "relation", "collectionId": "teams"},
        {"name": "meta", "type": "json"},
        {"name": "at", "type": "date"},
        {"name": "place", "type": "geoPoint"},
        {"name": "tags", "type": "select", "values": ["a", "b"], "maxSelect": 2},
        {"name": "secret", "type": "text", "hidden": True},
    ]
    assert (await shared_api.root.post("/api/collections", json={"name": "posts", "fields": fields})).status_code == 200
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("holdfast.classic.database.TIMEOUT_MS", 500)  # when its pool is opened
        async with shared_api.client() as client:
            client.headers["Origin"] = SITE
            answer = await client.post("/api/console/session", json={"identity": EMAIL, "password": PASSWORD})
            assert answer.status_code == 200, answer.text
            page = await client.get("/admin/tables/")
            assert page.status_code == 200
            client.headers["X-CSRFToken"] = client.cookies["csrftoken"]
            yield client


async def rows(admin: httpx.AsyncClient, table: str, **query: str) -> list[dict[str, Any]]:
    answer = await admin.get(f"{TABLES}/{table}/", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["rows"]


@in_one_loop
async def test_nobody_gets_in_without_the_consoles_session(shared_api: Api) -> None:
    answer = await shared_api.guest.get("/admin/tables/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/_/")
    for path in ("/api/tables/", "/api/tables/posts/", "/api/forms/", "/public/meta/", "/assets/x.js", "/holdfast.js"):
        assert (await shared_api.guest.get(f"/admin/tables{path}")).status_code == 401, path
    # A token of a superuser in a header is no session of a browser.
    assert (await shared_api.root.get("/admin/tables/api/tables/")).status_code == 401


@in_one_loop
async def test_the_page_is_its_own_and_asks_nobody_else(admin: httpx.AsyncClient) -> None:
    page = await admin.get("/admin/tables/")
    assert "default-src 'none'; script-src 'self'" in page.headers["content-security-policy"]
    assert "holdfast.js" in page.text
    assert (await admin.get("/admin/tables/api/user/")).json()["username"] == EMAIL
    for path in ("holdfast.js", "holdfast.css"):
        assert (await admin.get(f"/admin/tables/{path}")).status_code == 200
    assert (await admin.get("/admin/tables")).headers["location"] == "/admin/tables/"
    for closed in ("/public/login/", "/api/change-password/", "/api/mfa-setup/", "/api/docs/"):
        assert (await admin.get(f"/admin/tables{closed}")).status_code == 404, closed


@in_one_loop
async def test_what_it_writes_obeys_the_fields_and_leaves_events(shared_api: Api, admin: httpx.AsyncClient) -> None:
    team = await shared_api.create("teams", name="Reds")
    seen = len(await shared_api.pool.fetch(EVENTS))
    new = {"title": "One", "field_select": "draft", "views": 3, "team": team["id"], "meta": '{"n": 1}', "tags": ["a"]}
    made = await admin.post(f"{TABLES}/posts/", json=new)
    assert made.status_code == 201, made.text
    id = made.json()[0]["id"]
    record = (await shared_api.root.get(f"/api/collections/posts/records/{id}")).json()
    assert (record["title"], record["select"], record["meta"]) == ("One", "draft", {"n": 1})
    assert (record["team"], record["tags"]) == (team["id"], ["a"])
    [row] = await rows(admin, "posts", title="One")
    assert (row["views"], row["field_select"], row["team"]) == (3, "draft", team["id"])
    assert not {"secret", "place"} & row.keys()
    changed = await admin.patch(f"{TABLES}/posts/{id}/", json={"views": 4, "at": "2027-01-31T09:15:00Z"})
    assert (changed.status_code, changed.json()["views"]) == (200, 4)
    refused = await admin.patch(f"{TABLES}/posts/{id}/", json={"title": "x" * 21})
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["loc"] == ["body", "title"]
    assert (await admin.delete(f"{TABLES}/posts/{id}/")).status_code == 204
    told = [(event["type"], event["kind"]) for event in (await shared_api.pool.fetch(EVENTS))[seen:]]
    assert told == [("posts.created", "superuser"), ("posts.updated", "superuser"), ("posts.deleted", "superuser")]


@in_one_loop
async def test_it_follows_the_collections(shared_api: Api, admin: httpx.AsyncClient) -> None:
    assert (await admin.get(f"{TABLES}/later/")).status_code == 404
    await shared_api.define("later", [{"name": "title", "type": "text"}])
    assert await rows(admin, "later") == []
    assert "later" in (await admin.get(f"{TABLES}/grouped/")).json()["grouped"]["Collections"]
    await shared_api.root.delete("/api/collections/later")
    assert (await admin.get(f"{TABLES}/later/")).status_code == 404


@in_one_loop
@pytest.mark.parametrize("name", ["holdfast.keys", "holdfast.audit", "holdfast.webhooks", "holdfast.sessions", "holdfast.jobs", "holdfast.deliveries", "holdfast.schedules", "holdfast.imports", "holdfast.roles", "holdfast.blocks", "holdfast.rule_tests", "_superusers", "_externalAuths", "users"])  # fmt: skip  # noqa: E501
async def test_every_table_can_be_looked_at_and_has_no_secret(
    shared_api: Api, admin: httpx.AsyncClient, name: str
) -> None:
    await shared_api.root.post("/api/keys", json={"name": "a key"})
    for found in await rows(admin, name):
        assert not {"hash", "old_hash", "secret", "password", "tokenKey", "token_hash"} & found.keys()
    for part in ("schema/", "count/", "ids/?limit=5", "new/"):
        assert (await admin.get(f"{TABLES}/{name}/{part}")).status_code == 200, part
    for column in ("hash", "tokenKey"):
        assert (await admin.get(f"{TABLES}/{name}/?__order={column}")).status_code == 400
    if name.startswith("holdfast."):
        assert (await admin.post(f"{TABLES}/{name}/", json={})).status_code == 405


@in_one_loop
async def test_a_form_rotates_a_key_and_says_what_is_wrong(shared_api: Api, admin: httpx.AsyncClient) -> None:
    key = (await shared_api.root.post("/api/keys", json={"name": "turned"})).json()
    forms = [one["slug"] for one in (await admin.get("/admin/tables/api/forms/")).json()]
    assert forms == ["invite-a-user", "rotate-an-api-key", "send-a-webhook-again", "import-csv"]
    url = "/admin/tables/api/forms"
    done = await admin.post(f"{url}/rotate-an-api-key/", json={"key_id": key["id"], "overlap_seconds": 60})
    assert f"hf_{key['id']}_" in done.json()["custom_form_success"]
    wrong = await admin.post(f"{url}/send-a-webhook-again/", json={"webhook_id": "x", "delivery_id": "1"})
    assert (wrong.status_code, "custom_form_error" in wrong.json()) == (422, True)
    csv = {"collection": "teams", "csv": "name\nGreens\nBlues\n", "dry_run": False}
    done = await admin.post(f"{url}/import-csv/", json=csv)
    assert done.json()["custom_form_success"].startswith("2 read, 2 inserted")
    person = {"collection": "users", "email": "new@example.com"}
    done = await admin.post(f"{url}/invite-a-user/", json=person)
    assert done.json()["custom_form_success"].startswith("Invited new@example.com")


@in_one_loop
async def test_another_site_has_nothing_written(admin: httpx.AsyncClient) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"X-CSRFToken": "other"}):
        answer = await admin.post(f"{TABLES}/teams/", json={"name": "Evil"}, headers=headers)
        assert answer.status_code == 403, headers
    assert await rows(admin, "teams", name="Evil") == []


@in_one_loop
async def test_what_takes_too_long_is_given_up(admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.classic.crud._ESTIMATE", "SELECT 1 AS rows FROM pg_sleep(10) WHERE {} <> ''")
    answer = await admin.get(f"{TABLES}/teams/count/")
    assert answer.status_code == 503
    assert "too long" in answer.json()["detail"][0]["msg"]


@in_one_loop
@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        pytest.param("GET", "posts/?views=many", None, 400, id="a filter of another type"),
        pytest.param("GET", "posts/?views=99999999999999999999999", None, 400, id="a number that is too large"),
        pytest.param("GET", "posts/?title=%00", None, 400, id="a NUL"),
        pytest.param("GET", "posts/?nothing=1", None, 400, id="a column that is not there"),
        pytest.param("GET", "posts/?__visible_fields=secret", None, 400, id="a column that is hidden"),
        pytest.param("GET", "posts/?__page_size=-1", None, 400, id="a page of nothing"),
        pytest.param("GET", "posts/?__page=many", None, 400, id="a page that is no number"),
        pytest.param("GET", "posts/nobody/", None, 404, id="a record that is not there"),
        pytest.param("POST", "posts/", b"[1]", 400, id="a list"),
        pytest.param("POST", "posts/", b"{", 400, id="half an object"),
        pytest.param("POST", "posts/", b"{}", 422, id="nothing that is needed"),
        pytest.param("PATCH", "posts/nobody/", b"{}", 404, id="a change of nothing"),
        pytest.param("POST", "../forms/import-csv/", b"[]", 400, id="a form with a list"),
        pytest.param("POST", "../forms/import-csv/", b'{"mode": "all"}', 422, id="a form with a wrong choice"),
        pytest.param("POST", "../forms/no-such-form/", b"{}", 404, id="no form"),
        pytest.param("DELETE", "users/", None, 405, id="everything"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    admin: httpx.AsyncClient, method: str, path: str, body: bytes | None, status: int
) -> None:
    headers = {"Content-Type": "application/json"} if body else {}
    answer = await admin.request(method, f"{TABLES}/{path}".replace("tables/../", ""), content=body, headers=headers)
    assert answer.status_code == status, answer.text
