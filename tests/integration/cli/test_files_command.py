"""`holdfast files check` and `move`, as an operator runs them."""

import json
import os
from pathlib import Path

from served import run


def leave(folder: Path) -> None:
    """Put an object there that nobody knows."""
    folder.mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"hello")
    os.utime(folder / "a.txt", (0, 0))


def test_it_tells_of_what_nobody_knows_and_deletes_it_when_asked_to(database: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    leave(data / "storage" / "c" / "r")
    environment = {"DATABASE_URL": database, "HOLDFAST_DATA": str(data)}
    told = run("files", "check", cwd=tmp_path, environment=environment)
    assert told.returncode == 1, told.stderr
    assert "1 objects, 5 bytes" in told.stdout
    assert "c/r/a.txt" in told.stdout
    # Where others may keep something, too, one has to say it twice.
    shared = environment | {"HOLDFAST_STORAGE_URL": f"file://{data / 'storage'}"}
    left = run("files", "check", "--mend", cwd=tmp_path, environment=shared)
    assert (left.returncode, "--delete-orphans" in left.stdout) == (1, True)
    assert (data / "storage" / "c" / "r" / "a.txt").exists()
    mended = run("files", "check", "--mend", "--delete-orphans", "--json", cwd=tmp_path, environment=shared)
    assert mended.returncode == 0, mended.stderr
    assert json.loads(mended.stdout)["orphans"] == 1
    assert not (data / "storage" / "c" / "r" / "a.txt").exists()
    again = run("files", "check", cwd=tmp_path, environment=environment)
    assert (again.returncode, "agree" in again.stdout) == (0, True)


def test_it_moves_files_to_a_place_that_is_one_and_switches_only_where_it_can(database: str, tmp_path: Path) -> None:
    environment = {"DATABASE_URL": database, "HOLDFAST_DATA": str(tmp_path / "data")}
    place = f"file://{tmp_path / 'elsewhere'}"
    moved = run("files", "move", place, "--json", cwd=tmp_path, environment=environment)
    assert moved.returncode == 0, moved.stderr
    assert json.loads(moved.stdout) == {"copied": 0, "bytes": 0, "there": 0, "lost": 0, "deleted": 0, "lostKeys": []}
    refused = run("files", "move", place, "--switch", cwd=tmp_path, environment=environment)
    assert (refused.returncode, "can be switched to" in refused.stderr) == (1, True)
    same = run("files", "move", "disk", cwd=tmp_path, environment=environment)
    assert (same.returncode, "there already" in same.stderr) == (1, True)
