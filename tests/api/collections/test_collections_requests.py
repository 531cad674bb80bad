"""Collections over HTTP: made, listed, changed, deleted, imported, emptied, and every way to ask for it wrongly."""

from typing import Any

import asyncpg
import pytest

from client import in_one_loop, refused
from holdfast.collections.service import ensure_system_collections
from postgres import Cluster
from postgres_host import on_database
from schema_changes import URL, Changes, taken

pytestmark = in_one_loop

TITLE = {"name": "title", "type": "text"}
WIDE = "title".translate({letter: letter + 0xFEE0 for letter in range(33, 127)})  # looks like title
HOSTILE = ['x"; DROP TABLE users; --', "x'y", "x y", "x.y", WIDE, "ünïcödé", "pg_class", "hf_x", "_x", "x" * 64,
           "", " ", "1x", "select\0", "a_via_b", "trash", "-", "../x", "x\n"]  # fmt: skip


async def test_a_new_collection_is_a_table_with_the_columns_of_its_fields(changes: Changes):
    made = await changes.make(
        "posts",
        TITLE,
        {"name": "views", "type": "number", "onlyInt": True},
        {"name": "price", "type": "decimal", "precision": 8, "scale": 3},
        {"name": "place", "type": "geoPoint"},
        {"name": "tags", "type": "select", "values": ["a", "b"], "maxSelect": 2},
        {"name": "extra", "type": "json"},
        {"name": "at", "type": "date"},
        {"name": "done", "type": "bool"},
        {"name": "maybe", "type": "number", "nullable": True},
        {"name": "author", "type": "relation", "collectionId": "users", "maxSelect": 1},
        {"name": "friends", "type": "relation", "collectionId": "users", "maxSelect": 9},
        comment="What people write",
    )
    columns = await changes.rows(
        "SELECT attname::text, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute"
        " WHERE attrelid = 'public.posts'::regclass AND attnum > 0 ORDER BY attnum"
    )
    assert columns == [
        ("id", "text", True),
        ("title", "text", True),
        ("views", "bigint", True),
        ("price", "numeric(8,3)", True),
        ("place", "point", True),
        ("tags", "text[]", True),
        ("extra", "jsonb", False),
        ("at", "timestamp with time zone", False),
        ("done", "boolean", True),
        ("maybe", "double precision", False),
        ("author", "text", False),
        ("friends", "text[]", True),
    ]
    assert [field["name"] for field in made["fields"]] == [name for name, _, _ in columns]
    assert await changes.rows("SELECT obj_description('public.posts'::regclass)") == ["What people write"]
    assert made == await changes.get("posts") == await changes.get(made["id"])
    assert made["created"] == made["updated"] != ""


async def test_an_auth_collection_has_the_columns_and_indexes_of_a_login(changes: Changes):
    made = await changes.make("members", {"name": "nick", "type": "text"}, type="auth")
    names = [field["name"] for field in made["fields"]]
    assert names[:6] == ["id", "password", "tokenKey", "email", "emailVisibility", "verified"]
    indexes = await changes.rows(
        "SELECT count(*) FROM pg_indexes WHERE tablename = 'members' AND indexdef LIKE '%UNIQUE%'"
    )
    assert indexes == [3]
    assert "secret" not in str(made)


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_name_that_is_none_is_a_field_error_wherever_it_stands(changes: Changes, name: str):
    answer = await changes.root.post(URL, json={"name": name, "fields": []})
    if name == "select\0":
        refused(answer, 400, "bad_request")
        return
    assert "name" in refused(answer, 400, "validation_failed")["data"]
    if name not in ("_x", "trash"):  # a field may be called so
        answer = await changes.root.post(URL, json={"name": "fine", "fields": [{"name": name, "type": "text"}]})
        assert "name" in refused(answer, 400, "validation_failed")["data"]["fields"]["0"]
    answer = (
        await changes.root.get(f"{URL}/{name}")
        if name.strip() and not set(name) & set("/\n") and name != "trash"
        else None
    )
    if answer is not None:
        refused(answer, 404, "not_found")
    if name not in ("trash", "-", "../x"):
        statement = f"CREATE INDEX `{name}` ON fine (title)"
        answer = await changes.root.post(URL, json={"name": "fine", "fields": [TITLE], "indexes": [statement]})
        allowed = name == "_x"
        assert answer.status_code == (200 if allowed else 400), answer.text


@pytest.mark.parametrize("name", ["order", "Select", "user", "group", "public", "holdfast", "x" * 63, "import", "plan"])
async def test_words_of_sql_are_names_like_others(changes: Changes, name: str):
    await changes.make(name, {"name": "table", "type": "text", "unique": True}, {"name": "Order", "type": "number"})
    made = await changes.create(name, table="from", Order=5)
    assert taken(await changes.root.get(f"{URL}/{name}/records/{made['id']}"))["table"] == "from"
    await changes.change_field(name, "table", name="where")
    await changes.delete(name)


