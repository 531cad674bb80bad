"""Pages by cursor: every record once, in the order of the sort, whatever the sort and whatever is added meanwhile."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from client import Api, refused

pytestmark = pytest.mark.asyncio(loop_scope="package")

PLACES = "/api/collections/places/records"
SORTS = [
    "", "-id", "name", "-name", "people,-name", "-people", "-people,founded", "founded", "-founded", "founded,-area",
    "-founded,-area,-budget", "area,budget", "-area,budget,-capital", "kind,-people", "capital,-kind,founded",
    "near.name,-people", "-near.founded", "near.area,-near.budget", "extra", "-extra,people", "@rowid", "founded,id",
]  # fmt: skip


async def walk(client: httpx.AsyncClient, url: str, **query: Any) -> AsyncIterator[dict[str, Any]]:
    """The pages of a walk."""
    cursor: str | None = ""
    while cursor is not None:
        answer = await client.get(url, params={**query, "cursor": cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert list(page) == ["items", "perPage", "nextCursor"]
        yield page
        cursor = page["nextCursor"]


async def walked(client: httpx.AsyncClient, url: str, **query: Any) -> list[str]:
    return [item["id"] async for page in walk(client, url, **query) for item in page["items"]]


async def listed(client: httpx.AsyncClient, url: str, **query: Any) -> list[str]:
    answer = await client.get(url, params={**query, "perPage": 1000})
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


@pytest.mark.parametrize("sort", SORTS)
async def test_a_walk_is_the_list(blog: Api, sort: str):
    expected = await listed(blog.guest, PLACES, sort=sort)
    assert len(expected) == 200
    assert await walked(blog.guest, PLACES, sort=sort, perPage=7) == expected


@pytest.mark.parametrize("size", [1, 10, 199, 200, 201, 1000])
async def test_pages_of_any_size_end_where_the_list_does(blog: Api, size: int):
    pages = [page async for page in walk(blog.guest, PLACES, perPage=size, sort="-founded", fields="id")]
    assert [len(page["items"]) for page in pages] == [size] * (200 // size) + ([200 % size] if 200 % size else [])
    assert {page["perPage"] for page in pages} == {size}


@pytest.mark.parametrize("sort", ["", "-founded,name", "near.name"])
async def test_a_walk_through_a_filter_is_the_filtered_list(blog: Api, sort: str):
    query = {"filter": "kind = {:kind} && near.people > 3", "p.kind": "city", "sort": sort}
    expected = await listed(blog.guest, PLACES, **query)
    assert 0 < len(expected) < 50
    assert await walked(blog.guest, PLACES, **query, perPage=4) == expected


@pytest.mark.parametrize("sort", ["", "-people"])
async def test_a_walk_through_a_search_is_the_list_of_its_matches(blog: Api, sort: str):
    query = {"search": "place 1", "sort": sort}
    expected = await listed(blog.guest, PLACES, **query)
    assert 12 < len(expected) < 200
    assert await walked(blog.guest, PLACES, **query, perPage=5) == expected


async def test_an_empty_list_is_one_page(blog: Api):
    answer = await blog.guest.get(PLACES, params={"cursor": "", "filter": "name = 'nowhere'"})
    assert answer.content == b'{"items":[],"perPage":30,"nextCursor":null}'


async def test_records_on_a_walk_are_expanded(blog: Api):
    pages = walk(blog.guest, PLACES, perPage=100, sort="-founded", expand="near", fields="near,expand.near.id")
    items = [item async for page in pages for item in page["items"]]
    assert all(item.get("expand", {}).get("near", {}).get("id", "") == item["near"] for item in items)
    assert sum("expand" in item for item in items) == 150


async def test_a_walk_can_come_in_bodies(blog: Api):
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = await blog.guest.post(f"{PLACES}/query", json={"cursor": cursor, "perPage": 60, "sort": "area"})
        found += [item["id"] for item in answer.json()["items"]]
        cursor = answer.json()["nextCursor"]
    assert found == await listed(blog.guest, PLACES, sort="area")


@pytest.mark.parametrize("sort", ["words", "-words", "-created", "-at,words"])
async def test_what_is_added_during_a_walk_moves_nothing(blog: Api, sort: str):
    url = "/api/collections/growing/records"
    before = [(await blog.create("growing", words=f"w{number % 4}"))["id"] for number in range(12)]
    seen: list[str] = []
    left = 20
    async for page in walk(blog.guest, url, sort=sort, perPage=5):
        seen += [item["id"] for item in page["items"]]
        for number in range(min(left, 3)):
            await blog.create("growing", words=f"w{number}")
            left -= 1
    assert len(seen) == len(set(seen))
    assert set(before) <= set(seen)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"sort": "people"}, id="another sort"),
        pytest.param({"sort": ""}, id="no sort"),
        pytest.param({"filter": "people > 4"}, id="another filter"),
        pytest.param({"p.x": "1"}, id="another value"),
        pytest.param({"search": "place"}, id="another search"),
    ],
)
async def test_a_cursor_fits_only_its_own_list(blog: Api, change: dict[str, str]):
    query = {"sort": "-people", "filter": "people > {:x}", "p.x": "2", "perPage": "3"}
    cursor = (await blog.guest.get(PLACES, params={**query, "cursor": ""})).json()["nextCursor"]
    assert (await blog.guest.get(PLACES, params={**query, "cursor": cursor})).status_code == 200
    body = refused(await blog.guest.get(PLACES, params={**query, **change, "cursor": cursor}), 400, "bad_request")
    assert list(body["data"]) == ["cursor"]


async def test_a_cursor_fits_only_its_own_collection_and_is_not_forged(blog: Api):
    cursor = (await blog.guest.get(PLACES, params={"cursor": "", "perPage": 1})).json()["nextCursor"]
    refused(await blog.guest.get("/api/collections/lines/records", params={"cursor": cursor}), 400, "bad_request")
    for forged in (cursor[:-1], cursor + "A", cursor[::-1], "A" * len(cursor), cursor.upper()):
        refused(await blog.guest.get(PLACES, params={"cursor": forged}), 400, "bad_request")


async def test_a_walk_may_change_what_it_shows_of_each_record(blog: Api):
    first = (await blog.guest.get(PLACES, params={"cursor": "", "perPage": 3})).json()
    second = await blog.guest.get(PLACES, params={"cursor": first["nextCursor"], "perPage": 2, "fields": "name"})
    assert second.json()["items"] == [{"name": "Place 4"}, {"name": "Place 5"}]


@pytest.mark.parametrize("sort", ["at", "-at", "size", "-size,at"])
async def test_values_that_only_psql_can_have_written_are_walked_too(blog: Api, sort: str):
    url = "/api/collections/odd/records"
    expected = await listed(blog.guest, url, sort=sort)
    assert sorted(expected) == ["a", "b", "c", "d", "e"]
    assert await walked(blog.guest, url, sort=sort, perPage=1) == expected


@pytest.mark.parametrize("sort", ["team,-views", "-live,team"])
async def test_a_view_is_walked(blog: Api, sort: str):
    url = "/api/collections/author_teams/records"
    assert await walked(blog.guest, url, sort=sort, perPage=1) == await listed(blog.guest, url, sort=sort)
