"""What was acknowledged over HTTP is there afterwards, however the server or its PostgreSQL ended."""

import asyncio
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil
import pytest

from holdfast.db.embedded import Embedded
from holdfast.events.relay import LOCK
from served import EMAIL, PASSWORD, Server, run

SUPERUSER = {"HOLDFAST_SUPERUSER_EMAIL": EMAIL, "HOLDFAST_SUPERUSER_PASSWORD": PASSWORD}
RECORDS = "/api/collections/kept/records"
WRITERS = 8


class Writers:
    """Clients that write records one after the other, and remember which were acknowledged."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.acknowledged: list[str] = []
        self.broken: list[Exception] = []
        self.wrong: list[str] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(WRITERS)]

    def _write(self, number: int) -> None:
        with httpx.Client(base_url=self.url, timeout=20) as client:
            count = 0
            while not self._stop.is_set():
                count += 1
                try:
                    answer = client.post(RECORDS, json={"title": f"writer {number}, record {count}"})
                except httpx.HTTPError as failure:
                    self.broken.append(failure)
                    time.sleep(0.02)
                    continue
                if answer.status_code == 200:
                    self.acknowledged.append(answer.json()["id"])
                elif answer.status_code == 503:
                    time.sleep(0.02)
                else:
                    self.wrong.append(answer.text)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)


@contextmanager
def writing(url: str, least: int) -> Iterator[Writers]:
    """Writers that are at work, with at least so many records acknowledged."""
    writers = Writers(url)
    writers.start()
    try:
        wait_for(lambda: len(writers.acknowledged) >= least)
        yield writers
    finally:
        writers.stop()


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


def make_collection(url: str) -> None:
    with httpx.Client(base_url=url, timeout=60) as client:
        body = {"identity": EMAIL, "password": PASSWORD}
        token = (
            client.post("/api/collections/_superusers/auth-with-password", json=body).raise_for_status().json()["token"]
        )
        made = {
            "name": "kept",
            "type": "base",
            "fields": [{"name": "title", "type": "text", "required": True}],
            **dict.fromkeys(("listRule", "viewRule", "createRule"), ""),
        }
        client.post("/api/collections", json=made, headers={"Authorization": token}).raise_for_status()


def stored(url: str) -> set[str]:
    """The ids of all records, read in pages by cursor."""
    found: set[str] = set()
    cursor: str | None = ""
    patience = time.monotonic() + 30
    with httpx.Client(base_url=url, timeout=20) as client:
        while cursor is not None:
            answer = client.get(RECORDS, params={"cursor": cursor, "perPage": 1000, "fields": "id"})
            if answer.status_code == 503 and time.monotonic() < patience:  # PostgreSQL is coming back
                time.sleep(0.2)
                continue
            page = answer.raise_for_status().json()
            found.update(item["id"] for item in page["items"])
            cursor = page["nextCursor"]
    return found


def postmaster(data: Path) -> int:
    """The process id of the embedded PostgreSQL, as it has written it down itself."""
    number = int((data / "pg" / "postmaster.pid").read_text().split()[0])
    assert psutil.pid_exists(number)
    return number


def relaying(data: Path) -> int:
    """The process id of the PostgreSQL process that gives events their numbers."""
    return int(asked(data, "SELECT pid FROM pg_locks WHERE classid = $1 AND objid = $2", *LOCK))


def database_of(data: Path) -> str:
    """The address of a running server's database, as a second server finds it."""
    attached = Embedded(data)
    try:
        return attached.start().dsn
    finally:
        attached.stop()


def asked(data: Path, query: str, *args: object) -> Any:
    """One value from the database of a running server."""

    async def ask() -> Any:
        connection: Any = await asyncpg.connect(database_of(data))
        try:
            return await connection.fetchval(query, *args)
        finally:
            await connection.close()

    return asyncio.run(ask())


# A row without its event, an event without its row, two events of one row, and a number that is missing.
UNTOLD = """
    WITH made AS (SELECT record_id AS id FROM holdfast.events WHERE type = 'kept.created')
    SELECT (SELECT count(*) FROM kept WHERE id NOT IN (SELECT id FROM made))
         + (SELECT count(*) FROM made WHERE id NOT IN (SELECT id FROM kept))
         + (SELECT count(*) - count(DISTINCT id) FROM made)
         + (SELECT abs(max(seq) - count(*)) + abs(max(seq) - (SELECT seq FROM holdfast.stream)) FROM holdfast.events)
"""


