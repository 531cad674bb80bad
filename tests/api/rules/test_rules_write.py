"""Rules of writes: what is asked, who asks, what is written and what is answered."""

from collections.abc import Mapping
from typing import Any

import pytest

from api.rules.conftest import ID
from api.rules.tasks import T1, TASKS, Tasks, code_of, tasks
from client import refused

__all__ = ["tasks"]

pytestmark = pytest.mark.asyncio(loop_scope="package")

ANN, BOB, RED, BLUE = ID("ann"), ID("bob"), ID("red"), ID("blue")
OWN = "author = @request.auth.id"


@pytest.mark.parametrize(
    ("rule", "who", "body", "passes"),
    [
        # The row as it would be
        (OWN, "ann", {"author": ANN}, True),
        (OWN, "ann", {"author": BOB}, False),
        (OWN, "ann", {}, False),
        (OWN, "root", {"author": BOB}, True),
        ("@request.auth.id != '' && " + OWN, "guest", {}, False),
        ("@request.auth.id != '' && " + OWN, "eve", {"author": ANN}, False),
        ("title = 'x'", "guest", {"title": "x"}, True),
        ("title = 'x'", "guest", {"title": "y"}, False),
        ("title:lower = 'x'", "guest", {"title": "X"}, True),
        ("views >= 10", "guest", {"views": "10"}, True),
        ("views >= 10", "guest", {"views": 9}, False),
        ("price = 1.5", "guest", {"price": "1.50"}, True),
        ("due > '2026-05-01'", "guest", {"due": "2026-06-01"}, True),
        ("due > '2026-05-01'", "guest", {"due": "2026-04-01"}, False),
        ("due = ''", "guest", {}, True),
        ("labels:length = 2", "guest", {"labels": ["a", "b"]}, True),
        ("labels:length = 2", "guest", {"labels": ["a"]}, False),
        ("labels:each != 'c'", "guest", {"labels": ["a", "b"]}, True),
        ("labels:each != 'c'", "guest", {"labels": ["a", "c"]}, False),
        ("labels ?= 'a'", "guest", {"labels+": "a"}, True),
        ("meta.k = 'x'", "guest", {"meta": {"k": "x"}}, True),
        ("meta.k = 'x'", "guest", {"meta": {"k": "y"}}, False),
        ("place.lon > 5", "guest", {"place": {"lon": 6, "lat": 0}}, True),
        ("geoDistance(place.lon, place.lat, 0, 0) < 100", "guest", {"place": {"lon": 6, "lat": 0}}, False),
        # Defaults, and what the server sets
        ("status = 'open'", "guest", {}, True),
        ("status = 'open'", "guest", {"status": "done"}, False),
        ("created > '2020-01-01' && updated = created", "guest", {}, True),
        ("id = '000000000000new'", "guest", {"id": ID("new")}, True),
        ("id = '000000000000new'", "guest", {}, False),
        ("secret = ''", "guest", {"secret": "s"}, True),
        # Along relations, and into other collections
        ("team.members.id ?= @request.auth.id", "ann", {"team": RED}, True),
        ("team.members.id ?= @request.auth.id", "ann", {"team": BLUE}, False),
        ("team.members ?= @request.auth.id", "ann", {}, False),
        ("team = @request.auth.team", "bob", {"team": RED}, True),
        ("team = @request.auth.team", "bob", {"team": BLUE}, False),
        ("author.team = team", "guest", {"author": ANN, "team": RED}, True),
        ("author.team = team", "guest", {"author": ANN, "team": BLUE}, False),
        ("readers.rank ?> 2", "guest", {"readers": [ANN, BOB]}, True),
        ("readers.rank > 2", "guest", {"readers": [ANN, BOB]}, False),
        ("@collection.passes.who ?= @request.auth.id && @collection.passes.team ?= team", "ann", {"team": BLUE}, True),
        ("@collection.passes.who ?= @request.auth.id && @collection.passes.team ?= team", "bob", {"team": BLUE}, False),
        ("@collection.tasks.code ?!= code", "guest", {"code": "c9"}, True),
        ("@collection.tasks.code != code", "guest", {"code": "c1"}, False),
        ("@collection.tasks.code != code", "guest", {"code": "c9"}, True),
        # What was sent
        ("@request.body.title:isset = true", "guest", {"title": ""}, True),
        ("@request.body.title:isset = true", "guest", {}, False),
        ("@request.body.secret:isset = false", "guest", {"secret": "s"}, False),
        ("@request.body.labels:isset = true", "guest", {"labels+": "a"}, True),
        ("@request.body.views > 3", "guest", {"views": "4"}, True),
        ("@request.body.views > 3", "guest", {}, False),
        ("@request.body.status = 'open'", "guest", {}, False),
        ("@request.body.labels:length > 1", "guest", {"labels": ["a", "b"]}, True),
        ("@request.body.labels:each = 'a'", "guest", {"labels": ["a", "b"]}, False),
        ("@request.body.author.team = @request.auth.team", "bob", {"author": ANN}, True),
        ("@request.body.author.team = @request.auth.team", "cid", {"author": ANN}, False),
        ("@request.body.invite = 'please'", "guest", {"invite": "please"}, True),
        ("@request.body.invite = 'please'", "guest", {"invite": "now"}, False),
        ("@request.body.views:changed = false", "guest", {"views": 5}, True),
        # The request
        ("@request.method = 'POST' && @request.context = 'default'", "guest", {}, True),
        ("@request.query.k = 'v'", "guest", {}, True),
        ("@request.query.k = 'w'", "guest", {}, False),
        ("@request.headers.x_door = 'open'", "guest", {}, True),
        ("@request.auth.collectionName = 'staff'", "eve", {}, True),
        ("@request.auth.collectionName = 'staff'", "ann", {}, False),
    ],
)  # fmt: skip
async def test_a_record_is_made_when_the_rule_holds_for_it(
    tasks: Tasks, rule: str, who: str, body: Mapping[str, Any], passes: bool
):
    await tasks.ruled(createRule=rule)
    answer = await tasks.society[who].post(f"{TASKS}?k=v", json=body, headers={"X-Door": "open"})
    if passes:
        assert answer.status_code == 200, answer.text
        assert len(await tasks.ids()) == 3
        return
    refused(answer, 400, "rule_failed")
    assert await tasks.ids() == ["t1", "t2"]


