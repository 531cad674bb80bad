"""Slugs are made in the transaction of the write, and no two records have the same."""

import asyncio
from typing import Any

import pytest

from holdfast.testing import Project, in_one_loop, refusal

from .spelling import free_slug, slug_of

pytest_plugins = ["holdfast.testing"]

POSTS = "/api/collections/posts/records"
FIELDS = [{"name": "title", "type": "text"}, {"name": "slug", "type": "text"}]
TEXT = [*FIELDS, {"name": "text", "type": "text"}]


@pytest.fixture(scope="session")
def holdfast_plugins() -> list[str]:
    """The plugin is on."""
    return ["slugs"]


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Hello, World!", "hello-world"),
        ("  Crème   brûlée & more ", "creme-brulee-more"),
        ("Straße nach Łódź", "strasse-nach-lodz"),
        ("It's Bob\u2019s", "its-bobs"),
        ("2026: the year", "2026-the-year"),
        ("Привет, мир", "привет-мир"),
        ("йод", "йод"),
        ("日本語 の", "日本語-の"),
        ("हिन्दी", "हिन्दी"),
        ("../etc/passwd?x=1#y", "etc-passwd-x-1-y"),
        ("!!! ...", ""),
        ("", ""),
        ("x" * 200, "x" * 40),
        ("a title that is longer than forty characters are", "a-title-that-is-longer-than-forty"),
    ],
)
def test_a_text_becomes_a_slug(text: str, slug: str) -> None:
    assert slug_of(text, 40) == slug


@pytest.mark.parametrize(
    ("base", "taken", "slug"),
    [
        ("hello", set[str](), "hello"),
        ("hello", {"hello"}, "hello-2"),
        ("hello", {"hello", "hello-2", "hello-4"}, "hello-3"),
        ("abcdefghij", {"abcdefghij"}, "abcdefgh-2"),
    ],
)
def test_a_slug_that_is_taken_gets_a_number(base: str, taken: set[str], slug: str) -> None:
    assert free_slug(base, taken, 10) == slug


async def define(project: Project, name: str, **more: Any) -> str:
    """A collection with slugs; the path of its records."""
    await project.define(name, TEXT)
    known = (await project.root.get("/api/plugins/slugs/settings")).json()["slugs"]
    await project.enable("slugs", slugs=[*known, {"collection": name, **more}])
    return f"/api/collections/{name}/records"


@in_one_loop
async def test_records_get_slugs_that_stay(shared_project: Project) -> None:
    path = await define(shared_project, "posts")
    first = await shared_project.create("posts", title="Hello there")
    second = await shared_project.create("posts", title="Hello, there!")
    assert (first["slug"], second["slug"]) == ("hello-there", "hello-there-2")
    changed = await shared_project.guest.patch(f"{path}/{first['id']}", json={"title": "Else"})
    assert changed.json()["slug"] == "hello-there"
    anew = await shared_project.guest.patch(f"{path}/{first['id']}", json={"slug": ""})
    assert anew.json()["slug"] == "else"
    assert (await shared_project.create("posts", title="..."))["slug"] != ""


@in_one_loop
async def test_a_slug_that_is_sent_is_spelled_as_one_and_kept_if_it_is_free(shared_project: Project) -> None:
    path = await define(shared_project, "own")
    first = await shared_project.create("own", title="A", slug="My Own")
    second = await shared_project.create("own", title="B", slug="my-own")
    assert (first["slug"], second["slug"]) == ("my-own", "my-own-2")
    same = await shared_project.guest.patch(f"{path}/{first['id']}", json={"slug": "my-own"})
    assert same.json()["slug"] == "my-own"
    other = await shared_project.guest.patch(f"{path}/{first['id']}", json={"slug": "my-own-2"})
    assert other.json()["slug"] == "my-own-2-2"


@in_one_loop
async def test_slugs_that_follow_change_with_the_text_alone(shared_project: Project) -> None:
    path = await define(shared_project, "notes", on_update="follow", source="text")
    note = await shared_project.create("notes", title="A", text="First words")
    assert note["slug"] == "first-words"
    renamed = await shared_project.guest.patch(f"{path}/{note['id']}", json={"title": "B"})
    assert renamed.json()["slug"] == "first-words"
    rewritten = await shared_project.guest.patch(f"{path}/{note['id']}", json={"text": "Second words"})
    assert rewritten.json()["slug"] == "second-words"


@in_one_loop
async def test_requests_at_one_moment_get_slugs_of_their_own(shared_project: Project) -> None:
    path = await define(shared_project, "busy")
    titles = ["Same", "Same 2", "Same"] * 5
    answers = await asyncio.gather(*(shared_project.guest.post(path, json={"title": title}) for title in titles))
    assert [answer.status_code for answer in answers] == [200] * 15
    assert len({answer.json()["slug"] for answer in answers}) == 15


@in_one_loop
async def test_a_slug_of_a_request_that_is_refused_is_free_again(shared_project: Project) -> None:
    project = shared_project
    path = await define(project, "unique")
    index = "CREATE UNIQUE INDEX idx_unique_text ON unique (text) WHERE text != ''"
    await project.root.patch("/api/collections/unique", json={"indexes": [index]})
    await project.create("unique", title="Other", text="one")
    refusal(await project.guest.post(path, json={"title": "Title", "text": "one"}), 400, "validation_failed")
    assert (await project.create("unique", title="Title"))["slug"] == "title"


@in_one_loop
async def test_settings_that_cannot_be_are_refused(shared_project: Project) -> None:
    wrong = [{"collection": "posts", "longest": 3}], [{"source": "title"}], [{"collection": "posts", "from": "title"}]
    for slugs in wrong:
        answer = await shared_project.root.patch("/api/plugins/slugs/settings", json={"slugs": slugs})
        refusal(answer, 400, "validation_failed")


@in_one_loop
async def test_the_action_makes_slugs_anew_of_the_text_as_it_is(shared_project: Project) -> None:
    path = await define(shared_project, "renewed")
    first = await shared_project.create("renewed", title="Before")
    await shared_project.guest.patch(f"{path}/{first['id']}", json={"title": "After"})
    answer = await shared_project.root.post("/api/collections/renewed/actions/slugs.renew", json={"where": {}})
    assert (answer.json()["done"], answer.json()["failed"]) == (1, 0)
    assert (await shared_project.guest.get(f"{path}/{first['id']}")).json()["slug"] == "after"


@in_one_loop
async def test_the_action_is_there_for_collections_with_slugs_alone(shared_project: Project) -> None:
    await define(shared_project, "offered")
    await shared_project.define("plain", TEXT)
    found = [
        [one["name"] for one in (await shared_project.root.get(f"/api/collections/{name}/actions")).json()["items"]]
        for name in ("offered", "plain")
    ]
    assert found == [["slugs.renew"], []]
