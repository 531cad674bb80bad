"""What every request and every answer has in common."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import pytest_asyncio

from client import EMAIL, PASSWORD, Api, in_one_loop, refused

Start = Callable[..., AbstractAsyncContextManager[Api]]
POSTS = "/api/collections/posts/records"
JSON = {"content-type": "application/json"}
LOGIN = {"identity": EMAIL, "password": PASSWORD}


FIELDS: list[dict[str, Any]] = [
    {"name": "title", "type": "text"},
    {"name": "n", "type": "number"},
    {"name": "whole", "type": "number", "onlyInt": True},
    {"name": "on", "type": "date"},
    {"name": "more", "type": "json"},
]


@pytest.fixture
async def posts(api: Api) -> Api:
    """An application of one's own with an open collection `posts`."""
    await api.define("posts", FIELDS)
    return api


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def open_posts(shared_api: Api) -> Api:
    """The same, shared by tests that leave nothing behind."""
    await shared_api.define("posts", FIELDS)
    return shared_api


@in_one_loop
async def test_the_server_says_that_it_lives(shared_api: Api) -> None:
    answer = await shared_api.guest.get("/api/health")
    assert answer.status_code == 200
    assert answer.json() == {"code": 200, "message": "The server is up.", "data": {}}


@in_one_loop
async def test_a_superuser_learns_more_of_its_health(shared_api: Api) -> None:
    data = (await shared_api.root.get("/api/health")).json()["data"]
    assert data["version"]
    assert data["collections"] >= 6


async def test_the_server_says_that_it_is_ready(api: Api) -> None:
    answer = await api.guest.get("/api/ready")  # of its own: nobody relays here, and what others have left is late
    assert answer.status_code == 200
    data = answer.json()["data"]
    assert {name: content for name, content in data.items() if not name.endswith("Seconds")} == {
        "database": "ok",
        "migrations": "ok",
        "catalog": "ok",
        "jobs": "ok",
        "events": "ok",
        "webhooks": "ok",
        "limits": "per process",
        "storage": "ok",
    }
    assert [data[f"{name}Seconds"] >= 0 for name in ("jobs", "events", "webhooks")] == [True, True, True]


async def test_a_server_without_its_migrations_is_not_ready(api: Api) -> None:
    connection = await api.pool.acquire()
    await connection.execute("DELETE FROM holdfast.migration")
    api.pool.release(connection)
    answer = await api.guest.get("/api/ready")
    assert refused(answer, 503, "unavailable")["data"]["migrations"]["code"] == "outstanding"
    assert answer.headers["retry-after"] == "2"


async def test_a_collection_is_an_api_at_once(posts: Api) -> None:
    made = await posts.guest.post(POSTS, json={"title": "Hello"})
    assert made.status_code == 200
    assert (await posts.guest.get(POSTS)).json()["items"] == [made.json()]


@in_one_loop
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/api"),
        ("GET", "/api/"),
        ("GET", "/api/nothing"),
        ("POST", "/api/nothing"),
        ("GET", "/api/collections/nothing/records"),
        ("GET", "/api/collections/nothing/auth-methods"),
        ("GET", "/api/collections/posts/nothing"),
        ("GET", "/api/collections/posts/records/x/y"),
        ("GET", "/api/collections//records"),
        ("GET", "/api/docs/../../app.py"),
        ("GET", "/api/docs/LICENSE"),
        ("GET", "/favicon.ico"),
    ],
)
async def test_what_is_not_there_is_refused_in_the_shape_of_all_errors(open_posts: Api, method: str, path: str) -> None:
    refused(await open_posts.guest.request(method, path), 404, "not_found")


@in_one_loop
@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/api/health", "GET, HEAD, OPTIONS"),
        ("PUT", "/api/setup", "GET, HEAD, OPTIONS, POST"),
        ("GET", "/api/batch", "OPTIONS, POST"),
        ("DELETE", "/api/collections", "GET, HEAD, OPTIONS, POST"),
        ("GET", "/api/collections/_superusers/auth-with-password", "OPTIONS, POST"),
        ("TRACE", "/api/health", "GET, HEAD, OPTIONS"),
        ("PROPFIND", POSTS, "GET, HEAD, OPTIONS, POST, PUT"),
    ],
)
async def test_a_method_that_the_path_does_not_take_is_refused_with_those_that_it_does(
    open_posts: Api, method: str, path: str, allow: str
) -> None:
    answer = await open_posts.guest.request(method, path)
    refused(answer, 405, "method_not_allowed")
    assert sorted(name.strip() for name in answer.headers["allow"].split(",") if name.strip() != "OPTIONS") == [
        name for name in allow.split(", ") if name != "OPTIONS"
    ]