@pytest.mark.parametrize(
    ("rule", "who", "body", "passes"),
    [
        (OWN, "ann", {"title": "New"}, True),
        (OWN, "bob", {"title": "New"}, False),
        (OWN, "guest", {"title": "New"}, False),
        (OWN, "root", {"title": "New"}, True),
        (OWN, "ann", {}, True),
        # Out of one's own reach, and into it
        (OWN, "ann", {"author": BOB}, False),
        (OWN, "bob", {"author": BOB}, False),
        ("team = @request.auth.team", "bob", {"team": BLUE}, False),
        ("team = @request.auth.team", "cid", {"team": BLUE}, False),
        ("team = @request.auth.team", "cid", {"team": BLUE, "author": BOB}, False),
        ("team.members.id ?= @request.auth.id", "bob", {"team": BLUE}, False),
        ("team.members.id ?= @request.auth.id", "bob", {"team": RED, "title": "New"}, True),
        ("status = 'open'", "guest", {"status": "done"}, False),
        ("views < 3", "guest", {"views+": 1}, True),
        ("views < 3", "guest", {"views+": 2}, False),
        ("labels ?= 'a'", "guest", {"labels-": ["a"]}, False),
        ("labels ?= 'a'", "guest", {"labels+": ["b"]}, True),
        ("author.team = team", "guest", {"team": BLUE}, False),
        ("readers ?= @request.auth.id", "bob", {"readers+": [ANN]}, True),
        ("readers ?= @request.auth.id", "bob", {"readers-": [BOB]}, False),
        ("@collection.passes.who ?= @request.auth.id && @collection.passes.team ?= team", "bob", {"team": BLUE}, False),
        ("@collection.passes.who ?= @request.auth.id && @collection.passes.team ?= team", "ann", {"team": BLUE}, True),
        ("updated > created", "guest", {"title": "New"}, False),
        # The row before
        ("@previous.status = 'open'", "guest", {"status": "done"}, True),
        ("@previous.author = @request.auth.id", "ann", {"author": BOB}, True),
        ("@previous.author = @request.auth.id", "bob", {"author": BOB}, False),
        ("@previous.author.team = @request.auth.team", "bob", {"author": ID("cid")}, True),
        ("@previous.views <= views", "guest", {"views": 5}, True),
        ("@previous.views <= views", "guest", {"views": 0}, False),
        ("@previous.views <= views", "guest", {"views-": 1}, False),
        ("@previous.labels:length <= labels:length", "guest", {"labels": []}, False),
        ("@previous.team = team", "guest", {"team": BLUE}, False),
        ("@previous.team = team", "guest", {"team": RED}, True),
        # What was sent
        ("@request.body.author:isset = false", "guest", {"title": "New"}, True),
        ("@request.body.author:isset = false", "guest", {"author": ANN}, False),
        ("@request.body.author:changed = false", "guest", {"author": ANN}, True),
        ("@request.body.author:changed = false", "guest", {"author": BOB}, False),
        ("@request.body.views:changed = false", "guest", {"views+": 0}, True),
        ("@request.body.views:changed = false", "guest", {"views+": 1}, False),
        ("@request.body.labels:changed = false", "guest", {"labels+": "a"}, True),
        ("@request.body.labels:changed = false", "guest", {"labels+": "b"}, False),
        ("@request.body.price:changed = false", "guest", {"price": 1.5}, True),
        ("@request.body.due:changed = false", "guest", {"due": "2026-01-01T00:00:00Z"}, True),
        ("@request.body.meta:changed = false", "guest", {"meta": {"k": "y"}}, False),
        ("@request.body.views <= 5", "guest", {"views+": 4}, True),
        ("@request.body.views <= 5", "guest", {"views+": 5}, False),
        ("@request.body.views > 5", "guest", {"views+": 5, "labels+": "b"}, True),
        ("@request.body.author.team = @request.auth.team", "bob", {"author": BOB}, True),
        ("@request.method = 'PATCH' && @request.headers.x_door = 'open' && @request.query.k = 'v'", "guest", {}, True),
    ],
)  # fmt: skip
async def test_a_record_is_changed_when_the_rule_holds_before_and_after(
    tasks: Tasks, rule: str, who: str, body: Mapping[str, Any], passes: bool
):
    await tasks.ruled(updateRule=rule)
    before = await tasks.row()
    answer = await tasks.society[who].patch(f"{T1}?k=v", json=body, headers={"X-Door": "open"})
    if passes:
        assert answer.status_code == 200, answer.text
        return
    refused(answer, 404, "not_found")
    assert await tasks.row() == before


