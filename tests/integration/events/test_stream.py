"""How long the log is kept, and when it becomes another one."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from event_log import Log, make_notes, opened
from holdfast.events.epoch import settle_epoch
from holdfast.events.partitions import AHEAD_DAYS, EVENTS, drop_old_partitions, make_partitions
from holdfast.events.position import Position, PositionLost
from postgres import Cluster, drop_database, make_database

PARTITIONS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'holdfast.events'::regclass ORDER BY 1"


async def partitions(log: Log) -> list[str]:
    return [row[0].removeprefix("holdfast.") for row in await log.connection.fetch(PARTITIONS)]


async def write(log: Log, id: str) -> None:
    await log.connection.execute("INSERT INTO notes (id) VALUES ($1)", id)


async def test_there_is_a_partition_for_today_and_for_the_days_that_come(log: Log):
    await make_partitions(log.connection)
    await make_partitions(log.connection)
    today = datetime.now(UTC).date()
    assert await partitions(log) == [EVENTS.partition(today + timedelta(days=ahead)) for ahead in range(AHEAD_DAYS + 1)]


async def test_without_a_partition_for_today_the_relay_makes_one_and_goes_on(log: Log):
    log.relay()
    await write(log, "a")
    assert len(await log.events()) == 1
    for name in await partitions(log):
        await log.connection.execute(f"DROP TABLE holdfast.{name}")
    await write(log, "b")
    assert [event.seq for event in await log.events(Position((await log.start()).epoch, 1))] == [2]


async def test_what_is_older_than_the_days_is_dropped_and_who_stood_there_is_told(log: Log):
    log.relay()
    for id in "abc":
        await write(log, id)
    await log.settled()
    await log.stop()
    old = EVENTS.partition(datetime.now(UTC).date() - timedelta(days=9))
    await log.connection.execute(
        f"CREATE TABLE holdfast.{old} (LIKE holdfast.events INCLUDING ALL);"  # noqa: S608
        f"WITH gone AS (DELETE FROM holdfast.events WHERE seq < 3 RETURNING *) INSERT INTO holdfast.{old}"
        " SELECT seq, relayed - interval '9 days', id, at, type, collection_id, collection, record_id, record,"
        " previous, context, whole FROM gone;"
        f"ALTER TABLE holdfast.events ATTACH PARTITION holdfast.{old} FOR VALUES FROM ('2000-01-01') TO"
        " (now() - interval '8 days')"
    )
    start = await log.start()
    assert len(await log.feed.read(start)) == 3
    await drop_old_partitions(log.connection, days=9)
    assert len(await log.feed.read(start)) == 3
    await drop_old_partitions(log.connection, days=7)
    assert old not in await partitions(log)
    with pytest.raises(PositionLost):
        await log.feed.read(start)
    assert [event.seq for event in await log.feed.read(Position(start.epoch, 2))] == [3]


async def test_a_partition_is_made_while_somebody_reads_the_log(log: Log):
    reading: Any = await asyncpg.connect(log.dsn)
    transaction = reading.transaction()
    await transaction.start()
    await reading.fetch("SELECT * FROM holdfast.events")
    async with asyncio.timeout(3):
        await make_partitions(log.connection)
    await transaction.rollback()
    await reading.close()


async def test_the_epoch_stays_when_another_process_leads(log: Log):
    first = await settle_epoch(log.connection)
    other: Any = await asyncpg.connect(log.dsn)
    assert await settle_epoch(other) == first
    await other.close()


async def test_a_copy_of_the_database_has_an_epoch_of_its_own_and_goes_on_counting(cluster: Cluster, database: str):
    async with opened(database) as log:
        await make_notes(log.connection)
        log.relay()
        await write(log, "a")
        (event,) = await log.events()
        position = await log.feed.position()
    copy = await make_database(cluster, database.partition("?")[0].rpartition("/")[2])
    try:
        async with opened(copy) as log:
            log.relay()
            await write(log, "b")
            both = await log.events()
            assert [(one.seq, one.record_id) for one in both] == [(1, "a"), (2, "b")]
            assert both[0].id == event.id
            with pytest.raises(PositionLost):
                await log.feed.read(position)
    finally:
        await drop_database(cluster, copy)
