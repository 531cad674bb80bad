"""Totals that are estimated, and search."""

from typing import Any

import pytest

from client import Api, refused

pytestmark = pytest.mark.asyncio(loop_scope="package")

ID = "{:0>15}".format
PLACES = "/api/collections/places/records"
POSTS = "/api/collections/posts/records"


async def totals(api: Api, **query: Any) -> tuple[int, int, bool]:
    page = (await api.guest.get(PLACES, params={"count": "estimated", "fields": "id", **query})).json()
    assert ("totalIsEstimate" in page) == (page.get("totalIsEstimate") is True)
    return page["totalItems"], page["totalPages"], page.get("totalIsEstimate", False)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({"perPage": 1000}, (200, 1, False), id="a page that is not full is exact"),
        pytest.param({"page": 3, "perPage": 90}, (200, 3, False), id="so is the last page"),
        pytest.param({"filter": "name = 'nowhere'"}, (0, 0, False), id="and an empty one"),
    ],
)
async def test_an_estimate_is_exact_where_the_page_tells(blog: Api, query: dict[str, Any], expected: tuple[Any, ...]):
    assert await totals(blog, **query) == expected


@pytest.mark.parametrize(
    "query",
    [
        pytest.param({}, id="of everything"),
        pytest.param({"filter": "people > 10"}, id="of a filter"),
        pytest.param({"filter": "near.people > {:n}", "p.n": "1"}, id="of a filter with a value"),
        pytest.param({"search": "place 1"}, id="of a search"),
        pytest.param({"page": 9, "perPage": 100}, id="beyond the last page"),
    ],
)
async def test_an_estimate_says_that_it_is_one(blog: Api, query: dict[str, Any]):
    items, pages, estimated = await totals(blog, perPage=query.pop("perPage", 5), **query)
    assert estimated
    assert pages > 0
    assert 0 < items < 10_000


async def test_an_estimate_is_never_less_than_what_was_seen(blog: Api):
    found = await totals(blog, filter="people >= 0 && area != 77 && name ~ 'place'", page=20, perPage=10)
    assert found[0] >= 200


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("post", ["p1", "p2"]),
        ("POST first", ["p1"]),
        ("world", ["p1"]),
        ("wor", ["p1"]),
        ("wor first", []),
        ("post -first", ["p2"]),
        ('"second post"', ["p2"]),
        ('"post second"', []),
        ("first or second", ["p1", "p2"]),
        ("Ünïc", ["p3"]),
        ("nothing", []),
        ("'", []),
        ('"', []),
        ("post & | ! ( )", ["p1", "p2"]),
    ],
)
async def test_a_search_finds_words(blog: Api, search: str, expected: list[str]):
    answer = await blog.guest.get(POSTS, params={"search": search})
    assert answer.status_code == 200, answer.text
    assert sorted(item["id"].lstrip("0") for item in answer.json()["items"]) == expected
    assert answer.json()["totalItems"] == len(expected)


async def test_a_search_goes_with_a_filter_and_a_sort(blog: Api):
    query = {"search": "post", "filter": "views > 0", "sort": "-views"}
    answer = await blog.guest.get(POSTS, params=query)
    assert [item["id"] for item in answer.json()["items"]] == [ID("p2"), ID("p1")]


async def test_the_best_match_comes_first(blog: Api):
    await blog.create("notes", id=ID("once"), a="an owl and a cat")
    await blog.create("notes", id=ID("twice"), a="owl owl", b="owl")
    answer = await blog.guest.get("/api/collections/notes/records", params={"search": "owl"})
    assert [item["id"] for item in answer.json()["items"]] == [ID("twice"), ID("once")]


async def test_what_is_not_searchable_is_refused(blog: Api):
    refused(await blog.guest.get("/api/collections/teams/records", params={"search": "x"}), 400, "bad_request")
    refused(await blog.guest.get(POSTS, params={"search": "a " * 51}), 400, "bad_request")