@pytest.mark.parametrize(
    ("rule", "who", "passes"),
    [
        (OWN, "ann", True), (OWN, "bob", False), (OWN, "guest", False), (OWN, "root", True),
        ("team.members.id ?= @request.auth.id", "bob", True),
        ("team.members.id ?= @request.auth.id", "cid", False),
        ("status = 'open' && @request.method = 'DELETE'", "guest", True),
        ("status = 'done'", "guest", False),
    ],
)  # fmt: skip
async def test_a_record_is_deleted_when_the_rule_holds(tasks: Tasks, rule: str, who: str, passes: bool):
    await tasks.ruled(deleteRule=rule)
    answer = await tasks.society[who].delete(T1)
    assert code_of(answer) == ("204" if passes else "404 not_found")
    assert await tasks.ids() == (["t2"] if passes else ["t1", "t2"])


@pytest.mark.parametrize(
    ("method", "path", "rules", "answer"),
    [
        ("POST", TASKS, {}, "403 forbidden"),
        ("PATCH", T1, {}, "403 forbidden"),
        ("DELETE", T1, {}, "403 forbidden"),
        ("PUT", T1, {}, "403 forbidden"),
        ("POST", TASKS, {"createRule": OWN}, "400 rule_failed"),
        ("PATCH", T1, {"updateRule": OWN}, "404 not_found"),
        ("DELETE", T1, {"deleteRule": OWN}, "404 not_found"),
        ("PATCH", f"{TASKS}/nowhere", {"updateRule": OWN}, "404 not_found"),
    ],
)
async def test_a_closed_rule_is_403_and_one_that_does_not_hold_is_not(
    tasks: Tasks, method: str, path: str, rules: Mapping[str, str], answer: str
):
    await tasks.ruled(**rules)
    assert code_of(await tasks.society["bob"].request(method, path, json={"title": "x"})) == answer


