"""A backup is brought back: what was changed is as it was, what came later is gone, and all processes go on with it."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from restoring import eventually, killed, library, reopened
from served import EMAIL, PASSWORD, new_home, run


@pytest.fixture
def home() -> Iterator[Path]:
    made = new_home()
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.mark.parametrize("workers", ["1", "3"])
def test_a_restore_brings_back_what_was_and_takes_away_what_came_later(home: Path, workers: str):
    with library(home / "data", "--workers", workers) as books:
        kept = books.add("kept", b"a cover")
        changed = books.add("as it was")
        key = books.back_up()
        books.client.patch(f"/collections/books/records/{changed['id']}", json={"title": "changed"})
        books.client.delete(f"/collections/books/records/{kept['id']}")
        books.add("came later")
        job = books.restore(key)
        assert job["state"] == "done", job
        books.login()
        for _ in range(10):  # whichever process answers
            assert books.titles() == ["as it was", "kept"]
        assert books.cover(kept).content == b"a cover"
        assert books.databases() == ["holdfast"]


def test_what_was_done_can_be_read_after_it(home: Path):
    with library(home / "data") as books:
        books.add("one")
        key = books.back_up()
        job = books.restore(key)
        assert job["result"]["safety"].startswith("hf_safety_")
        books.login()
        kinds = {one["key"]: one["kind"] for one in books.ok(books.client.get("/backups"))}
        assert kinds[job["result"]["safety"]] == "safety"
        jobs = books.ok(books.client.get("/backups/jobs"))["items"]
        assert [(one["kind"], one["state"]) for one in jobs] == [("restore", "done"), ("create", "done")]
        entries = books.ok(books.client.get("/audit", params={"action": "backup.*"}))["items"]
        assert [one["action"] for one in entries] == ["backup.restored", "backup.created", "backup.created"]
        told = "SELECT record::json ->> 'key' AS key FROM holdfast.events WHERE type = 'system.backup_restored'"
        while not (events := books.sql(told)):  # until the relay has given it its number
            time.sleep(0.02)
        assert [one["key"] for one in events] == [key]


def test_a_safety_backup_brings_everything_back_again(home: Path):
    with library(home / "data") as books:
        key = books.back_up()
        lost = books.add("came later", b"its cover")
        safety = books.restore(key)["result"]["safety"]
        books.login()
        assert books.titles() == []
        assert books.restore(safety)["state"] == "done"
        books.login()
        assert books.titles() == ["came later"]
        assert books.cover(lost).content == b"its cover"


def test_a_backup_of_another_machine_works_with_nothing_else(home: Path):
    with library(home / "one") as books:
        book = books.add("far away", b"its cover")
        content = books.client.get(f"/backups/{books.back_up()}").content
        token = books.client.headers["Authorization"]
    made = run("superuser", "upsert", EMAIL, PASSWORD, "--data", str(home / "two"), cwd=home)  # with a key of its own
    assert made.returncode == 0, made.stderr
    with library(home / "two") as other:
        other.add("here before")
        upload = {"file": ("from_there.zip", content, "application/zip")}
        assert other.client.post("/backups/upload", files=upload).status_code == 204
        shown = next(one for one in other.ok(other.client.get("/backups")) if one["key"] == "from_there.zip")
        assert (shown["ours"], shown["kind"]) == (False, "uploaded")
        assert other.restore("from_there.zip")["state"] == "done"
        other.client.headers["Authorization"] = token  # the key came along, so what it has signed is good
        assert other.titles() == ["far away"]
        assert other.cover(book).content == b"its cover"


def test_what_migrations_took_from_everybody_is_not_given_back(home: Path):
    closed = """
        SELECT oid::regprocedure::text AS function FROM pg_proc
         WHERE pronamespace = 'holdfast'::regnamespace AND NOT has_function_privilege('public', oid, 'EXECUTE')
    """
    with library(home / "data") as books:
        before = books.sql(closed)
        assert books.restore(books.back_up(), safety=False)["state"] == "done"
        assert books.sql(closed) == before != []


def test_the_events_after_a_restore_have_another_epoch(home: Path):
    with library(home / "data") as books:
        books.add("one")
        key = books.back_up()

        def epoch() -> str:
            answer = books.client.get("/collections/books/records")
            return answer.headers["x-event-seq"].partition(":")[0]

        before = epoch()
        books.restore(key)
        books.login()
        assert epoch() != before


def test_the_command_restores_beside_a_server_that_runs(home: Path):
    with library(home / "data", "--workers", "2") as books:
        books.add("kept")
        key = books.back_up()
        books.add("came later")
        done = run("backup", "restore", key, "--yes", "--data", str(home / "data"), cwd=home)
        assert done.returncode == 0, done.stderr
        assert f"{key} was brought back" in done.stdout
        for _ in range(6):
            titles = eventually(books, lambda: books.client.get("/collections/books/records"))
            assert [one["title"] for one in titles["items"]] == ["kept"]


def test_the_command_restores_where_no_server_runs(home: Path):
    with library(home / "data") as books:
        books.add("kept")
        key = books.back_up()
        books.add("came later")
    checked = run("backup", "verify", key, "--data", str(home / "data"), cwd=home)
    assert (checked.returncode, checked.stdout.split(":")[0]) == (0, f"{key} is sound"), checked.stderr
    done = run("backup", "restore", key, "--yes", "--data", str(home / "data"), cwd=home)
    assert done.returncode == 0, done.stderr
    with reopened(home / "data") as books:
        assert books.titles() == ["kept"]


def test_without_a_yes_the_command_changes_nothing(home: Path):
    with library(home / "data") as books:
        key = books.back_up()
        books.add("kept")
        asked = run("backup", "restore", key, "--data", str(home / "data"), cwd=home, given="n\n")
        assert asked.returncode == 1
        assert books.titles() == ["kept"]


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "moments",
    [
        pytest.param((0.6, 1.3, 2.0), id="three"),
        pytest.param((0.3, 0.5, 0.9, 1.1, 1.4, 1.6, 1.8, 2.2, 2.5, 2.8), id="ten", marks=pytest.mark.long),
    ],
)
def test_a_server_killed_at_any_moment_of_a_restore_has_the_old_records_or_the_new_ones(
    home: Path, moments: tuple[float, ...]
):
    data = home / "data"
    with library(data) as books:
        first = books.add("old", b"an old cover")
        key = books.back_up()
        books.client.patch(f"/collections/books/records/{first['id']}", json={"title": "new"})
        second = books.add("newer", b"a new cover")
    outcomes: list[list[str]] = []
    for seconds in moments:
        with killed(data) as books:
            books.client.post(f"/backups/{key}/restore", json={"safety": False})
            time.sleep(seconds)  # the moment is what is tried: whichever it is, what follows has to hold
        with reopened(data) as books:
            titles = books.titles()
            assert titles in (["old"], ["new", "newer"])
            assert books.cover(first).content == b"an old cover"
            if titles != ["old"]:
                assert books.cover(second).content == b"a new cover"
            outcomes.append(titles)
            if titles == ["old"]:
                books.client.patch(f"/collections/books/records/{first['id']}", json={"title": "new"})
                second = books.add("newer", b"a new cover")
    with reopened(data) as books:
        assert books.restore(key)["state"] == "done"
        books.login()
        assert books.titles() == ["old"]
        assert books.databases() == ["holdfast"]
    assert outcomes
