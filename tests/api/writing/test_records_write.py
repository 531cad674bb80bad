"""Creating, changing and deleting records: who, what, the answer, and the rows afterwards."""

from typing import Any

import httpx
import pytest
import pytest_asyncio

from writing_server import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

POSTS = "/collections/posts/records"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def posts(server: Server) -> Server:
    await server.define(
        {
            "name": "posts",
            "type": "base",
            "createRule": "",
            "updateRule": "",
            "deleteRule": "",
            "fields": [
                {"name": "title", "type": "text", "required": True, "max": 50},
                {"name": "views", "type": "number"},
                {"name": "price", "type": "decimal", "precision": 6, "scale": 2},
                {"name": "live", "type": "bool"},
                {"name": "tags", "type": "select", "maxSelect": 3, "values": ["a", "b", "c"]},
                {"name": "meta", "type": "json"},
                {"name": "place", "type": "geoPoint"},
                {"name": "note", "type": "text", "nullable": True},
                {"name": "code", "type": "text", "unique": True},
                {"name": "secret", "type": "text", "hidden": True},
                {"name": "due", "type": "date"},
                {"name": "created", "type": "autodate", "onCreate": True},
                {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
            ],
            "indexes": [
                "CREATE UNIQUE INDEX `one_price` ON `posts` (`price`, `live`) WHERE `price` > 0",
            ],
        },
        {
            "name": "closed",
            "type": "base",
            "fields": [{"name": "title", "type": "text"}],
            "createRule": None,
            "updateRule": "title = 'x'",
            "deleteRule": None,
        },
    )
    return server


async def test_a_created_record_is_answered_as_it_is_read(posts: Server):
    sent = {
        "title": "größe",
        "views": 1.5,
        "price": "12.50",
        "live": True,
        "tags": ["b", "a"],
        "meta": {"a": [1, None]},
        "place": {"lon": 12.5, "lat": 41.9},
        "due": "2026-11-20T10:00:00+01:00",
    }
    response = await posts.guest.post(POSTS, json=sent)
    assert response.status_code == 200
    answer = response.json()
    assert list(answer)[:4] == ["collectionId", "collectionName", "id", "title"]
    assert {name: answer[name] for name in sent} == {**sent, "due": "2026-11-20 09:00:00.000Z"}
    assert (answer["note"], answer["code"], len(answer["id"])) == (None, "", 15)
    assert "secret" not in answer
    assert answer["created"] == answer["updated"]
    assert b": " not in response.content
    assert response.headers["etag"].startswith('"')
    rows = await posts.rows("SELECT title, views, price::text, live, tags, meta::text FROM posts")
    assert rows == [
        {
            "title": "größe",
            "views": 1.5,
            "price": "12.50",
            "live": True,
            "tags": ["b", "a"],
            "meta": '{"a": [1, null]}',
        }
    ]


async def test_an_update_changes_what_was_sent_and_the_time(posts: Server):
    record = await posts.made("posts", title="a", views=1, tags=["a"], note="n")
    response = await posts.guest.patch(f"{POSTS}/{record['id']}", json={"title": "b", "note": None})
    assert response.status_code == 200
    after = response.json()
    assert after["updated"] > record["updated"]
    assert {**record, "title": "b", "note": None, "updated": after["updated"], "secret": ""} == {**after, "secret": ""}


async def test_an_empty_update_is_one_all_the_same(posts: Server):
    record = await posts.made("posts", title="a")
    response = await posts.root.patch(f"{POSTS}/{record['id']}", json={"unknown": 1})
    assert response.status_code == 200
    assert response.json()["updated"] > record["updated"]


async def test_a_whole_record_can_be_sent_back(posts: Server):
    record = await posts.made("posts", title="a", price="1.00")
    response = await posts.root.patch(f"{POSTS}/{record['id']}", json={**record, "expand": {"x": {}}, "title": "b"})
    assert response.status_code == 200
    assert response.json()["created"] == record["created"]


async def test_fields_shape_the_answer(posts: Server):
    response = await posts.guest.post(f"{POSTS}?fields=title,meta.a", json={"title": "t", "meta": {"a": 1, "b": 2}})
    assert response.json() == {"title": "t", "meta": {"a": 1}}
    assert (await posts.guest.post(f"{POSTS}?fields=title:shout()", json={"title": "t"})).status_code == 400
    assert await posts.rows("SELECT count(*) FROM posts") == [{"count": 1}]


async def test_a_deleted_record_is_gone(posts: Server):
    record = await posts.made("posts", title="a")
    response = await posts.guest.delete(f"{POSTS}/{record['id']}")
    assert (response.status_code, response.content) == (204, b"")
    assert (await posts.guest.delete(f"{POSTS}/{record['id']}")).status_code == 404
    assert (await posts.guest.patch(f"{POSTS}/{record['id']}", json={"title": "x"})).status_code == 404
    assert await posts.rows("SELECT id FROM posts") == []


async def somebody(server: Server) -> httpx.AsyncClient:
    record = await server.made("users", email="a@example.com", password="12345678", passwordConfirm="12345678")
    return await server.user("users", record["id"])


@pytest.mark.parametrize(
    ("who", "method", "path", "status"),
    [
        ("", "POST", "closed/records", 403),
        ("user", "POST", "closed/records", 403),
        ("root", "POST", "closed/records", 200),
        ("", "PATCH", "closed/records/none", 404),
        ("root", "PATCH", "closed/records/none", 404),
        ("", "DELETE", "closed/records/none", 403),
        ("root", "DELETE", "closed/records/none", 404),
        ("", "PUT", "closed/records", 403),
        ("root", "PUT", "closed/records", 200),
        ("", "DELETE", "posts/records/none", 404),
    ],
)
async def test_closed_rules_let_only_superusers_write(posts: Server, who: str, method: str, path: str, status: int):
    client = {"": posts.guest, "root": posts.root, "user": await somebody(posts)}[who]
    response = await client.request(method, f"/collections/{path}", json={"title": "t"})
    assert response.status_code == status, response.text


async def test_problems_are_named_by_field(posts: Server):
    response = await posts.guest.post(POSTS, json={"views": "many", "price": "1.234"})
    assert response.status_code == 400
    assert response.json()["code"] == "validation_failed"
    assert {name: problem["code"] for name, problem in response.json()["data"].items()} == {
        "title": "validation_required",
        "views": "validation_not_a_number",
        "price": "validation_too_many_digits",
    }


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        pytest.param({"code": "one"}, {"code"}, id="unique field"),
        pytest.param({"price": "5.00", "live": True}, {"price", "live"}, id="declared index over two fields"),
        pytest.param({"id": "aaaaaaaaaaaaaaa"}, {"id"}, id="id"),
    ],
)
async def test_a_value_that_another_record_has_is_a_problem_of_its_field(
    posts: Server, body: dict[str, Any], fields: set[str]
):
    await posts.made("posts", id="aaaaaaaaaaaaaaa", title="a", code="one", price="5.00", live=True)
    response = await posts.guest.post(POSTS, json={"title": "b", **body})
    assert response.status_code == 400
    assert {name: problem["code"] for name, problem in response.json()["data"].items()} == dict.fromkeys(
        fields, "validation_not_unique"
    )


