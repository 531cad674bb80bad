"""POST /api/collections/{collection}/explain: whether somebody may do something, and why."""

from typing import Any

import pytest

from client import Api

RULE = "author = @request.auth.id || (public = true && tags ?~ 'news')"


@pytest.fixture
async def blog(api: Api) -> Api:
    """Two people, and three posts: Ann's secret one, Bob's public news, Bob's public other."""
    for name, id in (("ann", "ann000000000001"), ("bob", "bob000000000001")):
        await api.create(
            "users", id=id, email=f"{name}@example.com", password="a long password", passwordConfirm="a long password"
        )
    fields = [
        {"name": "title", "type": "text"},
        {"name": "author", "type": "relation", "collectionId": "_pb_users_auth_", "maxSelect": 1},
        {"name": "public", "type": "bool"},
        {"name": "tags", "type": "select", "values": ["news", "other"], "maxSelect": 2},
    ]
    rules = {"listRule": RULE, "viewRule": RULE, "deleteRule": "author = @request.auth.id", "updateRule": None}
    await api.define("posts", fields, **rules)
    await api.create("posts", id="secret000000001", title="Secret", author="ann000000000001")
    await api.create("posts", id="news00000000001", author="bob000000000001", public=True, tags=["other", "news"])
    await api.create("posts", id="other0000000001", author="bob000000000001", public=True, tags=["other"])
    return api


