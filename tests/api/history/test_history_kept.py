"""Versions are kept for as long as their collection says, and what is known of the past stays right when they go."""

from datetime import UTC, datetime, timedelta

import pytest

from archive import Archive
from client import in_one_loop, refused
from holdfast.collections.remembered import ensure_remembered
from holdfast.events.months import following, make_months
from holdfast.history.sweep import sweep_history

pytestmark = in_one_loop


async def _sql(archive: Archive, *statements: str) -> list[list[object]]:
    """The rows of each of the statements."""
    connection = await archive.api.pool.acquire()
    found = [[tuple(row) for row in await connection.fetch(statement)] for statement in statements]
    archive.api.pool.release(connection)
    return found


async def _id_of(archive: Archive, name: str) -> str:
    return (await archive.api.root.get(f"/api/collections/{name}")).json()["id"]


async def _age(archive: Archive, name: str, days: int) -> None:
    """Let everything that has happened to the collection have happened so many days earlier."""
    by = f"interval '{days} days' WHERE collection_id = '{await _id_of(archive, name)}'"
    await _sql(
        archive,
        f"UPDATE holdfast.history SET at = at - {by}",  # noqa: S608
        f"UPDATE holdfast.history_shapes SET began = began - {by}",  # noqa: S608
    )


async def test_versions_go_when_their_days_are_over_and_the_past_stays_known(archive: Archive):
    name = await archive.papers(historyDays=10)
    made = await archive.api.create(name, title="One")
    rare = await archive.api.create(name, title="Rare")
    await archive.versions(name, rare["id"])
    await _age(archive, name, 30)
    await archive.changed(name, made["id"], title="Two")
    assert len(await archive.versions(name, made["id"])) == 2
    assert await sweep_history(archive.api.pool) >= 2
    updated, first = await archive.versions(name, made["id"])
    assert (updated["action"], first["action"], first["record"]["title"]) == ("updated", "first", "One")
    week_ago = (datetime.now(UTC) - timedelta(days=7)).isoformat()
    assert {one["title"] for one in await archive.as_of(name, week_ago)} == {"One", "Rare"}
    month_ago = (datetime.now(UTC) - timedelta(days=29)).isoformat()
    answer = await archive.api.root.get(f"/api/collections/{name}/records", params={"asOf": month_ago})
    assert "begins at" in refused(answer, 400, "bad_request")["message"]
    assert (await archive.revert(name, made["id"], 0)).json()["title"] == "One"


async def test_a_history_without_an_end_stays(archive: Archive):
    name = await archive.papers()
    made = await archive.api.create(name, title="One")
    await archive.versions(name, made["id"])
    await _age(archive, name, 4000)
    await sweep_history(archive.api.pool)
    assert [one["action"] for one in await archive.versions(name, made["id"])] == ["created"]


async def test_a_dropped_collection_has_its_history_again_when_it_comes_back_and_loses_it_with_the_trash(
    archive: Archive,
):
    name = await archive.papers()
    made = await archive.api.create(name, title="One")
    (version,) = await archive.versions(name, made["id"])
    await archive.api.root.delete(f"/api/collections/{name}")
    await sweep_history(archive.api.pool)
    trash = (await archive.api.root.get("/api/collections/trash")).json()["items"]
    (dropped,) = [one["id"] for one in trash if one["collectionName"] == name]
    assert (await archive.api.root.post(f"/api/collections/trash/{dropped}/restore")).status_code == 200
    await archive.changed(name, made["id"], title="Two")
    assert (await archive.versions(name, made["id"]))[1] == version
    assert [one["title"] for one in await archive.as_of(name, version["at"])] == ["One"]
    await archive.api.root.delete(f"/api/collections/{name}")
    trash = (await archive.api.root.get("/api/collections/trash")).json()["items"]
    (dropped,) = [one["id"] for one in trash if one["collectionName"] == name]
    assert (await archive.api.root.delete(f"/api/collections/trash/{dropped}")).status_code == 204
    await sweep_history(archive.api.pool)
    ids = f"SELECT FROM holdfast.history WHERE record_id = '{made['id']}'"
    assert await _sql(archive, ids) == [[]]


async def test_months_are_made_ahead_and_dropped_when_nothing_is_in_them(archive: Archive):
    today = datetime.now(UTC).date().replace(day=1)
    connection = await archive.api.pool.acquire()
    await make_months(connection)
    await connection.execute(
        "CREATE TABLE holdfast.history_202001 PARTITION OF holdfast.history"
        " FOR VALUES FROM ('2020-01-01 00:00+00') TO ('2020-02-01 00:00+00')"
    )
    archive.api.pool.release(connection)
    await sweep_history(archive.api.pool)
    (rows,) = await _sql(
        archive,
        "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid"
        " WHERE inhparent = 'holdfast.history'::regclass ORDER BY 1",
    )
    assert rows == [(f"history_{month:%Y%m}",) for month in (today, following(today))]


@pytest.mark.parametrize(
    "damage", ["DELETE FROM holdfast.history_shapes", "UPDATE holdfast.history_shapes SET names = '{}'"]
)
async def test_a_start_begins_the_histories_that_are_missing(archive: Archive, damage: str):
    name = await archive.papers()
    await _sql(archive, f"{damage} WHERE collection_id = '{await _id_of(archive, name)}'")
    settings = archive.api.settings
    assert await ensure_remembered(archive.api.pool, settings) == [name]
    assert await ensure_remembered(archive.api.pool, settings) == []
    made = await archive.api.create(name, title="One")
    assert [one["record"]["title"] for one in await archive.versions(name, made["id"])] == ["One"]


async def test_no_change_is_missing_when_a_history_begins_among_writers(archive: Archive):
    name = await archive.papers(history=False, fields=[{"name": "count", "type": "number"}])
    made = await archive.api.create(name, count=0)
    await _sql(archive, f"UPDATE public.{name} SET count = count + 1")  # noqa: S608
    await archive.redefine(name, history=True)
    for _ in range(20):
        await _sql(archive, f"UPDATE public.{name} SET count = count + 1")  # noqa: S608
    seen = [one["record"]["count"] for one in await archive.versions(name, made["id"])]
    assert seen == list(range(21, 0, -1))