async def test_empty_values_need_not_be_unique(posts: Server):
    assert (await posts.made("posts", title="a"))["code"] == ""
    assert (await posts.made("posts", title="b"))["code"] == ""


async def test_a_value_too_long_for_its_index_is_refused(posts: Server):
    # Random, because PostgreSQL compresses what repeats.
    words = "".join(chr(0x4E00 + (at * 7919) % 20000) for at in range(4000))
    response = await posts.guest.post(POSTS, json={"title": "a", "code": words})
    assert response.status_code == 400, response.text


async def test_modifiers_change_what_is_there(posts: Server):
    record = await posts.made("posts", **{"title": "a", "views+": 2, "tags+": "b"})
    assert (record["views"], record["tags"]) == (2, ["b"])
    path = f"{POSTS}/{record['id']}"
    after = (await posts.root.patch(path, json={"views+": 0.5, "+tags": "a", "price+": "0.10"})).json()
    assert (after["views"], after["tags"], after["price"]) == (2.5, ["a", "b"], "0.10")
    after = (await posts.root.patch(path, json={"views-": 1, "tags-": ["b", "c"], "price-": "0.30"})).json()
    assert (after["views"], after["tags"], after["price"]) == (1.5, ["a"], "-0.20")
    assert (await posts.root.patch(f"{POSTS}/none", json={"views+": 1})).status_code == 404


async def test_upsert_creates_once_and_then_updates(posts: Server):
    first = await posts.guest.put(POSTS, json={"id": "aaaaaaaaaaaaaaa", "title": "a", "views": 1})
    second = await posts.guest.put(POSTS, json={"id": "aaaaaaaaaaaaaaa", "title": "b"})
    third = await posts.guest.put(f"{POSTS}/aaaaaaaaaaaaaaa", json={"views+": 1})
    assert [one.status_code for one in (first, second, third)] == [200, 200, 200]
    assert await posts.rows("SELECT title, views FROM posts") == [{"title": "b", "views": 2.0}]


async def test_upsert_without_an_id_creates(posts: Server):
    assert (await posts.guest.put(POSTS, json={"title": "a"})).status_code == 200
    assert (await posts.guest.put(POSTS, json={"title": "a", "id": ""})).status_code == 200
    assert (await posts.guest.put(POSTS, json={"title": "a", "id": "no id"})).status_code == 400
    assert await posts.rows("SELECT count(*) FROM posts") == [{"count": 2}]


