"""Views: which queries are one, what their fields are, and what changes of their collections do to them."""

from typing import Any

import pytest

from client import in_one_loop, refused
from schema_changes import URL, Changes, taken

pytestmark = in_one_loop

GOOD: dict[str, tuple[str, dict[str, str]]] = {
    "count with a left join": (
        "SELECT posts.id, posts.title AS postTitle, count(comments.id) AS total FROM posts"
        " LEFT JOIN comments ON comments.postId = posts.id GROUP BY posts.id",
        {"id": "text", "postTitle": "text", "total": "number"},
    ),
    "numbered rows of groups": (
        "SELECT (ROW_NUMBER() OVER()) AS id, author, sum(n) AS s, avg(n) AS a, max(created) AS last FROM posts"
        " GROUP BY author",
        {"id": "text", "author": "relation", "s": "number", "a": "number", "last": "date"},
    ),
    "everything": (
        "SELECT * FROM posts",
        {"id": "text", "title": "text", "n": "number", "done": "bool", "kind": "select", "tags": "select",
         "extra": "json", "place": "geoPoint", "author": "relation", "readers": "relation", "created": "autodate"},
    ),
    "names in any case": (
        "select ID, Title, CREATED from POSTS p",
        {"id": "text", "title": "text", "created": "autodate"},
    ),
    "an id of another collection is a relation": (
        "SELECT c.id, p.id AS post, p.author FROM comments c JOIN posts p ON p.id = c.postId",
        {"id": "text", "post": "relation", "author": "relation"},
    ),
    "sqlite's functions": (
        "SELECT `id`, ifnull(title, 'x') AS t, strftime('%Y-%m', created) AS month, json_extract(extra, '$.a.b') AS ab,"
        " iif(done, 1, 0) AS flag, group_concat(title) AS all_titles FROM posts GROUP BY id",
        {"id": "text", "t": "text", "month": "text", "ab": "text", "flag": "number", "all_titles": "text"},
    ),
    "with": (
        "WITH t AS (SELECT id, title AS tt FROM posts WHERE done) SELECT t.id, t.tt FROM t",
        {"id": "text", "tt": "text"},
    ),
    "a recursive with": (
        "WITH RECURSIVE up(id, level) AS"
        " (SELECT id, 1 FROM posts UNION ALL SELECT up.id, level + 1 FROM up WHERE level < 3)"
        " SELECT id, max(level) AS level FROM up GROUP BY id",
        {"id": "text", "level": "number"},
    ),
    "union": (
        "SELECT id, title FROM posts UNION SELECT id, message AS title FROM comments",
        {"id": "text", "title": "text"},
    ),
    "unnest": (
        "SELECT posts.id || '-' || t.tag AS id, t.tag FROM posts CROSS JOIN unnest(posts.tags) AS t(tag)",
        {"id": "text", "tag": "text"},
    ),
    "types": (
        "SELECT id, n > 1 AS big, n::int AS whole, created::date AS day, tags[1] AS first, to_jsonb(title) AS j,"
        " created - interval '1 day' AS before, date_trunc('day', now()) AS now, place AS spot,"
        " array_agg(title) AS list FROM posts GROUP BY id",
        {"id": "text", "big": "bool", "whole": "number", "day": "date", "first": "text", "j": "json", "before": "date",
         "now": "date", "spot": "geoPoint", "list": "json"},
    ),
    "windows, filters, cases and subqueries": (
        "SELECT id, rank() OVER (PARTITION BY author ORDER BY n DESC) AS place,"
        " CASE WHEN n > 1 THEN 'a' ELSE 'b' END AS c,"
        " (SELECT count(*) FROM comments WHERE postId = posts.id) AS cs FROM posts"
        " WHERE EXISTS (SELECT 1 FROM users) OR n IN (1, 2)",
        {"id": "text", "place": "number", "c": "text", "cs": "number"},
    ),
}  # fmt: skip
BAD = {
    "nothing": "",
    "no select": "DELETE FROM posts",
    "two statements": "SELECT id FROM posts; DROP TABLE posts",
    "a second statement in a comment's clothes": "SELECT id FROM posts; --\nDROP TABLE posts",
    "a with that writes": "WITH x AS (DELETE FROM posts RETURNING id) SELECT id FROM x",
    "a with that inserts": "WITH x AS (INSERT INTO posts (id) VALUES ('x') RETURNING id) SELECT id FROM x",
    "into": "SELECT id INTO stolen FROM posts",
    "locks": "SELECT id FROM posts FOR UPDATE",
    "locks shared": "SELECT id FROM posts FOR KEY SHARE",
    "catalog": "SELECT oid AS id FROM pg_catalog.pg_class",
    "catalog without schema": "SELECT oid AS id FROM pg_class",
    "our own schema": "SELECT id FROM holdfast.settings",
    "the trash": "SELECT id FROM holdfast_trash.hf_x",
    "information": "SELECT table_name AS id FROM information_schema.tables",
    "a table that is no collection": "SELECT id FROM foreign_table",
    "another database": "SELECT id FROM other.public.posts",
    "sleep": "SELECT id, pg_sleep(100) AS s FROM posts",
    "files": "SELECT pg_read_file('/etc/passwd') AS id",
    "directory": "SELECT pg_ls_dir('/') AS id",
    "large objects": "SELECT lo_import('/etc/passwd') AS id",
    "dblink": "SELECT * FROM dblink('host=x', 'SELECT 1') AS t(id text)",
    "set_config": "SELECT set_config('a.b', 'c', false) AS id",
    "current_setting": "SELECT current_setting('data_directory') AS id",
    "query_to_xml": "SELECT query_to_xml('DELETE FROM posts', true, true, '') AS id",
    "table_to_xml": "SELECT table_to_xml('posts', true, true, '') AS id",
    "nextval": "SELECT nextval('x') AS id",
    "quoted function": "SELECT \"pg_sleep\"(1) AS id",
    "function of a schema": "SELECT pg_catalog.pg_sleep(1) AS id",
    "our function": "SELECT holdfast.stamp(created) AS id FROM posts",
    "generate_series": "SELECT x AS id FROM generate_series(1, 1000000000) AS x",
    "repeat": "SELECT repeat('x', 1000000000) AS id FROM posts",
    "regclass": "SELECT 'pg_authid'::regclass AS id",
    "oid": "SELECT 1::oid AS id",
    "user": "SELECT current_user AS id",
    "version": "SELECT version() AS id",
    "random": "SELECT id, random() AS r FROM posts",
    "escaped string": "SELECT id, E'\\x41' AS r FROM posts",
    "dollar string": "SELECT id, $$x$$ AS r FROM posts",
    "unicode string": "SELECT id, U&'\\0041' AS r FROM posts",
    "parameter": "SELECT id, $1 AS r FROM posts",
    "system column": "SELECT id, ctid AS r FROM posts",
    "unknown column": "SELECT id, titel FROM posts",
    "unknown table": "SELECT id FROM post",
    "no id": "SELECT title FROM posts",
    "two ids": "SELECT id, id FROM posts",
    "no name": "SELECT id, n + 1 FROM posts",
    "a name that is none": 'SELECT id, n AS "a b" FROM posts',
    "a name of ours": "SELECT id, n AS collectionId FROM posts",
    "an id that comes twice": "SELECT 'same' AS id FROM posts",
    "an id twice by a join": "SELECT p.id FROM posts p, posts q",
    "an id that is null": "SELECT nullif(title, title) AS id FROM posts",
    "wrong types": "SELECT id, title + 1 AS x FROM posts",
    "not grouped": "SELECT id, count(*) AS c FROM posts",
    "itself": "SELECT id FROM shown",
    "values": "VALUES ('x')",
    "copy": "COPY posts TO '/tmp/x'",
    "do": "DO $$ BEGIN END $$",
    "explain": "EXPLAIN ANALYZE SELECT id FROM posts",
    "brackets without end": "SELECT id FROM posts WHERE ((((",
    "deep brackets": "SELECT id FROM posts WHERE " + "(" * 3000 + "true" + ")" * 3000,
    "xml": "SELECT xmlparse(document '<a/>') AS id",
    "tablesample": "SELECT id FROM posts TABLESAMPLE SYSTEM (1)",
}  # fmt: skip