async def ask(api: Api, action: str, **more: Any) -> dict[str, Any]:
    answer = await api.root.post("/api/collections/posts/explain", json={"action": action, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def user(id: str) -> dict[str, str]:
    return {"collection": "users", "id": id}


ANN, BOB = user("ann000000000001"), user("bob000000000001")


async def test_the_tree_shows_each_part_with_its_values_and_its_verdict(blog: Api):
    found = await ask(blog, "view", recordId="news00000000001", **{"as": ANN})
    assert (found["allowed"], found["status"], found["grantedBy"]) == (True, 200, "rule")
    (check,) = found["checks"]
    assert check["rule"] == RULE
    assert check["tree"] == {
        "text": "author = @request.auth.id || (public = true && tags ?~ 'news')",
        "result": True,
        "join": "||",
        "parts": [
            {
                "text": "author = @request.auth.id",
                "result": False,
                "left": {"text": "author", "value": "bob000000000001"},
                "right": {"text": "@request.auth.id", "value": "ann000000000001"},
            },
            {
                "text": "public = true && tags ?~ 'news'",
                "result": True,
                "join": "&&",
                "parts": [
                    {
                        "text": "public = true",
                        "result": True,
                        "left": {"text": "public", "value": True},
                        "right": {"text": "true", "value": True},
                    },
                    {
                        "text": "tags ?~ 'news'",
                        "result": True,
                        "left": {"text": "tags", "value": ["other", "news"]},
                        "right": {"text": "'news'", "value": "news"},
                    },
                ],
            },
        ],
    }


async def test_the_sql_is_shown_with_what_its_parameters_stand_for(blog: Api):
    found = await ask(blog, "delete", recordId="news00000000001", **{"as": BOB})
    assert '"author" = $1::text' in found["checks"][0]["sql"]
    assert found["checks"][0]["parameters"] == ["bob000000000001"]
    assert found["status"] == 204


async def test_a_list_says_how_many_are_seen_of_how_many_and_by_which_part(blog: Api):
    found = await ask(blog, "list", **{"as": ANN})
    assert found["seen"] == {"rows": 2, "of": 3}
    tree = found["checks"][0]["tree"]
    assert tree["rows"] == 2
    assert [part["rows"] for part in tree["parts"]] == [1, 1]
    assert [part["rows"] for part in tree["parts"][1]["parts"]] == [2, 1]


@pytest.mark.parametrize(
    ("asked", "allowed", "status", "granted_by"),
    [
        pytest.param({"action": "view", "recordId": "secret000000001", "as": ANN}, True, 200, "rule", id="own"),
        pytest.param({"action": "view", "recordId": "secret000000001", "as": BOB}, False, 404, None, id="another's"),
        pytest.param({"action": "view", "recordId": "nothing00000001", "as": BOB}, False, 404, None, id="no record"),
        pytest.param({"action": "view", "recordId": "news00000000001"}, True, 200, "rule", id="guest"),
        pytest.param({"action": "update", "recordId": "secret000000001", "as": ANN}, False, 403, None, id="closed"),
        pytest.param({"action": "list", "recordId": "other0000000001", "as": ANN}, False, 404, None, id="in a list"),
        pytest.param({"action": "delete", "recordId": "news00000000001", "as": BOB}, True, 204, "rule", id="delete"),
    ],
)
async def test_the_answer_is_what_the_request_would_get(
    blog: Api, asked: dict[str, Any], allowed: bool, status: int, granted_by: str | None
):
    found = await ask(blog, **asked)
    assert (found["allowed"], found["status"], found.get("grantedBy")) == (allowed, status, granted_by)


async def test_a_change_is_looked_at_before_and_after(blog: Api):
    """S-23: nobody moves a record out of their own reach, nor another's into it."""
    await blog.root.patch("/api/collections/posts", json={"updateRule": "author = @request.auth.id"})
    body = {"author": "bob000000000001"}
    found = await ask(blog, "update", recordId="secret000000001", body=body, **{"as": ANN})
    assert (found["allowed"], found["status"]) == (False, 404)
    assert [(check["when"], check["result"]) for check in found["checks"]] == [("before", True), ("after", False)]
    assert found["checks"][1]["tree"]["left"] == {"text": "author", "value": "bob000000000001"}


async def test_a_create_is_looked_at_as_it_would_be_and_nothing_of_it_is_left(blog: Api):
    rule = "author = @request.auth.id && @request.body.title:isset = true && public = false"
    await blog.root.patch("/api/collections/posts", json={"createRule": rule})
    body = {"title": "New", "author": "ann000000000001"}
    found = await ask(blog, "create", body=body, **{"as": ANN})
    assert (found["allowed"], found["status"], found["grantedBy"]) == (True, 200, "rule")
    assert [part["result"] for part in found["checks"][0]["tree"]["parts"]] == [True, True, True]
    refused = await ask(blog, "create", body=body, **{"as": BOB})
    assert (refused["allowed"], refused["status"]) == (False, 400)
    assert [part["result"] for part in refused["checks"][0]["tree"]["parts"]] == [False, True, True]
    assert (await blog.root.get("/api/collections/posts/records")).json()["totalItems"] == 3


async def test_what_is_wrong_with_a_body_is_told_as_the_request_would_be(blog: Api):
    await blog.root.patch("/api/collections/posts", json={"createRule": ""})
    found = await ask(blog, "create", body={"author": "nobody000000000"}, **{"as": ANN})
    assert (found["allowed"], found["status"]) == (False, 400)
    assert found["message"].startswith("Some fields are not valid: author: ")
    assert "{" not in found["message"]


async def test_a_role_that_lets_a_field_be_set_grants_it(blog: Api):
    permission = {"collection": "posts", "actions": ["update"], "rule": "public = true", "fields": {"write": ["title"]}}
    await blog.root.post("/api/roles", json={"name": "editor", "permissions": [permission]})
    await blog.root.patch("/api/collections/users/records/ann000000000001", json={"roles": ["editor"]})
    found = await ask(blog, "update", recordId="news00000000001", body={"title": "New"}, **{"as": ANN})
    assert (found["allowed"], found["grantedBy"]) == (True, "role:editor")
    assert found["checks"][0]["write"] == ["title"]
    found = await ask(blog, "update", recordId="news00000000001", body={"public": False}, **{"as": ANN})
    assert (found["allowed"], found["status"]) == (False, 400)
    assert "public" in found["message"]


async def test_a_key_can_be_meant(blog: Api):
    key = (await blog.root.post("/api/keys", json={"name": "k", "superuser": True})).json()
    assert (await ask(blog, "update", recordId="secret000000001", **{"as": {"key": key["id"]}}))["allowed"]
    key = (await blog.root.post("/api/keys", json={"name": "k"})).json()
    assert (await ask(blog, "view", recordId="secret000000001", **{"as": {"key": key["id"]}}))["status"] == 404


@pytest.mark.parametrize("by", ["name", "id"])
async def test_a_role_alone_can_be_meant(blog: Api, by: str):
    permission = {"collection": "posts", "actions": ["list", "update"], "rule": "public = true"}
    role = (await blog.root.post("/api/roles", json={"name": "editor", "permissions": [permission]})).json()
    found = await ask(blog, "update", recordId="news00000000001", body={"title": "New"}, **{"as": {"role": role[by]}})
    assert (found["allowed"], found["grantedBy"]) == (True, "role:editor")
    assert (await ask(blog, "list", **{"as": {"role": role[by]}}))["seen"] == {"rows": 2, "of": 3}
    assert (await ask(blog, "view", recordId="secret000000001", **{"as": {"role": role[by]}}))["status"] == 404


async def test_a_superuser_is_let_through_without_a_look_at_the_rules(blog: Api):
    root = (await blog.root.get("/api/collections/_superusers/records")).json()["items"][0]
    found = await ask(
        blog, "update", recordId="secret000000001", **{"as": {"collection": "_superusers", "id": root["id"]}}
    )
    assert (found["allowed"], found["grantedBy"]) == (True, "superuser")
    assert "checks" not in found


async def test_values_of_paths_to_many_are_lists_and_secrets_are_not_shown(blog: Api):
    rule = "author.posts_via_author.title ?= 'Secret' && @request.auth.tokenKey != ''"
    changed = await blog.root.patch("/api/collections/posts", json={"viewRule": rule})
    assert changed.status_code == 200, changed.text
    found = await ask(blog, "view", recordId="secret000000001", **{"as": ANN})
    first, second = found["checks"][0]["tree"]["parts"]
    assert first["left"] == {"text": "author.posts_via_author.title", "value": ["Secret"]}
    assert second["left"] == {"text": "@request.auth.tokenKey"}


@pytest.mark.parametrize(
    ("asked", "problems"),
    [
        pytest.param({}, {"action": "validation_required"}, id="nothing"),
        pytest.param({"action": "read"}, {"action": "validation_invalid_value"}, id="unknown action"),
        pytest.param({"action": "view"}, {"recordId": "validation_required"}, id="no record"),
        pytest.param({"action": "view", "recordId": 1}, {"recordId": "validation_invalid_value"}, id="no text"),
        pytest.param({"action": "list", "as": "ann"}, {"as": "validation_invalid_value"}, id="as is no object"),
        pytest.param({"action": "list", "as": {"id": "a"}}, {"as": {"collection": "validation_required"}}, id="half"),
        pytest.param(
            {"action": "list", "as": {"key": "k", "id": "a"}}, {"as": {"key": "validation_invalid_value"}}, id="both"
        ),
        pytest.param(
            {"action": "list", "as": {"role": "r", "key": "a"}},
            {"as": {"role": "validation_invalid_value"}},
            id="and role",
        ),
        pytest.param(
            {"action": "list", "as": {"role": "no"}}, {"as": {"role": "validation_invalid_value"}}, id="no role"
        ),
        pytest.param({"action": "list", "as": user("nobody")}, {"as": {"id": "validation_invalid_value"}}, id="nobody"),
        pytest.param(
            {"action": "list", "as": {"collection": "posts", "id": "a"}},
            {"as": {"collection": "validation_invalid_value"}},
            id="no auth collection",
        ),
        pytest.param({"action": "list", "context": "x"}, {"context": "validation_invalid_value"}, id="context"),
        pytest.param({"action": "list", "headers": {"a": 1}}, {"headers": "validation_invalid_value"}, id="headers"),
        pytest.param({"action": "create", "body": []}, {"body": "validation_invalid_value"}, id="body"),
        pytest.param({"action": "list", "who": ANN}, {"who": "validation_unknown_key"}, id="misspelt as"),
    ],
)
async def test_a_question_that_cannot_be_understood_says_where(
    blog: Api, asked: dict[str, Any], problems: dict[str, Any]
):
    answer = await blog.root.post("/api/collections/posts/explain", json=asked)
    assert answer.status_code == 400

    def codes(data: dict[str, Any]) -> dict[str, Any]:
        return {name: found.get("code") or codes(found) for name, found in data.items()}

    assert codes(answer.json()["data"]) == problems


@pytest.mark.parametrize("who", ["guest", "user"])
async def test_only_superusers_may_ask(blog: Api, who: str):
    client = blog.guest
    if who == "user":
        client = blog.client(await blog.login("ann@example.com", "a long password", "users"))
    answer = await client.post("/api/collections/posts/explain", json={"action": "list"})
    assert answer.status_code == (401 if who == "guest" else 403)
