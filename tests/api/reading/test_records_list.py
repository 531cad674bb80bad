"""Lists: who asks, what comes back, in which order, how many."""

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from client import Api, refused

pytestmark = pytest.mark.asyncio(loop_scope="package")

ID = "{:0>15}".format
POSTS = "/api/collections/posts/records"


def ids(answer: httpx.Response) -> list[str]:
    """The ids of a page, without the zeros that fill them up."""
    assert answer.status_code == 200, answer.text
    return [item["id"].lstrip("0") for item in answer.json()["items"]]


async def test_a_list_is_an_envelope_of_records_as_they_are_viewed(blog: Api):
    answer = await blog.guest.get(POSTS)
    page = answer.json()
    assert list(page) == ["items", "page", "perPage", "totalItems", "totalPages"]
    assert {key: page[key] for key in page if key != "items"} == {
        "page": 1, "perPage": 30, "totalItems": 4, "totalPages": 1,
    }  # fmt: skip
    for item in page["items"]:
        assert item == (await blog.guest.get(f"{POSTS}/{item['id']}")).json()
    assert json.dumps(page, ensure_ascii=False, separators=(",", ":")) == answer.text.replace("\\/", "/")


async def test_an_empty_list_has_no_pages(blog: Api):
    answer = await blog.guest.get(POSTS, params={"filter": "title = 'nothing'"})
    assert answer.content == b'{"items":[],"page":1,"perPage":30,"totalItems":0,"totalPages":0}'


@pytest.mark.parametrize(
    ("query", "expected", "totals"),
    [
        pytest.param("perPage=2", ["p1", "p2"], (4, 2), id="the first page"),
        pytest.param("perPage=2&page=2", ["p3", "p4"], (4, 2), id="a full last page"),
        pytest.param("perPage=3&page=2", ["p4"], (4, 2), id="a short last page"),
        pytest.param("perPage=3&page=9", [], (4, 2), id="a page beyond the last"),
        pytest.param("perPage=2&page=2&filter=live%3Dfalse", ["p4"], (3, 2), id="a page of a filter"),
        pytest.param("skipTotal=1", ["p1", "p2", "p3", "p4"], (-1, -1), id="without totals"),
        pytest.param("count=none&perPage=1", ["p1"], (-1, -1), id="count=none"),
        pytest.param("page=1000000000&perPage=1000", [], (4, 1), id="the last page that can be asked for"),
    ],
)
async def test_pages_by_number(blog: Api, query: str, expected: list[str], totals: tuple[int, int]):
    answer = await blog.guest.get(f"{POSTS}?{query}")
    assert ids(answer) == expected
    assert (answer.json()["totalItems"], answer.json()["totalPages"]) == totals


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("", ["p1", "p2", "p3", "p4"]),
        ("id", ["p1", "p2", "p3", "p4"]),
        ("-id", ["p4", "p3", "p2", "p1"]),
        ("-@rowid", ["p4", "p3", "p2", "p1"]),
        ("-views", ["p3", "p2", "p1", "p4"]),
        ("views", ["p4", "p1", "p2", "p3"]),
        ("-views,title", ["p2", "p3", "p1", "p4"]),
        ("due", ["p2", "p3", "p4", "p1"]),
        ("-due", ["p1", "p4", "p3", "p2"]),
        ("author.name,-title", ["p3", "p1", "p4", "p2"]),
        ("note", ["p2", "p3", "p4", "p1"]),
    ],
)
async def test_records_come_in_the_order_of_the_sort(blog: Api, sort: str, expected: list[str]):
    assert ids(await blog.guest.get(POSTS, params={"sort": sort})) == expected


async def test_a_random_order_has_all_records(blog: Api):
    assert sorted(ids(await blog.guest.get(POSTS, params={"sort": "@random"}))) == ["p1", "p2", "p3", "p4"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"filter": "views >= 20"}, ["p2", "p3"]),
        ({"filter": "author.name = 'Ada'"}, ["p1", "p4"]),
        ({"filter": "views > {:least} && status = {:status}", "p.least": "5", "p.status": "open"}, ["p1", "p2"]),
        ({"filter": "title = {:t}", "p.t": "Ünïcode “quotes” \\ \n"}, ["p3"]),
        ({"filter": "tags.word ?= 'x'"}, ["p1"]),
        ({"filter": "comments_via_post.text ?~ 'comment'"}, ["p1"]),
    ],
)
async def test_a_filter_says_which_records(blog: Api, query: dict[str, str], expected: list[str]):
    assert ids(await blog.guest.get(POSTS, params=query)) == expected


async def test_one_shape_with_other_values_has_other_records(blog: Api):
    for number in (1, 2, 1):
        assert ids(await blog.guest.get(POSTS, params={"filter": f"id = '{ID(f'p{number}')}'"})) == [f"p{number}"]