@in_one_loop
@pytest.mark.parametrize("path", ["/api/health", "/api/collections", POSTS, "/api/collections/posts/records/x"])
async def test_options_lists_the_methods(open_posts: Api, path: str) -> None:
    answer = await open_posts.guest.options(path)
    assert answer.status_code == 204
    assert answer.content == b""
    assert "GET" in answer.headers["allow"]
    assert "OPTIONS" in answer.headers["allow"]


@in_one_loop
@pytest.mark.parametrize("path", ["/api/health", POSTS, "/api/openapi.json", "/api/nothing"])
async def test_head_is_get_without_the_body(open_posts: Api, path: str) -> None:
    same = {"x-request-id": "always-the-same"}
    got = await open_posts.guest.get(path, headers=same)
    head = await open_posts.guest.head(path, headers=same)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["content-length"] == str(len(got.content))


@in_one_loop
@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
async def test_headers_do_not_change_the_method(open_posts: Api, name: str) -> None:
    made = await open_posts.create("posts", title="stays")
    answer = await open_posts.guest.get(f"{POSTS}/{made['id']}", headers={name: "DELETE"})
    assert answer.json()["title"] == "stays"
    assert (await open_posts.guest.get(f"{POSTS}/{made['id']}")).status_code == 200


DEEP = b"[" * 5000 + b"]" * 5000
BROKEN = {
    "nothing that is JSON": b"nonsense",
    "cut off": b'{"title":',
    "a comma too many": b'{"title":"a",}',
    "single quotes": b"{'title':'a'}",
    "not UTF-8": b'{"title":"\xff\xfe"}',
    "UTF-16": '{"title":"a"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"title":"a"}',
    "5,000 levels of lists": b'{"more":' + DEEP + b"}",
    "5,000 levels of objects": b'{"more":' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}",
    "65 levels": b'{"more":' + b"[" * 65 + b"]" * 65 + b"}",
    "NaN": b'{"n":NaN}',
    "Infinity": b'{"n":Infinity}',
    "a number without end": b'{"n":1e400}',
    "a huge number": b'{"n":' + b"9" * 400 + b"}",
    "hexadecimal": b'{"n":0x10}',
    "a raw control character": b'{"title":"a\x01b"}',
    "a list": b"[]",
    "a text": b'"a"',
    "a number": b"1",
    "null": b"null",
    "two values": b"{}{}",
    "NUL": b'{"title":"a\\u0000b"}',
    "NUL in json": b'{"more":{"a":"\\u0000"}}',
    "NUL in a key": b'{"more":{"\\u0000":1}}',
    "a lone surrogate": b'{"title":"\\ud800"}',
    "a lone surrogate in json": b'{"more":["\\udfff"]}',
}


@in_one_loop
@pytest.mark.parametrize("path", [POSTS, "/api/collections/_superusers/auth-with-password", "/api/batch", "/api/setup"])
async def test_a_body_that_is_no_json_object_is_a_bad_request(open_posts: Api, path: str) -> None:
    for name, body in BROKEN.items():
        answer = await open_posts.guest.post(path, content=body, headers=JSON)
        assert answer.status_code == 400, (name, answer.text)
        assert answer.json()["code"] in ("bad_request", "validation_failed"), name


OUT_OF_RANGE: dict[str, Any] = {
    "2 to the 63rd": {"whole": 2**63},
    "beyond what JavaScript counts": {"whole": 2**53},
    "below it": {"whole": -(2**63) - 1},
    "a fraction": {"whole": 1.5},
    "a date beyond 9999": {"on": "10000-01-01 00:00:00Z"},
    "a date before our time": {"on": "-0044-03-15 00:00:00Z"},
    "a day that is none": {"on": "2026-02-30"},
    "infinity": {"on": "infinity"},
    "a word for a number": {"n": "many"},
    "a list for a text": {"title": ["a"]},
    "an object for a date": {"on": {}},
}


@in_one_loop
async def test_a_value_that_a_field_cannot_hold_is_named(open_posts: Api) -> None:
    for name, values in OUT_OF_RANGE.items():
        (field,) = values
        answer = await open_posts.guest.post(POSTS, json=values)
        assert field in refused(answer, 400, "validation_failed")["data"], name


