"""A plan is exactly what is done: the same statements, the same losses, and nothing before somebody says so."""

from typing import Any

import pytest

from client import in_one_loop, refused
from schema_changes import URL, Changes, taken

pytestmark = in_one_loop

TITLE = {"name": "title", "type": "text"}


async def blog(changes: Changes) -> None:
    await changes.make("authors", TITLE)
    await changes.make(
        "posts",
        TITLE,
        {"name": "n", "type": "number"},
        {"name": "author", "type": "relation", "collectionId": "authors", "maxSelect": 1},
    )
    author = await changes.create("authors", title="a")
    for title, n in (("1", 1), ("x", 0), ("", 0), ("2.50", 2.5)):
        await changes.create("posts", title=title, n=n, author=author["id"])


async def test_a_plan_does_nothing(changes: Changes):
    await blog(changes)
    before = await changes.outline()
    rows = await changes.rows("SELECT * FROM public.posts")
    fields = await changes.with_field("posts", "title", type="number", name="count")
    plan = await changes.plan("PATCH", "posts", fields=fields[:2], name="articles")
    assert len(plan["steps"]) > 5
    assert await changes.outline() == before
    assert await changes.rows("SELECT * FROM public.posts") == rows
    assert await changes.trash() == []


async def test_a_plan_counts_what_is_lost_on_the_real_rows(changes: Changes):
    await blog(changes)
    fields = await changes.with_field("posts", "title", type="number")
    plan = await changes.plan("PATCH", "posts", fields=[fields[0], fields[1], fields[3]])
    told = {(step["action"], step["field"], step["destroys"], step["rewrites"], step["rows"]) for step in plan["steps"]}
    assert told >= {
        ("keep_field", "n", False, False, 0),
        ("drop_field", "n", True, False, 2),
        ("keep_values", "title", False, False, 2),
        ("convert_field", "title", True, True, 2),
    }
    plan = await changes.plan("DELETE", "posts")
    assert [(step["destroys"], step["rows"]) for step in plan["steps"] if step["action"] == "drop_collection"] == [
        (True, 4)
    ]
    plan = await changes.plan("PATCH", "posts", fields=await changes.with_field("posts", "n", type="text"))
    assert [
        (step["destroys"], step["rewrites"], step["locks"], step["rows"])
        for step in plan["steps"]
        if step["action"] == "convert_field"
    ] == [(False, True, "access exclusive", 4)]


@pytest.mark.parametrize(
    ("method", "collection", "body"),
    [
        ("POST", "", {"name": "fresh", "fields": [TITLE, {"name": "to", "type": "relation", "collectionId": "posts"}]}),
        ("POST", "", {"name": "people", "type": "auth"}),
        ("POST", "", {"name": "shown", "type": "view", "viewQuery": "SELECT id, count(*) AS n FROM posts GROUP BY id"}),
        ("PATCH", "posts", {"name": "articles", "listRule": "title != ''"}),
        ("DELETE", "posts", {}),
        ("PUT", "", {"collections": [{"name": "posts", "fields": []}], "deleteMissing": True}),
        (
            "PUT",
            "",
            {
                "collections": [
                    {"name": "authors", "fields": [{"name": "full", "type": "text"}]},
                    {"name": "tags", "fields": [{"name": "to", "type": "relation", "collectionId": "posts"}]},
                ],
                "deleteMissing": "fields",
            },
        ),
    ],
    ids=["create", "create auth", "create view", "update", "delete", "import", "import of several"],
)
async def test_a_change_that_carries_its_plan_is_done(
    changes: Changes, method: str, collection: str, body: dict[str, Any]
):
    await blog(changes)
    path = {"PUT": "/import", "POST": ""}.get(method, f"/{collection}")
    plan = taken(
        await changes.root.post(f"{URL}/plan", json={"method": method, "collection": collection, "body": body})
    )
    assert (await changes.root.request(method, URL + path, json=body | {"plan": "0" * 64})).status_code == 412
    answer = await changes.root.request(method, URL + path, json=body | {"plan": plan["hash"]})
    assert answer.status_code in (200, 204), answer.text
    gone = await changes.root.request(method, URL + path, json=body | {"plan": plan["hash"]})
    assert gone.status_code in (400, 404, 412)


async def test_what_import_takes_is_planned_as_an_import(changes: Changes):
    await blog(changes)
    body = {"collections": [{"name": "posts", "fields": [{"name": "more", "type": "text"}]}]}
    plan = taken(await changes.root.post(f"{URL}/plan", json=body))
    assert [step["action"] for step in plan["steps"]] == ["stop_capture", "add_field", "start_capture"]
    assert plan["steps"][1]["sql"] == 'ALTER TABLE public."posts" ADD COLUMN "more" text DEFAULT \'\' NOT NULL'
    answer = await changes.root.put(f"{URL}/import", json=body | {"plan": plan["hash"]})
    assert answer.status_code == 204, answer.text


async def test_a_plan_is_void_when_more_would_be_lost_or_something_else_changed(changes: Changes):
    await blog(changes)
    fields = await changes.with_field("posts", "title", type="number")
    plan = await changes.plan("PATCH", "posts", fields=fields)
    await changes.create("posts", title="3")
    assert (await changes.plan("PATCH", "posts", fields=fields))["hash"] == plan["hash"]
    await changes.create("posts", title="lost, too")
    answer = await changes.root.patch(f"{URL}/posts", json={"fields": fields, "plan": plan["hash"]})
    refused(answer, 412, "precondition_failed")
    plan = await changes.plan("PATCH", "posts", fields=fields)
    await changes.change("posts", listRule="")
    answer = await changes.root.patch(f"{URL}/posts", json={"fields": fields, "plan": plan["hash"]})
    refused(answer, 412, "precondition_failed")
    plan = await changes.plan("PATCH", "posts", fields=fields)
    await changes.change("posts", fields=fields, plan=plan["hash"])


async def test_the_planned_statements_lead_to_the_same_database(changes: Changes):
    await blog(changes)
    fields = await changes.with_field("posts", "title", type="number", name="count", unique=False)
    body = {
        "name": "articles",
        "fields": [*fields[:2], {"name": "tags", "type": "json"}],
        "indexes": ["CREATE INDEX i ON x (count)"],
    }
    plan = await changes.plan("PATCH", "posts", **body)
    async with changes.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        for step in plan["steps"]:
            await connection.execute(step["sql"])
        by_hand = [tuple(row.values()) for row in await connection.fetch("SELECT * FROM public.articles ORDER BY id")]
        await transaction.rollback()
    await changes.change("posts", **body, plan=plan["hash"])
    assert await changes.rows("SELECT * FROM public.articles ORDER BY id") == by_hand


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"method": "GET"},
        {"method": "PATCH", "collection": 5, "body": {}},
        {"method": "POST", "body": []},
        {"collections": {}},
    ],
)
async def test_a_plan_of_nothing_is_refused(changes: Changes, body: dict[str, Any]):
    assert (await changes.root.post(f"{URL}/plan", json=body)).status_code == 400


async def test_a_plan_for_a_broken_change_names_what_is_wrong(changes: Changes):
    answer = await changes.root.post(f"{URL}/plan", json={"method": "POST", "body": {"name": "no way"}})
    assert "name" in refused(answer, 400, "validation_failed")["data"]
    answer = await changes.root.post(f"{URL}/plan", json={"method": "DELETE", "collection": "nothing"})
    refused(answer, 404, "not_found")
    refused(await changes.root.patch(f"{URL}/users", json={"plan": 5}), 400, "bad_request")
