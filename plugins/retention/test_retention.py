"""Records that are old enough go, or lose what is personal; not before, and not in a dry run."""

from typing import Any

import pytest

from holdfast.testing import Project, refusal

pytest_plugins = ["holdfast.testing"]
pytestmark = pytest.mark.asyncio

CREATED = {"name": "created", "type": "autodate", "onCreate": True}
MESSAGES = {"collection": "messages", "days": 90}
ORDERS = {
    "collection": "orders",
    "days": 30,
    "only": "state = 'closed'",
    "action": "anonymise",
    "set": {"name": "", "email": "{id}@gone.invalid"},
}


@pytest.fixture(scope="session")
def holdfast_plugins() -> list[str]:
    """The plugin is on."""
    return ["retention"]


def text(*names: str) -> list[dict[str, Any]]:
    """Text fields."""
    return [{"name": name, "type": "text"} for name in names]


async def titles(project: Project, collection: str) -> list[str]:
    """The titles of the records that are there."""
    answer = await project.root.get(f"/api/collections/{collection}/records", params={"sort": "title"})
    return [item["title"] for item in answer.json()["items"]]


async def test_old_records_go_at_the_time_that_is_set_and_younger_ones_stay(project: Project) -> None:
    await project.define("messages", [*text("title"), CREATED])
    await project.enable("retention", policies=[MESSAGES])
    await project.work()  # the schedule has its first time from now on
    await project.create("messages", title="old")
    await project.clock.move(days=60)
    await project.create("messages", title="young")
    await project.work()
    assert await titles(project, "messages") == ["old", "young"]
    await project.clock.move(days=31)
    await project.events()
    await project.work()
    assert await titles(project, "messages") == ["young"]
    types = [event.type for event in await project.events() if event.type.startswith(("messages", "retention"))]
    assert types == ["messages.deleted", "retention.applied"]


async def test_a_plan_says_what_would_be_done_and_a_dry_run_does_nothing(project: Project) -> None:
    await project.define("messages", [*text("title"), CREATED])
    await project.enable("retention", policies=[MESSAGES], dry_run=True)
    await project.work()
    for number in range(3):
        await project.create("messages", title=str(number))
    await project.clock.move(days=91)
    await project.work()
    assert len(await titles(project, "messages")) == 3
    (plan,) = (await project.root.get("/api/x/retention/plan")).json()["items"]
    assert (plan["collection"], plan["records"], plan["kept"], plan["dryRun"]) == ("messages", 3, 0, True)
    assert plan["oldest"] < plan["before"]
    refusal(await project.guest.get("/api/x/retention/plan"), 403, "forbidden")


async def test_what_is_personal_is_taken_out_once(project: Project) -> None:
    await project.define("orders", [*text("title", "name", "email", "state"), CREATED])
    await project.enable("retention", policies=[ORDERS])
    await project.work()
    closed = await project.create("orders", title="1", name="Ann", email="ann@example.com", state="closed")
    opened = await project.create("orders", title="2", name="Bob", email="bob@example.com", state="open")
    await project.clock.move(days=31)
    await project.work()
    changed = await project.get("orders", closed["id"])
    assert (changed["title"], changed["name"], changed["email"]) == ("1", "", f"{closed['id']}@gone.invalid")
    assert (await project.get("orders", opened["id"]))["name"] == "Bob"
    await project.events()
    await project.clock.move(days=1)
    await project.work()
    assert [event.type for event in await project.events() if event.collection == "orders"] == []


async def test_a_record_that_another_needs_is_kept_and_the_others_go(project: Project) -> None:
    await project.define("messages", [*text("title"), CREATED])
    about = {"name": "message", "type": "relation", "collectionId": project.collection("messages").id, "required": True}
    await project.define("answers", [about])
    await project.enable("retention", policies=[{"collection": "gone", "days": 1}, MESSAGES])
    await project.work()
    needed = await project.create("messages", title="needed")
    await project.create("messages", title="not needed")
    await project.create("answers", message=needed["id"])
    await project.clock.move(days=91)
    await project.work()
    assert await titles(project, "messages") == ["needed"]
    failed = [job for job in await project.jobs("retention.sweep") if job.state == "failed"]
    assert len(failed) == 1  # of the collection that is not there


async def test_settings_that_cannot_be_are_refused(project: Project) -> None:
    wrong = [
        {**MESSAGES, "days": 0},
        {**MESSAGES, "action": "anonymise"},  # nothing to set
        {**MESSAGES, "set": {"title": ""}},  # in what it deletes
        {**MESSAGES, "colection": "x"},
    ]
    for policy in wrong:
        answer = await project.root.patch("/api/plugins/retention/settings", json={"policies": [policy]})
        refusal(answer, 400, "validation_failed")