@pytest.mark.parametrize(
    "value",
    ["'; DROP TABLE users; --", "\\'; --", '"', "$$", "E'\\x41'", "%s $1", "日本 🎉", "\\", "''", "line\nbreak"],
)
async def test_hostile_texts_in_options_are_texts(changes: Changes, value: str):
    made = await changes.make(
        "posts",
        {"name": "kind", "type": "select", "values": [value, "b"], "help": value, "default": value},
        {"name": "tags", "type": "select", "values": [value, "b"], "maxSelect": 2},
        comment=value,
        indexes=[f"CREATE INDEX idx_kind ON posts (kind) WHERE kind = '{value.replace(chr(39), chr(39) * 2)}'"],
    )
    assert made["comment"] == value
    record = await changes.create("posts", kind=value, tags=[value])
    assert (record["kind"], record["tags"]) == (value, [value])
    assert await changes.rows("SELECT obj_description('public.posts'::regclass)") == [value]
    await changes.change_field("posts", "tags", maxSelect=1)
    answer = await changes.root.patch(
        f"{URL}/posts", json={"fields": await changes.with_field("posts", "kind", type="json")}
    )
    assert "idx_kind" in refused(answer, 400, "validation_failed")["data"]["indexes"]["0"]["message"]
    await changes.change("posts", fields=await changes.with_field("posts", "kind", type="json"), indexes=[])
    assert await changes.rows("SELECT count(*) FROM public.users") == [0]


async def test_the_list_has_pages_sorts_and_filters(changes: Changes):
    for name in ("b", "a", "c"):
        await changes.make(name, TITLE)
    page = taken(await changes.root.get(URL, params={"filter": "system = false && name != 'users'", "sort": "-name"}))
    assert [one["name"] for one in page["items"]] == ["c", "b", "a"]
    assert (page["page"], page["perPage"], page["totalItems"], page["totalPages"]) == (1, 30, 3, 1)
    page = taken(await changes.root.get(URL, params={"perPage": "2", "page": "2", "skipTotal": "1"}))
    assert (len(page["items"]), page["totalItems"], page["totalPages"]) == (2, -1, -1)
    everything = taken(await changes.root.get(URL))
    assert [one["name"] for one in everything["items"]][-3:] == ["b", "a", "c"]
    assert everything["totalItems"] == len(everything["items"])


async def test_fields_says_which_parts_of_collections_go_out(changes: Changes):
    made = await changes.root.post(f"{URL}?fields=name,fields.name", json={"name": "posts", "fields": [TITLE]})
    assert taken(made) == {"name": "posts", "fields": [{"name": "id"}, {"name": "title"}]}
    one = await changes.root.get(f"{URL}/posts", params={"fields": "listRule,nothing"})
    assert taken(one) == {"listRule": None}
    page = taken(await changes.root.get(URL, params={"fields": "name", "filter": "name = 'posts'"}))
    assert page == {"items": [{"name": "posts"}], "page": 1, "perPage": 30, "totalItems": 1, "totalPages": 1}
    changed = await changes.root.patch(f"{URL}/posts", params={"fields": "name"}, json={"name": "articles"})
    assert taken(changed) == {"name": "articles"}


@pytest.mark.parametrize("fields", ["name:excerpt(10)", "name:nothing", "x," * 600], ids=lambda text: text[:12])
async def test_fields_that_cannot_be_read_stop_a_change_before_it_is_done(changes: Changes, fields: str):
    answer = await changes.root.post(URL, params={"fields": fields}, json={"name": "posts", "fields": [TITLE]})
    assert "fields" in refused(answer, 400, "bad_request")["data"]
    refused(await changes.root.get(f"{URL}/posts"), 404, "not_found")


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"filter": "nothing = 1"}, "invalid_filter"),
        ({"filter": "name = '' OR 1=1 --"}, "invalid_filter"),
        ({"filter": "name ="}, "invalid_filter"),
        ({"sort": "definition"}, "invalid_sort"),
        ({"sort": "name; DROP TABLE users"}, "invalid_sort"),
        ({"page": "one"}, "bad_request"),
        ({"perPage": "1e3"}, "bad_request"),
        ({"page": "99999999999"}, "bad_request"),
    ],
)
async def test_a_list_that_cannot_be_asked_for_is_refused(changes: Changes, params: dict[str, str], code: str):
    answer = await changes.root.get(URL, params=params)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""), ("POST", ""), ("GET", "/users"), ("PATCH", "/users"), ("DELETE", "/users"),
        ("DELETE", "/users/truncate"), ("PUT", "/import"), ("POST", "/plan"), ("GET", "/meta/scaffolds"),
        ("GET", "/trash"), ("POST", "/trash/x/restore"), ("DELETE", "/trash/x"),
    ],
)  # fmt: skip
async def test_nothing_of_this_is_for_guests(changes: Changes, method: str, path: str):
    answer = await changes.api.guest.request(method, URL + path, json={})
    assert answer.status_code in (401, 403)


