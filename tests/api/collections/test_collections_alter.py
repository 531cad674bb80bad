"""Changes of collections that exist, on rows that are there."""

import asyncio
from typing import Any

import asyncpg
import pytest

from client import in_one_loop, refused
from schema_changes import URL, Changes

pytestmark = in_one_loop

TITLE = {"name": "title", "type": "text"}
NUMBER = {"name": "n", "type": "number"}


def relation(name: str, to: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "relation", "collectionId": to, "maxSelect": 1} | more


async def test_a_rename_keeps_data_indexes_and_relations(changes: Changes):
    await changes.make("authors", TITLE)
    await changes.make(
        "posts",
        {"name": "title", "type": "text", "unique": True},
        relation("author", "authors"),
        relation("readers", "authors", maxSelect=5),
        indexes=["CREATE INDEX idx_title ON posts (title) WHERE title != ''"],
        searchable=["title"],
    )
    author = await changes.create("authors", title="a")
    await changes.create("posts", title="t", author=author["id"], readers=[author["id"]])
    before = await changes.rows("SELECT count(*), sum(pg_relation_filenode(indexrelid)::bigint) FROM pg_index")
    await changes.change("authors", name="writers")
    fields = await changes.with_field("posts", "title", name="headline")
    changed = await changes.change("posts", name="articles", fields=fields)
    assert changed["indexes"] == ["CREATE INDEX `idx_title` ON `articles` (`headline`) WHERE `headline` != ''"]
    assert changed["searchable"] == ["headline"]
    # Nothing was built again: every index is still in its own file.
    assert await changes.rows("SELECT count(*), sum(pg_relation_filenode(indexrelid)::bigint) FROM pg_index") == before
    await changes.create("articles", headline="u", author=author["id"], readers=[author["id"]])
    assert (await changes.root.delete(f"{URL}/writers/records/{author['id']}")).status_code == 204
    assert await changes.rows("SELECT headline, author, readers FROM public.articles ORDER BY 1") == [
        ("t", None, []),
        ("u", None, []),
    ]
    answer = await changes.root.post(f"{URL}/articles/records", json={"headline": "u"})
    assert "headline" in refused(answer, 400, "validation_failed")["data"]


async def test_names_can_change_places(changes: Changes):
    await changes.make(
        "left", {"name": "a", "type": "text"}, {"name": "b", "type": "text"}, {"name": "c", "type": "text"}
    )
    await changes.make("right", TITLE)
    await changes.create("left", a="1", b="2", c="3")
    await changes.create("right", title="r")
    fields = (await changes.get("left"))["fields"]
    for field, name in zip(fields[1:], ("b", "c", "a"), strict=True):
        field["name"] = name
    both = [
        {"id": (await changes.get("left"))["id"], "name": "right", "fields": fields},
        {"id": (await changes.get("right"))["id"], "name": "left"},
    ]
    answer = await changes.root.put(f"{URL}/import", json={"collections": both})
    assert answer.status_code == 204, answer.text
    assert await changes.rows('SELECT a, b, c FROM public."right"') == [("3", "1", "2")]
    assert await changes.rows('SELECT title FROM public."left"') == ["r"]


async def test_a_field_can_take_the_name_of_one_that_goes(changes: Changes):
    await changes.make("posts", {"name": "a", "type": "text"}, {"name": "b", "type": "number", "unique": True})
    await changes.create("posts", a="old", b=5)
    fields = [field for field in (await changes.get("posts"))["fields"] if field["name"] != "a"]
    fields[-1]["name"] = "a"
    await changes.change("posts", fields=fields)
    assert await changes.rows("SELECT a FROM public.posts") == [5.0]