DOUBTFUL_IDS = {name for name in BAD if name.startswith("an id ")}  # only all of its rows would show that


async def blog(changes: Changes) -> None:
    await changes.make(
        "posts",
        {"name": "title", "type": "text"},
        {"name": "n", "type": "number"},
        {"name": "done", "type": "bool"},
        {"name": "kind", "type": "select", "values": ["a", "b"]},
        {"name": "tags", "type": "select", "values": ["x", "y"], "maxSelect": 2},
        {"name": "extra", "type": "json"},
        {"name": "place", "type": "geoPoint"},
        {"name": "author", "type": "relation", "collectionId": "users", "maxSelect": 1},
        {"name": "readers", "type": "relation", "collectionId": "users", "maxSelect": 5},
        {"name": "created", "type": "autodate", "onCreate": True},
    )
    await changes.make(
        "comments",
        {"name": "message", "type": "text"},
        {"name": "postId", "type": "relation", "collectionId": "posts", "maxSelect": 1},
    )
    for title in ("first", "second"):
        post = await changes.create("posts", title=title, n=2, tags=["x"], extra={"a": {"b": 5}}, done=True)
    await changes.create("comments", message="m", postId=post["id"])


@pytest.mark.parametrize(("query", "types"), GOOD.values(), ids=GOOD.keys())
async def test_a_select_is_a_view_and_its_fields_are_inferred(changes: Changes, query: str, types: dict[str, str]):
    await blog(changes)
    looked = taken(await changes.root.post(f"{URL}/preview", json={"viewQuery": query}))
    assert {field["name"]: field["type"] for field in looked["fields"]} == types
    assert list(looked["items"][0]) == list(types)
    made = await changes.make("shown", type="view", viewQuery=query, listRule="", viewRule="")
    assert {field["name"]: field["type"] for field in made["fields"]} == types
    assert made["viewQuery"] == query
    page = taken(await changes.root.get(f"{URL}/shown/records", params={"sort": "id", "filter": "id != ''"}))
    assert page["totalItems"] > 0
    record = page["items"][0]
    assert list(record) == ["collectionId", "collectionName", *types]
    assert taken(await changes.api.guest.get(f"{URL}/shown/records/{record['id']}")) == record
    for method in ("PATCH", "DELETE"):
        answer = await changes.root.request(method, f"{URL}/shown/records/{record['id']}", json={"title": "x"})
        assert answer.status_code in (400, 403, 404, 405), answer.text
    assert (await changes.root.post(f"{URL}/shown/records", json={})).status_code in (400, 403, 405)


