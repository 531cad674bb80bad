"""The hooks around records: what each is given, what it may change, and what it leaves behind."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from client import Api, in_one_loop, refused
from plugged import plugged
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT

pytestmark = in_one_loop
POSTS = "/api/collections/posts/records"
# Does to a record what its title says; what it was given it writes into `notes`, in the transaction.
HOOKS = """
    async def note(self, ctx, hook, **found):
        found |= {"who": ctx.who.kind, "collection": ctx.collection.name, "request": bool(ctx.request_id)}
        await ctx.execute(raw("INSERT INTO notes (hook, found) VALUES (") + value(hook, "text") + raw(", ")
            + value(msgspec.json.encode(found).decode(), "jsonb") + raw(")"))
    async def record_before_validate(self, ctx, draft):
        await self.note(ctx, "before_validate", action=draft.action, body=draft.body, values=draft.values)
        if draft.body.get("title") == "trim":
            draft.body["title"] = "trimmed"
        if draft.body.get("title") == "refused before":
            raise Forbidden("This title is not wanted.")
    async def record_after_validate(self, ctx, draft):
        await self.note(ctx, "after_validate", title=draft.values.get("title"))
        if draft.values.get("title") == "refused after":
            raise ValidationFailed({"title": Problem("validation_bad_word", "Must be another word.")})
    async def record_before_create(self, ctx, draft):
        await self.note(ctx, "before_create", fields=sorted(draft.values))
        draft.values["slug"] = draft.values["title"].replace(" ", "-")
    async def record_after_create(self, ctx, record):
        await self.note(ctx, "after_create", id=record.id, slug=record.values["slug"])
        if record.values["title"] == "undone":
            raise BadRequest("Not after all.")
    async def record_before_update(self, ctx, draft):
        await self.note(ctx, "before_update", id=draft.id, values=draft.values)
        if draft.values.get("title") == "shout":
            draft.values["title"] = "SHOUT"
            draft.values["slug"] = "shouted"
    async def record_after_update(self, ctx, record):
        await self.note(ctx, "after_update", values=dict(record.values))
    async def record_before_delete(self, ctx, removal):
        await self.note(ctx, "before_delete", id=removal.id)
        if (await ctx.records.get("posts", removal.id))["title"] == "kept":
            raise BadRequest("It is to be kept.")
    async def record_after_delete(self, ctx, removal):
        await self.note(ctx, "after_delete", gone=await ctx.records.get("posts", removal.id) is None)
    async def record_after_commit(self, ctx, record):
        there = await ctx.records.get("posts", record.id)
        await self.note(ctx, "after_commit", action=record.action, there=there is not None)
        if record.values.get("title") == "late":
            raise ValueError("too late to matter")
    async def record_before_list(self, ctx, query):
        if query.search == "none":
            raise Forbidden("Nobody searches for that.")
        if query.filter == "own":
            query.filter, query.per_page = "slug = {:slug}", 1
            query.params["slug"] = "first"
    async def record_after_list(self, ctx, answer):
        for item in answer.content["items"]:
            item["listed"] = True
    async def record_before_view(self, ctx, view):
        if view.fields == "short":
            view.fields = "title"
    async def record_after_view(self, ctx, answer):
        if answer.content.get("title") == "hidden":
            raise NotFound
        answer.content["viewed"] = True
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    dsn = await make_database(cluster, PROJECT)
    folder: Path = tmp_path_factory.mktemp("hooks")
    async with plugged(dsn, folder, HOOKS) as made:
        connection = await made.pool.connect()
        await connection.execute("CREATE TABLE public.notes (id serial, hook text, found jsonb)")
        await connection.close()
        fields = [{"name": "title", "type": "text", "max": 20}, {"name": "slug", "type": "text"}]
        await made.define("posts", fields, updateRule="title != 'closed'", deleteRule="title != 'closed'")
        yield made
    await drop_database(cluster, dsn)


async def notes(api: Api) -> list[tuple[str, dict[str, Any]]]:
    """What the hooks were given since the last look."""
    connection = await api.pool.connect()
    rows = await connection.fetch("DELETE FROM notes RETURNING id, hook, found::text AS found")
    await connection.close()
    return [(row["hook"], msgspec.json.decode(row["found"])) for row in sorted(rows, key=lambda row: row["id"])]


async def events(api: Api) -> list[str]:
    """The types of the events that were left since the last look."""
    connection = await api.pool.connect()
    rows = await connection.fetch("DELETE FROM holdfast.outbox RETURNING id, type")
    await connection.close()
    return [row["type"] for row in sorted(rows, key=lambda row: row["id"])]


async def made(api: Api, title: str) -> str:
    """The id of a record, and nothing left of its making."""
    id = (await api.create("posts", title=title))["id"]
    await nothing_left(api)
    return id


async def nothing_left(api: Api) -> None:
    """Forget what was left so far."""
    await notes(api)
    await events(api)


async def test_a_create_calls_its_hooks_in_order_and_leaves_one_event(api: Api):
    await nothing_left(api)
    answer = await api.guest.post(POSTS, json={"title": "first"})
    assert answer.json()["slug"] == "first"
    who = {"who": "guest", "collection": "posts", "request": True}
    id = answer.json()["id"]
    assert await notes(api) == [
        ("before_validate", {"action": "create", "body": {"title": "first"}, "values": {}, **who}),
        ("after_validate", {"title": "first", **who}),
        ("before_create", {"fields": ["id", "slug", "title"], **who}),
        ("after_create", {"id": id, "slug": "first", **who}),
        ("after_commit", {"action": "create", "there": True, **who}),
    ]
    assert await events(api) == ["posts.created"]