async def test_a_field_that_is_added_writes_no_row(changes: Changes):
    await changes.make("posts", TITLE)
    await changes.create("posts", title="t")
    file = await changes.rows("SELECT pg_relation_filenode('public.posts')")
    added = [
        NUMBER, {"name": "made", "type": "autodate", "onCreate": True},
        {"name": "tags", "type": "select", "values": ["a", "b"], "maxSelect": 2},
        {"name": "extra", "type": "json"}, {"name": "place", "type": "geoPoint"},
    ]  # fmt: skip
    await changes.change("posts", fields=[*(await changes.get("posts"))["fields"], *added])
    assert await changes.rows("SELECT pg_relation_filenode('public.posts')") == file
    assert await changes.rows("SELECT title, n, made IS NOT NULL, tags, extra FROM public.posts") == [
        ("t", 0.0, True, [], None)
    ]


async def test_values_that_are_not_unique_are_counted_and_nothing_is_done(changes: Changes):
    await changes.make("posts", TITLE, NUMBER)
    for title in ("a", "a", "a", "b", "b", "", ""):
        await changes.create("posts", title=title)
    before = await changes.outline()
    answer = await changes.root.patch(
        f"{URL}/posts", json={"fields": await changes.with_field("posts", "title", unique=True, name="renamed")}
    )
    problem = refused(answer, 400, "validation_failed")["data"]["fields"]["1"]["unique"]
    assert (problem["code"], problem["message"][:17]) == ("validation_not_unique", "3 rows have value")
    answer = await changes.root.patch(
        f"{URL}/posts", json={"indexes": ["CREATE UNIQUE INDEX u ON posts (title COLLATE NOCASE)"]}
    )
    problem = refused(answer, 400, "validation_failed")["data"]["indexes"]["0"]
    assert (problem["code"], problem["message"][:17]) == ("validation_not_unique", "4 rows have value")
    assert await changes.outline() == before


async def test_a_value_too_long_for_an_index_is_a_field_error(changes: Changes):
    await changes.make("posts", {"name": "title", "type": "text", "max": 100000})
    noise = "".join(chr(0x4E00 + (at * 7919) % 20000) for at in range(20000))
    await changes.create("posts", title=noise)
    answer = await changes.root.patch(f"{URL}/posts", json={"indexes": ["CREATE INDEX long ON posts (title)"]})
    assert "0" in refused(answer, 400, "validation_failed")["data"]["indexes"]


async def test_the_last_statement_that_fails_undoes_all_before_it(changes: Changes):
    await changes.make("posts", TITLE, NUMBER)
    await changes.create("posts", title="same", n=1)
    await changes.create("posts", title="same", n=2)
    before, rows = await changes.outline(), await changes.rows("SELECT * FROM public.posts")
    catalog = await changes.rows("SELECT definition::text, updated FROM holdfast.collections")
    answer = await changes.root.put(
        f"{URL}/import",
        json={
            "deleteMissing": True,
            "collections": [
                {"name": "fresh", "fields": [TITLE]},
                {
                    "name": "posts",
                    "fields": [{"name": "n", "type": "text"}, {"name": "title", "type": "text", "unique": True}],
                },
            ],
        },
    )
    found = refused(answer, 400, "validation_failed")["data"]["collections"]["1"]["fields"]
    assert found["1"]["unique"]["code"] == "validation_not_unique"
    assert await changes.outline() == before
    assert await changes.rows("SELECT * FROM public.posts") == rows
    assert await changes.rows("SELECT definition::text, updated FROM holdfast.collections") == catalog
    assert await changes.trash() == []
    assert await changes.rows("SELECT count(*) FROM pg_tables WHERE schemaname = 'holdfast_trash'") == [0]


async def test_a_collection_that_relations_point_at_stays_until_they_go(changes: Changes):
    await changes.make("authors", TITLE)
    await changes.make("posts", relation("author", "authors"), relation("readers", "authors", maxSelect=3))
    body = refused(await changes.root.delete(f"{URL}/authors"), 400, "bad_request")
    assert "posts.author, posts.readers" in body["message"]
    await changes.drop_field("posts", "author")
    await changes.drop_field("posts", "readers")
    await changes.delete("authors")