def untold(data: Path) -> int:
    """How many records and events do not belong together, when all events have their numbers."""
    wait_for(lambda: asked(data, "SELECT count(*) FROM holdfast.outbox") == 0)
    return int(asked(data, UNTOLD))


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def data(anywhere: Path) -> Path:
    return anywhere / "data"


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("victim", "rounds"), [("server", 3), ("postmaster", 2), ("relay's connection", 2), ("both", 2)]
)
def test_nothing_acknowledged_is_lost_by_a_kill(data: Path, victim: str, rounds: int):
    acknowledged: set[str] = set()
    restarts: list[float] = []
    server = Server(data, "--port", "0", environment=SUPERUSER)
    url = server.started()
    make_collection(url)
    for number in range(rounds):
        with writing(url, 30) as writers:
            time.sleep(random.Random(f"{victim} {number}").uniform(0.05, 0.5))
            postgres = postmaster(data)
            if victim in ("server", "both"):
                server.signal(signal.SIGKILL)
            if victim in ("postmaster", "both"):
                kill(postgres)
            if victim == "relay's connection":
                kill(relaying(data))
            if victim in ("postmaster", "relay's connection"):
                # The server starts PostgreSQL again by itself, and the same clients go on.
                seen = len(writers.acknowledged)
                began = time.monotonic()
                wait_for(lambda writers=writers, seen=seen: len(writers.acknowledged) > seen + WRITERS)
                restarts.append(time.monotonic() - began)
        assert writers.wrong == []
        acknowledged.update(writers.acknowledged)
        if victim not in ("postmaster", "relay's connection"):
            server.ended()
            server = Server(data, "--port", "0")
            url = server.started()
            restarts.append(time.monotonic() - server.began)
        assert acknowledged <= stored(url)
    assert untold(data) == 0
    assert server.stop() == 0
    longest = max(restarts)
    print(f"\nkill -9 of {victim}, {rounds} rounds: {len(acknowledged)} acknowledged, 0 lost, longest {longest:.1f} s")


def test_a_change_that_was_not_captured_would_be_noticed(data: Path):
    server = Server(data, "--port", "0", environment=SUPERUSER)
    url = server.started()
    make_collection(url)
    with writing(url, 10):
        pass
    assert untold(data) == 0
    asked(data, "ALTER TABLE kept DISABLE TRIGGER hf_ev_create")
    with writing(url, 10) as writers:
        pass
    assert untold(data) >= len(writers.acknowledged)
    assert server.stop() == 0


def test_a_stop_under_load_finishes_what_runs_and_stops_postgresql_cleanly(data: Path):
    server = Server(data, "--port", "0", environment=SUPERUSER)
    url = server.started()
    make_collection(url)
    postgres = postmaster(data)
    with writing(url, 50) as writers:
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        assert server.ended() == 0
        took = time.monotonic() - began
    assert writers.wrong == []
    assert took < 10
    assert gone(postgres)
    assert "Traceback" not in server.errors
    # A request that was begun is answered: what breaks is only the attempt to send the next one.
    lost = [failure for failure in writers.broken if isinstance(failure, httpx.ReadTimeout)]
    assert lost == []

    again = Server(data, "--port", "0")
    assert set(writers.acknowledged) <= stored(again.started())
    assert again.stop() == 0


def test_a_second_ctrl_c_does_not_hurt_postgresql(data: Path):
    server = Server(data, "--port", "0", environment=SUPERUSER)
    url = server.started()
    make_collection(url)
    postgres = postmaster(data)
    with writing(url, 20) as writers:
        for _ in range(4):
            if server.process.poll() is None:
                server.signal(signal.SIGINT)
            time.sleep(0.05)
        assert server.ended() == 0
    assert gone(postgres)
    again = Server(data, "--port", "0")
    assert set(writers.acknowledged) <= stored(again.started())
    assert again.stop() == 0


