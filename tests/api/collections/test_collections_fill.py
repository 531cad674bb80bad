"""A new field can come filled: with a field, a constant, or an SQL expression over the records that are there."""

from typing import Any

import pytest

from client import in_one_loop, refused
from schema_changes import URL, Changes, taken

pytestmark = in_one_loop

WHEN = "2026-11-20 09:00:00.000Z"
AUTHOR = {"name": "author", "type": "relation", "collectionId": "authors", "maxSelect": 1}


async def posts(changes: Changes) -> dict[str, str]:
    """Three posts, by `n`; returns the id of the author of the first two."""
    await changes.make("authors", {"name": "name", "type": "text"})
    author = await changes.create("authors", name="Ann")
    await changes.make(
        "posts",
        {"name": "title", "type": "text"},
        {"name": "n", "type": "number"},
        {"name": "on", "type": "bool"},
        {"name": "when", "type": "date"},
        {"name": "tags", "type": "select", "values": ["a", "b"], "maxSelect": 2},
        {"name": "meta", "type": "json"},
        {"name": "place", "type": "geoPoint"},
        AUTHOR,
    )
    await changes.create(
        "posts",
        title="One  Two",
        n=1,
        on=True,
        when=WHEN,
        tags=["a", "b"],
        meta={"k": "v"},
        place={"lon": 7.5, "lat": 51.25},
        author=author["id"],
    )
    await changes.create("posts", title="7", n=2, author=author["id"])
    await changes.create("posts", title="", n=3)
    return author


async def filled(changes: Changes, fill: str, **field: Any) -> list[Any]:
    """What a new field that is filled like this holds, in the order of `n`."""
    fields = (await changes.get("posts"))["fields"]
    await changes.change("posts", fields=[*fields, {"name": "made", "type": "text", **field, "fill": fill}])
    found = taken(await changes.root.get("/api/collections/posts/records", params={"sort": "n"}))
    return [item["made"] for item in found["items"]]


@pytest.mark.parametrize(
    ("fill", "field", "made"),
    [
        ("title", {}, ["One  Two", "7", ""]),
        ("TITLE -- as it is", {}, ["One  Two", "7", ""]),
        ("'draft'", {}, ["draft", "draft", "draft"]),
        ("lower(replace(title, ' ', '-'))", {}, ["one--two", "7", ""]),
        ("title || ' (' || n || ')'", {}, ["One  Two (1)", "7 (2)", " (3)"]),
        ("(SELECT name FROM authors WHERE authors.id = posts.author)", {}, ["Ann", "Ann", ""]),
        ("row_number() OVER (ORDER BY n DESC)", {"type": "number"}, [3, 2, 1]),
        ("n * 2.5", {"type": "number"}, [2.5, 5, 7.5]),
        ("title", {"type": "number"}, [0, 7, 0]),
        ("n", {"type": "decimal", "scale": 2}, ["1.00", "2.00", "3.00"]),
        ("n > 1", {"type": "bool"}, [False, True, True]),
        ('"on"', {"type": "bool"}, [True, False, False]),
        ('"when"', {"type": "date"}, [WHEN, "", ""]),
        ("\"when\" + interval '1 day'", {"type": "date"}, ["2026-11-21 09:00:00.000Z", "", ""]),
        ("tags", {"type": "json"}, [["a", "b"], [], []]),
        ("array_to_string(tags, '/')", {}, ["a/b", "", ""]),
        ("ARRAY['b']", {"type": "select", "values": ["a", "b"], "maxSelect": 2}, [["b"], ["b"], ["b"]]),
        ("meta", {"type": "json"}, [{"k": "v"}, None, None]),
        ("meta ->> 'k'", {}, ["v", "", ""]),
        ("place", {"type": "geoPoint"}, [{"lon": 7.5, "lat": 51.25}, {"lon": 0, "lat": 0}, {"lon": 0, "lat": 0}]),
        ("CASE WHEN n = 2 THEN NULL ELSE n END", {"type": "number", "nullable": True}, [1, None, 3]),
        ("", {}, ["", "", ""]),
    ],
)
async def test_records_that_are_there_get_what_the_expression_gives(
    changes: Changes, fill: str, field: dict[str, Any], made: list[Any]
):
    await posts(changes)
    assert await filled(changes, fill, **field) == made