async def test_collections_that_point_at_each_other_go_together(changes: Changes):
    await changes.make("a", TITLE)
    await changes.make("b", relation("to", "a"))
    await changes.change("a", fields=[*(await changes.get("a"))["fields"], relation("to", "b", maxSelect=4)])
    refused(await changes.root.delete(f"{URL}/a"), 400, "bad_request")
    answer = await changes.root.put(
        f"{URL}/import", json={"collections": [{"name": "c", "type": "base"}], "deleteMissing": True}
    )
    assert answer.status_code == 204, answer.text
    assert {item["collectionName"] for item in await changes.trash()} == {"a", "b", "users"}


async def test_a_list_can_point_at_a_collection_whatever_its_fields_are_called(changes: Changes):
    names = ("added", "held", "source", "target", "new", "old", "found", "label")
    await changes.make("tags", *({"name": name, "type": "text"} for name in names))
    await changes.make("posts", relation("added", "tags", maxSelect=9), relation("held", "tags", maxSelect=9))
    tag = (await changes.create("tags", added="x"))["id"]
    made = await changes.create("posts", added=[tag], held=[tag])
    assert (made["added"], made["held"]) == ([tag], [tag])
    answer = await changes.root.post(f"{URL}/posts/records", json={"added": [tag, "nobody000000000"]})
    assert refused(answer, 400, "validation_failed")["data"]["added"]["code"] == "validation_missing_rel_records"
    assert (await changes.root.delete(f"{URL}/tags/records/{tag}")).status_code == 204


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ({}, [("keeps", ["2"]), ("only", [])]),
        ({"cascadeDelete": True}, [("keeps", ["2"])]),
        ({"cascadeDelete": True, "required": True}, [("keeps", ["2"])]),
    ],
    ids=["empties", "cascades", "cascade wins over required"],
)
async def test_ids_of_deleted_records_leave_the_lists(changes: Changes, options: dict[str, Any], left: list[Any]):
    await changes.make("tags", TITLE)
    await changes.make("posts", TITLE, relation("tags", "tags", maxSelect=9, **options))
    one, two = [(await changes.create("tags", title=title))["id"] for title in "12"]
    await changes.create("posts", title="keeps", tags=[one, two])
    await changes.create("posts", title="only", tags=[one])
    assert (await changes.root.delete(f"{URL}/tags/records/{one}")).status_code == 204
    names = {"1": one, "2": two}
    expected = [(title, [names[tag] for tag in tags]) for title, tags in left]
    assert await changes.rows("SELECT title, tags FROM public.posts ORDER BY title") == expected


async def test_a_required_list_keeps_its_last_record(changes: Changes):
    await changes.make("tags", TITLE)
    await changes.make("posts", relation("tags", "tags", maxSelect=9, required=True))
    one, two = [(await changes.create("tags", title=title))["id"] for title in "12"]
    await changes.create("posts", tags=[one, two])
    assert (await changes.root.delete(f"{URL}/tags/records/{one}")).status_code == 204
    assert (await changes.root.delete(f"{URL}/tags/records/{two}")).status_code == 400
    assert await changes.rows("SELECT tags FROM public.posts") == [[two]]
    with pytest.raises(Exception, match="a list in"):
        await changes.run("TRUNCATE public.tags")
    with pytest.raises(Exception, match="a list in"):
        await changes.run("DELETE FROM public.tags")


