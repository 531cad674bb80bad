"""One record: who asks, what comes back."""

from typing import Any

import pytest

from client import Api, refused

pytestmark = pytest.mark.asyncio(loop_scope="package")

ID = "{:0>15}".format


def path(collection: str, record: str) -> str:
    return f"/api/collections/{collection}/records/{ID(record)}"


async def test_a_record_has_its_fields_in_order_and_compact(blog: Api):
    answer = await blog.guest.get(path("posts", "p1"))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    record = answer.json()
    assert list(record) == [
        "collectionId", "collectionName", "id", "title", "body", "author", "tags", "status", "views", "score",
        "price", "live", "meta", "place", "due", "note", "created",
    ]  # fmt: skip
    assert record["collectionName"] == "posts"
    assert record["tags"] == [ID("z"), ID("x")]
    assert (record["views"], record["score"], record["price"], record["live"]) == (10, 1.5, "1.10", True)
    assert record["meta"] == {"a": {"b": 1, "c": [1, 2]}, "l": [{"k": 1, "m": 2}, 3]}
    assert record["place"] == {"lon": 12.5, "lat": 41.9}
    assert record["due"] == "2026-01-02 03:04:05.678Z"
    assert '"meta":{"a":{"b":1,"c":[1,2]},"l":[{"k":1,"m":2},3]},"place":{"lon":12.5,"lat":41.9}' in answer.text


async def test_what_is_missing_goes_out_empty_and_null_where_it_is_a_value(blog: Api):
    record = (await blog.guest.get(path("posts", "p4"))).json()
    assert {name: record[name] for name in ("body", "tags", "price", "live", "meta", "place", "note", "status")} == {
        "body": "", "tags": [], "price": "0.00", "live": False, "meta": None, "place": {"lon": 0, "lat": 0},
        "note": None, "status": "",
    }  # fmt: skip
    assert (await blog.guest.get(path("posts", "p3"))).json()["author"] == ""
    assert (await blog.guest.get(path("posts", "p2"))).json()["due"] == ""


async def test_a_collection_is_found_by_its_id_too(blog: Api):
    by_name = (await blog.guest.get(path("posts", "p1"))).json()
    assert (await blog.guest.get(path(by_name["collectionId"], "p1"))).json() == by_name


@pytest.mark.parametrize(
    ("url", "status", "code"),
    [
        pytest.param("nothing/records/a", 404, "not_found", id="no such collection"),
        pytest.param("posts/records/nothing", 404, "not_found", id="no such record"),
        pytest.param("posts/records/", 404, "not_found", id="a slash at the end"),
        pytest.param("posts/records/a/b", 404, "not_found", id="a path below a record"),
        pytest.param("posts/records/a%00b", 404, "not_found", id="an id with NUL"),
        pytest.param("posts/records/%F0%9F%98%80'%22;--", 404, "not_found", id="an id of odd characters"),
        pytest.param("posts/records/" + "a" * 10_000, 404, "not_found", id="an id of 10 kB"),
        pytest.param("p%00/records/a", 404, "not_found", id="a collection with NUL"),
        pytest.param("closed/records/" + ID("closed"), 403, "forbidden", id="a closed rule"),
        pytest.param("ruled/records/" + ID("ruled"), 404, "not_found", id="a record that the rule hides"),
        pytest.param("posts/records/x?fields=a:b", 400, "bad_request", id="fields that cannot be read"),
        pytest.param("posts/records/x?fields=views:excerpt(3)", 400, "bad_request", id="an excerpt of a number"),
        pytest.param("posts/records/x?expand=a.a.a.a.a.a.a", 400, "bad_request", id="too deep an expand"),
    ],
)
async def test_what_a_guest_cannot_read_is_refused(blog: Api, url: str, status: int, code: str):
    refused(await blog.guest.get(f"/api/collections/{url}"), status, code)


@pytest.mark.parametrize("collection", ["closed", "ruled"])
async def test_a_superuser_reads_what_rules_close(blog: Api, collection: str):
    assert (await blog.root.get(path(collection, collection))).json()["title"] == "a"


async def test_hidden_fields_are_for_superusers(blog: Api):
    assert "draft" not in (await blog.guest.get(path("posts", "p1"))).json()
    assert (await blog.root.get(path("posts", "p1"))).json()["draft"] == "d1"
    assert (await blog.guest.get(path("posts", "p1"), params={"fields": "id,draft"})).json() == {"id": ID("p1")}


async def test_an_email_is_seen_by_superusers_by_itself_and_if_it_is_public(blog: Api):
    member = blog.client(await blog.login("unseen@example.com", "a long password", "members"))
    assert (await blog.guest.get(path("members", "seen"))).json()["email"] == "seen@example.com"
    assert "email" not in (await blog.guest.get(path("members", "unseen"))).json()
    assert (await blog.root.get(path("members", "unseen"))).json()["email"] == "unseen@example.com"
    assert (await member.get(path("members", "unseen"))).json()["email"] == "unseen@example.com"
    records = (await member.get("/api/collections/members/records")).json()["items"]
    assert [record["email"] for record in records] == ["seen@example.com", "unseen@example.com"]
    assert (await blog.guest.get(path("members", "unseen"), params={"fields": "email"})).json() == {}


