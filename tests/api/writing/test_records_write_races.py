"""Writes at the same time: nothing is lost, nothing is done twice, and one wins where only one can."""

import asyncio

import pytest
import pytest_asyncio

from writing_server import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

COUNTERS = "/collections/counters/records"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def counters(server: Server) -> Server:
    await server.define(
        {
            "name": "counters",
            "type": "base",
            "createRule": "",
            "updateRule": "",
            "deleteRule": "",
            "fields": [
                {"name": "n", "type": "number", "max": 40},
                {"name": "total", "type": "decimal", "precision": 10, "scale": 2},
                {"name": "tags", "type": "select", "maxSelect": 60, "values": [f"t{at}" for at in range(60)]},
                {"name": "code", "type": "text", "unique": True},
            ],
        }
    )
    return server


async def test_every_increment_counts(counters: Server):
    record = await counters.made("counters")
    path = f"{COUNTERS}/{record['id']}"
    answers = await asyncio.gather(
        *[counters.guest.patch(path, json={"total+": "0.10", "tags+": f"t{at}"}) for at in range(50)]
    )
    assert {answer.status_code for answer in answers} == {200}
    row = (await counters.rows("SELECT total::text, cardinality(tags) AS tags FROM counters"))[0]
    assert row == {"total": "5.00", "tags": 50}
    assert len({answer.json()["total"] for answer in answers}) == 50


async def test_no_increment_goes_past_the_maximum(counters: Server):
    record = await counters.made("counters")
    path = f"{COUNTERS}/{record['id']}"
    answers = await asyncio.gather(*[counters.guest.patch(path, json={"n+": 1}) for _ in range(50)])
    assert sorted(answer.status_code for answer in answers) == [200] * 40 + [400] * 10
    assert await counters.rows("SELECT n FROM counters") == [{"n": 40.0}]


@pytest.mark.parametrize("body", [{"code": "mine"}, {"n+": 1}], ids=["one statement", "read first"])
async def test_of_those_who_saw_one_version_one_wins(counters: Server, body: dict[str, object]):
    first = await counters.guest.post(COUNTERS, json={})
    path, seen = f"{COUNTERS}/{first.json()['id']}", first.headers["etag"]
    answers = await asyncio.gather(
        *[counters.guest.patch(path, json=body, headers={"if-match": seen}) for _ in range(20)]
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 19


async def test_a_delete_and_an_update_of_one_version_do_not_both_win(counters: Server):
    for _ in range(10):
        first = await counters.guest.post(COUNTERS, json={})
        path, seen = f"{COUNTERS}/{first.json()['id']}", {"if-match": first.headers["etag"]}
        update, delete = await asyncio.gather(
            counters.guest.patch(path, json={"n": 1}, headers=seen), counters.guest.delete(path, headers=seen)
        )
        assert (update.status_code, delete.status_code) in ((200, 412), (404, 204), (412, 204))


async def test_a_unique_value_is_given_once(counters: Server):
    answers = await asyncio.gather(*[counters.guest.post(COUNTERS, json={"code": "one"}) for _ in range(20)])
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 19
    assert {answer.json()["data"]["code"]["code"] for answer in answers if answer.status_code == 400} == {
        "validation_not_unique"
    }


async def test_upserts_of_one_new_id_at_once_all_succeed(counters: Server):
    body = {"id": "aaaaaaaaaaaaaaa", "n+": 1}
    answers = await asyncio.gather(*[counters.guest.put(COUNTERS, json=body) for _ in range(20)])
    assert {answer.status_code for answer in answers} == {200}
    assert await counters.rows("SELECT n FROM counters") == [{"n": 20.0}]


async def test_batches_that_meet_in_another_order_are_all_done(counters: Server):
    ids = [(await counters.made("counters"))["id"] for _ in range(2)]

    async def move(source: str, target: str) -> int:
        requests = [
            {"method": "PATCH", "url": f"/api{COUNTERS}/{id}", "body": {change: "1.00"}}
            for id, change in ((source, "total-"), (target, "total+"))
        ]
        return (await counters.guest.post("/batch", json={"requests": requests})).status_code

    assert await asyncio.gather(move(*ids), move(*reversed(ids)), move(*ids)) == [200, 200, 200]
    rows = await counters.rows("SELECT total::text FROM counters ORDER BY total")
    assert [row["total"] for row in rows] == ["-1.00", "1.00"]
