"""What a change drops comes back: data, indexes, rules and relations; and goes when its time is over."""

from typing import Any

import pytest

from client import in_one_loop, refused
from holdfast.collections.trash import sweep_trash
from schema_changes import URL, Changes, taken

pytestmark = in_one_loop

TITLE = {"name": "title", "type": "text"}


def relation(name: str, to: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "relation", "collectionId": to, "maxSelect": 1} | more


async def blog(changes: Changes) -> tuple[str, str]:
    """Authors and posts that point at them; gives the ids of two authors."""
    await changes.make("authors", TITLE)
    await changes.make(
        "posts",
        {"name": "title", "type": "text", "unique": True},
        {"name": "n", "type": "number"},
        relation("author", "authors", required=True),
        relation("readers", "authors", maxSelect=9),
        listRule="author.title != 'x'",
        createRule="",
        searchable=["title"],
        indexes=["CREATE INDEX idx_both ON posts (n, title)", "CREATE UNIQUE INDEX idx_n ON posts (n) WHERE n > 0"],
    )
    one, two = [(await changes.create("authors", title=title))["id"] for title in "ab"]
    await changes.create("posts", title="first", n=1, author=one, readers=[one, two])
    await changes.create("posts", title="second", n=2, author=two, readers=[two])
    return one, two


async def test_a_dropped_collection_comes_back_as_it_was(changes: Changes):
    await blog(changes)
    was, outline, rows = (
        await changes.get("posts"),
        await changes.outline(),
        await changes.rows("SELECT * FROM public.posts"),
    )
    file = await changes.rows("SELECT pg_relation_filenode('public.posts')")
    await changes.delete("posts")
    refused(await changes.root.get(f"{URL}/posts"), 404, "not_found")
    [item] = await changes.trash()
    assert (item["kind"], item["collectionName"], item["rows"], item["bytes"] > 0) == ("collection", "posts", 2, True)
    # It cost nothing: the table is the same file in another schema.
    assert await changes.rows(f"SELECT pg_relation_filenode('holdfast_trash.hf_{item['id']}')") == file
    restored = await changes.restore(item["id"])
    assert restored["collection"] | {"updated": "", "created": ""} == was | {"updated": "", "created": ""}
    assert {key: restored[key] for key in ("also", "emptied", "closedRules", "loosened")} == {
        "also": [], "emptied": 0, "closedRules": [], "loosened": [],
    }  # fmt: skip
    assert await changes.outline() == outline
    assert await changes.rows("SELECT * FROM public.posts") == rows
    assert await changes.trash() == []
    answer = await changes.root.post(f"{URL}/posts/records", json={"title": "first"})
    assert set(refused(answer, 400, "validation_failed")["data"]) == {"author"}


async def test_a_collection_dropped_twice_is_in_the_trash_twice(changes: Changes):
    for _ in range(2):
        await changes.make("posts", TITLE, id="pbc_fixed", indexes=["CREATE INDEX idx_title ON posts (title)"])
        await changes.create("posts", title="t")
        await changes.delete("posts")
    first, second = await changes.trash()
    assert first["id"] != second["id"]
    await changes.restore(second["id"])
    body = refused(await changes.root.post(f"{URL}/trash/{first['id']}/restore"), 400, "bad_request")
    assert "posts" in body["message"]
    await changes.delete("posts")
    assert len(await changes.trash()) == 2


async def test_relations_that_point_nowhere_by_now_are_emptied_and_counted(changes: Changes):
    one, two = await blog(changes)
    await changes.delete("posts")
    assert (await changes.root.delete(f"{URL}/authors/records/{one}")).status_code == 204
    [item] = await changes.trash()
    restored = await changes.restore(item["id"])
    assert restored["emptied"] == 2
    assert await changes.rows("SELECT title, author, readers FROM public.posts ORDER BY n") == [
        ("first", None, [two]),
        ("second", two, [two]),
    ]


async def test_what_a_collection_points_at_comes_back_with_it(changes: Changes):
    await blog(changes)
    await changes.change("authors", fields=[*(await changes.get("authors"))["fields"], relation("best", "posts")])
    outline = await changes.outline()
    answer = await changes.root.put(f"{URL}/import", json={"collections": [{"name": "users"}], "deleteMissing": True})
    assert answer.status_code == 204, answer.text
    item = next(item for item in await changes.trash() if item["collectionName"] == "posts")
    restored = await changes.restore(item["id"])
    assert restored["also"] == ["authors"]
    assert await changes.outline() == outline
    assert await changes.rows("SELECT count(*) FROM public.posts JOIN public.authors ON authors.id = author") == [2]
    assert await changes.trash() == []


