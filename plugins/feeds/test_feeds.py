"""Feeds in their three formats, under the list rule."""

from typing import Any
from xml.etree import ElementTree

import pytest

from holdfast.testing import Project, Scenario, in_one_loop, refusal

from .items import item_of
from .settings import Feed

pytest_plugins = ["holdfast.testing"]

ATOM = "{http://www.w3.org/2005/Atom}"
DATES = [
    {"name": "created", "type": "autodate", "onCreate": True},
    {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
]
BLOG = {
    "name": "blog",
    "collection": "posts",
    "heading": "Our <blog>",
    "home": "https://example.com/",
    "item": "https://example.com/posts/{slug}",
    "content": "text",
    "author": "author.name",
    "address": "https://api.example.com/api/x/feeds/blog",
    "sort": "-slug",
}


@pytest.fixture(scope="session")
def holdfast_plugins() -> list[str]:
    """The plugin is on."""
    return ["feeds"]


async def blog(project: Project) -> None:
    """Two posts that anyone may list, and one that only its author may."""
    if "posts" in project.engine.catalog.by_name:
        return
    ann = await project.as_user("ann", name="Ann Lee")
    author = {"name": "author", "type": "relation", "collectionId": project.collection("users").id}
    texts = [{"name": name, "type": "text"} for name in ("title", "slug", "text")]
    public = {"name": "public", "type": "bool"}
    rule = "public = true || author = @request.auth.id"
    await project.define("posts", [*texts, public, author, *DATES], listRule=rule)
    await project.root.patch("/api/collections/users", json={"viewRule": ""})
    await project.create("posts", title="One & <two>", slug="a b", text="<p>Hi \x01</p>", public=True, author=ann.id)
    await project.create("posts", title="Second", slug="c/d?", public=True)
    await project.create("posts", title="Draft", slug="draft", author=ann.id)
    await project.enable("feeds", feeds=[BLOG])


@in_one_loop
async def test_rss(shared_project: Project) -> None:
    await blog(shared_project)
    answer = await shared_project.guest.get("/api/x/feeds/blog.rss")
    assert answer.headers["content-type"] == "application/rss+xml; charset=utf-8"
    channel = ElementTree.fromstring(answer.content)[0]
    assert channel.findtext("title") == "Our <blog>"
    assert channel.find(f"{ATOM}link") is not None
    second, first = channel.findall("item")
    assert (second.findtext("title"), second.findtext("link")) == ("Second", "https://example.com/posts/c%2Fd%3F")
    assert first.findtext("title") == "One & <two>"
    assert first.findtext("description") == "<p>Hi </p>"
    assert str(first.findtext("pubDate")).endswith(" GMT")
    assert first.findtext("{http://purl.org/dc/elements/1.1/}creator") == "Ann Lee"


@in_one_loop
async def test_atom(shared_project: Project) -> None:
    await blog(shared_project)
    answer = await shared_project.guest.get("/api/x/feeds/blog.atom")
    assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
    root = ElementTree.fromstring(answer.content)
    assert root.findtext(f"{ATOM}id") == "https://api.example.com/api/x/feeds/blog.atom"
    entries = root.findall(f"{ATOM}entry")
    assert [entry.findtext(f"{ATOM}title") for entry in entries] == ["Second", "One & <two>"]
    for entry in (root, *entries):  # what RFC 4287 wants of each
        assert entry.findtext(f"{ATOM}id")
        assert str(entry.findtext(f"{ATOM}updated")).endswith("Z")
    assert entries[1].findtext(f"{ATOM}author/{ATOM}name") == "Ann Lee"
    assert root.findtext(f"{ATOM}author/{ATOM}name") == "Our <blog>"


@in_one_loop
async def test_json_feed_and_what_each_reader_may_list(shared_project: Project) -> None:
    await blog(shared_project)
    await Scenario(
        name="anyone",
        path="/api/x/feeds/blog.json",
        answer={
            "version": "https://jsonfeed.org/version/1.1",
            "feed_url": "https://api.example.com/api/x/feeds/blog.json",
            "items": [
                {"title": "Second", "content_html": ""},
                {"title": "One & <two>", "content_html": "<p>Hi </p>", "authors": [{"name": "Ann Lee"}]},
            ],
        },
    ).run(shared_project)
    drafts = {"items": [{"title": "Draft"}, {"title": "Second"}, {"title": "One & <two>"}]}
    await Scenario(name="ann", who="ann", path="/api/x/feeds/blog.json", answer=drafts).run(shared_project)


@in_one_loop
async def test_who_has_the_feed_is_told_so(shared_project: Project) -> None:
    await blog(shared_project)
    first = await shared_project.guest.get("/api/x/feeds/blog.rss")
    again = await shared_project.guest.get("/api/x/feeds/blog.rss", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    ann = await shared_project.as_user("ann")
    other = await ann.get("/api/x/feeds/blog.rss", headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


@in_one_loop
@pytest.mark.parametrize("file", ["blog.xml", "blog", "none.rss", "closed.rss", "gone.rss"])
async def test_what_is_no_feed_is_not_found(shared_project: Project, file: str) -> None:
    await blog(shared_project)
    if "closed" not in shared_project.engine.catalog.by_name:
        await shared_project.define("closed", DATES, listRule=None)
    closed = {**BLOG, "name": "closed", "collection": "closed"}
    gone = {**BLOG, "name": "gone", "collection": "gone"}
    await shared_project.enable("feeds", feeds=[BLOG, closed, gone])
    refusal(await shared_project.guest.get(f"/api/x/feeds/{file}"), 404, "not_found")


@in_one_loop
@pytest.mark.parametrize(
    "feeds",
    [[BLOG, BLOG], [{**BLOG, "home": "nowhere"}], [{**BLOG, "count": 0}], [{**BLOG, "name": "a/b"}]],
    ids=["two of one name", "no address", "no items", "no name"],
)
async def test_settings_that_cannot_be_are_refused(shared_project: Project, feeds: list[dict[str, Any]]) -> None:
    answer = await shared_project.root.patch("/api/plugins/feeds/settings", json={"feeds": feeds})
    refusal(answer, 400, "validation_failed")


@pytest.mark.parametrize(
    ("date", "said"),
    [("2026-01-02 03:04:05.006Z", "2026-01-02T03:04:05.006000+00:00"), ("", None), ("soon", None), (None, None)],
)
def test_a_date_is_one_or_is_left_out(date: str | None, said: str | None) -> None:
    feed = Feed("f", "posts", "https://example.com", "https://example.com/{id}")
    found = item_of(feed, {"id": "x", "title": "t", "created": date}).published
    assert (found.isoformat() if found else None) == said
