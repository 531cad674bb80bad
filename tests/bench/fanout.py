"""Many clients that listen, and a few changes a second: how long after its commit does each client hear of one.

`python tests/bench/fanout.py --clients 1000 --rate 50 --seconds 60`: a server of its own, people with logins of their
own, a rule that shows each change to half of them. Prints one line of JSON. Clients and writer share the machine.
"""

import argparse
import asyncio
import json
import os
import re
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from served import EMAIL, PASSWORD, Server

AT = re.compile(rb'"sent":([0-9.]+)')
SETTLE_SECONDS = 2.0


class Listener(asyncio.Protocol):
    """One client: when it was told of each change, less when that was sent."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.id: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.delays: list[float] = []
        self.lost = False

    def connection_made(self, transport: Any) -> None:
        transport.write(f"GET /api/realtime HTTP/1.1\r\nHost: {self.host}\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        now = time.time()
        if not self.id.done():
            found = re.search(rb'"clientId":"([0-9a-f]+)"', data)
            if found:
                self.id.set_result(found[1].decode())
        self.delays += [now - float(sent) for sent in AT.findall(data)]

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


@contextmanager
def server(workers: int) -> Iterator[tuple[str, Server]]:
    """A server with a superuser."""
    folder = Path(tempfile.mkdtemp(prefix="hf-bench-"))
    folder.chmod(0o711)
    made = {"HOLDFAST_SUPERUSER_EMAIL": EMAIL, "HOLDFAST_SUPERUSER_PASSWORD": PASSWORD}
    started = Server(folder / "data", "--port", "0", "--workers", str(workers), environment=made)
    try:
        yield started.started(), started
        began = time.monotonic()
        started.stop()
        print(f"stopped in {time.monotonic() - began:.1f} s", file=sys.stderr)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def processes(started: Server) -> list[psutil.Process]:
    """The processes of a server, PostgreSQL's among them."""
    root = psutil.Process(started.process.pid)
    return [root, *root.children(recursive=True)]


def usage(started: Server) -> dict[str, float]:
    """Seconds of CPU so far, of the server's processes and of PostgreSQL's."""
    found = {"python": 0.0, "postgres": 0.0}
    for one in processes(started):
        try:
            times = one.cpu_times()
            found["postgres" if "postgres" in one.name() else "python"] += times.user + times.system
        except psutil.Error:
            continue
    return found


def memory(started: Server) -> int:
    """Bytes that belong to Python processes alone."""
    found = 0
    for one in processes(started):
        try:
            if "postgres" not in one.name():
                found += one.memory_full_info().uss
        except psutil.Error:
            continue
    return found


async def people(root: httpx.AsyncClient, many: int) -> list[str]:
    """Tokens of so many people, half in each of two groups."""
    field = {"name": "room", "type": "number"}
    users = (await root.get("/api/collections/users")).json()
    await root.patch("/api/collections/users", json={"fields": [*users["fields"], field]})
    rule = "room = @request.auth.room"
    fields = [field, {"name": "sent", "type": "number"}, {"name": "text", "type": "text"}]
    made = await root.post(
        "/api/collections", json={"name": "news", "type": "base", "fields": fields, "listRule": rule}
    )
    assert made.status_code == 200, made.text
    tokens: list[str] = []
    for number in range(many):
        password = "a password of somebody"
        body = {"email": f"p{number}@example.com", "password": password, "passwordConfirm": password}
        record = (await root.post("/api/collections/users/records", json={**body, "room": number % 2})).json()
        answer = await root.post(f"/api/collections/users/impersonate/{record['id']}", json={"duration": 3600})
        tokens.append(answer.json()["token"])
    return tokens


async def write(root: httpx.AsyncClient, rate: int, seconds: float) -> int:
    """Make so many records a second; how many there were."""
    began, count = time.monotonic(), 0
    running: set[asyncio.Task[Any]] = set()
    while time.monotonic() - began < seconds:
        body = {"room": count % 2, "sent": time.time(), "text": "x" * 200}
        task = asyncio.create_task(root.post("/api/collections/news/records", json=body))
        running.add(task)
        task.add_done_callback(running.discard)
        count += 1
        await asyncio.sleep(max(0.0, began + count / rate - time.monotonic()))
    await asyncio.gather(*running)
    return count


async def measure(url: str, started: Server, options: argparse.Namespace) -> dict[str, Any]:
    """Everything."""
    parts = urlsplit(url)
    limits = httpx.Limits(max_connections=50)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as root:
        credentials = {"identity": EMAIL, "password": PASSWORD}
        login = await root.post("/api/collections/_superusers/auth-with-password", json=credentials)
        root.headers["Authorization"] = login.json()["token"]
        tokens = await people(root, options.clients)
        await asyncio.sleep(SETTLE_SECONDS)
        before = memory(started)
        loop = asyncio.get_running_loop()
        clients: list[Listener] = []
        for _ in range(options.clients):
            _, client = await loop.create_connection(lambda: Listener(parts.netloc), parts.hostname, parts.port)
            await client.id
            clients.append(client)
        await asyncio.sleep(SETTLE_SECONDS)
        connected = memory(started)
        for client, token in zip(clients, tokens, strict=True):
            body = {"clientId": await client.id, "subscriptions": ["news/*"]}
            answer = await root.post("/api/realtime", json=body, headers={"Authorization": token})
            assert answer.status_code == 204, answer.text
        await asyncio.sleep(SETTLE_SECONDS)
        subscribed = memory(started)
        used, began = usage(started), time.monotonic()
        count = await write(root, options.rate, options.seconds)
        await asyncio.sleep(SETTLE_SECONDS)
        elapsed = time.monotonic() - began
        now = usage(started)
    delays = sorted(delay for client in clients for delay in client.delays)
    expected = sum((count + 1 - number % 2) // 2 for number in range(options.clients))
    return {
        "clients": options.clients,
        "workers": options.workers,
        "changes": count,
        "messages": len(delays),
        "missed": expected - len(delays),
        "lost_lines": sum(client.lost for client in clients),
        "p50_ms": round(delays[len(delays) // 2] * 1000) if delays else None,
        "p99_ms": round(delays[len(delays) * 99 // 100] * 1000) if delays else None,
        "max_ms": round(delays[-1] * 1000) if delays else None,
        "cores_python": round((now["python"] - used["python"]) / elapsed, 2),
        "cores_postgres": round((now["postgres"] - used["postgres"]) / elapsed, 2),
        "bytes_per_line": (connected - before) // options.clients,
        "bytes_per_subscriber": (subscribed - before) // options.clients,
    }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--rate", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, options.clients * 4)), hard))
    with server(options.workers) as (url, started):
        print(json.dumps(uvloop.run(measure(url, started, options))))


if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    main()