QUERIES = (
    "page=9223372036854775808",
    "page=1e3",
    "page=-1",
    "perPage=99999999999999999999",
    "filter=%00",
    "filter=%ff",
    "filter=" + "(" * 3000,
    "filter=n%3D" + "9" * 3000,
    "filter=on%3E'10000-01-01'",
    "filter=on%3C'-0044-03-15'",
    "filter=" + "n%3D1%7C%7C" * 300 + "n%3D1",
    "filter=" + "title~'%25a%25a%25a%25a%25a%25'%26%26" * 20 + "n=1",
    "sort=" + ",".join(["n"] * 50),
    "sort=%00",
    "fields=%00",
    "expand=" + ".".join(["a"] * 100),
    "cursor=AAAA",
    "cursor=%F0%9F%90%8E",
    "search=" + "a+" * 2000,
    "count=all",
    "&".join(f"p.{number}=1" for number in range(1200)),
)


@in_one_loop
async def test_no_query_is_ever_a_fault(open_posts: Api) -> None:
    for query in QUERIES:
        answer = await open_posts.guest.get(f"{POSTS}?{query}")
        assert answer.status_code in (200, 400), (query[:40], answer.text)


@in_one_loop
@pytest.mark.parametrize("type", ["text/plain", "application/xml", "application/x-www-form-urlencoded2", "", "json"])
async def test_only_json_is_taken_for_json(open_posts: Api, type: str) -> None:
    path = "/api/collections/_superusers/auth-with-password"
    answer = await open_posts.guest.post(
        path, content=b'{"identity":"a","password":"b"}', headers={"content-type": type}
    )
    refused(answer, 415, "unsupported_media_type")


@in_one_loop
@pytest.mark.parametrize("form", [{"data": LOGIN}, {"files": {name: (None, text) for name, text in LOGIN.items()}}])
async def test_a_form_is_taken_where_an_object_is(shared_api: Api, form: dict[str, Any]) -> None:
    answer = await shared_api.guest.post("/api/collections/_superusers/auth-with-password", **form)
    assert answer.status_code == 200, answer.text


@in_one_loop
async def test_what_comes_twice_in_a_form_is_no_text(shared_api: Api) -> None:
    path = "/api/collections/_superusers/auth-with-password"
    answer = await shared_api.guest.post(path, data={"identity": ["a@example.com", "b@example.com"], "password": "x"})
    assert refused(answer, 400, "validation_failed")["data"]["identity"]["message"] == "Must be a string."
    answer = await shared_api.guest.post(path, files={"identity": ("a.txt", b"x"), "password": (None, "x")})
    assert "Files are not taken here" in refused(answer, 400, "bad_request")["message"]


@in_one_loop
@pytest.mark.parametrize(
    "path",
    ["/api/health", "/api/collections", POSTS, f"{POSTS}/abc", "/api/nothing", "/api/collections/posts/" + "x" * 300],
)
async def test_a_slash_too_many_is_pointed_out(open_posts: Api, path: str) -> None:
    body = refused(await open_posts.root.get(f"{path}/"), 404, "not_found")
    assert f"paths end without a slash, so this is {path[:200]}" in body["message"]


async def test_a_body_beyond_the_limit_is_refused_declared_or_not(start_api: Start) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b" " * 1000

    async with start_api(body_bytes=2048) as api:
        path = "/api/collections/users/records"
        refused(await api.guest.post(path, content=b" " * 2049, headers=JSON), 413, "too_large")
        refused(await api.guest.post(path, content=chunks(), headers=JSON), 413, "too_large")
        refused(await api.guest.post("/api/setup", content=chunks(), headers=JSON), 413, "too_large")


async def test_headers_and_addresses_beyond_the_limit_are_refused(start_api: Start) -> None:
    async with start_api(header_bytes=2048, uri_bytes=512) as api:
        refused(await api.guest.get("/api/health", headers={"x-big": "a" * 2048}), 431, "too_large")
        refused(await api.guest.get("/api/health?" + "a" * 512), 414, "too_large")


@in_one_loop
@pytest.mark.parametrize(
    ("given", "taken"),
    [
        pytest.param("abcdefgh", True, id="the shortest"),
        pytest.param("a" * 128, True, id="the longest"),
        pytest.param("018f-AZ._~x", True, id="every sort of character"),
        pytest.param("abcdefg", False, id="too short"),
        pytest.param("a" * 129, False, id="too long"),
        pytest.param("abcdefgh!", False, id="a character that is not URL-safe"),
        pytest.param("abcd efgh", False, id="a space"),
        pytest.param("", False, id="empty"),
    ],
)
async def test_a_request_id_is_taken_when_it_is_a_good_one(shared_api: Api, given: str, taken: bool) -> None:
    answer = await shared_api.guest.get("/api/nothing", headers={"x-request-id": given})
    assert (answer.headers["x-request-id"] == given) is taken
    assert answer.json()["requestId"] == answer.headers["x-request-id"]


