"""Rule tests: cases that are kept beside the rules, run on request, and kept by every change of the collections."""

from typing import Any

import pytest

from client import Api

ANN, BOB = "ann000000000001", "bob000000000001"


@pytest.fixture
async def blog(api: Api) -> Api:
    """Ann and Bob, and posts that their authors alone can read and change."""
    for name, id in (("ann", ANN), ("bob", BOB)):
        await api.create(
            "users", id=id, email=f"{name}@example.com", password="a long password", passwordConfirm="a long password"
        )
    own = "author = @request.auth.id"
    await api.define(
        "posts",
        [
            {"name": "title", "type": "text"},
            {"name": "author", "type": "relation", "collectionId": "_pb_users_auth_", "maxSelect": 1},
        ],
        **dict.fromkeys(("listRule", "viewRule", "createRule", "updateRule", "deleteRule"), own),
    )
    await api.create("posts", id="post00000000001", title="Ann's", author=ANN)
    return api


def case(name: str, **more: Any) -> dict[str, Any]:
    """Ann views her post, which is allowed."""
    by_ann = {"collection": "users", "id": ANN}
    return {
        "name": name,
        "collection": "posts",
        "as": by_ann,
        "action": "view",
        "recordId": "post00000000001",
        "expect": "allowed",
        **more,
    }


async def keep(api: Api, name: str, **more: Any) -> dict[str, Any]:
    answer = await api.root.post("/api/rules/tests", json=case(name, **more))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def run(api: Api, **body: Any) -> dict[str, Any]:
    answer = await api.root.post("/api/rules/tests/run", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


NOTHING: dict[str, Any] = {}
AS_BOB = {"as": {"collection": "users", "id": BOB}}
GIVEN = {"given": {"posts": [{"id": "given0000000001", "title": "Made for the test", "author": BOB}]}}


@pytest.mark.parametrize(
    ("more", "got"),
    [
        pytest.param({}, "allowed", id="view own"),
        pytest.param(AS_BOB, "refused", id="view another's"),
        pytest.param({"as": None}, "refused", id="view as guest"),
        pytest.param({"action": "list"}, "allowed", id="list own"),
        pytest.param({"action": "list", **AS_BOB}, "refused", id="list another's"),
        pytest.param({"action": "delete"}, "allowed", id="delete own"),
        pytest.param({"action": "delete", **AS_BOB}, "refused", id="delete another's"),
        pytest.param({"action": "update", "body": {"title": "New"}}, "allowed", id="update own"),
        pytest.param({"action": "update", "body": {"title": "New"}, **AS_BOB}, "refused", id="update another's"),
        pytest.param({"action": "create", "body": {"author": ANN}, "recordId": ""}, "allowed", id="create own"),
        pytest.param({"action": "create", "body": {"author": BOB}, "recordId": ""}, "refused", id="create another's"),
        pytest.param({**GIVEN, **AS_BOB, "recordId": "given0000000001"}, "allowed", id="a record of the test"),
        pytest.param({**GIVEN, "recordId": "given0000000001"}, "refused", id="another's record of the test"),
        pytest.param({"action": "create", "body": {"author": ANN, "title": {}}}, "error", id="a body that is wrong"),
        pytest.param({"given": {"nothing": [NOTHING]}}, "error", id="given to a collection that is not there"),
    ],
)
async def test_a_case_ends_as_the_request_would(blog: Api, more: dict[str, Any], got: str):
    await keep(blog, "the case", **more)
    report = await run(blog)
    (result,) = report["results"]
    assert result["got"] == got
    assert result["passed"] == (got == "allowed") == bool(report["passed"])


async def test_nothing_of_a_run_is_left(blog: Api):
    await keep(blog, "delete", action="delete")
    await keep(blog, "create", action="create", body={"author": ANN}, **GIVEN)
    assert (await run(blog))["passed"] == 2
    posts = (await blog.root.get("/api/collections/posts/records")).json()["items"]
    assert [post["id"] for post in posts] == ["post00000000001"]


async def test_a_change_of_a_rule_that_breaks_a_test_is_refused_and_names_it(blog: Api):
    kept = await keep(blog, "Bob cannot read Ann's", expect="refused", **AS_BOB)
    answer = await blog.root.patch("/api/collections/posts", json={"viewRule": ""})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("1 of 1 rule tests would fail: posts: Bob cannot read Ann's")
    assert answer.json()["data"]["ruleTests"][kept["id"]]["code"] == "validation_rule_test_failed"
    assert (await blog.root.get("/api/collections/posts")).json()["viewRule"] == "author = @request.auth.id"


async def test_a_change_of_a_rule_that_keeps_to_the_tests_is_done(blog: Api):
    await keep(blog, "Bob cannot read Ann's", expect="refused", **AS_BOB)
    rule = "author = @request.auth.id && author != ''"
    assert (await blog.root.patch("/api/collections/posts", json={"viewRule": rule})).status_code == 200


async def test_a_change_that_says_so_is_done_though_a_test_fails(blog: Api):
    await keep(blog, "Bob cannot read Ann's", expect="refused", **AS_BOB)
    answer = await blog.root.patch("/api/collections/posts", json={"viewRule": "", "ruleTests": "skip"})
    assert answer.status_code == 200
    assert (await run(blog))["failed"] == 1


async def test_a_change_that_wants_something_else_of_the_tests_is_refused(blog: Api):
    answer = await blog.root.patch("/api/collections/posts", json={"viewRule": "", "ruleTests": "no"})
    assert answer.status_code == 400
    assert "skip" in answer.json()["message"]


async def test_tests_go_with_their_collection(blog: Api):
    await keep(blog, "one")
    assert (await blog.root.delete("/api/collections/posts")).status_code == 204
    assert (await blog.root.get("/api/rules/tests")).json() == {"items": []}


async def test_a_test_is_listed_viewed_changed_and_forgotten(blog: Api):
    kept = await keep(blog, "one")
    assert {key: kept[key] for key in case("one")} == case("one")
    path = f"/api/rules/tests/{kept['id']}"
    changed = (await blog.root.patch(path, json={"name": "two", "expect": "refused"})).json()
    assert (changed["name"], changed["expect"], changed["recordId"]) == ("two", "refused", "post00000000001")
    assert (await blog.root.get("/api/rules/tests?collection=posts")).json()["items"] == [changed]
    assert (await blog.root.get("/api/rules/tests?collection=users")).json()["items"] == []
    assert (await blog.root.delete(path)).status_code == 204
    for method in ("GET", "PATCH", "DELETE"):
        assert (await blog.root.request(method, path, json={})).status_code == 404


async def test_only_the_tests_of_some_collections_are_run_on_request(blog: Api):
    await keep(blog, "one")
    assert await run(blog, collections=["users"]) == {"passed": 0, "failed": 0, "results": []}
    assert (await run(blog, collections=["posts"]))["passed"] == 1
    assert (await blog.root.post("/api/rules/tests/run", json={"collections": ["none"]})).status_code == 404
    assert (await blog.root.post("/api/rules/tests/run", json={"collections": "posts"})).status_code == 400


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        pytest.param({"name": " "}, {"name": "validation_required"}, id="no name"),
        pytest.param({"name": "x" * 201}, {"name": "validation_max_text_constraint"}, id="long name"),
        pytest.param({"expect": "yes"}, {"expect": "validation_invalid_value"}, id="expect"),
        pytest.param({"expect": None}, {"expect": "validation_required"}, id="no expect"),
        pytest.param({"collection": "none"}, {"collection": "validation_invalid_value"}, id="collection"),
        pytest.param({"action": "list", "recordId": ""}, {"recordId": "validation_required"}, id="whole list"),
        pytest.param({"given": []}, {"given": "validation_invalid_value"}, id="given is a list"),
        pytest.param({"given": {"posts": {}}}, {"given": {"posts": "validation_invalid_value"}}, id="given no list"),
        pytest.param({"given": {"posts": [NOTHING] * 101}}, {"given": "validation_invalid_value"}, id="given too many"),
        pytest.param({"who": {"key": "k"}}, {"who": "validation_unknown_key"}, id="misspelt as"),
    ],
)
async def test_a_case_that_cannot_be_understood_says_where(blog: Api, change: dict[str, Any], problem: dict[str, Any]):
    answer = await blog.root.post("/api/rules/tests", json={**case("one"), **change})
    assert answer.status_code == 400

    def codes(data: dict[str, Any]) -> dict[str, Any]:
        return {name: found.get("code") or codes(found) for name, found in data.items()}

    assert codes(answer.json()["data"]) == problem


