"""Expanded relations: what is followed, for whom, and how it comes back."""

from typing import Any

import pytest

from client import Api, refused

pytestmark = pytest.mark.asyncio(loop_scope="package")

ID = "{:0>15}".format


async def view(api: Any, collection: str, record: str, **query: str) -> dict[str, Any]:
    answer = await api.get(f"/api/collections/{collection}/records/{ID(record)}", params=query)
    assert answer.status_code == 200, answer.text
    assert "expand" not in list(answer.json())[:-1]
    return answer.json()


async def test_a_relation_to_one_becomes_the_record(blog: Api):
    record = await view(blog.guest, "posts", "p1", expand="author")
    author = await view(blog.guest, "authors", "ada")
    assert record["expand"] == {"author": author}
    assert record["author"] == author["id"]


async def test_a_relation_to_many_becomes_a_list_in_its_own_order(blog: Api):
    record = await view(blog.guest, "posts", "p1", expand="tags")
    assert [tag["word"] for tag in record["expand"]["tags"]] == ["z", "x"]


async def test_a_back_relation_becomes_a_list(blog: Api):
    record = await view(blog.guest, "posts", "p1", expand="comments_via_post,lists_via_posts")
    assert [comment["text"] for comment in record["expand"]["comments_via_post"]] == [
        "comment 0", "comment 1", "comment 2",
    ]  # fmt: skip
    assert [found["id"] for found in record["expand"]["lists_via_posts"]] == [ID("l1"), ID("l2")]


async def test_a_back_relation_is_one_record_where_only_one_can_point_here(blog: Api):
    record = await view(blog.guest, "authors", "ada", expand="profiles_via_author")
    assert record["expand"]["profiles_via_author"]["author"] == ID("ada")


async def test_relations_are_followed_from_one_to_the_next(blog: Api):
    path = "comments_via_post.author.profiles_via_author.author.team"
    record = await view(blog.guest, "posts", "p1", expand=f"author.team,{path}")
    assert record["expand"]["author"]["expand"]["team"]["name"] == "Red"
    comment = record["expand"]["comments_via_post"][0]
    assert comment["expand"]["author"]["name"] == "Bob"
    assert "expand" not in comment["expand"]["author"]


async def test_six_levels_are_followed(blog: Api):
    path = "post.author.profiles_via_author.author.profiles_via_author.author"
    here = await view(blog.guest, "comments", "c0", expand=path)
    for name in path.split("."):
        here = here["expand"][name]
    assert here["name"] == "Ada"


@pytest.mark.parametrize(
    ("record", "expand"),
    [
        pytest.param("p3", "author", id="a relation that is empty"),
        pytest.param("p2", "tags,comments_via_post", id="lists that are empty"),
        pytest.param("p1", "nothing,title,views.x,author_via_post", id="what is no relation"),
        pytest.param("p1", "closed_via_post,ruled_via_post", id="collections that may not be seen"),
        pytest.param("p1", "", id="nothing asked for"),
    ],
)
async def test_where_nothing_is_found_there_is_no_expand(blog: Api, record: str, expand: str):
    assert "expand" not in await view(blog.guest, "posts", record, expand=expand)


async def test_what_is_found_stands_beside_what_is_not(blog: Api):
    record = await view(blog.guest, "posts", "p2", expand="author,tags,closed_via_post")
    assert list(record["expand"]) == ["author"]


@pytest.mark.parametrize("collection", ["closed", "ruled"])
async def test_superusers_go_where_rules_close(blog: Api, collection: str):
    record = await view(blog.root, "posts", "p1", expand=f"{collection}_via_post")
    assert [found["title"] for found in record["expand"][f"{collection}_via_post"]] == ["a"]


async def test_hidden_relations_and_fields_are_for_superusers(blog: Api):
    assert "expand" not in await view(blog.guest, "authors", "bob", expand="mentor")
    assert "expand" not in await view(blog.guest, "authors", "ada", expand="authors_via_mentor")
    assert (await view(blog.root, "authors", "bob", expand="mentor"))["expand"]["mentor"]["secret"] == "s1"
    assert "secret" not in (await view(blog.guest, "posts", "p1", expand="author"))["expand"]["author"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("title,expand.author.name", {"title": "First post", "expand": {"author": {"name": "Ada"}}}),
        ("expand.author.expand.team.name", {"expand": {"author": {"expand": {"team": {"name": "Red"}}}}}),
        ("expand.tags.word", {"expand": {"tags": [{"word": "z"}, {"word": "x"}]}}),
        ("title", {"title": "First post"}),
        ("expand.nothing", {}),
    ],
)
async def test_fields_reach_into_expand(blog: Api, fields: str, expected: dict[str, Any]):
    assert await view(blog.guest, "posts", "p1", expand="author.team,tags", fields=fields) == expected


async def test_a_star_leaves_a_narrow_expand_narrow(blog: Api):
    record = await view(blog.guest, "posts", "p1", expand="author", fields="*,expand.author.name")
    assert record["title"] == "First post"
    assert record["expand"] == {"author": {"name": "Ada"}}


async def test_lists_expand_each_record(blog: Api):
    answer = await blog.guest.get(
        "/api/collections/posts/records", params={"expand": "author", "fields": "expand.author.name", "sort": "-id"}
    )
    names = [item.get("expand", {}).get("author", {}).get("name") for item in answer.json()["items"]]
    assert names == ["Ada", None, "Bob", "Ada"]


async def test_a_back_relation_ends_at_a_thousand(blog: Api):
    record = await view(blog.guest, "notes", "many", expand="lines_via_note")
    lines = [line["id"] for line in record["expand"]["lines_via_note"]]
    assert lines == [ID(number) for number in range(1000)]


@pytest.mark.slow
async def test_an_answer_beyond_all_measure_is_refused_and_not_made(blog: Api):
    """A million records, of which PostgreSQL gives up either the size or the time."""
    url = "/api/collections/lines/records"
    query = {"expand": "note.lines_via_note.note", "perPage": "1000"}
    refused(await blog.guest.get(url, params=query), 400, "bad_request")
    refused(await blog.guest.get(url, params={**query, "cursor": ""}), 400, "bad_request")
    path = "lines_via_note.note.lines_via_note.note"
    refused(
        await blog.guest.get(f"/api/collections/notes/records/{ID('many')}", params={"expand": path}),
        400,
        "bad_request",
    )