async def test_a_collection_whose_target_is_gone_for_good_keeps_the_ids_as_text(changes: Changes):
    one, two = await blog(changes)
    await changes.delete("posts")
    await changes.delete("authors")
    items = {item["collectionName"]: item for item in await changes.trash()}
    assert (await changes.root.delete(f"{URL}/trash/{items['authors']['id']}")).status_code == 204
    restored = await changes.restore(items["posts"]["id"])
    assert sorted(restored["loosened"]) == ["posts.author", "posts.readers"]
    assert restored["closedRules"] == ["posts.listRule"]
    assert (restored["collection"]["listRule"], restored["collection"]["createRule"]) == (None, "")
    assert await changes.rows("SELECT author, readers FROM public.posts ORDER BY n") == [
        (one, f'["{one}", "{two}"]'),
        (two, f'["{two}"]'),
    ]
    await changes.create("posts", title="third", author="anything")


async def test_names_that_are_taken_stand_in_the_way(changes: Changes):
    await blog(changes)
    await changes.delete("posts")
    [item] = await changes.trash()
    await changes.make("Posts", TITLE, id="other")
    body = refused(await changes.root.post(f"{URL}/trash/{item['id']}/restore"), 400, "bad_request")
    assert "Posts" in body["message"]
    await changes.change("Posts", name="essays", indexes=["CREATE INDEX idx_n ON essays (title)"])
    body = refused(await changes.root.post(f"{URL}/trash/{item['id']}/restore"), 400, "bad_request")
    assert "idx_n" in body["message"]
    await changes.change("essays", indexes=[])
    await changes.restore(item["id"])


async def test_a_dropped_view_comes_back(changes: Changes):
    await changes.make("shown", type="view", viewQuery="SELECT id, email AS mail FROM users", listRule="mail != ''")
    was = await changes.get("shown")
    await changes.delete("shown")
    [item] = await changes.trash()
    assert (item["rows"], item["bytes"]) == (0, 0)
    restored = await changes.restore(item["id"])
    assert restored["collection"] | {"updated": "", "created": ""} == was | {"updated": "", "created": ""}
    assert taken(await changes.root.get(f"{URL}/shown/records"))["items"] == []


async def test_a_dropped_field_comes_back_with_its_values_and_indexes(changes: Changes):
    await blog(changes)
    was, outline = await changes.get("posts"), await changes.outline()
    rows = await changes.rows("SELECT id, title, n, author, readers FROM public.posts ORDER BY id")
    for name in ("readers", "n", "title"):
        await changes.drop_field("posts", name)
    assert (await changes.get("posts"))["indexes"] == []
    dropped = await changes.trash()
    assert [(item["kind"], item["fieldName"], item["rows"]) for item in dropped] == [
        ("field", "title", 2), ("field", "n", 2), ("field", "readers", 2),
    ]  # fmt: skip
    for item in dropped:
        await changes.restore(item["id"])
    assert await changes.rows("SELECT id, title, n, author, readers FROM public.posts ORDER BY id") == rows
    now = await changes.get("posts")
    assert now["fields"] == was["fields"]
    assert now["searchable"] == ["title"]
    assert sorted(now["indexes"]) == sorted(was["indexes"])
    assert await changes.outline() == outline


async def test_rows_that_came_and_went_meanwhile_change_nothing(changes: Changes):
    one, _ = await blog(changes)
    await changes.drop_field("posts", "n")
    [item] = await changes.trash()
    first = taken(await changes.root.get(f"{URL}/posts/records", params={"filter": "title = 'first'"}))["items"][0]
    assert (await changes.root.delete(f"{URL}/posts/records/{first['id']}")).status_code == 204
    await changes.create("posts", title="third", author=one)
    await changes.restore(item["id"])
    assert await changes.rows("SELECT title, n FROM public.posts ORDER BY title") == [("second", 2.0), ("third", 0.0)]