async def test_what_is_no_view_is_a_field_error_and_changes_nothing(changes: Changes):
    await blog(changes)
    await changes.run("CREATE TABLE public.foreign_table (id text)")
    before = await changes.outline()
    taken_in: dict[str, str] = {}
    for name, query in BAD.items():
        answer = await changes.root.post(URL, json={"name": "shown", "type": "view", "viewQuery": query})
        if answer.status_code != 400 or list(answer.json()["data"]) != ["viewQuery"]:
            taken_in[name] = answer.text
        looked = await changes.root.post(f"{URL}/preview", json={"viewQuery": query})
        if name not in DOUBTFUL_IDS and (looked.status_code != 400 or list(looked.json()["data"]) != ["viewQuery"]):
            taken_in[f"{name}, looked at"] = looked.text
    assert taken_in == {}
    refused(await changes.root.post(f"{URL}/preview", json={"viewQuery": 5}), 400, "validation_failed")
    assert await changes.outline() == before


async def test_a_view_keeps_the_options_of_the_fields_that_it_shows(changes: Changes):
    await blog(changes)
    made = await changes.make(
        "shown", type="view", viewQuery="SELECT id, kind AS sort, author AS writer, readers FROM posts"
    )
    fields = {field["name"]: field for field in made["fields"]}
    users = (await changes.get("users"))["id"]
    assert fields["sort"]["values"] == ["a", "b"]
    assert (fields["writer"]["collectionId"], fields["writer"]["maxSelect"]) == (users, 1)
    assert (fields["readers"]["collectionId"], fields["readers"]["maxSelect"]) == (users, 5)
    assert fields["id"]["primaryKey"] is True
    author = await changes.create("users", email="a@example.com", password="long enough", passwordConfirm="long enough")
    post = await changes.create("posts", author=author["id"], readers=[author["id"]])
    answer = await changes.root.get(f"{URL}/shown/records/{post['id']}", params={"expand": "writer,readers"})
    assert taken(answer)["expand"]["writer"]["id"] == author["id"]
    query = {"filter": "writer.email = 'a@example.com' && readers.id ?= writer"}
    assert taken(await changes.root.get(f"{URL}/shown/records", params=query))["totalItems"] == 1