async def test_secrets_are_nobodys(blog: Api):
    record = (await blog.root.get(path("members", "seen"))).json()
    assert {"password", "tokenKey"} & set(record) == set()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("title,views", {"title": "First post", "views": 10}),
        ("views,title", {"title": "First post", "views": 10}),
        ("nothing", {}),
        ("collectionName,nothing", {"collectionName": "posts"}),
        ("body:excerpt(7)", {"body": "Hello w"}),
        ("body:excerpt(5,true)", {"body": "Hello..."}),
        ("body:excerpt(500,true)", {"body": "Hello world"}),
        ("body:left(7)", {"body": "<p>Hell"}),
        ("body:left(7,true)", {"body": "<p>Hell..."}),
        ("body:left(500,true)", {"body": "<p>Hello <b>world</b></p>"}),
        ("meta.a.b", {"meta": {"a": {"b": 1}}}),
        ("meta.l.k", {"meta": {"l": [{"k": 1}, 3]}}),
        ("meta.*,meta.a.b", {"meta": {"a": {"b": 1}, "l": [{"k": 1, "m": 2}, 3]}}),
        ("place.lat", {"place": {"lat": 41.9}}),
        ("title.x", {"title": "First post"}),
    ],
)
async def test_fields_say_what_goes_out(blog: Api, fields: str, expected: dict[str, Any]):
    answer = await blog.guest.get(path("posts", "p1"), params={"fields": fields})
    assert answer.json() == expected
    assert ": " not in answer.text


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("meta:excerpt(9)", '{"a": {"b'),
        ("meta:excerpt(9,true)", '{"a": {"b...'),
        ("meta:excerpt(900,true)", '{"a": {"b": 1, "c": [1, 2]}, "l": [{"k": 1, "m": 2}, 3]}'),
    ],
)
async def test_an_excerpt_of_json_is_the_beginning_of_its_text(blog: Api, fields: str, expected: str):
    answer = await blog.guest.get(path("posts", "p1"), params={"fields": fields})
    assert answer.json() == {"meta": expected}


async def test_a_star_is_everything(blog: Api):
    whole = await blog.guest.get(path("posts", "p1"))
    assert (await blog.guest.get(path("posts", "p1"), params={"fields": "*"})).content == whole.content


async def test_a_tag_is_the_same_until_the_answer_changes(blog: Api):
    made = await blog.create("notes", a="1", b="1")
    url = f"/api/collections/notes/records/{made['id']}"
    first = await blog.guest.get(url)
    tag = first.headers["etag"]
    again = await blog.guest.get(url, headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert (await blog.guest.get(url, headers={"If-None-Match": "*"})).status_code == 304
    partial = (await blog.guest.get(url, params={"fields": "a"})).headers["etag"]
    assert partial != tag
    assert partial.partition("-")[0] == tag.partition("-")[0]
    await blog.root.patch(url, json={"b": "2"})
    changed = await blog.guest.get(url, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"].partition("-")[0] != tag.partition("-")[0]


async def test_the_record_of_a_view_has_a_tag_without_a_version(blog: Api):
    answer = await blog.guest.get(path("open_posts", "p1"))
    assert answer.json() == {
        "collectionId": answer.json()["collectionId"], "collectionName": "open_posts", "id": ID("p1"),
        "title": "First post", "views": 10, "author": ID("ada"),
    }  # fmt: skip
    tag = answer.headers["etag"]
    assert "-" not in tag
    assert (await blog.guest.get(path("open_posts", "p1"), headers={"If-None-Match": tag})).status_code == 304


async def test_head_is_get_without_the_body(blog: Api):
    got = await blog.guest.get(path("posts", "p1"))
    head = await blog.guest.head(path("posts", "p1"))
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(got.content))
    assert head.headers["etag"] == got.headers["etag"]
    assert (await blog.guest.head(path("closed", "closed"))).status_code == 403


@pytest.mark.parametrize(
    ("method", "url", "allow"),
    [
        ("PATCH", "/api/collections/posts/records", "GET, HEAD, OPTIONS, POST, PUT"),
        ("DELETE", "/api/collections/posts/records", "GET, HEAD, OPTIONS, POST, PUT"),
        ("POST", "/api/collections/posts/records/abc", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
    ],
)
async def test_a_method_that_is_not_there_is_refused_with_those_that_are(blog: Api, method: str, url: str, allow: str):
    answer = await blog.root.request(method, url, json={})
    refused(answer, 405, "method_not_allowed")
    assert sorted(answer.headers["allow"].split(", ")) == allow.split(", ")


@pytest.mark.parametrize(
    ("method", "record"), [("POST", ""), ("PUT", ""), ("PATCH", "p1"), ("DELETE", "p1"), ("PUT", "p1")]
)
async def test_a_view_cannot_be_written(blog: Api, method: str, record: str):
    url = path("open_posts", record) if record else "/api/collections/open_posts/records"
    body = refused(await blog.root.request(method, url, json={}), 400, "bad_request")
    assert "view" in body["message"]


async def test_the_time_of_the_database_is_told_to_superusers(blog: Api):
    timing = (await blog.root.get(path("posts", "p1"))).headers["server-timing"]
    assert float(timing.split("db;dur=")[1].split(",")[0]) > 0
    seen = blog.seen.requests[-1]
    assert (seen.route, seen.collection) == ("/api/collections/{collection}/records/{id}", "posts")
