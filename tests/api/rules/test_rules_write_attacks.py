"""Attacks on what somebody may not write, by their numbers in the list of attacks, each with its answer."""

from collections.abc import Mapping
from typing import Any

import pytest
import pytest_asyncio

from api.rules.conftest import ID, PASSWORD
from api.rules.tasks import CLOSED, T1, TASKS, Tasks, code_of, tasks
from client import refused

__all__ = ["tasks"]

pytestmark = pytest.mark.asyncio(loop_scope="package")

ANN, BOB, CID, RED, BLUE = ID("ann"), ID("bob"), ID("cid"), ID("red"), ID("blue")
OWN = "author = @request.auth.id"
ALL_OWN = dict.fromkeys(("listRule", "viewRule", "createRule", "updateRule", "deleteRule"), OWN)
T2 = f"{TASKS}/{ID('t2')}"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", T2, None),
        ("PATCH", T2, {"title": "Mine"}),
        ("PATCH", T2, {"author": ANN}),
        ("PATCH", T2, {"views+": 1}),
        ("PATCH", T2, {}),
        ("DELETE", T2, None),
        ("GET", f"{TASKS}/{ANN}", None),
        ("PATCH", f"{TASKS}/{ANN}", {"title": "Mine"}),
        ("DELETE", f"{TASKS}/{ANN}", None),
        ("PATCH", f"{TASKS}/{ID('t1')} ", {"title": "Mine"}),
        ("PATCH", f"{TASKS}/{ID('t1').upper()}", {"title": "Mine"}),
        ("PATCH", f"{TASKS}/{ID('t2')}%00", {"title": "Mine"}),
        ("PATCH", f"{TASKS}/{ID('t1')}/../{ID('t2')}", {"title": "Mine"}),
    ],
)
async def test_s_21_an_id_that_is_somebody_elses_is_like_one_that_nobody_has(
    tasks: Tasks, method: str, path: str, body: Mapping[str, Any] | None
):
    await tasks.ruled(**ALL_OWN)
    before = await tasks.row("t2")
    found = await tasks.society["ann"].request(method, path, json=body)
    nowhere = await tasks.society["ann"].request(method, f"{TASKS}/{ID('nowhere')}", json=body)
    assert code_of(found) == "404 not_found"
    assert {**found.json(), "requestId": ""} == {**nowhere.json(), "requestId": ""}
    assert await tasks.row("t2") == before


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "PUT"])
async def test_s_21_somebody_elses_id_in_a_batch_undoes_all_of_it(tasks: Tasks, method: str):
    await tasks.ruled(**ALL_OWN)
    mine = {"method": "PATCH", "url": T1, "body": {"title": "Mine"}}
    other = {"method": method, "url": T2, "body": {"title": "Mine"}}
    answer = await tasks.society["ann"].post("/api/batch", json={"requests": [mine, other]})
    assert list(refused(answer, 400, "bad_request")["data"]["requests"]) == ["1"]
    assert [(await tasks.row(name))["title"] for name in ("t1", "t2")] == ["One", "Two"]


@pytest_asyncio.fixture(loop_scope="package")
async def members(tasks: Tasks) -> Tasks:
    """An auth collection in which everybody may sign up and change themselves."""
    if tasks.engine.catalog.find("members") is None:
        own = "id = @request.auth.id"
        fields: list[dict[str, Any]] = [
            {"name": "owner", "type": "relation", "collectionId": "people"},
            {"name": "created", "type": "autodate", "onCreate": True},
            {"name": "secret", "type": "text", "hidden": True},
        ]
        rules = CLOSED | {"createRule": "owner = ''", "updateRule": f"{own} && owner = ''", "viewRule": own}
        await tasks.society.api.define("members", fields, type="auth", **rules)
        await tasks.engine.live.reload()
    await tasks.society.run("DELETE FROM members")
    login = {"password": PASSWORD, "passwordConfirm": PASSWORD}
    await tasks.society.api.create("members", id=ID("mia"), email="mia@example.com", **login)
    return tasks


PROTECTED: list[Any] = [
    pytest.param({"verified": True}, "verified", id="verified"),
    pytest.param({"roles": ["admin"]}, "roles", id="roles"),
    pytest.param({"roles+": "admin"}, "roles", id="roles, appended"),
    pytest.param({"tokenKey": "a" * 50}, "tokenKey", id="token key"),
]
IGNORED: list[Any] = [
    pytest.param({"created": "2001-01-01"}, id="created"),
    pytest.param({"password_hash": "x", "passwordHash": "x"}, id="password hash"),
    pytest.param({"__proto__": {"verified": True}, "constructor": {"prototype": {"verified": True}}}, id="__proto__"),
    pytest.param({"Verified": True, "VERIFIED": True, " verified": True, "verified ": True}, id="other spellings"),
    pytest.param({"nothing": 1, "superuser": True, "role": "admin", "is_admin": True}, id="unknown keys"),
    pytest.param({"secret": "s"}, id="hidden"),
    pytest.param({"collectionId": "_superusers", "collectionName": "_superusers"}, id="collection"),
    pytest.param({"expand": {"owner": {"id": "x"}}}, id="expand"),
    pytest.param({"xmin": 1, "ctid": "(0,1)", "tableoid": 1}, id="columns of the system"),
]


