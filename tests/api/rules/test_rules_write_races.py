"""Writes at the same time: none slips a record past a rule that the other one has made false."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from api.rules.conftest import ID
from api.rules.tasks import T1, Tasks, code_of, tasks

__all__ = ["tasks"]

pytestmark = pytest.mark.asyncio(loop_scope="package")

WAITING = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
# What a rule says, and what another transaction makes of it.
RULES = [
    ("status = 'open'", "status = 'done'"),
    ("author = @request.auth.id", "author = '000000000000bob'"),
    ("team.members.id ?= @request.auth.id", "team = '00000000000blue'"),
    ("team.name = 'Red'", "team = '00000000000blue'"),
    ("@collection.teams.name != title", "title = 'Blue'"),
    ("@collection.teams.name ?= code || code = 'c1'", "code = 'none'"),
    ("readers.name ?= 'bob'", "readers = '{}'"),
    ("readers.name != 'cid'", "readers = '{000000000000cid}'"),
]
RULES_OF_UPDATES = [
    ("@previous.views < 5", "views = 5"),
    ("@previous.labels:length > 0 && labels:length >= 0", "labels = '{}'"),
    ("@request.body.title:changed = true", "title = 'New'"),
]
UPDATE = {"title": "New"}
FROM_OLD = {"title": "New", "price+": "1"}


@pytest.mark.parametrize(
    ("rule", "meanwhile", "body"),
    [(*one, body) for one in RULES for body in (UPDATE, FROM_OLD, None)]
    + [(*one, body) for one in RULES_OF_UPDATES for body in (UPDATE, FROM_OLD)],
)
async def test_a_write_that_has_waited_is_asked_again(
    tasks: Tasks, rule: str, meanwhile: str, body: Mapping[str, Any] | None
):
    await tasks.ruled(updateRule=None if body is None else rule, deleteRule=rule if body is None else None)
    client = tasks.society["ann"]
    connection = await tasks.society.api.pool.acquire()
    try:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(f"UPDATE tasks SET {meanwhile} WHERE id = $1", ID("t1"))  # noqa: S608
        write = asyncio.create_task(client.delete(T1) if body is None else client.patch(T1, json=body))
        for _ in range(300):
            if write.done() or await connection.fetchval(WAITING):
                break
            await asyncio.sleep(0.01)
        assert not write.done(), (await write).text
        await transaction.commit()
    finally:
        tasks.society.api.pool.release(connection)
    assert code_of(await write) == "404 not_found"
    assert (await tasks.row())["updated"] <= (await tasks.row())["created"]


@pytest.mark.parametrize("rule", ["@previous.views < 8", "views <= 8"])
async def test_as_many_changes_pass_as_the_rule_has_room_for(tasks: Tasks, rule: str):
    await tasks.ruled(updateRule=rule)
    answers = await asyncio.gather(*(tasks.society["ann"].patch(T1, json={"views+": 1}) for _ in range(20)))
    assert sorted(map(code_of, answers)) == ["200"] * 7 + ["404 not_found"] * 13
    assert (await tasks.row())["views"] == 8


async def test_of_two_who_take_what_is_nobodys_one_gets_it(tasks: Tasks):
    await tasks.ruled(updateRule="@previous.author = '' && @request.body.author = @request.auth.id")
    for _ in range(5):
        await tasks.society.run("UPDATE tasks SET author = NULL WHERE id = $1", ID("t1"))
        takers = ("ann", "bob", "cid")
        answers = await asyncio.gather(*(tasks.society[one].patch(T1, json={"author": ID(one)}) for one in takers))
        got = [one for one, answer in zip(takers, answers, strict=True) if answer.status_code == 200]
        assert len(got) == 1, [answer.text for answer in answers]
        assert (await tasks.row())["author"] == ID(got[0])
