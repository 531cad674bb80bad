"""Jobs are done once they are committed, again when they fail, by one process at a time, and never quietly lost."""

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import structlog

import holdfast.jobs.worker as worker_module
from holdfast.db.sql import Statement, raw
from holdfast.db.totals import read_totals
from holdfast.engine import Engine
from holdfast.jobs import queue
from holdfast.jobs.enqueue import enqueue
from holdfast.jobs.job import Ended, GiveUp, Job, JobKind, TryLater
from holdfast.jobs.worker import Worker
from job_worker import StartWorker, jobs, stopped, until


class Seen:
    """A handler that remembers, and fails as often as it is told."""

    def __init__(self, *failures: BaseException) -> None:
        self.payloads: list[object] = []
        self.attempts: list[int] = []
        self.failures = list(failures)

    async def __call__(self, _: Engine, job: Job) -> None:
        self.payloads.append(msgspec.json.decode(job.payload))
        self.attempts.append(job.attempt)
        if self.failures:
            raise self.failures.pop(0)


def at_once(*_: float) -> float:
    return 0.0


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failed jobs are tried again at once."""
    monkeypatch.setattr(worker_module, "pause_seconds", at_once)


async def empty(engine: Engine) -> bool:
    return not await jobs(engine)


async def one_waits(engine: Engine) -> bool:
    """Whether one job is left: a job is forgotten a moment after its handler has come to its end."""
    return len(await jobs(engine)) == 1


async def test_a_job_is_done_once_and_forgotten(engine: Engine, start_worker: StartWorker):
    seen = Seen()
    start_worker(seen)
    await enqueue(engine.pool, "it", {"text": 'Größe "1"'})
    await until(lambda: empty(engine))
    assert seen.payloads == [{"text": 'Größe "1"'}]


async def test_what_is_logged_in_a_job_carries_its_id_and_nothing_else_does(engine: Engine, start_worker: StartWorker):
    logged: dict[int, object] = {}

    async def run(_: Engine, job: Job) -> None:
        logged[job.id] = structlog.contextvars.get_contextvars().get("job_id")

    start_worker(run)
    for _ in range(2):
        await enqueue(engine.pool, "it", {})
    await until(lambda: empty(engine))
    assert list(logged.values()) == list(logged)
    assert structlog.contextvars.get_contextvars() == {}


async def test_how_attempts_end_is_counted_for_good(engine: Engine, start_worker: StartWorker, no_pause: None):
    start_worker(Seen(RuntimeError("once"), GiveUp("no use")))
    before = await totals(engine)
    await enqueue(engine.pool, "it", 1)
    await until(lambda: has_come(engine, before, "dead"))
    await enqueue(engine.pool, "it", 2)
    await until(lambda: has_come(engine, before, "done"))
    now = await totals(engine)
    assert {outcome: now[outcome] - before.get(outcome, 0) for outcome in now} == {"failed": 1, "dead": 1, "done": 1}


async def totals(engine: Engine) -> dict[str, float]:
    """How often jobs of these tests have ended how, in this database."""
    connection = await engine.pool.acquire()
    try:
        return {one.outcome: one.value for one in await read_totals(connection) if one.label == "it"}
    finally:
        engine.pool.release(connection)


async def has_come(engine: Engine, before: dict[str, float], outcome: str) -> bool:
    return (await totals(engine)).get(outcome, 0) > before.get(outcome, 0)


async def test_a_job_is_there_when_its_transaction_commits_and_not_before(engine: Engine, start_worker: StartWorker):
    seen = Seen()
    start_worker(seen)
    with pytest.raises(RuntimeError):
        async with engine.pool.transaction() as tx:
            await enqueue(tx, "it", "undone")
            raise RuntimeError
    async with engine.pool.transaction() as tx:
        await enqueue(tx, "it", "done")
        await asyncio.sleep(0.2)
        assert seen.payloads == []
    await until(lambda: seen.payloads)
    assert seen.payloads == ["done"]


async def test_a_job_starts_soon_after_its_commit(engine: Engine, start_worker: StartWorker):
    waits: list[float] = []

    async def measure(_: Engine, job: Job) -> None:
        waits.append(time.monotonic() - float(job.payload))

    start_worker(measure)
    for number in range(12):
        await enqueue(engine.pool, "it", time.monotonic())
        await asyncio.sleep(0.05 + number * 0.007)
    await until(lambda: len(waits) == 12)
    # Not after a while: how soon exactly is measured by tests/bench/jobs.py.
    assert sorted(waits)[-2] < 1, waits


async def test_a_job_for_later_waits(engine: Engine, start_worker: StartWorker):
    seen = Seen()
    start_worker(seen)
    await enqueue(engine.pool, "it", "later", run_at=datetime.now(UTC) + timedelta(seconds=0.4))
    await enqueue(engine.pool, "it", "now")
    await asyncio.sleep(0.2)
    assert seen.payloads == ["now"]
    await until(lambda: len(seen.payloads) == 2)


async def test_of_jobs_with_one_key_one_waits(engine: Engine, start_worker: StartWorker):
    later = datetime.now(UTC) + timedelta(hours=1)
    first = await enqueue(engine.pool, "it", 1, key="a", run_at=later)
    assert await enqueue(engine.pool, "it", 2, key="a") == first
    assert await enqueue(engine.pool, "it", 3, key="b") != first
    assert await enqueue(engine.pool, "other", 4, key="a") != first
    assert [(row["name"], row["key"], row["p"]) for row in await jobs(engine)] == [
        ("it", "a", "2"),
        ("it", "b", "3"),
        ("other", "a", "4"),
    ]
    seen = Seen()
    start_worker(seen)
    await until(lambda: len(seen.payloads) == 2)
    assert sorted(map(str, seen.payloads)) == ["2", "3"]


async def test_a_key_is_free_again_when_its_job_has_begun(engine: Engine, start_worker: StartWorker):
    inside, go_on = asyncio.Event(), asyncio.Event()
    done: list[bytes] = []

    async def slow(_: Engine, job: Job) -> None:
        inside.set()
        await go_on.wait()
        done.append(job.payload)

    start_worker(slow)
    first = await enqueue(engine.pool, "it", 1, key="a")
    await inside.wait()
    assert await enqueue(engine.pool, "it", 2, key="a") != first
    go_on.set()
    await until(lambda: len(done) == 2)


async def test_whoever_adds_to_a_waiting_job_commits_before_it_starts(engine: Engine, start_worker: StartWorker):
    """Else it could run without seeing what it was asked for."""
    seen = Seen()
    await enqueue(engine.pool, "it", "old", key="a")
    async with engine.pool.transaction() as tx:
        await enqueue(tx, "it", "new", key="a")
        start_worker(seen)
        await asyncio.sleep(0.2)
        assert seen.payloads == []
    await until(lambda: seen.payloads)
    assert seen.payloads == ["new"]


@pytest.mark.usefixtures("no_pause")
async def test_a_job_that_fails_is_tried_again_until_it_is_done(engine: Engine, start_worker: StartWorker):
    seen = Seen(RuntimeError("once"), OSError("twice"), asyncio.CancelledError())  # of something that it waited for
    start_worker(seen)
    await enqueue(engine.pool, "it")
    await until(lambda: empty(engine))
    assert seen.attempts == [1, 2, 3, 4]


async def test_a_job_that_fails_waits_and_says_why(engine: Engine, start_worker: StartWorker):
    start_worker(Seen(RuntimeError("no \0 luck")))
    await enqueue(engine.pool, "it")

    async def failed() -> bool:
        return (await jobs(engine))[0]["error"] is not None

    await until(failed)
    row = (await jobs(engine))[0]
    assert (row["error"], row["attempts"], row["dead"]) == ("no   luck", 1, None)
    assert 2 < (row["run_at"] - datetime.now(UTC)).total_seconds() < 7


@pytest.mark.usefixtures("no_pause")
@pytest.mark.parametrize(
    ("failures", "attempts", "error"),
    [
        ([GiveUp("never")], 1, "never"),
        ([RuntimeError("a"), RuntimeError("b"), RuntimeError("c")], 3, "c"),
        ([RuntimeError()] * 3, 3, "RuntimeError"),
    ],
    ids=["given up", "tried too often", "without a word"],
)
async def test_a_dead_job_is_kept_with_its_reason(
    engine: Engine, start_worker: StartWorker, failures: list[Exception], attempts: int, error: str
):
    seen = Seen(*failures)
    start_worker(seen, attempts=3)
    await enqueue(engine.pool, "it", "kept")

    async def dead() -> bool:
        return (await jobs(engine))[0]["dead"] is not None

    await until(dead)
    await asyncio.sleep(0.2)
    row = (await jobs(engine))[0]
    assert (row["attempts"], row["error"], row["p"]) == (attempts, error, '"kept"')
    assert len(seen.payloads) == attempts


@pytest.mark.usefixtures("no_pause")
async def test_a_job_that_takes_too_long_is_stopped(engine: Engine, start_worker: StartWorker):
    async def hang(_: Engine, __: Job) -> None:
        await asyncio.sleep(60)

    start_worker(hang, seconds=0.1, attempts=1)
    await enqueue(engine.pool, "it")

    async def dead() -> bool:
        return (await jobs(engine))[0]["dead"] is not None

    await until(dead)
    assert (await jobs(engine))[0]["error"] == "It took longer than 0.1 s."


async def test_two_processes_never_do_the_same_job(engine: Engine, start_worker: StartWorker):
    seen = Seen()
    start_worker(seen, at_once=3)
    start_worker(seen, at_once=3)
    for number in range(200):
        await enqueue(engine.pool, "it", number)
    await until(lambda: empty(engine), seconds=20)
    assert sorted(map(int, map(str, seen.payloads))) == list(range(200))


async def test_slow_jobs_of_one_sort_do_not_hold_up_another(engine: Engine, start_worker: StartWorker):
    go_on = asyncio.Event()
    running = 0
    most = 0

    async def slow(_: Engine, __: Job) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await go_on.wait()
        running -= 1

    seen = Seen()
    start_worker(slow, name="slow", at_once=2)
    start_worker(seen)
    for _ in range(6):
        await enqueue(engine.pool, "slow")
    await until(lambda: running == 2)
    await enqueue(engine.pool, "it")
    await until(lambda: seen.payloads, seconds=1)
    go_on.set()
    await until(lambda: empty(engine))
    assert most == 2


async def test_jobs_without_a_handler_wait_for_a_process_that_has_one(engine: Engine, start_worker: StartWorker):
    await enqueue(engine.pool, "unknown")
    await enqueue(engine.pool, "it")
    start_worker(Seen())

    async def one_left() -> bool:
        return [row["name"] for row in await jobs(engine)] == ["unknown"]

    await until(one_left)
    assert (await jobs(engine))[0]["attempts"] == 0


async def test_a_job_of_a_process_that_was_killed_is_taken_up_when_its_lease_ends(
    engine: Engine, start_worker: StartWorker
):
    await enqueue(engine.pool, "it", "lost")
    claimed = await queue.turn(engine.pool, [], {"it": 1})  # and then nothing more is heard of who claimed it
    assert claimed[0].attempt == 1
    seen = Seen()
    start_worker(seen)
    await asyncio.sleep(0.2)
    assert seen.payloads == []
    await engine.pool.execute(Statement.of(raw("UPDATE holdfast.jobs SET run_at = now() - interval '1 ms'")))
    await until(lambda: empty(engine))
    assert seen.attempts == [2]


async def test_who_has_lost_a_job_changes_nothing_any_more(engine: Engine):
    await enqueue(engine.pool, "it")
    late = await queue.turn(engine.pool, [], {"it": 1})
    await queue.release(engine.pool, late)
    taken = await queue.turn(engine.pool, [], {"it": 1})
    before = await jobs(engine)
    await queue.put_off(engine.pool, late[0], 0, "late")
    await queue.bury(engine.pool, late[0], "late")
    await queue.renew(engine.pool, late)
    await queue.turn(engine.pool, [Ended(one) for one in late], {})
    assert await jobs(engine) == before
    await queue.turn(engine.pool, [Ended(one) for one in taken], {})
    assert await jobs(engine) == []


async def test_a_job_that_kills_its_process_each_time_is_dead_in_the_end(engine: Engine, start_worker: StartWorker):
    await enqueue(engine.pool, "it")
    await engine.pool.execute(Statement.of(raw("UPDATE holdfast.jobs SET attempts = 3")))
    seen = Seen()
    start_worker(seen, attempts=3)

    async def dead() -> bool:
        return (await jobs(engine))[0]["dead"] is not None

    await until(dead)
    assert seen.payloads == []
    assert "was killed each time" in (await jobs(engine))[0]["error"]


async def test_a_long_job_keeps_its_lease(engine: Engine, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(worker_module, "LEASE_SECONDS", 0.3)
    go_on = asyncio.Event()

    async def slow(_: Engine, __: Job) -> None:
        await go_on.wait()

    start_worker(slow)
    await enqueue(engine.pool, "it")

    async def lease() -> float:
        return (await jobs(engine))[0]["run_at"].timestamp()

    await until(lambda: claimed(engine))
    first = await lease()
    await asyncio.sleep(0.3)
    assert await lease() > first + 0.05
    go_on.set()
    await until(lambda: empty(engine))


async def claimed(engine: Engine) -> bool:
    return (await jobs(engine))[0]["attempts"] == 1


async def test_a_stop_lets_jobs_end_that_run(engine: Engine, start_worker: StartWorker):
    inside = asyncio.Event()

    async def short(_: Engine, __: Job) -> None:
        inside.set()
        await asyncio.sleep(0.2)

    task = start_worker(short)
    await enqueue(engine.pool, "it")
    await inside.wait()
    await stopped(task)
    assert await jobs(engine) == []


async def test_a_stop_gives_back_what_does_not_end(
    engine: Engine, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(worker_module, "STOP_SECONDS", 0.1)
    inside = asyncio.Event()

    async def endless(_: Engine, __: Job) -> None:
        inside.set()
        await asyncio.sleep(60)

    task = start_worker(endless)
    await enqueue(engine.pool, "it")
    await inside.wait()
    await stopped(task)
    row = (await jobs(engine))[0]
    assert (row["dead"], row["attempts"]) == (None, 1)
    assert row["run_at"] <= datetime.now(UTC) + timedelta(seconds=1)
    seen = Seen()
    start_worker(seen)
    await until(lambda: empty(engine))
    assert seen.attempts == [2]


async def test_a_worker_outlives_a_database_that_is_away(
    engine: Engine, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(worker_module, "AWAY_SECONDS", 0.05)
    seen = Seen()
    start_worker(seen)
    await asyncio.sleep(0.1)
    other = await engine.pool.connect()
    await other.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await enqueue_somehow(engine)
    await until(lambda: empty(engine))
    assert seen.payloads == [{}]
    await other.close()


async def enqueue_somehow(engine: Engine) -> None:
    """On a connection that is new, since those that were idle have been ended."""
    connection = await engine.pool.connect()
    await connection.execute("INSERT INTO holdfast.jobs (name) VALUES ('it')")
    await connection.close()


async def test_no_transaction_is_open_while_a_job_is_done(engine: Engine, start_worker: StartWorker):
    open_ones: list[int] = []

    async def look(engine: Engine, _: Job) -> None:
        connection = await engine.pool.connect()
        open_ones.append(
            await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND state LIKE 'idle in transaction%'"
            )
        )
        await connection.close()

    start_worker(look)
    await enqueue(engine.pool, "it")
    await until(lambda: open_ones)
    assert open_ones == [0]


async def test_dead_jobs_are_deleted_after_a_month(engine: Engine):
    connection = await engine.pool.connect()
    await connection.execute(
        "INSERT INTO holdfast.jobs (name, dead)"
        " SELECT 'it', now() - n * interval '1 day' FROM generate_series(28, 33) AS n"
    )
    await connection.close()
    assert await queue.sweep_dead_jobs(engine.pool) == 4
    assert len(await jobs(engine)) == 2


async def test_thousands_of_small_jobs_are_each_done_once_after_a_long_quiet(engine: Engine):
    """How quickly is measured by tests/bench/jobs.py: plans that were made for an empty queue are another matter."""
    count = 5000
    connection = await engine.pool.connect()
    await connection.execute("VACUUM ANALYZE holdfast.jobs")
    done: Counter[int] = Counter()

    async def small(_: Engine, job: Job) -> None:
        done[job.id] += 1

    working = asyncio.create_task(Worker(engine, [JobKind(name=name, run=small) for name in ("it", *"abcdef")]).run())
    await asyncio.sleep(10 * worker_module.POLL_SECONDS)
    await connection.execute("INSERT INTO holdfast.jobs (name) SELECT 'it' FROM generate_series(1, $1)", count)
    await connection.close()
    await until(lambda: len(done) == count, seconds=60)
    await stopped(working)
    assert set(done.values()) == {1}
    assert await jobs(engine) == []


async def test_of_jobs_that_are_due_those_of_a_higher_priority_start_first(engine: Engine, start_worker: StartWorker):
    for number, priority in enumerate((0, -1, 1, 0, 1)):
        await enqueue(engine.pool, "it", number, priority=priority)
    await enqueue(engine.pool, "it", "later", priority=1, seconds=60)
    seen = Seen()
    start_worker(seen, at_once=1)
    await until(lambda: len(seen.payloads) == 5)
    assert seen.payloads == [2, 4, 0, 3, 1]
    await until(lambda: one_waits(engine))


async def test_a_claim_takes_no_more_than_was_asked_for_over_all_priorities(engine: Engine):
    for priority in (-1, 0, 1) * 3:
        await enqueue(engine.pool, "it", priority=priority)
    first = await queue.turn(engine.pool, [], {"it": 4, "other": 2})
    second = await queue.turn(engine.pool, [], {"it": 9})
    assert (len(first), len(second)) == (4, 5)


async def test_a_job_that_waits_takes_the_higher_priority_of_those_with_its_key(engine: Engine):
    await enqueue(engine.pool, "it", key="a", priority=1)
    await enqueue(engine.pool, "it", key="a", priority=-1, request="r2")
    assert [(row["priority"], row["request"]) for row in await jobs(engine)] == [(1, "r2")]


async def test_a_job_can_say_when_to_try_it_again(engine: Engine, start_worker: StartWorker):
    seen = Seen(TryLater(0.2, "not yet"), TryLater(3600))
    start_worker(seen, attempts=3)
    await enqueue(engine.pool, "it")
    await until(lambda: len(seen.attempts) == 2)
    await until(lambda: put_off(engine))
    row = (await jobs(engine))[0]
    assert row["error"] == "It asked to be tried again later."
    assert timedelta(minutes=59) < row["run_at"] - datetime.now(UTC) < timedelta(minutes=61)


async def put_off(engine: Engine) -> bool:
    return (await jobs(engine))[0]["started"] is None


async def test_what_is_done_is_kept_for_its_time_and_no_longer(engine: Engine, start_worker: StartWorker):
    start_worker(Seen(), kept_seconds=60.0)
    start_worker(Seen(), name="short", kept_seconds=0.001)
    start_worker(Seen(), name="secret")
    for name in ("it", "short", "secret"):
        await enqueue(engine.pool, name, {"of": name}, key="k", request="r1")
    await until(lambda: empty(engine))
    kept = Statement.of(raw("SELECT *, payload::text AS p FROM holdfast.jobs_done ORDER BY name"))
    rows = await engine.pool.fetch(kept)
    assert [(row["name"], row["p"], row["key"], row["attempts"], row["request"]) for row in rows] == [
        ("it", '{"of": "it"}', "k", 1, "r1"),
        ("short", '{"of": "short"}', "k", 1, "r1"),
    ]
    assert all(row["created"] <= row["started"] <= row["finished"] for row in rows)
    assert await queue.sweep_done_jobs(engine.pool) == 1
    assert [row["name"] for row in await engine.pool.fetch(kept)] == ["it"]


async def test_a_job_that_is_cancelled_while_it_runs_is_ended(
    engine: Engine, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(worker_module, "LEASE_SECONDS", 0.3)
    begun, ended = asyncio.Event(), asyncio.Event()

    async def long(_: Engine, job: Job) -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    start_worker(long)
    await enqueue(engine.pool, "it")
    await asyncio.wait_for(begun.wait(), 5)
    await engine.pool.execute(Statement.of(raw("DELETE FROM holdfast.jobs")))
    await asyncio.wait_for(ended.wait(), 5)
    assert await jobs(engine) == []


async def test_kinds_can_come_and_go_while_a_worker_works(engine: Engine):
    kinds: dict[str, JobKind] = {}
    seen = Seen()
    working = asyncio.create_task(Worker(engine, [], lambda: kinds).run())
    await enqueue(engine.pool, "it", 1)
    await asyncio.sleep(0.2)
    assert seen.payloads == []
    kinds["it"] = JobKind(name="it", run=seen)
    await until(lambda: seen.payloads == [1])
    del kinds["it"]
    await until(lambda: empty(engine))
    await enqueue(engine.pool, "it", 2)
    await asyncio.sleep(0.2)
    await stopped(working)
    assert seen.payloads == [1]