@pytest.mark.parametrize("fill", ["author", "(SELECT max(id) FROM authors)", "author || ''"])
async def test_a_relation_is_filled_with_ids_that_are_there(changes: Changes, fill: str):
    author = await posts(changes)
    made = await filled(changes, fill, **AUTHOR | {"name": "made"})
    assert made[0] == author["id"]


async def test_ids_that_are_not_there_fill_no_relation(changes: Changes):
    await posts(changes)
    assert await filled(changes, "title", **AUTHOR | {"name": "made"}) == ["", "", ""]


async def test_the_fill_is_a_step_of_the_plan_and_costs_what_it_writes(changes: Changes):
    await posts(changes)
    fields = [*(await changes.get("posts"))["fields"], {"name": "made", "type": "text", "fill": "title"}]
    plan = await changes.plan("PATCH", "posts", fields=fields)
    steps = [(step["action"], step["field"], step["rows"], step["destroys"]) for step in plan["steps"]]
    assert steps == [
        ("stop_capture", "", 0, False),
        ("add_field", "made", 0, False),
        ("fill_field", "made", 3, False),
        ("start_capture", "", 0, False),
    ]
    await changes.change("posts", fields=fields, plan=plan["hash"])


async def test_another_fill_is_another_plan(changes: Changes):
    await posts(changes)
    fields = (await changes.get("posts"))["fields"]
    plan = await changes.plan("PATCH", "posts", fields=[*fields, {"name": "made", "type": "text", "fill": "title"}])
    body = {"fields": [*fields, {"name": "made", "type": "text", "fill": "'x'"}], "plan": plan["hash"]}
    refused(await changes.root.patch(f"{URL}/posts", json=body), 412, "precondition_failed")


async def test_what_is_filled_can_be_unique_at_once(changes: Changes):
    await posts(changes)
    assert len(set(await filled(changes, "id", unique=True))) == 3


async def test_what_is_filled_and_not_unique_is_refused_as_a_whole(changes: Changes):
    await posts(changes)
    fields = (await changes.get("posts"))["fields"]
    body = {"fields": [*fields, {"name": "made", "type": "text", "unique": True, "fill": "'same'"}]}
    data = refused(await changes.root.patch(f"{URL}/posts", json=body), 400, "validation_failed")["data"]
    assert data["fields"][str(len(fields))]["unique"]["code"] == "validation_not_unique"
    assert [one["name"] for one in (await changes.get("posts"))["fields"]] == [one["name"] for one in fields]


async def test_a_fill_reads_fields_by_the_names_that_they_get(changes: Changes):
    await posts(changes)
    fields = await changes.with_field("posts", "title", name="headline")
    await changes.change("posts", fields=[*fields, {"name": "title", "type": "text", "fill": "upper(headline)"}])
    assert await changes.rows("SELECT title FROM public.posts ORDER BY n") == ["ONE  TWO", "7", ""]


async def test_a_fill_of_a_field_that_is_there_already_does_nothing(changes: Changes):
    await posts(changes)
    before = await changes.rows("SELECT title FROM public.posts ORDER BY n")
    plan = await changes.plan("PATCH", "posts", fields=await changes.with_field("posts", "title", fill="'gone'"))
    assert plan["steps"] == []
    await changes.change("posts", fields=await changes.with_field("posts", "title", fill="'gone'"))
    assert await changes.rows("SELECT title FROM public.posts ORDER BY n") == before


async def test_several_collections_are_filled_in_one_import(changes: Changes):
    await posts(changes)
    body = {
        "collections": [
            {"name": "authors", "fields": [{"name": "shout", "type": "text", "fill": "upper(name)"}]},
            {
                "name": "posts",
                "fields": [
                    {
                        "name": "made",
                        "type": "text",
                        "fill": "(SELECT authors.name FROM authors WHERE authors.id = posts.author)",
                    }
                ],
            },
        ]
    }
    answer = await changes.root.put(f"{URL}/import", json=body)
    assert answer.status_code == 204, answer.text
    assert await changes.rows("SELECT shout FROM public.authors") == ["ANN"]
    assert await changes.rows("SELECT made FROM public.posts ORDER BY n") == ["Ann", "Ann", ""]