@pytest.mark.parametrize("path", ["/nothing", "/nothing/truncate", "/trash/nothing", "/trash/nothing/restore"])
async def test_what_is_not_there_is_not_found(changes: Changes, path: str):
    method = "POST" if path.endswith("restore") else "DELETE"
    refused(await changes.root.request(method, URL + path), 404, "not_found")


async def test_system_collections_stay(changes: Changes):
    refused(await changes.root.delete(f"{URL}/_superusers"), 400, "bad_request")
    refused(await changes.root.delete(f"{URL}/_superusers/truncate"), 400, "bad_request")
    body = refused(await changes.root.patch(f"{URL}/_superusers", json={"name": "others"}), 400, "validation_failed")
    assert list(body["data"]) == ["name"]
    answer = await changes.root.patch(f"{URL}/_superusers", json={"listRule": ""})
    assert "listRule" in refused(answer, 400, "validation_failed")["data"]


async def test_a_deleted_users_collection_does_not_come_again_by_itself(changes: Changes):
    await changes.delete("users")
    assert await ensure_system_collections(changes.api.pool, changes.api.settings) is False
    refused(await changes.root.get(f"{URL}/users"), 404, "not_found")


async def test_scaffolds_can_be_filled_in_and_sent(changes: Changes):
    scaffolds = taken(await changes.root.get(f"{URL}/meta/scaffolds"))
    assert list(scaffolds) == ["auth", "base", "view"]
    for kind in ("auth", "base"):
        taken(await changes.root.post(URL, json=scaffolds[kind] | {"name": f"of_{kind}"}))


async def test_an_import_makes_changes_and_leaves_the_rest(changes: Changes):
    kept = await changes.make("kept", TITLE)
    await changes.make("changed", TITLE, {"name": "old", "type": "number"})
    await changes.create("changed", title="t", old=5)
    answer = await changes.root.put(
        f"{URL}/import",
        json={
            "collections": [
                {
                    "name": "first",
                    "type": "base",
                    "fields": [{"name": "to", "type": "relation", "collectionId": "second"}],
                },
                {
                    "name": "second",
                    "type": "base",
                    "fields": [{"name": "back", "type": "relation", "collectionId": "first"}],
                },
                {"name": "changed", "fields": [{"name": "new", "type": "text"}]},
            ]
        },
    )
    assert answer.status_code == 204, answer.text
    assert {field["name"] for field in (await changes.get("changed"))["fields"]} == {"id", "title", "old", "new"}
    assert await changes.get("kept") == kept
    assert await changes.rows("SELECT title, old, new FROM public.changed") == [("t", 5.0, "")]
    first = await changes.create("first")
    await changes.create("second", back=first["id"])


async def test_an_import_that_deletes_what_is_missing_keeps_the_systems_own_and_a_trash(changes: Changes):
    await changes.make("gone", TITLE)
    await changes.make("posts", TITLE, {"name": "old", "type": "number"})
    record = await changes.create("posts", title="t", old=5)
    posts = {"name": "posts", "type": "base", "fields": [TITLE]}
    answer = await changes.root.put(f"{URL}/import", json={"collections": [posts], "deleteMissing": True})
    assert answer.status_code == 204, answer.text
    names = [one["name"] for one in taken(await changes.root.get(URL))["items"]]
    assert names == ["_superusers", "_externalAuths", "_mfas", "_otps", "_authOrigins", "posts"]
    assert [field["name"] for field in (await changes.get("posts"))["fields"]] == ["id", "title"]
    assert sorted((item["kind"], item["collectionName"], item["rows"]) for item in await changes.trash()) == [
        ("collection", "gone", 0),
        ("collection", "users", 0),
        ("field", "posts", 1),
    ]
    assert taken(await changes.root.get(f"{URL}/posts/records/{record['id']}"))["title"] == "t"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, ("collections",)),
        ({"collections": "all"}, ("collections",)),
        ({"collections": [5]}, ("collections", "0")),
        ({"collections": [], "deleteMissing": True}, ("collections",)),
        ({"collections": [{"name": "fine"}], "deleteMissing": "yes"}, ("deleteMissing",)),
        ({"collections": [{"name": "fine"}, {"name": "not fine"}]}, ("collections", "1", "name")),
        ({"collections": [{"name": "a"}, {"name": "A"}]}, ("collections", "1", "name")),
        (
            {"collections": [{"name": "a", "fields": [{"name": "x", "type": "relation", "collectionId": "no"}]}]},
            ("collections", "0", "fields", "0", "collectionId"),
        ),
    ],
)
async def test_a_broken_import_says_where_and_does_nothing(
    changes: Changes, body: dict[str, Any], path: tuple[str, ...]
):
    before = await changes.outline()
    found: Any = refused(await changes.root.put(f"{URL}/import", json=body), 400, "validation_failed")["data"]
    for key in path:
        found = found[key]
    assert found["code"].startswith("validation_")
    assert await changes.outline() == before


