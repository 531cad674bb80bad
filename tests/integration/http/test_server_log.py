"""What a real server writes down, and what it does not."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from served import EMAIL, PASSWORD, Server

WRONG = "a wrong password that nobody should see"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = {"HOLDFAST_SUPERUSER_EMAIL": EMAIL, "HOLDFAST_SUPERUSER_PASSWORD": PASSWORD}
    running = Server(tmp_path / "data", "--port", "0", environment=made, first=True)
    yield running
    running.stop()


def requests(server: Server, count: int) -> list[dict[str, Any]]:
    """The lines of requests, as soon as there are so many."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        found = [line for line in list(server.lines) if line.get("event") == "request"]
        if len(found) >= count:
            return found
        time.sleep(0.02)
    raise AssertionError(server.lines)


def test_the_log_of_a_server_has_every_request_and_no_secret(server: Server) -> None:
    with httpx.Client(base_url=server.started()) as client:
        login = "/api/collections/_superusers/auth-with-password"
        client.post(login, json={"identity": EMAIL, "password": WRONG})
        token = client.post(login, json={"identity": EMAIL, "password": PASSWORD}).json()["token"]
        client.headers["authorization"] = f"Bearer {token}"
        client.get(f"/api/nothing/{token}?token={token}&password={PASSWORD}", headers={"x-request-id": "my-own-id"})
        client.get("/api/collections?unknown=" + PASSWORD.replace(" ", "%20"))
        client.get("/api/x%0d%0aInjected:%20line%1b%5b2J")
    lines = requests(server, 5)
    assert [(line["method"], line["status"]) for line in lines] == [
        ("POST", 400),
        ("POST", 200),
        ("GET", 404),
        ("GET", 200),
        ("GET", 404),
    ]
    assert lines[2]["id"] == "my-own-id"
    assert lines[3]["principal"].startswith("_superusers/")
    assert lines[3]["route"] == "/api/collections"
    assert "Injected" in lines[4]["path"]
    assert any(line.get("event") == "login" and line["outcome"] == "failed" for line in server.lines)
    server.stop()
    everything = json.dumps(server.lines) + server.errors
    assert token not in everything
    assert PASSWORD not in everything
    assert WRONG not in everything
    assert "Traceback" not in everything
