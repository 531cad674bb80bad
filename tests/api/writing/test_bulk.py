"""One change of many records: of all that a filter finds, or of some by their ids, all or nothing."""

from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from client import refused
from plugged import plugged
from writing_server import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

BULK = "/collections/tasks/records/bulk"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def board(server: Server) -> Server:
    relation = {"type": "relation", "collectionId": "tasks"}
    await server.define(
        {
            "id": "tasks",
            "name": "tasks",
            "type": "base",
            "fields": [
                {"name": "title", "type": "text", "required": True},
                {"name": "n", "type": "number", "max": 100},
                {"name": "code", "type": "text"},
                {"name": "files", "type": "file", "maxSelect": 2},
                {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
            ],
            "indexes": ["CREATE UNIQUE INDEX one_code ON tasks (code) WHERE code != ''"],
        },
        {"name": "notes", "type": "base", "fields": [{"name": "task", "cascadeDelete": True, **relation}]},
        {"name": "lists", "type": "base", "fields": [{"name": "tasks", "maxSelect": 9, **relation}]},
        {"name": "needs", "type": "base", "fields": [{"name": "task", "required": True, **relation}]},
        {"name": "few", "type": "view", "viewQuery": "SELECT id, title FROM tasks"},
    )
    return server


async def filled(board: Server) -> list[str]:
    """Five tasks, called 1 to 5; their ids."""
    return [(await board.made("tasks", title=str(n), n=n))["id"] for n in range(1, 6)]


async def ask(board: Server, **body: Any) -> Any:
    return await board.root.post(BULK, json=body)


async def numbers(board: Server) -> list[float]:
    return [row["n"] for row in await board.rows("SELECT n FROM tasks ORDER BY title")]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        pytest.param({"where": {"filter": "n > 3"}}, [1, 2, 3, 9, 9], id="a filter"),
        pytest.param({"where": {"filter": "title = {:t}", "p": {"t": "2"}}}, [1, 9, 3, 4, 5], id="a bound value"),
        pytest.param({"where": {}}, [9, 9, 9, 9, 9], id="all there are"),
        pytest.param({"where": {"filter": "title = 'none'"}}, [1, 2, 3, 4, 5], id="none"),
    ],
)
async def test_a_field_is_set_on_all_records_that_a_filter_finds(board: Server, where: Any, found: list[float]):
    await filled(board)
    looked = await ask(board, **where, set={"n": 9}, dryRun=True)
    assert await numbers(board) == [1, 2, 3, 4, 5], "a dry run writes nothing"
    done = await ask(board, **where, set={"n": 9})
    assert done.json() == {"matched": found.count(9), "dryRun": False, "dependants": []}
    assert looked.json() == {**done.json(), "dryRun": True}
    assert await numbers(board) == found


async def test_each_record_leaves_its_event_with_who_did_it_and_its_new_date(board: Server):
    ids = await filled(board)
    before = await board.rows("SELECT max(updated) AS at FROM tasks")
    await board.rows("DELETE FROM holdfast.outbox")
    assert (await ask(board, ids=ids[:2], set={"n": 7})).json()["matched"] == 2
    rows = await board.rows("SELECT type, context FROM holdfast.outbox")
    assert [row["type"] for row in rows] == ["tasks.updated", "tasks.updated"]
    assert all('"kind":"superuser"' in row["context"] for row in rows)
    after = await board.rows("SELECT min(updated) AS at FROM tasks WHERE n = 7")
    assert after[0]["at"] >= before[0]["at"]


async def test_a_delete_says_what_hangs_on_the_records(board: Server):
    ids = await filled(board)
    for id in ids[:2]:
        await board.made("notes", task=id)
    await board.made("lists", tasks=ids[:3])
    looked = await ask(board, where={"filter": "n < 4"}, delete=True, dryRun=True)
    assert looked.json() == {
        "matched": 3,
        "dryRun": True,
        "dependants": [
            {"collection": "notes", "field": "task", "rows": 2, "deleted": True},
            {"collection": "lists", "field": "tasks", "rows": 1, "deleted": False},
        ],
    }
    assert len(await numbers(board)) == 5
    assert (await ask(board, where={"filter": "n < 4"}, delete=True, expect=3)).status_code == 200
    assert await numbers(board) == [4, 5]
    left = await board.rows("SELECT (SELECT count(*) FROM notes) AS notes, (SELECT tasks FROM lists) AS tasks")
    assert left == [{"notes": 0, "tasks": []}]


async def test_other_records_than_were_looked_at_are_left_alone(board: Server):
    await filled(board)
    answer = await ask(board, where={"filter": "n > 1"}, set={"n": 0}, expect=5)
    assert "4 records" in refused(answer, 412, "precondition_failed")["message"]
    assert await numbers(board) == [1, 2, 3, 4, 5]


async def test_a_change_that_is_sent_again_is_done_once(board: Server):
    await filled(board)
    sent = {"where": {"filter": "n > 3"}, "set": {"n": 0}}
    first, again = [await board.root.post(BULK, json=sent, headers={"Idempotency-Key": "k1"}) for _ in range(2)]
    assert (first.json()["matched"], again.content) == (2, first.content)
    assert again.headers["idempotent-replayed"] == "true"