@pytest.mark.parametrize(
    ("body", "passes", "answer"),
    [
        ({"code": "c1", "author": BOB}, False, "400 rule_failed"),
        ({"code": "c1", "author": ANN}, True, "400 validation_failed"),
        ({"id": ID("t2"), "author": BOB}, False, "400 rule_failed"),
        ({"readers": [ID("nobody")], "author": BOB}, False, "400 rule_failed"),
        ({"readers": [ID("nobody")], "author": ANN}, True, "400 validation_failed"),
    ],
    ids=[
        "a code that is taken",
        "the same in one's own",
        "an id that is taken",
        "a reader who is nobody",
        "in one's own",
    ],
)
async def test_what_the_database_knows_is_told_after_the_rule_alone(
    tasks: Tasks, body: Mapping[str, Any], passes: bool, answer: str
):
    await tasks.ruled(createRule=OWN, updateRule=OWN)
    assert code_of(await tasks.society["ann"].post(TASKS, json=body)) == answer
    change = {key: value for key, value in body.items() if key != "id"} | {"code": "c2"}
    changed = await tasks.society["ann"].patch(T1, json=change)
    assert code_of(changed) == (answer if passes else "404 not_found")


@pytest.mark.parametrize(
    ("who", "tag", "answer"),
    [
        ("ann", "right", "200"),
        ("ann", "wrong", "412 precondition_failed"),
        ("bob", "right", "404 not_found"),
        ("bob", "wrong", "404 not_found"),
    ],
)
@pytest.mark.parametrize("body", [{"title": "New"}, {"views+": 1}, None], ids=["update", "update from old", "delete"])
async def test_only_who_may_write_a_record_is_told_of_its_version(
    tasks: Tasks, who: str, tag: str, answer: str, body: Mapping[str, Any] | None
):
    await tasks.ruled(updateRule=OWN, deleteRule=OWN)
    right = (await tasks.society["root"].get(T1)).headers["etag"]
    headers = {"If-Match": right if tag == "right" else '"1-00"'}
    if body is None:
        found = await tasks.society[who].delete(T1, headers=headers)
        assert code_of(found) == answer.replace("200", "204")
        return
    assert code_of(await tasks.society[who].patch(T1, json=body, headers=headers)) == answer


@pytest.mark.parametrize(
    ("rules", "who", "answer"),
    [
        ({"createRule": "", "updateRule": OWN}, "ann", "200"),
        ({"createRule": "", "updateRule": OWN}, "bob", "404 not_found"),
        ({"createRule": OWN, "updateRule": OWN}, "bob", "400 rule_failed"),
        ({"createRule": None, "updateRule": OWN}, "bob", "403 forbidden"),
        ({"createRule": "", "updateRule": None}, "bob", "403 forbidden"),
        ({"createRule": "@request.body.title = 'x'", "updateRule": OWN}, "bob", "404 not_found"),
    ],
)
@pytest.mark.parametrize("body", [{"title": "x"}, {"title": "x", "views": "many"}], ids=["good", "bad"])
async def test_an_upsert_that_may_not_update_is_told_what_it_would_be_told_of_a_new_record(
    tasks: Tasks, rules: Mapping[str, str | None], who: str, answer: str, body: Mapping[str, Any]
):
    await tasks.ruled(**rules)
    found = await tasks.society[who].put(T1, json=body)
    if "views" not in body:
        assert code_of(found) == answer
    else:
        # Values are looked at before rules, save the one that lets nobody in.
        assert code_of(found) == ("403 forbidden" if rules["createRule"] is None else "400 validation_failed")
    if answer in ("400 rule_failed", "403 forbidden") and rules["createRule"] != "":
        missing = await tasks.society[who].put(f"{TASKS}/{ID('t9')}", json=body)
        assert {**missing.json(), "requestId": ""} == {**found.json(), "requestId": ""}
    assert (await tasks.row())["title"] == ("x" if found.status_code == 200 else "One")


