"""Roles: what superusers make of them over HTTP, and who has them."""

import asyncio
from typing import Any

import httpx
import pytest

from client import Api

PASSWORD = "a long password"
EDITOR: dict[str, Any] = {
    "name": "editor",
    "description": "Writes posts",
    "permissions": [
        {"collection": "posts", "actions": ["list", "view", "update"], "rule": "", "fields": {"read": ["*"]}},
    ],
}


@pytest.fixture
async def blog(api: Api) -> Api:
    """Posts that superusers alone may read by rule, and Ann."""
    fields = [{"name": "title", "type": "text"}, {"name": "draft", "type": "bool"}]
    closed = dict.fromkeys(("listRule", "viewRule", "createRule", "updateRule", "deleteRule"))
    await api.define("posts", fields, **closed)
    await api.create("posts", id="post00000000001", title="One")
    await api.create(
        "users", id="ann000000000001", email="ann@example.com", password=PASSWORD, passwordConfirm=PASSWORD
    )
    return api


async def make(api: Api, **changes: Any) -> dict[str, Any]:
    answer = await api.root.post("/api/roles", json={**EDITOR, **changes})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def give(api: Api, *roles: str) -> dict[str, Any]:
    answer = await api.root.patch("/api/collections/users/records/ann000000000001", json={"roles": list(roles)})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def within_two_seconds(who: httpx.AsyncClient, path: str, status: int) -> bool:
    """Whether the path answers so by then: what somebody may do is known for a moment."""
    for _ in range(20):
        if (await who.get(path)).status_code == status:
            return True
        await asyncio.sleep(0.1)
    return False


def codes(data: dict[str, Any]) -> dict[str, Any]:
    return {name: found.get("code") or codes(found) for name, found in data.items()}


async def test_who_gets_a_role_may_do_what_it_says_and_may_not_when_it_is_taken(blog: Api):
    await make(blog)
    ann = blog.client(await blog.login("ann@example.com", PASSWORD, "users"))
    path = "/api/collections/posts/records/post00000000001"
    assert (await ann.get(path)).status_code == 403
    assert (await give(blog, "editor"))["roles"] == ["editor"]
    assert await within_two_seconds(ann, path, 200)
    assert (await ann.get(path)).json()["title"] == "One"
    assert (await ann.patch(path, json={"title": "Two"})).json()["title"] == "Two"
    assert (await ann.delete(path)).status_code == 403
    await give(blog)
    assert await within_two_seconds(ann, path, 403)


async def test_a_role_is_listed_viewed_changed_and_deleted(blog: Api):
    made = await make(blog)
    assert {key: made[key] for key in ("name", "description")} == {"name": "editor", "description": "Writes posts"}
    assert made["permissions"] == [
        {
            "collection": "posts",
            "actions": ["list", "view", "update"],
            "rule": "",
            "fields": {"read": ["*"], "write": ["*"]},
        }
    ]
    assert (await blog.root.get("/api/roles")).json() == {"items": [made]}
    assert (await blog.root.get("/api/roles/editor")).json() == made
    changed = (await blog.root.patch(f"/api/roles/{made['id']}", json={"description": "New"})).json()
    assert (changed["name"], changed["description"], changed["permissions"]) == ("editor", "New", made["permissions"])
    assert (await blog.root.patch("/api/roles/editor", json=changed)).status_code == 200
    assert (await blog.root.delete("/api/roles/editor")).status_code == 204
    for method in ("GET", "PATCH", "DELETE"):
        assert (await blog.root.request(method, "/api/roles/editor", json={})).status_code == 404


async def test_a_permission_follows_its_collection_to_another_name(blog: Api):
    await make(blog)
    await blog.root.patch("/api/collections/posts", json={"name": "articles"})
    assert (await blog.root.get("/api/roles/editor")).json()["permissions"][0]["collection"] == "articles"


async def test_who_has_a_role_keeps_it_under_its_new_name(blog: Api):
    await make(blog)
    await give(blog, "editor")
    await blog.root.patch("/api/roles/editor", json={"name": "writer"})
    assert (await blog.root.get("/api/collections/users/records/ann000000000001")).json()["roles"] == ["writer"]