async def test_a_list_can_only_name_records_that_are_there(changes: Changes):
    await changes.make("tags", TITLE)
    await changes.make("posts", TITLE, relation("tags", "tags", maxSelect=9))
    await changes.run("INSERT INTO public.tags (id) VALUES ('t1'), ('t2')")
    await changes.run("INSERT INTO public.posts (id, tags) VALUES ('p1', '{t1,t2}')")
    for statement in (
        "INSERT INTO public.posts (id, tags) VALUES ('p2', '{t3}')",
        "INSERT INTO public.posts (id, tags) VALUES ('p2', '{t1,t3}')",
        "INSERT INTO public.posts (id, tags) VALUES ('p2', '{t1}'), ('p3', '{t3}')",
        "UPDATE public.posts SET tags = '{t1,t2,t3}'",
        "UPDATE public.posts SET tags = '{\"\"}'",
    ):
        with pytest.raises(asyncpg.ForeignKeyViolationError, match="names an id that is not") as refusal:
            await changes.run(statement)
        field = next(one for one in (await changes.get("posts"))["fields"] if one["name"] == "tags")
        assert refusal.value.constraint_name == f"hf_fk_{(await changes.get('posts'))['id']}_{field['id']}"
    await changes.run("UPDATE public.posts SET tags = '{t2,t1}', title = 'x'; UPDATE public.posts SET tags = '{t1,t1}'")
    # Only at the end of a transaction where that is asked for: a batch makes the records of a circle one by one.
    await changes.run(
        "BEGIN; SET CONSTRAINTS ALL DEFERRED;"
        " INSERT INTO public.posts (id, tags) VALUES ('p2', '{t4}'), ('p3', '{t5}');"
        " INSERT INTO public.tags (id) VALUES ('t4'); UPDATE public.posts SET tags = '{t1}' WHERE id = 'p3'; COMMIT"
    )
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await changes.run(
            "BEGIN; SET CONSTRAINTS ALL DEFERRED; INSERT INTO public.posts (id, tags) VALUES ('p4', '{t9}'); COMMIT"
        )
    await changes.run("ROLLBACK")
    assert await changes.rows("SELECT id FROM public.posts ORDER BY 1") == ["p1", "p2", "p3"]


async def test_many_records_leave_many_lists_at_once(changes: Changes):
    await changes.make("tags", TITLE)
    await changes.make("posts", relation("tags", "tags", maxSelect=9))
    await changes.run("INSERT INTO public.tags (id) SELECT 't' || n FROM generate_series(1, 2000) AS n")
    await changes.run(
        "INSERT INTO public.posts (id, tags) SELECT 'p' || n, ARRAY['t' || n, 't' || (n % 10 + 1)]"
        " FROM generate_series(11, 2000) AS n"
    )
    await changes.run("DELETE FROM public.tags WHERE id NOT IN ('t1', 't2')")
    assert await changes.rows("SELECT DISTINCT tags FROM public.posts ORDER BY 1") == [[], ["t1"], ["t2"]]


async def test_two_transactions_cannot_leave_an_id_that_points_nowhere(changes: Changes):
    await changes.make("tags", TITLE)
    await changes.make("posts", relation("tags", "tags", maxSelect=9))
    await changes.run("INSERT INTO public.tags (id) VALUES ('t1'), ('t2')")
    async with changes.connection() as first, changes.connection() as second:
        transaction = first.transaction()
        await transaction.start()
        await first.execute("INSERT INTO public.posts (id, tags) VALUES ('p1', '{t1}')")
        waiting = asyncio.create_task(second.execute("DELETE FROM public.tags WHERE id = 't1'"))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        await transaction.commit()
        await waiting
        transaction = first.transaction()
        await transaction.start()
        await first.execute("DELETE FROM public.tags WHERE id = 't2'")
        waiting = asyncio.create_task(second.execute("INSERT INTO public.posts (id, tags) VALUES ('p2', '{t2}')"))
        await asyncio.sleep(0.2)
        await transaction.commit()
        with pytest.raises(Exception, match="names an id that is not"):
            await waiting
    assert await changes.rows("SELECT id, tags FROM public.posts") == [("p1", [])]


async def test_options_of_a_relation_change_what_happens_in_the_database(changes: Changes):
    await changes.make("authors", TITLE)
    await changes.make("posts", relation("author", "authors"))
    ends = []
    for options in ({}, {"required": True}, {"required": True, "cascadeDelete": True}, {"cascadeDelete": False}):
        await changes.change_field("posts", "author", **options)
        ends += await changes.rows("SELECT confdeltype::text FROM pg_constraint WHERE conname LIKE 'hf_fk_%'")
    assert ends == ["n", "a", "c", "a"]


