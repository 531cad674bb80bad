"""The test kit, as users' tests use it: who asks, what is left, what becomes of it, and what time it is."""

from datetime import timedelta
from typing import Any

import pytest

from holdfast.db.sql import raw
from holdfast.testing import Project, Scenario, in_one_loop, refusal

pytestmark = in_one_loop
POSTS = "/api/collections/posts/records"
OWN = {"listRule": "public = true || author = @request.auth.id", "createRule": "@request.auth.id != ''"}


@pytest.fixture(scope="session")
def holdfast_plugins() -> list[str]:
    return ["slugs"]


async def posts(project: Project, name: str = "posts") -> None:
    if name not in project.engine.catalog.by_name:
        await project.as_user("ann")
        fields = [{"name": "title", "type": "text"}, {"name": "public", "type": "bool"}]
        author = {"name": "author", "type": "relation", "collectionId": project.collection("users").id}
        await project.define(name, [*fields, author], **OWN)


async def test_a_scenario_says_who_asks_what_comes_back_and_which_events_are_left(shared_project: Project):
    project, path = shared_project, "/api/collections/stories/records"
    await posts(project, "stories")
    ann = await project.as_user("ann")
    scenarios = [
        Scenario(name="guest", method="POST", path=path, json={}, status=400, code="rule_failed", events=[]),
        Scenario(
            name="ann",
            who="ann",
            method="POST",
            path=path,
            json={"title": "hello", "author": ann.id},
            answer={"title": "hello", "author": ann.id},
            events=["stories.created"],
        ),
        Scenario(name="ann's list", who="ann", path=path, answer={"items": [{"title": "hello"}]}, events=[]),
        Scenario(name="nobody's list", path=path, answer={"items": []}),
        Scenario(name="all", who="superuser", path=path, answer={"totalItems": 1}),
    ]
    for scenario in scenarios:
        await scenario.run(project)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": 400}, "the status"),
        ({"answer": {"items": [{"title": "else"}]}}, r"items\[0\]\.title"),
        ({"answer": {"nothing": 1}}, "there is no nothing"),
        ({"answer": {"items": []}}, "items: wanted"),
        ({"code": "not_found", "status": 200}, "keys of the refusal"),
        ({"events": ["posts.created"]}, "the events"),
    ],
    ids=["status", "value", "key", "list", "code", "events"],
)
async def test_a_scenario_that_does_not_hold_says_where(shared_project: Project, changes: dict[str, Any], reason: str):
    await posts(shared_project)
    if not (await shared_project.root.get(POSTS)).json()["items"]:
        await shared_project.create("posts", title="hello")
    scenario = Scenario(**{"name": "a list", "who": "superuser", "path": POSTS, **changes})
    with pytest.raises(AssertionError, match=reason):
        await scenario.run(shared_project)


async def test_people_and_programs_have_the_roles_that_they_are_given(shared_project: Project):
    project = shared_project
    await project.define_role("reader", {"collection": "*", "actions": ["list"], "rule": ""})
    await project.define("secrets", listRule=None)
    bob = await project.as_user("bob", roles=["reader"])
    assert bob is await project.as_user("bob")
    assert bob.record["roles"] == ["reader"]
    assert (await bob.get("/api/collections/secrets/records")).status_code == 200
    key = await project.as_key("reader")
    assert (await key.get("/api/collections/secrets/records")).status_code == 200
    refusal(await (await project.as_key("other")).get("/api/collections/secrets/records"), 403, "forbidden")
    refusal(await project.client("nonsense").get("/api/collections/secrets/records"), 403, "forbidden")


async def test_a_bundled_plugin_that_is_named_is_on_and_the_others_are_not(shared_project: Project):
    items = (await shared_project.root.get("/api/plugins")).json()["items"]
    on = {item["name"]: item["active"] for item in items if item["source"] == "bundled"}
    assert on == {"embeddings": False, "feeds": False, "retention": False, "slugs": True, "workflow": False}


async def test_mails_and_webhooks_come_when_the_work_is_done(shared_project: Project):
    project = shared_project
    await project.define("letters", [{"name": "title", "type": "text"}])
    hook = await project.webhook("letters.created")
    cat = await project.as_user("cat")
    await project.create("letters", title="one")
    answer = await project.guest.post(
        "/api/collections/users/request-password-reset", json={"email": cat.record["email"]}
    )
    assert answer.status_code == 204, answer.text
    assert hook.calls == []
    assert project.mailbox.mails == []
    assert [job.state for job in await project.jobs()] == ["waiting"]
    await project.work()
    assert hook.types == ["letters.created"]
    assert hook.calls[0].json["record"]["title"] == "one"
    assert [mail.to for mail in project.mailbox.mails] == ["cat@example.com"]
    assert project.mailbox.to("cat@example.com")[0].find(r"(http\S+)")
    assert {job.state for job in await project.jobs()} <= {"done"}


async def test_time_passes_in_python_and_in_postgresql(shared_project: Project):
    project = shared_project
    dan = await project.as_user("dan")
    token = (await project.root.post(f"/api/collections/users/impersonate/{dan.id}")).json()["token"]
    users = "/api/collections/users/records"
    before = project.clock.now
    moved = await project.clock.move(days=40)
    assert timedelta(days=40) <= moved - before < timedelta(days=40, minutes=1)
    (row,) = await project.fetch(raw("SELECT now() AS now, extract(day FROM now() - pg_catalog.now())::int AS ahead"))
    assert abs(row["now"] - moved) < timedelta(minutes=1)
    assert row["ahead"] == 40
    assert (await project.client(token).get(users)).json()["totalItems"] == 0
    assert (await dan.get(users)).json()["totalItems"] == 1
    assert [event.type for event in await project.events()] != []
    await project.create(
        "users", email="eve@example.com", password="a long password", passwordConfirm="a long password"
    )
    assert [event.type for event in await project.events()] == ["users.created"]
    project.clock.stop()