@in_one_loop
async def test_request_ids_that_are_made_differ(shared_api: Api) -> None:
    ids = {(await shared_api.guest.get("/api/health")).headers["x-request-id"] for _ in range(20)}
    assert len(ids) == 20
    assert all(8 <= len(id) <= 128 for id in ids)


@in_one_loop
@pytest.mark.parametrize("path", ["/api/health", POSTS, "/api/nothing", "/_/setup", "/api/docs"])
async def test_every_answer_has_the_headers_that_protect_a_browser(open_posts: Api, path: str) -> None:
    headers = (await open_posts.guest.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert len(headers.get_list("content-security-policy")) == 1
    assert "server" not in headers


@in_one_loop
async def test_an_answer_to_somebody_is_kept_by_nobody(open_posts: Api) -> None:
    assert (await open_posts.root.get(POSTS)).headers["cache-control"] == "no-store"
    assert (await open_posts.client("Bearer nonsense").get(POSTS)).headers["cache-control"] == "no-store"
    assert (await open_posts.root.get("/api/nothing")).headers["cache-control"] == "no-store"


@in_one_loop
async def test_timings_are_for_superusers(open_posts: Api) -> None:
    assert "server-timing" not in (await open_posts.guest.get(POSTS)).headers
    timing = (await open_posts.root.get(POSTS)).headers["server-timing"]
    assert timing.startswith("db;dur=")
    assert ", app;dur=" in timing
    assert float(timing.split("db;dur=")[1].split(",")[0]) > 0


@in_one_loop
@pytest.mark.parametrize(
    ("method", "path", "route", "collection"),
    [
        ("GET", "/api/collections/posts/records", "/api/collections/{collection}/records", "posts"),
        ("GET", "/api/collections/posts/records/nothing", "/api/collections/{collection}/records/{id}", "posts"),
        (
            "POST",
            "/api/collections/users/auth-with-password",
            "/api/collections/{collection}/auth-with-password",
            "users",
        ),
        ("GET", "/api/health", "/api/health", ""),
        ("HEAD", "/api/health", "/api/health", ""),
        ("GET", "/api/nothing", "", ""),
    ],
)
async def test_one_line_is_left_of_every_request(
    open_posts: Api, method: str, path: str, route: str, collection: str
) -> None:
    open_posts.seen.requests.clear()
    answer = await open_posts.root.request(method, path, headers={"x-request-id": "the-request"})
    (seen,) = open_posts.seen.requests
    assert (seen.method, seen.path, seen.route, seen.collection) == (method, path, route, collection)
    assert (seen.id, seen.status) == ("the-request", answer.status_code)
    assert seen.principal.startswith("_superusers/")
    assert 0 < seen.ms < 10_000
    if method != "HEAD":
        assert seen.bytes == len(answer.content)


async def test_a_fault_says_nothing_but_its_request_id(posts: Api) -> None:
    connection = await posts.pool.acquire()
    await connection.execute('ALTER TABLE public.posts RENAME COLUMN title TO "the secret"')
    posts.pool.release(connection)
    answer = await posts.guest.get(POSTS)
    assert "secret" not in answer.text
    assert refused(answer, 500, "internal")["data"] == {}


async def test_a_server_that_stops_answers_nothing_new(posts: Api) -> None:
    posts.front.drain()
    answer = await posts.guest.get("/api/health")
    refused(answer, 503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_database_that_is_away_is_a_503_and_comes_back(posts: Api) -> None:
    connection = await posts.pool.acquire()
    name = await connection.fetchval("SELECT quote_ident(current_database())")
    await connection.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 0")
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid()"
        )
        answer = await posts.guest.get(POSTS)
        refused(answer, 503, "unavailable")
        assert "retry-after" in answer.headers
        assert (await posts.guest.get("/api/health")).status_code == 200
        assert (await posts.guest.get("/api/ready")).status_code == 503
    finally:
        await connection.execute(f"ALTER DATABASE {name} CONNECTION LIMIT -1")
        posts.pool.release(connection)
    assert (await posts.guest.get(POSTS)).status_code == 200