@pytest.mark.parametrize(
    ("fill", "field"),
    [
        (7, {}),
        (["title"], {}),
        ("x" * 10_001, {}),
        ("nothing_like_it", {}),
        ("title +", {}),
        ("title, n", {}),
        ("title) AS made, (n", {}),
        ("title FROM posts WHERE (true", {}),
        ("max(n)", {}),
        ("title + 1", {}),
        ("jsonb_array_elements('[1, 2]')", {}),
        ("pg_sleep(1)", {}),
        ("pg_read_file('/etc/passwd')", {}),
        ("(SELECT password FROM users)", {}),
        ("(SELECT secret FROM holdfast.settings)", {}),
        ("posts", {}),
        ("title", {"type": "password"}),
        ("title", {"type": "file"}),
    ],
)
async def test_a_fill_that_cannot_be_is_refused_where_it_stands(changes: Changes, fill: Any, field: dict[str, Any]):
    await posts(changes)
    fields = (await changes.get("posts"))["fields"]
    made = {"name": "made", "type": "text", **field, "fill": fill}
    request = {"method": "PATCH", "collection": "posts", "body": {"fields": [*fields, made]}}
    data = refused(await changes.root.post(f"{URL}/plan", json=request), 400, "validation_failed")["data"]
    assert data["fields"][str(len(fields))]["fill"]["code"] == "validation_invalid_fill"


async def test_a_fill_that_fails_on_a_record_is_refused_and_leaves_all_as_it_was(changes: Changes):
    await posts(changes)
    fields = (await changes.get("posts"))["fields"]
    body = {"fields": [*fields, {"name": "made", "type": "number", "fill": "1 / (n - 2)"}]}
    data = refused(await changes.root.patch(f"{URL}/posts", json=body), 400, "validation_failed")["data"]
    assert data["fields"][str(len(fields))]["fill"]["message"] == "PostgreSQL does not take it: division by zero."
    assert (await changes.get("posts"))["fields"] == fields


async def test_the_records_that_lose_a_value_can_be_looked_at_before(changes: Changes):
    await posts(changes)
    fields = await changes.with_field("posts", "title", type="number")
    request = {"method": "PATCH", "collection": "posts", "body": {"fields": fields}, "losing": "posts.title"}
    found = taken(await changes.root.post(f"{URL}/losses", json=request))["items"]
    (id,) = await changes.rows("SELECT id FROM public.posts WHERE n = 1")
    assert found == [{"id": id, "value": "One  Two", "becomes": 0}]
    assert await changes.rows("SELECT title FROM public.posts WHERE n = 1") == ["One  Two"]


async def test_a_field_that_goes_shows_what_it_holds(changes: Changes):
    await posts(changes)
    fields = [one for one in (await changes.get("posts"))["fields"] if one["name"] != "tags"]
    request = {"method": "PATCH", "collection": "posts", "body": {"fields": fields}, "losing": "posts.tags"}
    found = taken(await changes.root.post(f"{URL}/losses", json=request))["items"]
    assert [(one["value"], one["becomes"]) for one in found] == [(["a", "b"], None)]


async def test_no_password_is_shown_among_what_is_lost(changes: Changes):
    await changes.make("keys", {"name": "code", "type": "password"})
    await changes.create("keys", code="very secret")
    fields = [one for one in (await changes.get("keys"))["fields"] if one["name"] != "code"]
    request = {"method": "PATCH", "collection": "keys", "body": {"fields": fields}, "losing": "keys.code"}
    found = taken(await changes.root.post(f"{URL}/losses", json=request))["items"]
    assert [(one["value"], one["becomes"]) for one in found] == [(None, None)]


@pytest.mark.parametrize("losing", [None, 5, "", "posts", "a.b.c"])
async def test_losses_of_no_field_are_refused(changes: Changes, losing: Any):
    request = {"method": "PATCH", "collection": "users", "body": {}, "losing": losing}
    refused(await changes.root.post(f"{URL}/losses", json=request), 400, "bad_request")


async def test_where_nothing_is_lost_nothing_is_listed(changes: Changes):
    request = {"method": "PATCH", "collection": "users", "body": {}, "losing": "users.name"}
    assert taken(await changes.root.post(f"{URL}/losses", json=request)) == {"items": []}


async def test_losses_are_for_superusers(changes: Changes):
    refused(await changes.api.guest.post(f"{URL}/losses", json={"losing": "users.name"}), 401, "unauthenticated")