async def test_two_tests_of_a_collection_have_two_names(blog: Api):
    await keep(blog, "one")
    answer = await blog.root.post("/api/rules/tests", json=case("one"))
    assert (answer.status_code, answer.json()["data"]["name"]["code"]) == (400, "validation_not_unique")


@pytest.mark.parametrize("path", ["/api/rules/tests", "/api/rules/tests/run"])
async def test_guests_and_users_have_no_business_with_rule_tests(blog: Api, path: str):
    user = blog.client(await blog.login("ann@example.com", "a long password", "users"))
    assert (await blog.guest.post(path, json={})).status_code == 401
    assert (await user.post(path, json={})).status_code == 403


async def test_a_test_follows_the_new_names_of_fields_and_collections(blog: Api) -> None:
    made = await keep(
        blog,
        "ann writes",
        action="create",
        recordId="",
        body={"title": "Mine", "author": ANN},
        given={"posts": [{"id": "given0000000001", "title": "Given", "author": BOB}]},
    )
    fields = (await blog.root.get("/api/collections/posts")).json()["fields"]
    for field in fields:
        field["name"] = {"title": "headline", "author": "writer"}.get(field["name"], field["name"])
    own = dict.fromkeys(("listRule", "viewRule", "createRule", "updateRule", "deleteRule"), "writer = @request.auth.id")
    answer = await blog.root.patch("/api/collections/posts", json={"name": "articles", "fields": fields, **own})
    assert answer.status_code == 200, answer.text
    found = (await blog.root.get(f"/api/rules/tests/{made['id']}")).json()
    assert found["collection"] == "articles"
    assert found["body"] == {"headline": "Mine", "writer": ANN}
    assert found["given"] == {"articles": [{"id": "given0000000001", "headline": "Given", "writer": BOB}]}
    assert found["as"] == {"collection": "users", "id": ANN}
    assert (await run(blog))["failed"] == 0


async def test_a_test_of_a_role_alone_follows_its_new_name(blog: Api) -> None:
    permission = {"collection": "posts", "actions": ["delete"]}
    role = (await blog.root.post("/api/roles", json={"name": "editor", "permissions": [permission]})).json()
    kept = await keep(blog, "editors delete", action="delete", expect="allowed", **{"as": {"role": "editor"}})
    assert kept["as"] == {"role": "editor"}
    answer = await blog.root.patch(f"/api/roles/{role['id']}", json={"name": "publisher"})
    assert answer.status_code == 200, answer.text
    now = (await blog.root.get(f"/api/rules/tests/{kept['id']}")).json()
    assert now["as"] == {"role": "publisher"}
    answer = await blog.root.patch(f"/api/roles/{role['id']}", json={"permissions": []})
    assert list(answer.json()["data"]["ruleTests"]) == [kept["id"]]