async def test_a_role_that_is_deleted_is_taken_from_everybody(blog: Api):
    await make(blog)
    await make(blog, name="other")
    await give(blog, "editor", "other")
    key = (await blog.root.post("/api/keys", json={"name": "k", "roles": ["editor", "other"]})).json()
    await blog.root.delete("/api/roles/editor")
    assert (await blog.root.get("/api/collections/users/records/ann000000000001")).json()["roles"] == ["other"]
    assert (await blog.root.get(f"/api/keys/{key['id']}")).json()["roles"] == ["other"]


async def test_nobody_but_superusers_gives_roles(blog: Api):
    await make(blog)
    ann = blog.client(await blog.login("ann@example.com", PASSWORD, "users"))
    answer = await ann.patch("/api/collections/users/records/ann000000000001", json={"roles": ["editor"]})
    assert (answer.status_code, codes(answer.json()["data"])) == (400, {"roles": "validation_not_allowed"})
    body = {"email": "eve@example.com", "password": PASSWORD, "passwordConfirm": PASSWORD, "roles": ["editor"]}
    answer = await blog.guest.post("/api/collections/users/records", json=body)
    assert (answer.status_code, codes(answer.json()["data"])) == (400, {"roles": "validation_not_allowed"})


async def test_a_role_that_is_not_there_cannot_be_given(blog: Api):
    answer = await blog.root.patch("/api/collections/users/records/ann000000000001", json={"roles": ["nobody"]})
    assert (answer.status_code, codes(answer.json()["data"])) == (400, {"roles": "validation_invalid_value"})


@pytest.mark.parametrize("change", [{"name": "duties"}, {"values": ["a"]}, {"type": "text"}], ids=str)
async def test_the_field_of_roles_belongs_to_the_server(blog: Api, change: dict[str, Any]):
    users = (await blog.root.get("/api/collections/users")).json()
    fields = [{**field, **change} if field["name"] == "roles" else field for field in users["fields"]]
    assert (await blog.root.patch("/api/collections/users", json={"fields": fields})).status_code == 400


async def test_every_auth_collection_has_the_field_but_superusers(blog: Api):
    staff = await blog.define("staff", type="auth")
    assert "roles" in {field["name"] for field in staff["fields"]}
    root = (await blog.root.get("/api/collections/_superusers")).json()
    assert "roles" not in {field["name"] for field in root["fields"]}


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        pytest.param({"name": ""}, {"name": "validation_required"}, id="no name"),
        pytest.param({"name": "a b"}, {"name": "validation_invalid_format"}, id="a space"),
        pytest.param({"name": "x" * 64}, {"name": "validation_invalid_format"}, id="64 characters"),
        pytest.param({"name": "Editor"}, {"name": "validation_not_unique"}, id="the same name"),
        pytest.param({"description": 1}, {"description": "validation_invalid_value"}, id="description"),
        pytest.param({"permissions": {}}, {"permissions": "validation_invalid_value"}, id="no list"),
        pytest.param({"permission": []}, {"permission": "validation_unknown_key"}, id="no such key"),
    ],
)
async def test_a_role_that_cannot_be_is_refused_with_what_is_wrong(
    blog: Api, change: dict[str, Any], problems: dict[str, Any]
):
    await make(blog)
    answer = await blog.root.post("/api/roles", json={**EDITOR, "name": "new", **change})
    assert (answer.status_code, codes(answer.json()["data"])) == (400, problems)


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        pytest.param({"collection": "none"}, {"collection": "validation_invalid_value"}, id="collection"),
        pytest.param({"collection": None}, {"collection": "validation_required"}, id="no collection"),
        pytest.param({"actions": []}, {"actions": "validation_required"}, id="no action"),
        pytest.param({"actions": ["read"]}, {"actions": "validation_invalid_value"}, id="unknown action"),
        pytest.param({"rule": "nothing = 1"}, {"rule": "validation_invalid_rule"}, id="rule"),
        pytest.param({"rule": 1}, {"rule": "validation_invalid_rule"}, id="no rule"),
        pytest.param({"rule": "@previous.title = ''"}, {"rule": "validation_invalid_rule"}, id="no row before"),
        pytest.param({"fields": {"read": ["no"]}}, {"fields": {"read": "validation_invalid_value"}}, id="field"),
        pytest.param({"fields": {"seen": []}}, {"fields": {"seen": "validation_invalid_value"}}, id="side"),
        pytest.param({"fields": []}, {"fields": "validation_invalid_value"}, id="fields"),
        pytest.param({"field": {"write": []}}, {"field": "validation_unknown_key"}, id="no such key"),
    ],
)
async def test_a_permission_that_cannot_be_is_refused_with_what_is_wrong(
    blog: Api, change: dict[str, Any], problems: dict[str, Any]
):
    permission = {"collection": "posts", "actions": ["view"], **change}
    answer = await blog.root.post("/api/roles", json={"name": "new", "permissions": [permission]})
    assert (answer.status_code, codes(answer.json()["data"])) == (400, {"permissions": {"0": problems}})