async def test_a_dropped_relation_forgets_what_is_not_there_any_more(changes: Changes):
    one, two = await blog(changes)
    await changes.drop_field("posts", "readers")
    await changes.change("posts", listRule=None)
    await changes.drop_field("posts", "author")
    assert (await changes.root.delete(f"{URL}/authors/records/{one}")).status_code == 204
    emptied = {item["fieldName"]: (await changes.restore(item["id"]))["emptied"] for item in await changes.trash()}
    assert emptied == {"readers": 1, "author": 1}
    assert await changes.rows("SELECT author, readers FROM public.posts ORDER BY n") == [(None, [two]), (two, [two])]


async def test_a_field_stays_in_the_trash_while_its_name_or_its_collection_is_not_free(changes: Changes):
    await blog(changes)
    await changes.drop_field("posts", "n")
    [item] = await changes.trash()
    fields = (await changes.get("posts"))["fields"]
    await changes.change("posts", fields=[*fields, {"name": "N", "type": "text", "id": "another"}])
    body = refused(await changes.root.post(f"{URL}/trash/{item['id']}/restore"), 400, "bad_request")
    assert "N" in body["message"]
    await changes.delete("posts")
    body = refused(await changes.root.post(f"{URL}/trash/{item['id']}/restore"), 400, "bad_request")
    assert "posts" in body["message"]


async def test_values_that_are_not_unique_by_now_stand_in_the_way(changes: Changes):
    await blog(changes)
    await changes.drop_field("posts", "title")
    [item] = await changes.trash()
    await changes.run(f"UPDATE holdfast_trash.hf_{item['id']} SET value = 'same'")  # noqa: S608
    answer = await changes.root.post(f"{URL}/trash/{item['id']}/restore")
    assert "unique" in str(refused(answer, 400, "validation_failed")["data"])
    assert len(await changes.trash()) == 1


async def test_lost_values_come_back_where_nobody_wrote_since(changes: Changes):
    await changes.make("posts", TITLE)
    ids = {title: (await changes.create("posts", title=title))["id"] for title in ("five", "six", "7", "")}
    await changes.change_field("posts", "title", type="number")
    await changes.root.patch(f"{URL}/posts/records/{ids['six']}", json={"title": 66})
    await changes.change_field("posts", "title", name="count")
    [item] = await changes.trash()
    assert (item["kind"], item["rows"]) == ("values", 2)
    restored = await changes.restore(item["id"])
    assert [(field["name"], field["type"]) for field in restored["collection"]["fields"]][1:] == [("count", "text")]
    rows = dict(await changes.rows("SELECT id, count FROM public.posts"))
    assert [rows[id] for id in ids.values()] == ["five", "66", "7", ""]
    assert await changes.trash() == []


async def test_lost_values_wait_for_the_changes_after_them_to_be_undone(changes: Changes):
    await changes.make("posts", TITLE)
    await changes.create("posts", title="five")
    await changes.change_field("posts", "title", type="number")
    [item] = await changes.trash()
    await changes.change_field("posts", "title", type="bool")
    body = refused(await changes.root.post(f"{URL}/trash/{item['id']}/restore"), 400, "bad_request")
    assert "bool" in body["message"]
    await changes.change_field("posts", "title", type="number")
    await changes.restore(item["id"])
    assert await changes.rows("SELECT title FROM public.posts") == ["five"]


async def test_what_is_deleted_for_good_is_gone(changes: Changes):
    await blog(changes)
    await changes.drop_field("posts", "n")
    await changes.delete("posts")
    for item in await changes.trash():
        assert (await changes.root.delete(f"{URL}/trash/{item['id']}")).status_code == 204
    assert await changes.trash() == []
    assert await changes.rows("SELECT count(*) FROM pg_tables WHERE schemaname = 'holdfast_trash'") == [0]


async def test_the_sweep_takes_what_has_expired_and_nothing_else(changes: Changes):
    for at in range(25):
        await changes.make(f"old{at}", TITLE)
    await changes.make("young", TITLE)
    listed = [{"name": "users"}, {"name": "young"}]
    answer = await changes.root.put(f"{URL}/import", json={"collections": listed, "deleteMissing": True})
    assert answer.status_code == 204
    await changes.run("UPDATE holdfast.trash SET expires = now() - interval '1 second'")
    await changes.delete("young")
    assert await sweep_trash(changes.api.pool) == 25
    assert [item["collectionName"] for item in await changes.trash()] == ["young"]
    assert await changes.rows("SELECT count(*) FROM pg_tables WHERE schemaname = 'holdfast_trash'") == [1]
    expires = await changes.rows("SELECT round(extract(epoch FROM expires - dropped) / 86400)::int FROM holdfast.trash")
    assert expires == [7]