@pytest.mark.parametrize("versioned", [False, True])
async def test_an_upsert_creates_by_the_create_rule(tasks: Tasks, versioned: bool):
    await tasks.ruled(createRule=OWN, updateRule="title = 'never'")
    headers = {"If-Match": '"1-00"'} if versioned else {}
    own = await tasks.society["ann"].put(f"{TASKS}/{ID('t8')}", json={"author": ANN}, headers=headers)
    assert code_of(own) == ("412 precondition_failed" if versioned else "200")
    assert code_of(await tasks.society["bob"].put(f"{TASKS}/{ID('t9')}", json={"author": ANN})) == "400 rule_failed"


async def test_in_a_batch_each_write_is_under_its_rule_and_sees_those_before_it(tasks: Tasks):
    rule = f"{OWN} && @request.context = 'batch' && @request.headers.x_door = 'open'"
    await tasks.ruled(createRule=rule, updateRule=f"{OWN} && @collection.tasks.code ?= 'made'", deleteRule=OWN)

    def part(method: str, url: str, **body: Any) -> dict[str, Any]:
        return {"method": method, "url": url, "body": body, "headers": {"X-Door": "open"}}

    made = part("POST", TASKS, author=ANN, code="made")
    changed = part("PATCH", T1, title="New")
    done = await tasks.society["ann"].post("/api/batch", json={"requests": [made, changed, part("DELETE", T1)]})
    assert [one["status"] for one in done.json()] == [200, 200, 204]
    await tasks.fill()
    failed = await tasks.society["ann"].post("/api/batch", json={"requests": [changed, made]})
    assert refused(failed, 400, "bad_request")["data"]["requests"]["0"]["response"]["status"] == 404
    assert await tasks.ids() == ["t1", "t2"]


@pytest.mark.parametrize(
    ("last", "status", "code"),
    [
        ({"method": "PATCH", "url": f"{TASKS}/{ID('t2')}", "body": {"title": "Mine"}}, 404, "not_found"),
        ({"method": "DELETE", "url": f"{TASKS}/{ID('t2')}"}, 404, "not_found"),
        ({"method": "POST", "url": TASKS, "body": {"author": BOB}}, 400, "rule_failed"),
        ({"method": "PUT", "url": TASKS, "body": {"id": ID("t2"), "title": "Mine"}}, 400, "rule_failed"),
        ({"method": "POST", "url": "/api/collections/passes/records", "body": {"level": 9}}, 403, "forbidden"),
    ],
    ids=["update another's", "delete another's", "create for another", "upsert another's", "a closed collection"],
)
async def test_one_refused_write_undoes_the_batch(tasks: Tasks, last: Mapping[str, Any], status: int, code: str):
    await tasks.society.ruled("passes", createRule=None)
    await tasks.ruled(createRule=OWN, updateRule=OWN, deleteRule=OWN)
    first = {"method": "PATCH", "url": T1, "body": {"title": "New"}}
    answer = await tasks.society["ann"].post("/api/batch", json={"requests": [first, last]})
    failure = refused(answer, 400, "bad_request")["data"]["requests"]["1"]["response"]
    assert (failure["status"], failure["code"]) == (status, code)
    assert (await tasks.row())["title"] == "One"
    assert (await tasks.row("t2"))["title"] == "Two"


async def test_who_may_write_a_record_gets_it_back_without_what_is_hidden(tasks: Tasks):
    await tasks.ruled(createRule="", updateRule="")
    made = await tasks.society["guest"].post(TASKS, json={"title": "x", "secret": "mine"})
    assert made.json()["title"] == "x"
    assert "secret" not in made.json()
    assert (await tasks.society["root"].get(f"{TASKS}/{made.json()['id']}")).json()["secret"] == ""
    changed = await tasks.society["guest"].patch(T1, json={"secret": "mine"})
    assert "secret" not in changed.json()
    assert (await tasks.row())["secret"] == "s1"