async def test_a_relation_can_point_elsewhere_and_forgets_what_is_not_there(changes: Changes):
    await changes.make("a", TITLE)
    await changes.make("b", TITLE)
    await changes.make("posts", relation("one", "a"), relation("many", "a", maxSelect=3))
    await changes.run("INSERT INTO public.a (id) VALUES ('x'), ('y'); INSERT INTO public.b (id) VALUES ('y')")
    await changes.run("INSERT INTO public.posts (id, one, many) VALUES ('1', 'x', '{x,y}'), ('2', 'y', '{y}')")
    target = (await changes.get("b"))["id"]
    await changes.change_field("posts", "one", collectionId=target)
    await changes.change_field("posts", "many", collectionId=target)
    assert await changes.rows("SELECT one, many FROM public.posts ORDER BY id") == [(None, ["y"]), ("y", ["y"])]
    lost = {item["fieldName"]: item for item in await changes.trash()}
    assert {name: item["rows"] for name, item in lost.items()} == {"one": 1, "many": 1}
    for item in lost.values():
        await changes.restore(item["id"])
    assert await changes.rows("SELECT one, many FROM public.posts ORDER BY id") == [("x", ["x", "y"]), ("y", ["y"])]


@pytest.mark.parametrize("rule", ["listRule", "viewRule", "createRule", "updateRule", "deleteRule"])
async def test_a_rule_that_means_nothing_is_a_field_error(changes: Changes, rule: str):
    answer = await changes.root.post(URL, json={"name": "posts", "fields": [TITLE], rule: "titel = 'x'"})
    problem = refused(answer, 400, "validation_failed")["data"][rule]
    assert problem["code"] == "validation_invalid_rule"
    assert "title" in problem["message"]
    await changes.make("posts", TITLE, **{rule: "title = 'x' && @request.auth.id != ''"})
    answer = await changes.root.put(
        f"{URL}/import", json={"collections": [{"name": "users"}, {"name": "posts", rule: "(("}]}
    )
    assert rule in refused(answer, 400, "validation_failed")["data"]["collections"]["1"]


async def test_a_change_that_would_break_a_rule_is_refused(changes: Changes):
    await changes.make("posts", TITLE, NUMBER, listRule="n > 1")
    await changes.make("comments", relation("post", "posts"), viewRule="post.title != ''")
    fields = [field for field in (await changes.get("posts"))["fields"] if field["name"] != "n"]
    answer = await changes.root.patch(f"{URL}/posts", json={"fields": fields})
    assert "listRule" in refused(answer, 400, "validation_failed")["data"]
    fields = await changes.with_field("posts", "title", name="headline")
    body = refused(await changes.root.patch(f"{URL}/posts", json={"fields": fields}), 400, "bad_request")
    assert "viewRule of comments" in body["message"]
    await changes.change("comments", viewRule=None)
    await changes.change("posts", fields=fields)


async def test_the_hardest_limits_of_postgresql_are_met_with_words(changes: Changes):
    fields = [{"name": f"f{place}", "type": "text"} for place in range(501)]
    answer = await changes.root.post(URL, json={"name": "wide", "fields": fields})
    refused(answer, 400, "validation_failed")
    await changes.make("wide", *fields[:400])
    await changes.change_field("wide", "f0", type="number")


async def test_a_table_that_somebody_else_made_is_not_taken(changes: Changes):
    await changes.run("CREATE TABLE public.foreign_one (x integer)")
    answer = await changes.root.post(URL, json={"name": "foreign_one", "fields": [TITLE]})
    assert "name" in refused(answer, 400, "validation_failed")["data"]
    await changes.make("posts", TITLE)
    await changes.run("CREATE VIEW public.foreign_view AS SELECT title FROM public.posts")
    for fields in (
        await changes.with_field("posts", "title", type="number"),
        (await changes.get("posts"))["fields"][:1],
    ):
        body = refused(await changes.root.patch(f"{URL}/posts", json={"fields": fields}), 400, "bad_request")
        assert "outside Holdfast" in body["message"]
    await changes.run("DROP VIEW public.foreign_view")