HIDING = (
    "SELECT * FROM notes",
    "SELECT id, code || '' AS p, lower(code) AS t FROM notes",
    "WITH w AS (SELECT id, code AS p FROM notes) SELECT w.id, w.p AS secret FROM w",
    "SELECT id, (SELECT max(n.code) FROM notes n WHERE n.id = notes.id) AS k FROM notes",
    "SELECT id, p FROM (SELECT id, code AS p FROM notes UNION SELECT id, id FROM notes) AS n WHERE p != id",
    "SELECT notes.id, t.x FROM notes CROSS JOIN unnest(string_to_array(code, ' ')) AS t(x) WHERE t.x = 'planted'",
    "SELECT id, CASE WHEN code > 'a' THEN 'y' ELSE 'n' END AS c FROM notes",
    "SELECT id, to_jsonb(code) AS j, array_agg(code) AS k FROM notes GROUP BY id",
)


async def test_hidden_fields_stay_hidden_through_a_view(changes: Changes):
    await changes.make("notes", {"name": "title", "type": "text"}, {"name": "code", "type": "text", "hidden": True})
    note = await changes.create("notes", title="a", code="planted secret")
    for at, query in enumerate(HIDING):
        made = await changes.make(f"shown{at}", type="view", viewQuery=query, listRule="", viewRule="")
        shown = {field["name"] for field in made["fields"] if not field["hidden"]}
        assert shown <= {"id", "title"}, query
        answer = await changes.api.guest.get(f"{URL}/shown{at}/records")
        assert note["id"] in answer.text, query
        assert "planted" not in answer.text, query
        hidden = next(field["name"] for field in made["fields"] if field["hidden"])
        answer = await changes.api.guest.get(f"{URL}/shown{at}/records", params={"filter": f"{hidden} != ''"})
        assert answer.status_code == 400, query


async def test_passwords_and_token_keys_are_no_columns_of_a_view(changes: Changes):
    await changes.create("users", email="a@example.com", password="long enough", passwordConfirm="long enough")
    made = await changes.make("everyone", type="view", viewQuery="SELECT * FROM users")
    assert not {"password", "tokenKey"} & {field["name"] for field in made["fields"]}
    for query in (
        "SELECT id, password FROM users",
        "SELECT id, users.password || '' AS x FROM users",
        "SELECT id, lower(TOKENKEY) AS x FROM users",
        "SELECT id, (SELECT max(u.tokenKey) FROM users u) AS x FROM users",
        "WITH w AS (SELECT id, to_jsonb(password) AS p FROM users) SELECT * FROM w",
        "SELECT id FROM users WHERE password > 'a'",
        "SELECT id, users::text AS x FROM users",
        "SELECT a AS id, b AS x FROM users AS u(a, b)",
    ):
        answer = await changes.root.post(URL, json={"name": "leak", "type": "view", "viewQuery": query})
        refused(answer, 400, "validation_failed")