@pytest.mark.parametrize("id", ["nothing", "x'; DROP TABLE users; --", "%00"])
async def test_an_id_that_is_none_finds_nothing(changes: Changes, id: str):
    answer = await changes.root.post(f"{URL}/trash/{id}/restore")
    assert answer.status_code in (400, 404)


@pytest.mark.parametrize(
    ("old", "new", "values"),
    [
        pytest.param({"type": "text"}, {"type": "number"}, ["", "x", "0", "7"], id="text and numbers"),
        pytest.param({"type": "email"}, {"type": "bool"}, ["", "a@example.com"], id="emails and yes or no"),
        pytest.param(
            {"type": "json"},
            {"type": "geoPoint"},
            [None, 1, {"lon": 0, "lat": 0}, {"lat": 1, "lon": 2}],
            id="json and points",
        ),
        pytest.param(
            {"type": "select", "values": ["a", "b"], "maxSelect": 2},
            {"type": "decimal", "precision": 9, "scale": 2},
            [[], ["a", "b"]],
            id="lists and decimals",
        ),
        pytest.param({"type": "url"}, {"type": "autodate", "onCreate": True}, ["", "example.com"], id="urls and dates"),
    ],
)
async def test_blanks_are_blank_again_when_lost_values_come_back(
    changes: Changes, old: dict[str, Any], new: dict[str, Any], values: list[Any]
):
    await changes.make("things", {"name": "value", **old}, {"name": "n", "type": "number"})
    for n, value in enumerate(values):
        await changes.create("things", value=value, n=n)
    await changes.change_field("things", "value", **new)
    [item] = await changes.trash()
    assert (item["kind"], item["rows"]) == ("values", 1)  # blanks are no loss
    await changes.restore(item["id"])
    items = taken(await changes.root.get(f"{URL}/things/records", params={"sort": "n"}))["items"]
    assert [one["value"] for one in items] == values


async def test_a_collection_comes_back_beside_another_that_was_made_in_its_place(changes: Changes):
    """Ids are made of names, so the other one has its id."""
    first = await changes.make(
        "pages",
        {"name": "title", "type": "text", "unique": True},
        relation("parent", "pages"),
        relation("seen", "pages", maxSelect=9),
        searchable=["title"],
        indexes=["CREATE INDEX idx_title ON pages (title, parent)"],
    )
    top = (await changes.create("pages", title="top"))["id"]
    await changes.create("pages", title="below", parent=top, seen=[top])
    await changes.delete("pages")
    second = await changes.make("pages", TITLE)
    assert second["id"] == first["id"]
    await changes.create("pages", title="new")
    [item] = await changes.trash()
    refused(await changes.root.post(f"{URL}/trash/{item['id']}/restore"), 400, "bad_request")
    await changes.change("pages", name="newer")
    back = (await changes.restore(item["id"]))["collection"]
    assert back["name"] == "pages"
    assert back["id"] not in ("", first["id"])
    assert {field["collectionId"] for field in back["fields"] if field["type"] == "relation"} == {back["id"]}
    below = taken(await changes.root.get(f"{URL}/pages/records", params={"search": "below"}))["items"]
    assert [(one["title"], one["parent"], one["seen"]) for one in below] == [("below", top, [top])]
    answer = await changes.root.post(f"{URL}/pages/records", json={"title": "top"})
    assert "title" in refused(answer, 400, "validation_failed")["data"]
    await changes.root.delete(f"{URL}/pages/records/{top}")
    assert [one["seen"] for one in taken(await changes.root.get(f"{URL}/pages/records"))["items"]] == [[]]
    assert [one["title"] for one in taken(await changes.root.get(f"{URL}/newer/records"))["items"]] == ["new"]
    for name in ("pages", "newer"):
        await changes.delete(name)


async def test_a_field_comes_back_with_its_indexes_though_all_else_has_other_names(changes: Changes):
    await changes.make(
        "posts", TITLE, {"name": "n", "type": "number"}, indexes=["CREATE INDEX idx_both ON posts (title, n)"]
    )
    await changes.drop_field("posts", "title", indexes=[])
    await changes.change_field("posts", "n", name="number")
    await changes.change("posts", name="articles")
    [item] = await changes.trash()
    restored = (await changes.restore(item["id"]))["collection"]
    assert restored["indexes"] == ["CREATE INDEX `idx_both` ON `articles` (`title`, `number`)"]