async def test_truncate_takes_all_records_and_what_points_at_them(changes: Changes):
    await changes.make("authors", TITLE)
    await changes.make(
        "posts",
        {"name": "author", "type": "relation", "collectionId": "authors", "maxSelect": 1, "cascadeDelete": True},
        {"name": "others", "type": "relation", "collectionId": "authors", "maxSelect": 5},
    )
    author = await changes.create("authors", title="a")
    await changes.create("posts", author=author["id"])
    await changes.create("posts", others=[author["id"]])
    assert (await changes.root.delete(f"{URL}/authors/truncate")).status_code == 204
    assert await changes.rows("SELECT count(*) FROM public.authors") == [0]
    assert await changes.rows("SELECT others FROM public.posts") == [[]]
    assert (await changes.root.delete(f"{URL}/posts/truncate")).status_code == 204
    assert await changes.rows("SELECT count(*) FROM public.posts") == [0]


async def test_truncate_is_refused_where_records_are_needed(changes: Changes):
    await changes.make("authors", TITLE)
    await changes.make(
        "posts", {"name": "author", "type": "relation", "collectionId": "authors", "maxSelect": 1, "required": True}
    )
    author = await changes.create("authors", title="a")
    await changes.create("posts", author=author["id"])
    body = refused(await changes.root.delete(f"{URL}/authors/truncate"), 400, "bad_request")
    assert "posts.author" in body["message"]
    assert await changes.rows("SELECT count(*) FROM public.authors") == [1]


async def test_a_view_cannot_be_truncated(changes: Changes):
    await changes.make("shown", type="view", viewQuery="SELECT id, email FROM users")
    refused(await changes.root.delete(f"{URL}/shown/truncate"), 400, "bad_request")


async def test_a_vector_field_needs_pgvector_and_says_so(changes: Changes, cluster: Cluster):
    body = {"name": "images", "fields": [TITLE, {"name": "seen", "type": "vector", "dimensions": 3}]}
    taken(await changes.root.post(URL, json=body))
    made = await changes.create("images", seen=[1, 2.5, -3])
    assert made["seen"] == [1, 2.5, -3]
    await changes.change_field("images", "seen", dimensions=2)
    await changes.delete("images")
    await changes.restore(next(item["id"] for item in await changes.trash() if item["kind"] == "collection"))
    await changes.delete("images")
    for item in await changes.trash():
        await changes.root.delete(f"{URL}/trash/{item['id']}")
    [database] = await changes.rows("SELECT current_database()::text")
    superuser = await asyncpg.connect(on_database(cluster.superuser, database))
    await superuser.execute("DROP EXTENSION vector")
    answer = await changes.root.post(URL, json=body)
    problem = refused(answer, 400, "validation_failed")["data"]["fields"]["1"]["type"]
    assert problem["code"] == "validation_vector_unavailable"
    assert "CREATE EXTENSION vector" in problem["message"]
    await superuser.execute("CREATE SCHEMA elsewhere; CREATE EXTENSION vector SCHEMA elsewhere")
    answer = await changes.root.post(URL, json=body)
    assert "elsewhere" in refused(answer, 400, "validation_failed")["data"]["fields"]["1"]["type"]["message"]
    await superuser.execute("DROP EXTENSION vector; CREATE EXTENSION vector SCHEMA public")
    await superuser.close()
    taken(await changes.root.post(URL, json=body))


async def test_the_indexes_of_a_collection_say_how_large_they_are_and_how_much_used(changes: Changes):
    await changes.make("posts", {"name": "n", "type": "number"}, indexes=["CREATE INDEX by_n ON posts (n)"])
    found = taken(await changes.root.get(f"{URL}/posts/indexes"))["items"]
    by_name = {one["name"]: one for one in found}
    assert by_name["by_n"]["bytes"] > 0
    assert (by_name["by_n"]["scans"], by_name["by_n"]["lastUsed"], by_name["by_n"]["valid"]) == (0, "", True)
    refused(await changes.api.guest.get(f"{URL}/posts/indexes"), 401, "unauthenticated")
    refused(await changes.root.get(f"{URL}/none/indexes"), 404, "not_found")
