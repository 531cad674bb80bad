"""POST /api/collections/{collection}/explain/sample: records to try a rule on."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

import pytest

from client import Api

Start: TypeAlias = Callable[..., AbstractAsyncContextManager[Api]]
ANN = {"collection": "users", "id": "ann000000000001"}
OWN = [f"own{at:012}" for at in range(2)]
HIDDEN = [f"hidden{at:09}" for at in range(7)]

MANY = "INSERT INTO notes (id, owner) SELECT 'many' || lpad(at::text, 11, '0'), '' FROM generate_series(1, 10001) AS at"


@pytest.fixture
async def notes(api: Api) -> Api:
    """Nine notes, of which Ann may list her own two, and view none."""
    await api.create(
        "users", id=ANN["id"], email="ann@example.com", password="a long password", passwordConfirm="a long password"
    )
    fields = [{"name": "owner", "type": "text", "nullable": True}]
    await api.define("notes", fields, listRule="owner = @request.auth.id", viewRule=None)
    for id in OWN:
        await api.create("notes", id=id, owner=ANN["id"])
    for id in HIDDEN:
        await api.create("notes", id=id, owner=None)
    return api


async def pick(api: Api, question: Mapping[str, Any], collection: str = "notes") -> dict[str, Any]:
    answer = await api.root.post(f"/api/collections/{collection}/explain/sample", json=question)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def opened(api: Api) -> None:
    answer = await api.root.patch("/api/collections/notes", json={"listRule": ""})
    assert answer.status_code == 200, answer.text


async def test_any_record_is_one_of_those_that_are_there(notes: Api):
    found = await pick(notes, {"action": "view", "pick": "any"})
    assert len(found["ids"]) == 1
    assert found["ids"][0] in OWN + HIDDEN
    assert found["looked"] == 9


async def test_what_a_list_hides_comes_five_at_a_time(notes: Api):
    found = await pick(notes, {"action": "list", "pick": "refused", "limit": 5, "as": ANN})
    assert len(set(found["ids"])) == 5
    assert set(found["ids"]) <= set(HIDDEN)
    assert "ended" not in found


async def test_a_closed_rule_refuses_every_record(notes: Api):
    found = await pick(notes, {"action": "view", "pick": "refused", "limit": 5, "as": ANN})
    assert len(found["ids"]) == 5


async def test_nothing_is_refused_where_everybody_may(notes: Api):
    await opened(notes)
    assert await pick(notes, {"action": "list", "pick": "refused", "as": None}) == {"ids": [], "looked": 9}


async def test_each_of_them_is_refused_by_explain(notes: Api):
    found = await pick(notes, {"action": "list", "pick": "refused", "limit": 3, "as": ANN})
    for id in found["ids"]:
        question = {"action": "list", "as": ANN, "recordId": id}
        answer = await notes.root.post("/api/collections/notes/explain", json=question)
        assert answer.json()["allowed"] is False


async def test_the_rows_of_a_view_are_found_too(notes: Api):
    made = await notes.root.post(
        "/api/collections", json={"name": "seen", "type": "view", "viewQuery": "SELECT id, owner FROM notes"}
    )
    assert made.status_code == 200, made.text
    assert len((await pick(notes, {"action": "list", "pick": "refused", "limit": 5, "as": ANN}, "seen"))["ids"]) == 5


async def test_no_more_rows_are_looked_at_than_there_are_to_be(notes: Api):
    await opened(notes)
    connection = await notes.pool.acquire()
    await connection.execute(MANY)
    notes.pool.release(connection)
    assert await pick(notes, {"action": "list", "pick": "refused"}) == {"ids": [], "looked": 10_000, "ended": "rows"}


async def test_a_question_that_takes_too_long_says_so(start_api: Start) -> None:
    async with start_api(query_timeout_ms=100) as api:
        await api.define("notes")
        connection = await api.pool.acquire()
        async with connection.transaction():
            await connection.execute("LOCK TABLE notes")  # nobody reads it meanwhile
            assert await pick(api, {"action": "view", "pick": "any"}) == {"ids": [], "looked": 0, "ended": "time"}
        api.pool.release(connection)


@pytest.mark.parametrize(
    ("asked", "key"),
    [
        ({"action": "view"}, "pick"),
        ({"action": "view", "pick": "some"}, "pick"),
        ({"action": "update", "pick": "refused"}, "action"),
        ({"action": "view", "pick": "any", "limit": 6}, "limit"),
        ({"action": "view", "pick": "any", "limit": True}, "limit"),
        ({"action": "view", "pick": "any", "many": 1}, "many"),
        ({"action": "view", "pick": "refused", "as": {"collection": "users", "id": "nobody"}}, "as"),
    ],
)
async def test_a_sample_that_makes_no_sense_is_refused(notes: Api, asked: dict[str, Any], key: str):
    answer = await notes.root.post("/api/collections/notes/explain/sample", json=asked)
    assert answer.status_code == 400
    assert key in answer.json()["data"]


async def test_samples_are_for_superusers(notes: Api):
    answer = await notes.guest.post("/api/collections/notes/explain/sample", json={"action": "view", "pick": "any"})
    assert answer.status_code in (401, 403)