async def test_empty_values_of_an_outer_join_are_empty_and_can_be_filtered(changes: Changes):
    await blog(changes)
    query = (
        "SELECT posts.id, comments.message, comments.postId AS post, length(comments.message) AS n FROM posts"
        " LEFT JOIN comments ON comments.postId = posts.id"
    )
    await changes.make("shown", type="view", viewQuery=query)
    items = taken(await changes.root.get(f"{URL}/shown/records", params={"sort": "message"}))["items"]
    assert [(item["message"], item["post"] == "", item["n"]) for item in items] == [("", True, 0), ("m", False, 1)]
    assert taken(await changes.root.get(f"{URL}/shown/records", params={"filter": "message = ''"}))["totalItems"] == 1


async def test_views_follow_changes_of_what_they_read(changes: Changes):
    await blog(changes)
    await changes.make("all_posts", type="view", viewQuery="SELECT * FROM posts")
    await changes.make("titles", type="view", viewQuery="SELECT id, title, n FROM all_posts")
    await changes.make("apart", type="view", viewQuery="SELECT id, message FROM comments")
    oid = await changes.rows("SELECT 'public.apart'::regclass::oid")
    await changes.change("posts", fields=[*(await changes.get("posts"))["fields"], {"name": "more", "type": "url"}])
    assert [field["name"] for field in (await changes.get("all_posts"))["fields"]][-1] == "more"
    await changes.change_field("posts", "n", type="text")
    assert {f["name"]: f["type"] for f in (await changes.get("titles"))["fields"]} == {
        "id": "text",
        "title": "text",
        "n": "text",
    }
    await changes.change_field("posts", "kind", values=["a", "b", "c"], hidden=True)
    kind = next(field for field in (await changes.get("all_posts"))["fields"] if field["name"] == "kind")
    assert (kind["values"], kind["hidden"]) == (["a", "b", "c"], True)
    assert await changes.rows("SELECT 'public.apart'::regclass::oid") == oid
    assert taken(await changes.root.get(f"{URL}/titles/records"))["totalItems"] == 2


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda fields: [field for field in fields if field["name"] != "title"], "title"),
        (
            lambda fields: [field | {"name": "headline"} if field["name"] == "title" else field for field in fields],
            "title",
        ),
    ],
    ids=["dropped", "renamed"],
)
async def test_a_change_that_would_break_a_view_is_refused_and_names_it(changes: Changes, change: Any, word: str):
    await blog(changes)
    await changes.make("titles", type="view", viewQuery="SELECT id, title FROM posts")
    fields = change((await changes.get("posts"))["fields"])
    before = await changes.outline()
    body = refused(await changes.root.patch(f"{URL}/posts", json={"fields": fields}), 400, "bad_request")
    assert "titles" in body["message"]
    assert word in body["message"]
    assert await changes.outline() == before
    everything = {"collections": [
        {"name": "posts", "id": (await changes.get("posts"))["id"], "fields": fields},
        {"name": "titles", "viewQuery": "SELECT id, n AS title FROM posts"},
    ]}  # fmt: skip
    answer = await changes.root.put(f"{URL}/import", json=everything)
    assert answer.status_code == 204, answer.text


async def test_a_collection_that_a_view_reads_cannot_be_renamed_or_deleted_alone(changes: Changes):
    await blog(changes)
    await changes.make("messages", type="view", viewQuery="SELECT id, message FROM comments")
    assert "messages" in refused(await changes.root.delete(f"{URL}/comments"), 400, "bad_request")["message"]
    answer = await changes.root.patch(f"{URL}/comments", json={"name": "remarks"})
    assert "messages" in refused(answer, 400, "bad_request")["message"]
    await changes.change("messages", name="notes")
    await changes.delete("notes")
    await changes.delete("comments")


