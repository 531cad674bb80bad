"""Numbers are dense and in the order in which events can be seen, whoever else does what in the meantime."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from event_log import Log, folded
from holdfast.db.pool import Connection
from holdfast.events import relay as relaying
from holdfast.events.event import NOTHING
from holdfast.events.floor import Floor
from holdfast.events.position import Position, PositionLost
from holdfast.events.state import events_state

WRITERS = 16
SECONDS = 3.0
# What a reader does who trusts the numbers of a sequence.
BY_SEQUENCE = "SELECT id FROM holdfast.outbox WHERE id > $1 ORDER BY id"


async def write_for_a_while(log: Log, seconds: float) -> int:
    """Writers whose transactions take 0 to 40 ms, of which a tenth is rolled back; the number of committed changes."""
    committed = 0
    until = asyncio.get_running_loop().time() + seconds

    async def write(number: int) -> None:
        nonlocal committed
        chance = random.Random(number)
        connection: Any = await asyncpg.connect(log.dsn)
        try:
            while asyncio.get_running_loop().time() < until:
                transaction = connection.transaction()
                await transaction.start()
                count = chance.randint(1, 4)
                for _ in range(count):
                    await connection.execute(
                        "INSERT INTO notes (id, count) VALUES ($1, 1)"
                        " ON CONFLICT (id) DO UPDATE SET count = notes.count + 1",
                        f"{number} {chance.randint(1, 50)}",
                    )
                await asyncio.sleep(chance.choice((0, 0, 0.001, 0.005, 0.04)))
                if chance.random() < 0.1:
                    await transaction.rollback()
                else:
                    await transaction.commit()
                    committed += count
        finally:
            await connection.close()

    await asyncio.gather(*(write(number) for number in range(WRITERS)))
    return committed


async def test_what_commits_out_of_order_is_neither_skipped_nor_doubled_nor_turned_around(log: Log):
    log.relay()
    seen: list[int] = []

    async def read() -> None:
        position = await log.start()
        while True:
            page = await log.feed.read(position, 100)
            seen.extend(event.seq for event in page)
            position = Position(position.epoch, seen[-1] if seen else 0)
            await asyncio.sleep(0.005)

    reader = asyncio.create_task(read())
    committed = await write_for_a_while(log, SECONDS)
    events = await log.events()
    async with asyncio.timeout(5):
        while len(seen) < committed:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    reader.cancel()
    assert seen == list(range(1, committed + 1))
    assert len(events) == committed
    rows = await log.connection.fetch("SELECT id, count FROM notes")
    assert {id: row["count"] for id, row in folded(events)["notes"].items()} == {
        row["id"]: row["count"] for row in rows
    }


async def test_a_reader_by_sequence_would_have_skipped_some(log: Log):
    found: set[int] = set()

    async def read() -> None:
        newest = 0
        while True:
            for row in await log.connection.fetch(BY_SEQUENCE, newest):
                newest = row["id"]
                found.add(newest)
            await asyncio.sleep(0.005)

    reader = asyncio.create_task(read())
    committed = await write_for_a_while(log, 1.5)
    await asyncio.sleep(0.1)
    reader.cancel()
    assert len(found) < committed


async def test_an_open_transaction_delays_its_own_events_alone(log: Log):
    log.relay()
    other: Any = await asyncpg.connect(log.dsn)
    transaction = other.transaction()
    await transaction.start()
    await other.execute("INSERT INTO notes (id) VALUES ('slow')")
    for number in range(20):
        await log.connection.execute("INSERT INTO notes (id) VALUES ($1)", f"fast {number}")
    position = await log.feed.position()
    async with asyncio.timeout(2):
        while position.seq < 20:
            await asyncio.sleep(0.01)
            position = await log.feed.position()
    await transaction.commit()
    (late,) = await log.events(position)
    assert (late.record_id, late.seq) == ("slow", 21)
    await other.close()


async def test_rows_that_were_taken_out_are_not_walked_over_again_even_while_a_snapshot_keeps_them(log: Log):
    log.relay()
    holding: Any = await asyncpg.connect(log.dsn)
    snapshot = holding.transaction(isolation="repeatable_read", readonly=True)
    await snapshot.start()
    await holding.fetchval("SELECT count(*) FROM notes")
    await log.connection.execute("INSERT INTO notes (id) SELECT 'n' || g FROM generate_series(1, 20000) AS g")
    await log.settled()
    await log.stop()
    floor = Floor(every_seconds=0.0)
    await reaches(floor, log, 20000)
    await snapshot.rollback()
    await holding.close()


async def reaches(floor: Floor, log: Log, id: int) -> None:
    """It is moved in time. Transactions in other databases of the cluster count, too, so that may take a moment."""
    async with asyncio.timeout(10):
        while floor.id < id:
            await floor.drained(log.connection)
            await asyncio.sleep(0.01)
    assert floor.id == id


async def test_the_outbox_stays_small_however_much_goes_through_it(log: Log):
    log.relay()
    sizes: list[int] = []
    for number in range(6):
        await log.connection.execute(
            "INSERT INTO notes (id) SELECT $1 || '/' || g FROM generate_series(1, 20000) AS g", str(number)
        )
        await log.settled()
        sizes.append(await log.connection.fetchval("SELECT pg_table_size('holdfast.outbox')"))
    assert sizes[-1] <= 3 * sizes[0]  # autovacuum is off in tests


async def test_the_floor_waits_for_every_transaction_that_may_still_write_below_it(log: Log):
    other: Any = await asyncpg.connect(log.dsn)
    transaction = other.transaction()
    await transaction.start()
    await other.execute("INSERT INTO notes (id) VALUES ('open')")
    await log.connection.execute("INSERT INTO notes (id) VALUES ('done')")
    await log.connection.execute("DELETE FROM holdfast.outbox")
    floor = Floor(every_seconds=0.0)
    for _ in range(6):
        await floor.drained(log.connection)
    assert floor.id == 0
    await transaction.commit()
    await log.connection.execute("DELETE FROM holdfast.outbox")
    await reaches(floor, log, 2)
    await other.close()


async def test_the_floor_waits_for_a_transaction_after_which_none_has_ended_yet(log: Log):
    other: Any = await asyncpg.connect(log.dsn)
    transaction = other.transaction()
    await transaction.start()
    await other.execute("INSERT INTO notes (id) VALUES ('open')")
    floor = Floor(every_seconds=0.0)
    await floor.drained(log.connection)
    await log.connection.execute("INSERT INTO notes (id) VALUES ('done')")
    await log.connection.execute("DELETE FROM holdfast.outbox")
    for _ in range(6):
        await floor.drained(log.connection)
    assert floor.id == 0
    await transaction.commit()
    await log.connection.execute("DELETE FROM holdfast.outbox")
    await reaches(floor, log, 2)
    await other.close()


async def test_of_several_relays_one_leads_and_another_takes_over_when_its_connection_ends(
    log: Log, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(relaying, "ELECTION_SECONDS", 0.1)
    for _ in range(3):
        log.relay()
    stop = asyncio.Event()

    async def end_leaders() -> None:
        while not stop.is_set():
            await asyncio.sleep(0.3)
            await end_leader(log.connection)

    ending = asyncio.create_task(end_leaders())
    committed = await write_for_a_while(log, SECONDS)
    stop.set()
    await ending
    assert [event.seq for event in await log.events()] == list(range(1, committed + 1))


async def end_leader(connection: Connection) -> None:
    """End the connection that relays, as a network or an operator may."""
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = $1 AND objid = $2"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        *relaying.LOCK,
    )


async def test_a_leader_that_is_stopped_loses_its_place_and_changes_nothing_when_it_comes_back(
    log: Log, monkeypatch: pytest.MonkeyPatch
):
    # The leader of another process, which is stopped: it holds the lock and asks nothing any more.
    stopped: Any = await asyncpg.connect(log.dsn)
    assert await stopped.fetchval("SELECT pg_try_advisory_lock($1, $2)", *relaying.LOCK)
    await stopped.execute("SET idle_session_timeout = '1s'")
    monkeypatch.setattr(relaying, "ELECTION_SECONDS", 0.1)
    log.relay()
    await log.connection.execute("INSERT INTO notes (id) VALUES ('a')")
    assert await log.types() == ["notes.created"]
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError)):
        await stopped.execute("UPDATE holdfast.stream SET seq = 0")
    assert (await log.feed.position()).seq == 1


async def test_two_who_both_believe_to_lead_give_no_number_twice(log: Log):
    for start in range(0, 4000, 500):
        await log.connection.execute(
            "INSERT INTO notes (id) SELECT 'n' || g FROM generate_series($1::int, $2::int) AS g", start, start + 499
        )
    await log.connection.execute("CREATE TABLE holdfast.events_all PARTITION OF holdfast.events DEFAULT")

    async def relay() -> None:
        connection: Any = await asyncpg.connect(log.dsn)
        for _ in range(12):
            await relaying.relay_once(connection, 0)
        await connection.close()

    await asyncio.gather(relay(), relay(), relay())
    assert [event.seq for event in await log.events()] == list(range(1, 4001))


async def test_who_waits_is_woken_when_there_is_something_to_read(log: Log):
    log.relay()
    following = asyncio.create_task(log.feed.follow())
    start = await log.feed.position()
    assert not await log.feed.wait(start, 0.05)
    waiting = asyncio.create_task(log.feed.wait(start, 10))
    await asyncio.sleep(0.05)
    began = asyncio.get_running_loop().time()
    await log.connection.execute("INSERT INTO notes (id) VALUES ('a')")
    assert await waiting
    assert asyncio.get_running_loop().time() - began < 1.0
    assert len(await log.feed.read(start)) == 1
    following.cancel()


LOST: dict[str, Callable[[Position], Position]] = {
    "the future": lambda now: Position(now.epoch, now.seq + 1),
    "another epoch": lambda now: Position("0" * 12, now.seq),
    "older than what is kept": lambda now: Position(now.epoch, 0),
    "the largest number": lambda now: Position(now.epoch, 2**63 - 1),
}


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST.keys())
async def test_a_position_from_which_nobody_can_go_on_is_lost_and_not_silent(
    log: Log, lost: Callable[[Position], Position]
):
    log.relay()
    await log.connection.execute("INSERT INTO notes (id) VALUES ('a'), ('b')")
    await log.settled()
    await log.connection.execute("UPDATE holdfast.stream SET oldest = 2")
    now = await log.feed.position()
    with pytest.raises(PositionLost):
        await log.feed.read(lost(now))
    assert [event.seq for event in await log.feed.read(Position(now.epoch, 1))] == [2]


async def test_events_that_wait_for_nobody_are_late_and_counted(log: Log):
    assert (await events_state(log.connection)).lag == 0.0
    await log.connection.execute("INSERT INTO notes (id) VALUES ('a'), ('b')")
    await log.connection.execute("UPDATE holdfast.outbox SET at = at - interval '1 minute'")
    state = await events_state(log.connection)
    assert (state.waiting, state.late, state.newest, state.oldest) == (2, True, 0, 1)
    assert 60 <= state.lag < 70


async def test_a_record_that_is_too_large_is_in_the_log_by_its_id_and_the_names_of_what_changed(log: Log):
    log.relay()
    await log.connection.execute("INSERT INTO notes (id) VALUES ('big')")
    await log.connection.execute("UPDATE notes SET title = repeat('x', 70000), count = 3")
    await log.connection.execute("UPDATE notes SET title = ''")
    small, grown, shrunk = await log.events()
    assert (small.whole, grown.whole, shrunk.whole) == (True, False, False)
    assert bytes(grown.record) == b'{"collectionId":"c_notes","collectionName":"notes","id":"big"}'
    assert (set(grown.changed), set(shrunk.changed)) == ({"title", "count"}, {"title"})
    assert bytes(shrunk.previous) == b'{"title":null}'


async def test_what_somebody_writes_into_the_outbox_by_hand_does_not_stop_the_relay(log: Log):
    log.relay()
    await log.connection.execute(
        "INSERT INTO holdfast.outbox (type, collection_id, record, previous, context)"
        " VALUES ('x', 'y', 'no json', 'nor this' || repeat('x', 70000), '{\"actor\": 3}'),"
        " ('x', 'y', '\"a text\"', to_json(repeat('x', 70000)), 'anything')"
    )
    await log.connection.execute("INSERT INTO notes (id) VALUES ('after')")
    one, two, after = await log.events()
    assert [(event.record, event.changed, event.actor) for event in (one, two)] == [(NOTHING, (), None)] * 2
    assert after.record_id == "after"
