"""`holdfast key`: keys made, listed and revoked from the command line."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from postgres_host import new_home
from served import EMAIL, PASSWORD, Server, run

SUPERUSER = {"HOLDFAST_SUPERUSER_EMAIL": EMAIL, "HOLDFAST_SUPERUSER_PASSWORD": PASSWORD}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    folder = new_home()
    found = Server(folder / "data", "--port", "0", environment=SUPERUSER)
    found.started()
    yield found
    assert found.stop() == 0
    shutil.rmtree(folder)


@pytest.fixture
def data(server: Server) -> Path:
    arguments = server.process.args
    assert isinstance(arguments, list)
    return Path(str(arguments[arguments.index("--data") + 1]))


def test_a_key_is_made_used_listed_and_revoked_while_the_server_runs(server: Server, data: Path):
    made = run("key", "create", "deploys", "--superuser", "--data", str(data), cwd=data.parent)
    assert made.returncode == 0, made.stderr
    secret = made.stdout.strip()
    found = httpx.get(f"{server.started()}/api/collections", headers={"X-API-Key": secret})
    assert found.status_code == 200
    (key,) = json.loads(run("key", "list", "--json", "--data", str(data), cwd=data.parent).stdout)
    assert (key["name"], key["superuser"]) == ("deploys", True)
    assert secret.startswith(key["prefix"])
    assert run("key", "revoke", key["id"], "--data", str(data), cwd=data.parent).returncode == 0
    listed = run("key", "list", "--data", str(data), cwd=data.parent).stdout
    assert "deploys" in listed
    assert "revoked" in listed


def test_a_key_that_cannot_be_made_says_why(data: Path):
    failed = run("key", "create", "reader", "--role", "nobody", "--data", str(data), cwd=data.parent)
    assert failed.returncode == 1
    assert "There is no role 'nobody'" in failed.stderr
    assert "Traceback" not in failed.stderr