async def test_a_filter_through_a_closed_collection_sees_nothing_of_it(blog: Api):
    through = {"filter": "closed_via_post.title ?= 'a'"}
    assert ids(await blog.guest.get(POSTS, params=through)) == []
    assert ids(await blog.root.get(POSTS, params=through)) == ["p1"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"filter": "nothing = 1"}, "invalid_filter"),
        ({"filter": "draft = 'd1'"}, "invalid_filter"),
        ({"filter": "author.secret = 's1'"}, "invalid_filter"),
        ({"filter": "title ="}, "invalid_filter"),
        ({"filter": "title = {:absent}"}, "invalid_filter"),
        ({"filter": "'" * 4000}, "invalid_filter"),
        ({"sort": "nothing"}, "invalid_sort"),
        ({"sort": "-draft"}, "invalid_sort"),
        ({"sort": "tags.word"}, "invalid_sort"),
        ({"sort": ",".join(["title"] * 9)}, "invalid_sort"),
        ({"sort": "title;drop table posts"}, "invalid_sort"),
        ({"page": "1e3"}, "bad_request"),
        ({"count": "fast"}, "bad_request"),
        ({"cursor": "forged"}, "bad_request"),
        ({"search": "x", "count": "sometimes"}, "bad_request"),
        ({"cursor": "", "sort": "@random"}, "invalid_sort"),
    ],
)
async def test_what_cannot_be_asked_is_refused(blog: Api, query: dict[str, str], code: str):
    answer = await blog.guest.get(POSTS, params=query)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_hidden_fields_are_filtered_and_sorted_by_superusers(blog: Api):
    assert ids(await blog.root.get(POSTS, params={"filter": "draft = 'd1'", "sort": "draft"})) == ["p1"]


async def test_closed_lists_are_for_superusers(blog: Api):
    url = "/api/collections/closed/records"
    refused(await blog.guest.get(url), 403, "forbidden")
    refused(await blog.guest.post(f"{url}/query", json={}), 403, "forbidden")
    refused(await blog.guest.get(f"{url}/aggregate"), 403, "forbidden")
    assert ids(await blog.root.get(url)) == ["closed"]


async def test_a_rule_that_no_record_fulfils_leaves_an_empty_list(blog: Api):
    url = "/api/collections/ruled/records"
    assert ids(await blog.guest.get(url)) == []
    assert ids(await blog.guest.post(f"{url}/query", json={})) == []
    assert (await blog.guest.get(f"{url}/aggregate")).json() == {"items": [{"count()": 0}]}
    assert ids(await blog.root.get(url)) == ["ruled"]


async def test_a_view_is_listed(blog: Api):
    answer = await blog.guest.get("/api/collections/open_posts/records", params={"sort": "-views", "expand": "author"})
    assert ids(answer) == ["p2", "p1"]
    assert [item["title"] for item in answer.json()["items"]] == ["Second post", "First post"]


async def test_null_in_a_view_goes_out_as_the_empty_value_of_its_type(blog: Api):
    items = (await blog.guest.get("/api/collections/author_teams/records", params={"sort": "id"})).json()["items"]
    assert [(item["team"], item["views"], item["live"]) for item in items] == [("Red", 10, True), ("", 0, False)]


async def test_values_that_only_psql_can_have_written_go_out_as_json(blog: Api):
    answer = await blog.guest.get("/api/collections/odd/records", params={"sort": "id", "fields": "at,size"})
    assert answer.json()["items"] == [
        {"at": "infinity", "size": "NaN"},
        {"at": "-infinity", "size": "-Infinity"},
        {"at": "0044-03-15 00:00:00.000Z BC", "size": "Infinity"},
        {"at": "12026-01-01 00:00:00.000Z", "size": 5e-324},
        {"at": "", "size": 1.7976931348623157e308},
    ]


async def test_the_parameters_can_come_in_a_body(blog: Api):
    asked: dict[str, Any] = {
        "filter": "views > {:least} && live = {:live}", "p": {"least": 5, "live": False}, "sort": "-title",
        "perPage": 1, "fields": "title",
    }  # fmt: skip
    answer = await blog.guest.post(f"{POSTS}/query", json=asked)
    assert answer.json() == {
        "items": [{"title": "Ünïcode “quotes” \\ \n"}], "page": 1, "perPage": 1, "totalItems": 2, "totalPages": 2,
    }  # fmt: skip
    assert ids(await blog.guest.post(f"{POSTS}/query", json={})) == ["p1", "p2", "p3", "p4"]


@pytest.mark.parametrize(
    ("content", "type", "status"),
    [
        pytest.param("{", "application/json", 400, id="broken JSON"),
        pytest.param("[]", "application/json", 400, id="a list"),
        pytest.param('{"page":1.5}', "application/json", 400, id="a fraction"),
        pytest.param('{"filter":"\\u0000"}', "application/json", 400, id="NUL"),
        pytest.param('{"p":{"a":[]}}', "application/json", 400, id="a list as a value"),
        pytest.param("{}", "text/plain", 415, id="no JSON by its name"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(blog: Api, content: str, type: str, status: int):
    answer = await blog.guest.post(f"{POSTS}/query", content=content, headers={"Content-Type": type})
    assert answer.status_code == status


HOSTILE = ["'", '"', "\\", "';--", '" OR 1=1 --', "%00", "\ud7ff\ue000", "ß" * 500, "$1", "{0}", "E'\\x00'", "*/", "🤖"]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("name", ["filter", "sort", "expand", "fields", "search", "cursor", "page", "count", "p.x"])
async def test_hostile_values_are_answered_or_refused(blog: Api, name: str, value: str):
    answer = await blog.guest.get(f"{POSTS}?{name}={quote(value)}")
    assert answer.status_code in (200, 400)


@pytest.mark.parametrize("query", ["filter=%00", "filter=%ff", "sort=%ED%A0%80", "expand=a%00", "&" * 2000, "%FE=1"])
async def test_hostile_bytes_are_refused(blog: Api, query: str):
    answer = await blog.guest.get(f"{POSTS}?{query}")
    assert answer.status_code in (200, 400)


@pytest.mark.parametrize("value", HOSTILE)
async def test_a_hostile_value_is_only_a_value(blog: Api, value: str):
    answer = await blog.guest.get(
        POSTS, params={"filter": "title = {:v} || id = {:id}", "p.v": value, "p.id": ID("p1")}
    )
    assert answer.status_code == 400 or ids(answer) == ["p1"]
