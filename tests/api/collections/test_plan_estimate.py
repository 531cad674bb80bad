"""A plan says how long it would take, on what tables, and what it would break for clients."""

import pytest

from client import in_one_loop
from schema_changes import URL, Changes, taken

pytestmark = in_one_loop
TITLE = {"name": "title", "type": "text"}


async def test_a_plan_says_how_long_it_takes_and_what_it_holds_up(changes: Changes):
    await changes.make("posts", TITLE)
    plan = await changes.plan("PATCH", "posts", fields=await changes.with_field("posts", "title", type="number"))
    [table] = plan["estimate"].pop("tables")
    assert plan["estimate"] == {"secondsFrom": 0, "secondsTo": 1, "unsure": False}
    assert (table["collection"], table["rewrites"], table["locks"]) == ("posts", True, "access exclusive")


@pytest.mark.slow
async def test_a_large_table_is_estimated_by_what_this_server_writes_in_a_second(changes: Changes):
    await changes.make("posts", TITLE)
    await changes.rows(
        "INSERT INTO public.posts (id, title) SELECT md5(i::text), repeat('x', 500) FROM generate_series(1, 20000) i"
    )
    plan = await changes.plan("PATCH", "posts", fields=await changes.with_field("posts", "title", type="json"))
    assert 0 < plan["estimate"]["secondsFrom"] < plan["estimate"]["secondsTo"]
    assert await changes.rows("SELECT relname FROM pg_class WHERE relname LIKE 'pace%'") == []


async def test_a_plan_with_an_estimate_is_the_one_that_is_applied(changes: Changes):
    await changes.make("posts", TITLE)
    fields = await changes.with_field("posts", "title", type="number")
    plan = await changes.plan("PATCH", "posts", fields=fields)
    await changes.change("posts", fields=fields, plan=plan["hash"])


async def test_what_a_change_breaks_for_clients_is_said_before(changes: Changes):
    posts = await changes.make("posts", TITLE, {"name": "body", "type": "text"})
    fields = [one for one in posts["fields"] if one["name"] != "body"]
    asked = {"method": "PATCH", "collection": "posts", "body": {"fields": fields}}
    broken = taken(await changes.root.post(f"{URL}/breaks", json=asked))
    assert broken == {"items": [{"collection": "posts", "field": "body", "what": "the field is gone"}]}


async def test_what_only_comes_breaks_nothing(changes: Changes):
    posts = await changes.make("posts", TITLE)
    asked = {
        "method": "PATCH",
        "collection": "posts",
        "body": {"fields": [*posts["fields"], {"name": "n", "type": "number"}]},
    }
    assert taken(await changes.root.post(f"{URL}/breaks", json=asked)) == {"items": []}
