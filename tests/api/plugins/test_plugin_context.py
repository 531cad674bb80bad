"""What a hook works with: the rights of others, SQL, Piccolo, transactions, mail; and the order of plugins."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import structlog

from client import Api, refused
from desk import Desk
from oauth2_provider import OidcProvider, scripted_provider

POSTS = "/api/collections/posts/records"
Start = Callable[..., AbstractAsyncContextManager[Api]]
HEAD = """
from piccolo.columns import Text
from piccolo.table import Table
from holdfast.db.piccolo_conf import DB
class Post(Table, tablename="posts", schema="public", db=DB):
    id = Text(primary_key=True)
    title = Text()
"""
HOOKS = """
    async def record_after_create(self, ctx, record):
        title = record.values["title"]
        if title == "as the caller":
            try:
                await ctx.records_as(ctx.who).update("posts", record.id, {"title": "mine"})
            except NotFound:
                await ctx.records.update("posts", record.id, {"title": "not mine"})
        if title == "unique":
            try:
                await ctx.records.create("posts", {"id": record.id, "title": "twice"})
            except ValidationFailed as failure:
                await ctx.records.update("posts", record.id, {"title": failure.data["id"].code})
        if title == "savepoint":
            try:
                async with ctx.savepoint():
                    await ctx.execute(raw("UPDATE posts SET title = 'undone'"))
                    await ctx.execute(raw("SELECT 1 / 0"))
            except Exception as failure:
                await ctx.execute(raw("UPDATE posts SET title = ") + value(type(failure).__name__, "text")
                    + raw(" WHERE title = 'savepoint'"))
        if title == "piccolo":
            rows = await ctx.query(Post.select(Post.id, Post.title).where(Post.title == "piccolo"))
            await ctx.query(Post.update({Post.title: f"{len(rows)} {rows[0]['id'] == record.id}"})
                .where(Post.id == record.id))
        if title == "undone":
            await ctx.records.create("posts", {"title": "child"})
            await ctx.mail("ann@example.com", "Hello", "<p>Hello</p>")
            raise BadRequest("No.")
        if title == "mails":
            await ctx.mail("ann@example.com", "Hello", "<p>Hello</p>")
    async def record_after_commit(self, ctx, record):
        if record.values.get("title") == "transaction":
            async with ctx.transaction() as tx:
                await tx.records.create("posts", {"title": "kept"})
            try:
                async with ctx.transaction() as tx:
                    await tx.records.create("posts", {"title": "not kept"})
                    raise KeyError
            except KeyError:
                pass
            ctx.log.info("done", many=2)
"""


@pytest.fixture(autouse=True)
def lines() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as found:
        yield found


async def test_what_a_hook_can_do(start_plugged: Start, lines: list[Any]):
    async with start_plugged(HOOKS, head=HEAD) as api:
        await api.define("posts", [{"name": "title", "type": "text"}], updateRule="title = 'nobody'")

        async def becomes(title: str) -> str:
            answer = await api.guest.post(POSTS, json={"title": title})
            assert answer.status_code == 200, answer.text
            return (await api.guest.get(f"{POSTS}/{answer.json()['id']}")).json()["title"]

        async def jobs() -> int:
            connection = await api.pool.connect()
            found = await connection.fetchval("SELECT count(*) FROM holdfast.jobs WHERE name = 'mail'")
            await connection.close()
            return found

        assert await becomes("as the caller") == "not mine"
        assert await becomes("unique") == "validation_not_unique"
        assert await becomes("savepoint") == "DivisionByZeroError"
        assert await becomes("piccolo") == "1 True"
        assert await becomes("transaction") == "transaction"
        refused(await api.guest.post(POSTS, json={"title": "undone"}), 400, "bad_request")
        assert await jobs() == 0
        await becomes("mails")
        assert await jobs() == 1
        titles = [item["title"] for item in (await api.guest.get(POSTS)).json()["items"]]
        assert "kept" in titles
        assert not {"child", "not kept"} & set(titles)
        line = next(line for line in lines if line["event"] == "done")
        assert (line["plugin"], line["collection"], line["many"], bool(line["request_id"])) == (
            "words",
            "posts",
            2,
            True,
        )
        connection = await api.pool.connect()
        actors = await connection.fetch("SELECT context FROM holdfast.outbox WHERE record LIKE '%1 True%'")
        await connection.close()
        assert '"kind":"plugin","name":"words"' in actors[0]["context"]


ADDING = """
    priority = {priority}
    async def record_before_create(self, ctx, draft):
        draft.values["title"] += self.name[-1]
    async def record_before_view(self, ctx, view):
        pass
"""


async def test_plugins_run_by_priority_then_by_name_and_an_operator_can_change_that(start_plugged: Start):
    async with start_plugged(*(ADDING.format(priority=priority) for priority in (5, 0, 5))) as api:
        await api.define("posts", [{"name": "title", "type": "text"}])
        assert (await api.create("posts", title=""))["title"] == "2s3"
        await api.root.patch("/api/plugins/words3", json={"priority": -1})
        assert (await api.create("posts", title=""))["title"] == "32s"
        await api.root.patch("/api/plugins/words2", json={"enabled": False})
        assert (await api.create("posts", title=""))["title"] == "3s"


async def test_a_newcomer_from_a_provider_can_be_changed_and_refused(start_plugged: Start, openid: OidcProvider):
    hooks = """
    async def auth_map_oauth2(self, ctx, newcomer):
        if newcomer.profile["name"] == "Nobody":
            raise Forbidden("Not here.")
        newcomer.values["name"] = newcomer.provider + " " + newcomer.profile["name"]
    """
    with scripted_provider() as script:
        async with start_plugged(hooks, outbound_allow=("127.0.0.0/8", "::1/128")) as api:
            desk = Desk(api, openid, script)
            people = await desk.open(fields=[{"name": "name", "type": "text"}])
            assert (await desk.came(people, desk.somebody()))["record"]["name"] == "oidc Ann Lee"
            refused(await desk.come(people, desk.somebody(name="Nobody")), 403, "forbidden")
