"""States of records: who may move them from which to which, and what is written down."""

import asyncio
from typing import Any

import pytest

from holdfast.testing import Project, Scenario, in_one_loop, refusal

pytest_plugins = ["holdfast.testing"]
pytestmark = in_one_loop

STATES = {"name": "state", "type": "select", "values": ["draft", "review", "published"]}
MOVES = [
    {"from": "draft", "to": "review", "people": "author"},
    {"from": "review", "to": "draft", "roles": ["editor"], "people": "author"},
    {"from": "review", "to": "published", "roles": ["editor"]},
]
POSTS = "/api/collections/posts/records"


@pytest.fixture(scope="session")
def holdfast_plugins() -> list[str]:
    """The plugin is on."""
    return ["workflow"]


async def post_of(project: Project, author: str, **values: Any) -> str:
    """A post of somebody, in a collection with a workflow; its id."""
    ann = await project.as_user(author)
    if "posts" not in project.engine.catalog.by_name:
        people = {"name": "author", "type": "relation", "collectionId": project.collection("users").id}
        title = {"name": "title", "type": "text"}
        await project.define("posts", [STATES, people, title], viewRule="title != 'hidden'")
        workflow = {"collection": "posts", "initial": "draft", "moves": MOVES}
        await project.enable("workflow", workflows=[workflow])
    return (await project.create("posts", author=ann.id, **values))["id"]


async def moved(project: Project, who: str, post: str, to: str, problem: str = "") -> None:
    """Somebody moves a post, or is refused with this problem."""
    client = project.guest if who == "guest" else project.root if who == "root" else await project.as_user(who)
    answer = await client.patch(f"{POSTS}/{post}", json={"state": to})
    if not problem:
        assert answer.status_code == 200, answer.text
        assert answer.json()["state"] == to
        return
    assert refusal(answer, 400, "validation_failed")["data"]["state"]["code"] == problem
    assert (await project.get("posts", post))["state"] != to


async def test_a_record_goes_its_way_and_every_move_is_written_down(shared_project: Project) -> None:
    project = shared_project
    post = await post_of(project, "ann")
    ed = await project.as_user("ed", roles=["editor"])
    ann = await project.as_user("ann")
    await project.events()
    assert (await project.get("posts", post))["state"] == "draft"
    await moved(project, "ann", post, "review")
    assert (await ed.get(f"/api/x/workflow/posts/{post}")).json()["moves"] == ["draft", "published"]
    assert (await ann.get(f"/api/x/workflow/posts/{post}")).json()["moves"] == ["draft"]
    await moved(project, "ed", post, "published")
    shown = (await project.guest.get(f"/api/x/workflow/posts/{post}")).json()
    assert (shown["state"], shown["moves"]) == ("published", [])
    log = [(one["from"], one["to"], one["who"]) for one in shown["log"]]
    assert log[0][:2] == ("", "draft")
    assert log[1:] == [("draft", "review", f"users/{ann.id}"), ("review", "published", f"users/{ed.id}")]
    left = [event for event in await project.events() if event.type == "workflow.moved"]
    assert [event.record and event.record["to"] for event in left] == ["review", "published"]


@pytest.mark.parametrize(
    ("who", "to", "problem"),
    [
        ("guest", "review", "validation_move_not_yours"),
        ("bob", "review", "validation_move_not_yours"),
        ("ann", "published", "validation_no_such_move"),
        ("ed", "review", "validation_move_not_yours"),
        ("ann", "review", ""),
        ("root", "published", ""),
    ],
)
async def test_a_move_is_for_some_people(shared_project: Project, who: str, to: str, problem: str) -> None:
    post = await post_of(shared_project, "ann")
    await shared_project.as_user("ed", roles=["editor"])
    await moved(shared_project, who, post, to, problem)


async def test_a_move_that_is_refused_changes_nothing_else_and_leaves_nothing(shared_project: Project) -> None:
    post = await post_of(shared_project, "ann", title="old")
    scenario = Scenario(
        name="refused", method="PATCH", path=f"{POSTS}/{post}", json={"state": "review", "title": "new"},
        status=400, code="validation_failed", events=[],
    )  # fmt: skip
    await scenario.run(shared_project)
    assert (await shared_project.get("posts", post))["title"] == "old"
    shown = (await shared_project.root.get(f"/api/x/workflow/posts/{post}")).json()
    assert len(shown["log"]) == 1


async def test_other_changes_of_a_record_are_no_moves(shared_project: Project) -> None:
    post = await post_of(shared_project, "ann")
    same = await shared_project.guest.patch(f"{POSTS}/{post}", json={"title": "x", "state": "draft"})
    assert same.status_code == 200
    assert len((await shared_project.root.get(f"/api/x/workflow/posts/{post}")).json()["log"]) == 1


async def test_records_begin_where_they_begin(shared_project: Project) -> None:
    await post_of(shared_project, "ann")
    answer = await shared_project.guest.post(POSTS, json={"state": "published"})
    assert refusal(answer, 400, "validation_failed")["data"]["state"]["code"] == "validation_wrong_beginning"
    assert (await shared_project.guest.post(POSTS, json={"state": "draft"})).json()["state"] == "draft"
    assert (await shared_project.create("posts", state="published"))["state"] == "published"


async def test_of_two_moves_at_one_moment_the_second_is_asked_about_what_the_first_has_left(
    shared_project: Project,
) -> None:
    post = await post_of(shared_project, "ann")
    await moved(shared_project, "ann", post, "review")
    ed = await shared_project.as_user("ed", roles=["editor"])
    ways = ["draft", "published"] * 3
    answers = await asyncio.gather(*(ed.patch(f"{POSTS}/{post}", json={"state": to}) for to in ways))
    log = (await shared_project.root.get(f"/api/x/workflow/posts/{post}")).json()["log"]
    left, reached = [one["from"] for one in log], [one["to"] for one in log]
    assert left[1:] == reached[:-1]
    assert sum(answer.status_code == 200 for answer in answers) >= 1


async def test_the_state_is_shown_to_who_may_see_the_record(shared_project: Project) -> None:
    post = await post_of(shared_project, "ann", title="hidden")
    refusal(await shared_project.guest.get(f"/api/x/workflow/posts/{post}"), 404, "not_found")
    refusal(await shared_project.guest.get("/api/x/workflow/users/x"), 404, "not_found")
    assert (await shared_project.root.get(f"/api/x/workflow/posts/{post}")).status_code == 200


@pytest.mark.parametrize(
    "workflows",
    [
        [{"collection": "posts", "initial": "a"}, {"collection": "posts", "initial": "b"}],
        [{"collection": "posts", "initial": "a", "moves": [{"from": "a", "to": "a"}]}],
        [{"collection": "posts"}],
    ],
    ids=["two of one collection", "a move to itself", "no beginning"],
)
async def test_settings_that_cannot_be_are_refused(shared_project: Project, workflows: list[dict[str, Any]]) -> None:
    answer = await shared_project.root.patch("/api/plugins/workflow/settings", json={"workflows": workflows})
    refusal(answer, 400, "validation_failed")
