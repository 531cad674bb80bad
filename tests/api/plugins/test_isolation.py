"""A plugin that does what it should not: its request fails under its name, is undone, and the server goes on."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
import structlog

from client import Api, in_one_loop, refused
from engines import engine_of
from holdfast.db.sql import Statement, raw
from holdfast.hooks import blocking, calling
from plugged import plugged
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT

pytestmark = in_one_loop
POSTS = "/api/collections/posts/records"
HOOKS = """
    async def record_before_create(self, ctx, draft):
        match draft.values["title"]:
            case "raises":
                raise ValueError("a bug of mine")
            case "ends the process":
                sys.exit(3)
            case "cancelled":
                raise asyncio.CancelledError
            case "cancels itself":
                asyncio.current_task().cancel()
                await asyncio.sleep(1)
            case "no exception":
                raise BaseException("of its own")
            case "half a letter":
                raise ValueError("\\ud800")
            case "half a letter to clients":
                raise BadRequest("\\ud800.")
            case "does not end":
                for _ in range(3):
                    try:
                        await asyncio.sleep(0.3)
                    except asyncio.CancelledError:
                        pass
                await ctx.records.create("posts", {"title": "too late"})
            case "hangs":
                await asyncio.sleep(60)
            case "blocks":
                time.sleep(0.6)
            case "returns":
                return {"title": "no"}
            case "wrong type":
                draft.values = [draft.values]
            case "no such field":
                draft.values["colour"] = "red"
            case "not taken":
                draft.values["count"] = "many"
            case "takes away":
                del draft.values["title"]
            case "server alone":
                draft.values["created"] = "2026-01-01"
            case "leaves a transaction":
                await ctx.savepoint().__aenter__()
            case "commits":
                await ctx.execute(raw("COMMIT"))
            case "goes on":
                try:
                    await ctx.execute(raw("SELECT 1 / 0"))
                except Exception:
                    pass
            case "sets":
                for statement in (
                    raw("SET statement_timeout = 54321"),
                    raw("SET search_path = nothing"),
                    raw("SELECT pg_advisory_lock(4711)"),
                    raw("LISTEN nobody"),
                ):
                    await ctx.execute(statement)
            case "bad SQL":
                await ctx.execute(raw("SELECT 1 / 0"))
            case "bad name":
                await ctx.emit("created", {})
            case "other settings":
                ctx.settings(RecordDraft)
            case "for ever":
                await ctx.records.create("posts", {"title": "for ever"})
            case "keeps":
                self.kept = ctx
            case "uses what it kept":
                await self.kept.records.list("posts")
    async def record_after_create(self, ctx, record):
        if record.values["title"] == "fails after":
            await ctx.records.create("posts", {"title": "a child"})
            raise KeyError("after")
    async def record_after_list(self, ctx, answer):
        if ctx.who.is_superuser:
            return
        answer.content["items"] = object()