async def test_a_permission_can_be_for_all_collections_where_its_rule_means_something(blog: Api):
    await blog.define("notes", [{"name": "open", "type": "bool"}], listRule=None)
    await blog.create("notes", open=True)
    await blog.create("notes", open=False)
    await make(blog, permissions=[{"collection": "*", "actions": ["list"], "rule": "open = true"}])
    await give(blog, "editor")
    ann = blog.client(await blog.login("ann@example.com", PASSWORD, "users"))
    assert (await ann.get("/api/collections/notes/records")).json()["totalItems"] == 1
    assert (await ann.get("/api/collections/posts/records")).json()["totalItems"] == 0
    assert (await ann.get("/api/collections/_superusers/records")).status_code == 403


async def test_a_role_that_breaks_a_rule_test_is_refused(blog: Api):
    await make(blog)
    await give(blog, "editor")
    case = {
        "name": "editors read",
        "collection": "posts",
        "as": {"collection": "users", "id": "ann000000000001"},
        "action": "view",
        "recordId": "post00000000001",
        "expect": "allowed",
    }
    assert (await blog.root.post("/api/rules/tests", json=case)).status_code == 200
    answer = await blog.root.patch("/api/roles/editor", json={"permissions": []})
    assert (answer.status_code, list(answer.json()["data"])) == (400, ["ruleTests"])
    assert (
        await blog.root.patch("/api/roles/editor", json={"permissions": [], "ruleTests": "skip"})
    ).status_code == 200


@pytest.mark.parametrize("path", ["/api/roles", "/api/keys"])
async def test_only_superusers_see_them(blog: Api, path: str):
    ann = blog.client(await blog.login("ann@example.com", PASSWORD, "users"))
    assert [(await who.get(path)).status_code for who in (blog.guest, ann, blog.root)] == [401, 403, 200]


async def test_the_fields_of_a_role_follow_their_new_names(blog: Api):
    await make(blog, permissions=[{"collection": "posts", "actions": ["view"], "fields": {"read": ["title"]}}])
    await give(blog, "editor")
    fields = (await blog.root.get("/api/collections/posts")).json()["fields"]
    renamed = [{**field, "name": {"title": "headline"}.get(field["name"], field["name"])} for field in fields]
    answer = await blog.root.patch("/api/collections/posts", json={"fields": renamed})
    assert answer.status_code == 200, answer.text
    role = (await blog.root.get("/api/roles/editor")).json()
    assert role["permissions"][0]["fields"]["read"] == ["headline"]
    ann = blog.client(await blog.login("ann@example.com", PASSWORD, "users"))
    seen = (await ann.get("/api/collections/posts/records/post00000000001")).json()
    assert (seen["headline"], "draft" in seen) == ("One", False)


async def test_a_rename_that_would_break_the_rule_of_a_role_is_refused_and_names_it(blog: Api):
    await make(blog, permissions=[{"collection": "posts", "actions": ["view"], "rule": "title = 'One'"}])
    fields = (await blog.root.get("/api/collections/posts")).json()["fields"]
    renamed = [{**field, "name": {"title": "headline"}.get(field["name"], field["name"])} for field in fields]
    answer = await blog.root.patch("/api/collections/posts", json={"fields": renamed})
    assert answer.status_code == 400
    assert "role editor, permission 1" in answer.json()["message"]