async def test_a_record_that_another_one_needs_keeps_all_of_them(board: Server):
    ids = await filled(board)
    await board.made("needs", task=ids[4])
    refused(await ask(board, where={}, delete=True), 400, "bad_request")
    assert len(await numbers(board)) == 5


@pytest.mark.parametrize(
    ("body", "data"),
    [
        pytest.param({"set": {"n": 1}}, {"where": "validation_required"}, id="no records"),
        pytest.param({"where": {}, "ids": ["a"], "delete": True}, {"where": "validation_required"}, id="both"),
        pytest.param({"where": {}}, {"set": "validation_required"}, id="no change"),
        pytest.param({"where": {}, "set": {"n": 1}, "delete": True}, {"delete": "validation_required"}, id="two"),
        pytest.param({"where": {"filtr": "x"}, "delete": True}, {"where.filtr": "validation_unknown_key"}, id="key"),
        pytest.param({"where": 1, "delete": True}, {"where": "validation_invalid_value"}, id="no object"),
        pytest.param({"ids": "a", "delete": True}, {"ids": "validation_invalid_value"}, id="no list"),
        pytest.param({"ids": [1], "delete": True}, {"ids": "validation_invalid_value"}, id="no id"),
        pytest.param({"where": {}, "delete": "yes"}, {"delete": "validation_invalid_value"}, id="no flag"),
        pytest.param({"where": {}, "delete": True, "expect": -1}, {"expect": "validation_invalid_value"}, id="expect"),
        pytest.param({"where": {}, "delete": True, "dry": 1}, {"dry": "validation_unknown_key"}, id="unknown"),
        pytest.param({"where": {}, "set": 5}, {"set": "validation_invalid_value"}, id="set is no object"),
        pytest.param({"where": {}, "set": {"m": 5}}, {"set.m": "validation_unknown_key"}, id="no such field"),
        pytest.param({"where": {}, "set": {"n+": 5}}, {"set.n+": "validation_unknown_key"}, id="a modifier"),
        pytest.param({"where": {}, "set": {"id": "a"}}, {"set.id": "validation_not_allowed"}, id="the id"),
        pytest.param({"where": {}, "set": {"files": []}}, {"set.files": "validation_not_allowed"}, id="files"),
        pytest.param({"where": {}, "set": {"updated": ""}}, {"set.updated": "validation_not_allowed"}, id="autodate"),
        pytest.param({"where": {}, "set": {"n": 101}}, {"set.n": "validation_max_number_constraint"}, id="a value"),
        pytest.param({"where": {}, "set": {"title": ""}}, {"set.title": "validation_required"}, id="an empty one"),
        pytest.param({"where": {}, "set": {"code": "x"}}, {"set.code": "validation_not_unique"}, id="a unique one"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_its_place(board: Server, body: Any, data: dict[str, str]):
    await filled(board)
    found = refused(await board.root.post(BULK, json=body), 400, "validation_failed")["data"]
    for path, code in data.items():
        at = found
        for part in path.split(".", 1):
            at = at[part]
        assert at["code"] == code
    assert await numbers(board) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("path", "who", "status", "code"),
    [
        pytest.param(BULK, "guest", 401, "unauthenticated", id="nobody"),
        pytest.param("/collections/few/records/bulk", "root", 400, "bad_request", id="a view"),
        pytest.param("/collections/none/records/bulk", "root", 404, "not_found", id="no collection"),
    ],
)
async def test_it_is_for_superusers_and_for_tables(board: Server, path: str, who: str, status: int, code: str):
    client = board.root if who == "root" else board.guest
    refused(await client.post(path, json={"where": {}, "delete": True}), status, code)


async def test_a_filter_that_cannot_be_read_says_where(board: Server):
    answer = await ask(board, where={"filter": "m > 3"}, delete=True)
    assert "m" in refused(answer, 400, "invalid_filter")["message"]


async def test_accounts_keep_their_own_rules(board: Server):
    made = {"password": "long enough 1", "passwordConfirm": "long enough 1"}
    for name in ("a", "b"):
        await board.made("users", email=f"{name}@example.com", **made)
    refused(
        await board.root.post("/collections/users/records/bulk", json={"where": {}, "set": {"email": "x@y.zz"}}),
        400,
        "validation_failed",
    )
    done = await board.root.post("/collections/users/records/bulk", json={"where": {}, "set": {"verified": True}})
    assert done.json()["matched"] == 2
    all_of_them = await board.root.post("/collections/_superusers/records/bulk", json={"where": {}, "delete": True})
    assert "last superuser" in refused(all_of_them, 400, "bad_request")["message"]


async def test_plugins_are_asked_about_each_record(database: str, tmp_path: Path):
    hook = """
    async def record_before_update(self, ctx, draft):
        if draft.values.get("n") == 13:
            raise BadRequest("Not thirteen.")
    """
    async with plugged(database, tmp_path, hook) as api:
        await api.define("tasks", [{"name": "n", "type": "number"}])
        for n in range(3):
            await api.create("tasks", n=n)
        url = "/api/collections/tasks/records/bulk"
        refused(await api.root.post(url, json={"where": {}, "set": {"n": 13}}), 400, "bad_request")
        assert (await api.root.post(url, json={"where": {}, "set": {"n": 14}})).json()["matched"] == 3