async def test_views_are_made_in_the_order_in_which_they_read_each_other(changes: Changes):
    listed = [
        {"name": "c", "type": "view", "viewQuery": "SELECT id, x FROM b"},
        {"name": "b", "type": "view", "viewQuery": "SELECT id, x FROM a"},
        {"name": "a", "type": "view", "viewQuery": "SELECT id, name AS x FROM base"},
        {"name": "base", "fields": [{"name": "name", "type": "text"}]},
    ]
    answer = await changes.root.put(f"{URL}/import", json={"collections": listed})
    assert answer.status_code == 204, answer.text
    await changes.create("base", name="n")
    assert taken(await changes.root.get(f"{URL}/c/records"))["items"][0]["x"] == "n"
    answer = await changes.root.patch(f"{URL}/a", json={"viewQuery": "SELECT id, x FROM c"})
    assert "circle" in str(refused(answer, 400, "validation_failed")["data"])
    listed[2]["viewQuery"] = "SELECT id, name || '!' AS x FROM base"
    answer = await changes.root.put(f"{URL}/import", json={"collections": listed})
    assert answer.status_code == 204, answer.text
    assert taken(await changes.root.get(f"{URL}/c/records"))["items"][0]["x"] == "n!"


async def test_text_in_a_view_is_text(changes: Changes):
    await blog(changes)
    nasty = "a'' || pg_sleep(9) || ''\\'' -- /* */ ; \" $$ %s {x}"
    query = "SELECT id, 'X' AS x FROM posts -- a comment\n WHERE title /* another */ != 'X'".replace(
        "'X'", f"'{nasty}'"
    )
    await changes.make("shown", type="view", viewQuery=query)
    items = taken(await changes.root.get(f"{URL}/shown/records"))["items"]
    assert {item["x"] for item in items} == {nasty.replace("''", "'")}


async def test_an_imported_view_that_is_broken_is_named_by_its_place(changes: Changes):
    listed = [{"name": "base"}, {"name": "v", "type": "view", "viewQuery": "SELECT id, nothing FROM base"}]
    answer = await changes.root.put(f"{URL}/import", json={"collections": listed})
    assert "viewQuery" in refused(answer, 400, "validation_failed")["data"]["collections"]["1"]


FAILING = {
    "a division by zero": ("SELECT id, 1 / n AS x FROM posts", "division by zero"),
    "a text that is no number": ("SELECT id, title::int AS x FROM posts", "invalid input syntax"),
    "two rows where one belongs": ("SELECT id, (SELECT id FROM posts) AS x FROM posts", "more than one row"),
}


@pytest.mark.parametrize(("query", "reason"), FAILING.values(), ids=FAILING)
async def test_a_view_whose_query_fails_on_the_data_says_which_one_it_is(changes: Changes, query: str, reason: str):
    await changes.make("posts", {"name": "title", "type": "text"}, {"name": "n", "type": "number"})
    await changes.create("posts", title="a", n=0)
    id = (await changes.create("posts", title="b", n=0))["id"]
    await changes.make("broken", type="view", viewQuery=query, listRule="", viewRule="")
    for path in ("records", f"records/{id}", "records?filter=x!=''", "records/aggregate?select=max(x)"):
        message = refused(await changes.root.get(f"{URL}/broken/{path}"), 400, "bad_request")["message"]
        assert "The view broken cannot be read" in message and reason in message
        told = refused(await changes.api.guest.get(f"{URL}/broken/{path}"), 400, "bad_request")["message"]
        assert "The view broken cannot be read" in told and reason not in told


async def test_a_function_that_a_view_may_not_call_is_named_as_it_is_written(changes: Changes):
    await changes.make("base")
    answer = await changes.root.post(
        URL, json={"name": "v", "type": "view", "viewQuery": "SELECT id, Generate_Series(1, 9) AS n FROM base"}
    )
    assert "The function generate_series is none" in str(refused(answer, 400, "validation_failed")["data"])