def test_a_stop_while_starting_leaves_nothing_running(data: Path):
    server = Server(data, "--port", "0", first=True)
    wait_for((data / "pg").exists)
    server.signal(signal.SIGTERM)
    assert server.ended() == 0
    assert "Traceback" not in server.errors
    again = Server(data, "--port", "0")
    assert httpx.get(f"{again.started()}/api/health").status_code == 200
    assert again.stop() == 0


MOMENTS = [0.45 * number for number in range(1, 9)]  # seconds from the start of the process


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_stop_is_heeded_at_every_moment_of_a_start(anywhere: Path):
    """Four at a time, so that each is slow and the moments fall everywhere: into initdb, imports, migrations."""
    with ThreadPoolExecutor(4) as pool:
        took = list(pool.map(lambda moment: stopped_after(anywhere / f"{moment}", moment), MOMENTS))
    print(f"\nstopped at {len(took)} moments of a start, each within {max(took):.1f} s")
    assert max(took) < 10


def stopped_after(data: Path, seconds: float) -> float:
    """Start a server for the first time, tell it once to stop at this moment; how long that took."""
    server = Server(data, "--port", "0", first=True)
    time.sleep(seconds)
    server.signal(signal.SIGTERM)
    told = time.monotonic()
    code = server.ended()
    took = time.monotonic() - told
    # Before its first line a process just ends, and has started nothing.
    assert code == 0 or (code == -signal.SIGTERM and not data.exists()), (seconds, code, server.errors)
    assert "Traceback" not in server.errors
    running = [str(process.info["cmdline"]) for process in psutil.process_iter(["cmdline"])]
    assert [line for line in running if str(data) in line] == []
    assert not (data / "pg.new").exists()
    return took


def test_a_second_server_uses_the_postgresql_of_the_first_and_takes_over_when_that_is_killed(data: Path):
    first = Server(data, "--port", "0", environment=SUPERUSER)
    make_collection(first.started())
    second = Server(data, "--port", "0")
    url = second.started()
    assert any("Another server" in message for message in second.wait_for("started")["messages"])
    record = httpx.post(f"{url}{RECORDS}", json={"title": "through the second"}).json()["id"]
    assert record in stored(first.started())
    first.signal(signal.SIGKILL)
    first.ended()

    def answers() -> bool:
        try:
            return httpx.post(f"{url}{RECORDS}", json={"title": "after"}, timeout=10).status_code == 200
        except httpx.HTTPError:
            return False

    wait_for(answers)
    assert record in stored(url)
    assert second.stop() == 0


def workers(server: Server) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for child in psutil.Process(server.process.pid).children():
        with suppress(psutil.ZombieProcess, psutil.NoSuchProcess):  # it was killed, and not yet waited for
            if "holdfast.cli.worker" in child.cmdline():
                found.append(child)
    return found


def test_workers_that_die_are_replaced_and_all_stop_together(data: Path):
    server = Server(data, "--port", "0", "--workers", "2", environment=SUPERUSER)
    url = server.started()
    make_collection(url)
    postgres = postmaster(data)
    old = workers(server)
    assert len(old) == 2
    for worker in old:
        worker.kill()
    wait_for(lambda: len({one.pid for one in workers(server)} - {one.pid for one in old}) == 2)
    with writing(url, 20) as writers:
        assert server.stop() == 0
    assert writers.wrong == []
    assert gone(postgres)
    assert all(gone(one.pid) for one in old)


def test_workers_and_postgresql_end_when_the_first_process_is_killed(data: Path):
    server = Server(data, "--port", "0", "--workers", "2")
    server.started()
    postgres = postmaster(data)
    children = [one.pid for one in workers(server)]
    server.signal(signal.SIGKILL)
    server.process.wait()
    wait_for(lambda: gone(postgres) and all(gone(pid) for pid in children))
    again = Server(data, "--port", "0")
    assert httpx.get(f"{again.started()}/api/health").status_code == 200
    assert again.stop() == 0
    server.join()


def test_doctor_runs_beside_the_server(data: Path, tmp_path: Path):
    server = Server(data, "--port", "0", environment=SUPERUSER)
    server.started()
    result = run("doctor", "--data", str(data), cwd=tmp_path)
    assert result.returncode == 0, result.stdout
    assert "embedded" in result.stdout
    assert server.stop() == 0
