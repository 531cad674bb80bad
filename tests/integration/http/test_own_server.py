"""The application under an ASGI server of one's own."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from holdfast.app import from_environment
from holdfast.config import Settings
from holdfast.start import prepare_schema
from served import clean_environment


@pytest.fixture
async def prepared(database: str, tmp_path: Path) -> str:
    """The address of a database that servers can use."""
    await prepare_schema(Settings(data=tmp_path), database)
    return database


def test_uvicorn_starts_it_with_two_workers(prepared: str, tmp_path: Path) -> None:
    environment = clean_environment() | {"DATABASE_URL": prepared}
    path = str(tmp_path / "s")
    command = ["-m", "uvicorn", "--factory", "holdfast.app:from_environment", "--uds", path, "--workers", "2"]
    process = subprocess.Popen([sys.executable, *command], env=environment, cwd=tmp_path)
    try:
        told = ready(path)
        assert {name: said for name, said in told.items() if not name.endswith("Seconds")} == {
            "database": "ok",
            "migrations": "ok",
            "catalog": "ok",
            "jobs": "ok",
            "events": "ok",
            "webhooks": "ok",
            "limits": "per process",
            "storage": "ok",
        }
    finally:
        process.terminate()
        assert process.wait(20) in (0, -15)


def ready(path: str) -> dict[str, str]:
    """What the server says as soon as it answers."""
    deadline = time.monotonic() + 30
    while not is_listening(path):
        assert time.monotonic() < deadline, "the server does not answer"
        time.sleep(0.1)
    with httpx.Client(transport=httpx.HTTPTransport(uds=path), base_url="http://holdfast.test", timeout=30) as client:
        return client.get("/api/ready").json()["data"]


def is_listening(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


def test_without_a_database_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("HOLDFAST_")] + ["DATABASE_URL"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RuntimeError, match="Set DATABASE_URL"):
        from_environment()
