"""Aggregates: groups, functions, exact sums, and what cannot be asked."""

from typing import Any

import pytest

from client import Api, refused

pytestmark = pytest.mark.asyncio(loop_scope="package")

ID = "{:0>15}".format


def url(collection: str) -> str:
    return f"/api/collections/{collection}/records/aggregate"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({}, [{"count()": 4}], id="a count of everything"),
        pytest.param({"filter": "title = 'nothing'"}, [{"count()": 0}], id="a count of nothing"),
        pytest.param(
            {"groupBy": "status"},
            [{"status": "", "count()": 1}, {"status": "done", "count()": 1}, {"status": "open", "count()": 2}],
            id="groups by select, in their order",
        ),
        pytest.param(
            {"groupBy": "status", "select": "sum(views),avg( score )", "sort": "sum(views)", "limit": "2"},
            [
                {"status": "", "sum(views)": 5, "avg(score)": -2},
                {"status": "done", "sum(views)": 20, "avg(score)": 0},
            ],
            id="functions, sorted and limited",
        ),
        pytest.param(
            {"groupBy": "author.name,live", "filter": "views > 5"},
            [
                {"author.name": "", "live": False, "count()": 1},
                {"author.name": "Ada", "live": True, "count()": 1},
                {"author.name": "Bob", "live": False, "count()": 1},
            ],
            id="through a relation, with a filter",
        ),
        pytest.param(
            {"groupBy": "author.team.name", "select": "countDistinct(author)"},
            [
                {"author.team.name": "", "countDistinct(author)": 1},
                {"author.team.name": "Red", "countDistinct(author)": 1},
            ],
            id="through two relations",
        ),
        pytest.param(
            {"groupBy": "author", "sort": "-author", "limit": "1"},
            [{"author": ID("bob"), "count()": 1}],
            id="by a relation",
        ),
        pytest.param(
            {"groupBy": "note", "select": "min(due),max(title)"},
            [
                {"note": None, "min(due)": "2025-01-01 00:00:00.000Z", "max(title)": "Ünïcode “quotes” \\ \n"},
                {"note": "n", "min(due)": "2026-01-02 03:04:05.678Z", "max(title)": "First post"},
            ],
            id="null is a group of its own where it is a value",
        ),
        pytest.param(
            {"groupBy": "due", "filter": "views >= 10"},
            [{"due": "", "count()": 2}, {"due": "2026-01-02 03:04:05.678Z", "count()": 1}],
            id="by date",
        ),
        pytest.param(
            {"select": "sum(price),avg(price),min(price),max(price)"},
            [{"sum(price)": "3.30", "avg(price)": "0.825", "min(price)": "0.00", "max(price)": "2.20"}],
            id="decimals are exact, and strings",
        ),
        pytest.param(
            {"select": "sum(views),avg(views),min(views),max(due),countDistinct(views)", "filter": "views < 0"},
            [{"sum(views)": 0, "avg(views)": None, "min(views)": None, "max(due)": None, "countDistinct(views)": 0}],
            id="functions of nothing",
        ),
        pytest.param({"groupBy": "status", "filter": "views < 0"}, [], id="no group without a record"),
    ],
)  # fmt: skip
async def test_groups_are_counted_and_summed(blog: Api, query: dict[str, str], expected: list[dict[str, Any]]):
    answer = await blog.guest.get(url("posts"), params=query)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"items": expected}
    assert [list(item) for item in answer.json()["items"]] == [list(item) for item in expected]


async def test_sums_of_whole_numbers_are_exact_beyond_what_a_double_holds(blog: Api):
    for number in range(3):
        await blog.create("sums", id=ID(f"s{number}"), whole=2**53 - 1, exact="999999999999999.999")
    answer = await blog.guest.get(url("sums"), params={"select": "sum(whole),sum(exact)"})
    assert answer.text == '{"items":[{"sum(whole)":27021597764222973,"sum(exact)":"2999999999999999.997"}]}'


async def test_a_view_is_aggregated(blog: Api):
    answer = await blog.guest.get(url("open_posts"), params={"select": "sum(views)"})
    assert answer.json() == {"items": [{"sum(views)": 30}]}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"groupBy": "nothing"}, "bad_request"),
        ({"groupBy": "draft"}, "bad_request"),
        ({"groupBy": "tags"}, "bad_request"),
        ({"groupBy": "tags.word"}, "bad_request"),
        ({"groupBy": "comments_via_post.text"}, "bad_request"),
        ({"groupBy": "meta"}, "bad_request"),
        ({"groupBy": "place"}, "bad_request"),
        ({"groupBy": "author.secret"}, "bad_request"),
        ({"groupBy": "-status"}, "bad_request"),
        ({"groupBy": ",".join(f"a{n}" for n in range(9))}, "bad_request"),
        ({"select": "sum(title)"}, "bad_request"),
        ({"select": "sum()"}, "bad_request"),
        ({"select": "count(views)"}, "bad_request"),
        ({"select": "min(live)"}, "bad_request"),
        ({"select": "sum(draft)"}, "bad_request"),
        ({"select": "pg_sleep(1)"}, "bad_request"),
        ({"select": ","}, "bad_request"),
        ({"select": ",".join(f"sum(a{n})" for n in range(21))}, "bad_request"),
        ({"sort": "views"}, "invalid_sort"),
        ({"groupBy": "status", "sort": "sum(views)"}, "invalid_sort"),
        ({"filter": "nothing = 1"}, "invalid_filter"),
        ({"limit": "1.5"}, "bad_request"),
    ],
)
async def test_what_cannot_be_aggregated_is_refused(blog: Api, query: dict[str, str], code: str):
    answer = await blog.guest.get(url("posts"), params=query)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_superusers_group_by_hidden_fields(blog: Api):
    answer = await blog.root.get(url("posts"), params={"groupBy": "draft", "select": "count()", "sort": "-draft"})
    assert answer.json()["items"][0] == {"draft": "d1", "count()": 1}


async def test_a_group_through_a_closed_collection_is_empty(blog: Api):
    assert (await blog.guest.get(url("pointers"), params={"groupBy": "to.title"})).json() == {
        "items": [{"to.title": "", "count()": 1}]
    }
    assert (await blog.root.get(url("pointers"), params={"groupBy": "to.title"})).json() == {
        "items": [{"to.title": "a", "count()": 1}]
    }


async def test_closed_collections_are_aggregated_by_superusers_alone(blog: Api):
    refused(await blog.guest.get(url("closed")), 403, "forbidden")
    assert (await blog.root.get(url("closed"))).json() == {"items": [{"count()": 1}]}


async def test_a_key_may_be_longer_than_a_name_of_postgresql(blog: Api):
    path = "a_relation_with_a_long_name." * 4 + "a_relation_with_a_long_name"
    answer = await blog.guest.get(url("pointers"), params={"groupBy": path, "select": f"min({path})"})
    assert answer.json() == {"items": [{path: "", f"min({path})": None}]}