async def test_an_update_calls_its_hooks_with_what_it_sets(api: Api):
    id = await made(api, "quiet")
    answer = await api.guest.patch(f"{POSTS}/{id}", json={"title": "shout"})
    assert (answer.json()["title"], answer.json()["slug"]) == ("SHOUT", "shouted")
    found = await notes(api)
    assert [hook for hook, _ in found] == [
        "before_validate", "after_validate", "before_update", "after_update", "after_commit",
    ]  # fmt: skip
    assert found[2][1]["values"] == {"title": "shout"}
    assert found[3][1]["values"] == {"title": "SHOUT", "slug": "shouted"}
    assert await events(api) == ["posts.updated"]


async def test_a_delete_calls_its_hooks_before_and_after(api: Api):
    id = await made(api, "gone soon")
    assert (await api.guest.delete(f"{POSTS}/{id}")).status_code == 204
    found = await notes(api)
    assert [hook for hook, _ in found] == ["before_delete", "after_delete", "after_commit"]
    assert found[1][1]["gone"] is True
    assert (found[2][1]["action"], found[2][1]["there"]) == ("delete", False)
    assert await events(api) == ["posts.deleted"]


@pytest.mark.parametrize(
    ("title", "status", "code"),
    [
        ("refused before", 403, "forbidden"),
        ("refused after", 400, "validation_failed"),
        ("undone", 400, "bad_request"),
    ],
)
async def test_a_hook_refuses_with_its_own_error_and_nothing_is_left(api: Api, title: str, status: int, code: str):
    await nothing_left(api)
    refused(await api.guest.post(POSTS, json={"title": title}), status, code)
    assert await notes(api) == []
    assert await events(api) == []


async def test_a_changed_body_is_checked_as_if_it_had_been_sent(api: Api):
    answer = await api.guest.post(POSTS, json={"title": "trim"})
    assert answer.json()["title"] == "trimmed"


async def test_what_is_raised_after_the_commit_changes_nothing(api: Api):
    answer = await api.guest.post(POSTS, json={"title": "late"})
    assert answer.status_code == 200
    assert (await api.guest.get(f"{POSTS}/{answer.json()['id']}")).status_code == 200


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_hooks_are_not_asked_about_a_record_that_the_caller_may_not_write(api: Api, method: str):
    id = await made(api, "closed")
    refused(await api.guest.request(method, f"{POSTS}/{id}", json={"title": "mine"}), 404, "not_found")
    assert await notes(api) == []


async def test_a_refused_delete_leaves_the_record(api: Api):
    id = await made(api, "kept")
    refused(await api.root.delete(f"{POSTS}/{id}"), 400, "bad_request")
    assert await events(api) == []


async def test_hooks_run_for_each_write_of_a_batch_and_after_its_commit(api: Api):
    await nothing_left(api)
    parts = [{"method": "POST", "url": POSTS, "body": {"title": title}} for title in ("one", "two")]
    assert (await api.guest.post("/api/batch", json={"requests": parts})).status_code == 200
    hooks = [hook for hook, _ in await notes(api)]
    assert hooks[-2:] == ["after_commit", "after_commit"]
    assert hooks.count("after_create") == 2
    parts[1]["body"] = {"title": "undone"}
    refused(await api.guest.post("/api/batch", json={"requests": parts}), 400, "bad_request")
    assert await notes(api) == []


async def test_a_query_can_be_changed_and_what_goes_out_too(api: Api):
    await api.create("posts", title="first")
    found = (await api.guest.get(POSTS, params={"filter": "own"})).json()
    assert [(item["slug"], item["listed"]) for item in found["items"]] == [("first", True)]
    posted = (await api.guest.post(f"{POSTS}/query", json={"filter": "own"})).json()
    assert posted["items"] == found["items"]
    refused(await api.guest.get(POSTS, params={"search": "none"}), 403, "forbidden")


async def test_a_view_can_be_changed_and_refused(api: Api):
    id = await made(api, "seen")
    whole = await api.guest.get(f"{POSTS}/{id}")
    assert whole.json()["viewed"] is True
    short = await api.guest.get(f"{POSTS}/{id}", params={"fields": "short"})
    assert short.json() == {"title": "seen", "viewed": True}
    assert short.headers["etag"] != whole.headers["etag"]
    hidden = await made(api, "hidden")
    refused(await api.root.get(f"{POSTS}/{hidden}"), 404, "not_found")


async def test_an_upsert_calls_the_hooks_of_what_it_does(api: Api):
    await notes(api)
    id = "a23456789012345"
    for _ in range(2):
        assert (await api.root.put(f"{POSTS}/{id}", json={"title": "put"})).status_code == 200
    found = [hook for hook, _ in await notes(api)]
    assert (found.count("after_create"), found.count("after_update"), found.count("after_commit")) == (1, 1, 2)


async def test_rule_tests_call_no_hooks(api: Api):
    await nothing_left(api)
    test = {"name": "anyone", "collection": "posts", "as": None, "action": "create", "body": {"title": "undone"}}
    answer = await api.root.post("/api/rules/tests", json={**test, "expect": "allowed"})
    assert answer.status_code == 200, answer.text
    found = (await api.root.post("/api/rules/tests/run", json={})).json()
    assert (found["passed"], found["failed"]) == (1, 0)
    assert await notes(api) == []