"""
FAULTS = [
    ("raises", "ValueError: a bug of mine"),
    ("ends the process", "SystemExit: 3"),
    ("cancelled", "CancelledError, though nobody has cancelled it"),
    ("cancels itself", "CancelledError, though nobody has cancelled it"),
    ("no exception", "BaseException: of its own"),
    ("half a letter", "ValueError: \\ud800"),
    ("does not end", "it took longer than 0.5 s, and goes on though it was ended"),
    ("hangs", "it took longer than 0.5 s"),
    ("blocks", "it blocked the event loop for more than 0.5 s"),
    ("returns", "it gave back a value of type dict, where nothing is expected"),
    ("wrong type", "it set values to a value of type list, where dict is expected"),
    ("no such field", "it set colour, which is no field of posts"),
    ("not taken", "it set count to what the field does not take"),
    ("takes away", "it took title out of the values"),
    ("server alone", "it set created, which the server alone sets"),
    ("leaves a transaction", "it left a transaction open"),
    ("commits", "it ended the transaction of the request"),
    ("goes on", "its SQL failed, and it went on without a savepoint"),
    ("bad SQL", "DivisionByZeroError: division by zero"),
    ("bad name", "ValueError: an event cannot be called 'created'"),
    ("other settings", "TypeError: the settings of words are no RecordDraft"),
    ("for ever", "RecursionError: writes of hooks lead to writes of hooks, 8 deep"),
    ("uses what it kept", "RuntimeError: this context has ended"),
    ("fails after", "KeyError: 'after'"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    dsn = await make_database(cluster, PROJECT)
    async with plugged(dsn, tmp_path_factory.mktemp("isolation"), HOOKS) as made:
        fields: list[dict[str, Any]] = [
            {"name": "title", "type": "text"},
            {"name": "count", "type": "number"},
            {"name": "created", "type": "autodate", "onCreate": True},
        ]
        await made.define("posts", fields)
        answer = await made.guest.post(POSTS, json={"title": "keeps"})
        assert answer.status_code == 200
        yield made
    await drop_database(cluster, dsn)


@pytest.fixture(autouse=True)
def lines() -> Iterator[list[Any]]:
    """The lines of the log. They are not written: tracebacks of tests are drawn with all their variables."""
    with structlog.testing.capture_logs() as found:
        yield found


@pytest.mark.parametrize(("title", "reason"), FAULTS, ids=[title for title, _ in FAULTS])
async def test_a_fault_is_a_500_that_names_the_plugin_to_superusers_and_is_undone(
    api: Api, monkeypatch: pytest.MonkeyPatch, title: str, reason: str
):
    monkeypatch.setattr(calling, "LIMIT_SECONDS", 0.5)
    monkeypatch.setattr(calling, "GRACE_SECONDS", 0.1)
    before = (await api.root.get(POSTS)).json()["totalItems"]
    told = refused(await api.root.post(POSTS, json={"title": title}), 500, "internal")
    assert told["message"].startswith("The plugin words failed in record_")
    assert reason in told["message"]
    if title not in ("hangs", "blocks", "does not end"):
        hidden = refused(await api.guest.post(POSTS, json={"title": title}), 500, "internal")
        assert hidden["message"] == "Something went wrong on the server. The log has it under this request id."
    assert (await api.root.get(POSTS)).json()["totalItems"] == before


async def test_a_fault_is_logged_with_plugin_and_hook(api: Api, lines: list[Any]):
    await api.guest.post(POSTS, json={"title": "raises"})
    line = next(line for line in lines if line["event"] == "request failed")
    assert (line["plugin"], line["place"]) == ("words", "record_before_create")
    assert "ValueError: a bug of mine" in line["reason"]


async def test_whatever_a_plugin_tells_clients_can_be_told(api: Api):
    told = refused(await api.guest.post(POSTS, json={"title": "half a letter to clients"}), 400, "bad_request")
    assert told["message"] == "\\ud800."


async def test_an_answer_that_is_no_json_is_a_fault(api: Api):
    refused(await api.guest.get(POSTS), 500, "internal")
    assert (await api.root.get(POSTS)).status_code == 200


async def test_who_blocks_the_event_loop_is_named_while_it_does(
    api: Api, lines: list[Any], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(blocking, "BLOCKED_SECONDS", 0.05)
    await api.root.post(POSTS, json={"title": "blocks"})
    named = [line for line in lines if line["event"].startswith("a plugin blocks the event loop")]
    assert named[0]["plugin"] == "words"
    assert "words.py:" in named[0]["place"]


LEFT = raw("SELECT current_setting('statement_timeout') AS timeout, current_setting('search_path') AS path,") + raw(
    " (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711) AS locks"
)


async def test_what_sql_of_a_plugin_sets_ends_with_its_transaction(api: Api):
    pool = engine_of(api).pool
    before = await pool.fetchrow(Statement.of(LEFT))
    assert before is not None
    assert (await api.guest.post(POSTS, json={"title": "sets"})).status_code == 200
    # All that there may be: who asks for the one that is being tidied up waits for it.
    rows = await asyncio.gather(*(pool.fetchrow(Statement.of(LEFT)) for _ in range(pool.size)))
    assert {tuple(row.values()) for row in rows if row} == {tuple(before.values())}


async def test_a_hook_that_goes_on_after_its_end_does_nothing_to_the_connection_it_had(
    api: Api, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(calling, "LIMIT_SECONDS", 0.1)
    monkeypatch.setattr(calling, "GRACE_SECONDS", 0.1)
    refused(await api.guest.post(POSTS, json={"title": "does not end"}), 500, "internal")
    until = time.monotonic() + 1.2  # it writes within that, and is refused it
    others: set[int] = set()
    while time.monotonic() < until:
        others.add((await api.guest.post(POSTS, json={"title": "well"})).status_code)
    assert others == {200}
    assert (await api.root.get(POSTS, params={"filter": "title = 'too late'"})).json()["items"] == []


async def test_the_server_goes_on_after_all_of_that(api: Api):
    assert (await api.guest.post(POSTS, json={"title": "well"})).status_code == 200
    assert api.pool.in_use == 0