@pytest.mark.parametrize(("body", "field"), PROTECTED)
async def test_s_22_a_protected_field_is_refused_by_name(members: Tasks, body: Mapping[str, Any], field: str):
    root, mia = members.society["root"], members.person("mia", collection="members")
    url = "/api/collections/members/records"
    await members.role("admin")
    new = {"password": PASSWORD, "passwordConfirm": PASSWORD, "email": "new@example.com"}
    for status, answer in (
        await members.send(mia, "PATCH", f"{url}/{ID('mia')}", body),
        await members.send(mia, "POST", url, {**new, **body}),
    ):
        assert status == 400, answer
        assert list(answer["data"]) == [field]
    listed = (await root.get(url)).json()["items"]
    assert [(one["email"], one["verified"], one.get("roles", [])) for one in listed] == [("mia@example.com", False, [])]


@pytest.mark.parametrize(
    ("body", "status"),
    [({"id": ID("other")}, 400), ({"owner": ANN}, 404), ({"email": "ceo@example.com"}, 400)],
    ids=["id", "owner", "email"],
)
async def test_s_22_who_one_is_cannot_be_changed(members: Tasks, body: Mapping[str, Any], status: int):
    mia = members.person("mia", collection="members")
    before = await members.row("mia", "members")
    found, answer = await members.send(mia, "PATCH", f"/api/collections/members/records/{ID('mia')}", body)
    assert (found, list(answer["data"])) == (status, list(body) if status == 400 else [])
    assert await members.row("mia", "members") == before


@pytest.mark.parametrize("body", IGNORED)
async def test_s_22_keys_that_are_no_fields_to_the_caller_change_nothing(members: Tasks, body: Mapping[str, Any]):
    mia = members.person("mia", collection="members")
    before = await members.row("mia", "members")
    status, answer = await members.send(mia, "PATCH", f"/api/collections/members/records/{ID('mia')}", body)
    assert status == 200, answer
    assert not body.keys() & answer.keys() - {"created", "collectionId", "collectionName"}
    assert await members.row("mia", "members") == before


@pytest.mark.parametrize(
    ("rule", "who", "body"),
    [
        (OWN, "ann", {"author": BOB}),
        (OWN, "bob", {"author": BOB}),
        ("team = @request.auth.team", "ann", {"team": BLUE}),
        ("team = @request.auth.team", "cid", {"team": BLUE}),
        ("team.members.id ?= @request.auth.id", "ann", {"team": BLUE}),
        ("team.members.id ?= @request.auth.id", "cid", {"team": BLUE}),
        ("readers ?= @request.auth.id", "bob", {"readers": [CID]}),
        ("readers ?= @request.auth.id", "cid", {"readers": [CID]}),
        ("readers ?= @request.auth.id", "cid", {"readers+": [CID]}),
        ("author.team = team && author.team = @request.auth.team", "ann", {"author": CID, "team": BLUE}),
    ],
)
@pytest.mark.parametrize("method", ["PATCH", "PUT", "batch"])
async def test_s_23_a_record_goes_neither_out_of_reach_nor_into_it(
    tasks: Tasks, rule: str, who: str, body: Mapping[str, Any], method: str
):
    await tasks.ruled(updateRule=rule)
    before = await tasks.row()
    client = tasks.society[who]
    if method == "batch":
        answer = await client.post("/api/batch", json={"requests": [{"method": "PATCH", "url": T1, "body": body}]})
        assert answer.json()["data"]["requests"]["0"]["response"]["status"] == 404
    else:
        answer = await client.request(method, T1, json=body)
        assert code_of(answer) in ("404 not_found", "403 forbidden")
    assert await tasks.row() == before


@pytest.mark.parametrize(
    ("rule", "body", "answer"),
    [
        (OWN, {"code": "c2", "author": BOB}, "400 rule_failed"),
        (OWN, {"id": ID("t2"), "author": BOB}, "400 rule_failed"),
        (None, {"code": "c2"}, "403 forbidden"),
        (OWN, {"code": "c2", "author": ANN}, "400 validation_failed"),
    ],
)
async def test_s_28_a_value_that_is_taken_is_told_to_nobody_who_could_not_have_had_it(
    tasks: Tasks, rule: str | None, body: Mapping[str, Any], answer: str
):
    await tasks.ruled(createRule=rule)
    found = await tasks.society["ann"].post(TASKS, json=body)
    assert code_of(found) == answer
    free = await tasks.society["ann"].post(TASKS, json={**body, "code": "free", "id": ID("free")})
    if answer != "400 validation_failed":
        assert {**found.json(), "requestId": ""} == {**free.json(), "requestId": ""}
    else:
        assert found.json()["data"]["code"]["code"] == "validation_not_unique"
        said = str({**found.json(), "requestId": ""})
        assert ID("t2") not in said and "Two" not in said and "c2" not in said


async def test_s_28_a_value_of_a_hidden_field_is_told_by_no_name(tasks: Tasks):
    fields: list[dict[str, Any]] = [
        {"name": "word", "type": "text"},
        {"name": "pin", "type": "text", "hidden": True, "default": "same"},
    ]
    index = "CREATE UNIQUE INDEX idx_vault ON vault (word, pin)"
    await tasks.society.api.define("vault", fields, indexes=[index])
    url = "/api/collections/vault/records"
    assert (await tasks.society["guest"].post(url, json={"word": "w"})).status_code == 200
    body = refused(await tasks.society["guest"].post(url, json={"word": "w"}), 409, "conflict")
    assert body["data"] == {}
    assert "pin" not in str(body)
    body = refused(await tasks.society["root"].post(url, json={"word": "w"}), 400, "validation_failed")
    assert set(body["data"]) == {"word", "pin"}
    assert (await tasks.society["root"].delete("/api/collections/vault")).status_code == 204