async def test_a_put_whose_body_names_another_id_than_its_path_writes_neither(posts: Server):
    answer = await posts.root.put(f"{POSTS}/aaaaaaaaaaaaaaa", json={"id": "bbbbbbbbbbbbbbb", "title": "a"})
    assert (answer.status_code, answer.json()["data"]["id"]["code"]) == (400, "validation_pk_change")
    assert (await posts.root.get(POSTS)).json()["totalItems"] == 0
    same = await posts.root.put(f"{POSTS}/aaaaaaaaaaaaaaa", json={"id": "aaaaaaaaaaaaaaa", "title": "a"})
    assert same.json()["id"] == "aaaaaaaaaaaaaaa"


async def test_if_match_lets_only_the_version_that_was_seen_be_changed(posts: Server):
    response = await posts.root.post(POSTS, json={"title": "a", "views": 1})
    path, seen = f"{POSTS}/{response.json()['id']}", response.headers["etag"]
    changed = await posts.root.patch(path, json={"title": "b"}, headers={"if-match": f'"1-x", W/{seen}'})
    assert changed.status_code == 200
    newer = changed.headers["etag"]
    assert newer != seen
    for body in ({"title": "c"}, {"views+": 1}):
        late = await posts.root.patch(path, json=body, headers={"if-match": seen})
        assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    assert (await posts.root.put(path, json={"title": "c"}, headers={"if-match": seen})).status_code == 412
    assert (await posts.root.delete(path, headers={"if-match": seen})).status_code == 412
    assert await posts.rows("SELECT title, views FROM posts") == [{"title": "b", "views": 1.0}]
    assert (await posts.root.patch(path, json={"views+": 1}, headers={"if-match": newer})).status_code == 200
    assert (await posts.root.delete(path, headers={"if-match": "*"})).status_code == 204
    for method in ("PATCH", "DELETE"):
        gone = await posts.root.request(method, path, json={"title": "x"}, headers={"if-match": newer})
        assert gone.status_code == 404
    put = await posts.root.put(f"{POSTS}/bbbbbbbbbbbbbbb", json={"title": "x"}, headers={"if-match": newer})
    assert put.status_code == 412


async def test_forms_are_taken_like_json(posts: Server):
    multipart = await posts.guest.post(
        POSTS,
        files=[
            ("title", (None, "007")),
            ("views", (None, "3")),
            ("tags", (None, "a")),
            ("tags", (None, "b")),
            ("@jsonPayload", (None, '{"meta":{"n":1},"live":true}')),
        ],
    )
    assert multipart.status_code == 200, multipart.text
    found = multipart.json()
    assert [found[name] for name in ("title", "views", "tags", "meta", "live")] == [
        "007",
        3,
        ["a", "b"],
        {"n": 1},
        True,
    ]
    urlencoded = await posts.guest.post(POSTS, data={"title": "b", "live": "true", "tags": ["a", "c"]})
    assert [urlencoded.json()[name] for name in ("title", "live", "tags")] == ["b", True, ["a", "c"]]
    file = await posts.guest.post(POSTS, files={"title": ("a.txt", b"hello")})
    assert file.json()["data"]["title"]["code"] == "validation_invalid_value"


@pytest.mark.parametrize(
    ("content", "media", "status"),
    [
        (b"{", "application/json", 400),
        (b"[1]", "application/json", 400),
        (b"<a/>", "text/xml", 415),
        (b"--x", "multipart/form-data; boundary=x", 400),
        (b"title=%ff", "application/x-www-form-urlencoded", 400),
        (b'{"title":"\\u0000"}', "application/json", 400),
        (b'{"title":"\\ud800"}', "application/json", 400),
        (b'{"views":1e400}', "application/json", 400),
        (b'{"views":NaN}', "application/json", 400),
        (b'{"title":"\xff"}', "application/json", 400),
        (b'{"meta":' + b"[" * 5000 + b"]" * 5000 + b"}", "application/json", 400),
    ],
)
async def test_broken_bodies_are_refused(posts: Server, content: bytes, media: str, status: int):
    response = await posts.guest.post(POSTS, content=content, headers={"content-type": media})
    assert response.status_code == status, response.text
    assert set(response.json()) == {"data", "message", "status", "code", "requestId"}


async def test_a_password_is_stored_as_a_hash_and_never_answered(server: Server):
    await server.define(
        {
            "name": "doors",
            "type": "base",
            "fields": [{"name": "pin", "type": "password"}, {"name": "n", "type": "text"}],
        }
    )
    record = await server.made("doors", pin="12345")
    assert "pin" not in record
    await server.root.patch(f"/collections/doors/records/{record['id']}", json={"n": "x"})
    rows = await server.rows("SELECT pin FROM doors")
    assert rows[0]["pin"].startswith("$argon2id$")
