"""The server under test: `holdfast serve` as an operator starts it, on its embedded PostgreSQL, with data."""

import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import httpx
import msgspec

from holdfast.db.embedded import Embedded
from tests.served import EMAIL, PASSWORD, clean_environment, command

FIRST_ID: Final = 100_000_000_000_000  # 15 digits: ids that pgbench can draw, because it knows only numbers
START_SECONDS: Final = 60.0
WORDS: Final = "the quick brown fox jumps over a lazy dog and runs far away from here before it is too late".split()


class Subject(msgspec.Struct, frozen=True):
    """A server that runs. `dsn` is its database, `token` a superuser's, `pid` its process."""

    host: str
    port: int
    pid: int
    dsn: str
    token: str

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def peak_rss_mb(self) -> float:
        """The most memory that the process ever had resident."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.M)
        return int(found[1]) / 1024 if found else 0.0


@contextmanager
def subject(folder: Path) -> Iterator[Subject]:
    """A server with one worker on a new data directory, for the block. Its log goes to a file, as in production."""
    log = folder / "server.log"
    data = folder / "data"
    secrets = {"HOLDFAST_SUPERUSER_EMAIL": EMAIL, "HOLDFAST_SUPERUSER_PASSWORD": PASSWORD}
    with log.open("wb") as out:
        process = subprocess.Popen(
            command("serve", "--data", str(data), "--port", "0", "--log-format", "json"),
            env=clean_environment() | secrets,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        address = urlsplit(_started(log, process))
        host, port = address.hostname or "", address.port or 0
        yield Subject(host, port, process.pid, _dsn(data), _log_in(f"http://{host}:{port}"))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _started(log: Path, process: "subprocess.Popen[bytes]") -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text().splitlines():
            if line.startswith("{") and json.loads(line).get("event") == "started":
                return str(json.loads(line)["address"])
        time.sleep(0.05)
    raise SystemExit(f"the server does not start: {log.read_text()}")


def _dsn(data: Path) -> str:
    """The address of the server's database, as a second server would find it."""
    attached = Embedded(data)
    try:
        return attached.start().dsn
    finally:
        attached.stop()


def _log_in(url: str) -> str:
    answer = httpx.post(
        f"{url}/api/collections/_superusers/auth-with-password", json={"identity": EMAIL, "password": PASSWORD}
    )
    return str(answer.raise_for_status().json()["token"])


def collections() -> list[dict[str, Any]]:
    """Authors, and posts that point at them: of each common kind of field one or two."""
    stamps = [
        {"name": "created", "type": "autodate", "onCreate": True},
        {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
    ]
    open_to_all = {"type": "base", "listRule": "", "viewRule": "", "createRule": "", "updateRule": ""}
    return [
        {
            "id": "authors",
            "name": "authors",
            **open_to_all,
            "fields": [
                {"name": "name", "type": "text", "required": True},
                {"name": "email", "type": "email"},
                {"name": "bio", "type": "text"},
                *stamps,
            ],
        },
        {
            "id": "posts",
            "name": "posts",
            **open_to_all,
            "fields": [
                {"name": "title", "type": "text", "required": True, "max": 200},
                {"name": "body", "type": "text"},
                {"name": "status", "type": "select", "values": ["draft", "published", "archived"], "maxSelect": 1},
                {"name": "stars", "type": "number", "onlyInt": True},
                {"name": "featured", "type": "bool"},
                {"name": "tags", "type": "select", "values": WORDS[:8], "maxSelect": 8},
                {"name": "author", "type": "relation", "collectionId": "authors", "maxSelect": 1},
                *stamps,
            ],
            "indexes": [
                "CREATE INDEX idx_posts_created ON posts (created)",
                "CREATE INDEX idx_posts_status_created ON posts (status, created)",
            ],
        },
    ]


async def fill(it: Subject, posts: int, authors: int) -> None:
    """Make the collections over the API, and their rows by COPY."""
    async with httpx.AsyncClient(base_url=it.url, headers={"Authorization": it.token}) as client:
        body = {"collections": collections(), "deleteMissing": False}
        answer = await client.put("/api/collections/import", json=body)
        if answer.is_error:
            raise SystemExit(f"the collections cannot be made: {answer.text}")
    connection: Any = await asyncpg.connect(it.dsn)
    await connection.copy_records_to_table(
        "authors", schema_name="public", columns=["id", "name", "email", "bio"], records=_authors(authors)
    )
    columns = ["id", "title", "body", "status", "stars", "featured", "tags", "author"]
    await connection.copy_records_to_table(
        "posts", schema_name="public", columns=columns, records=_posts(posts, authors)
    )
    # Times of their own, in the order of the ids: rows of one COPY would all have the same.
    await connection.execute(
        "UPDATE public.posts SET created = now() - make_interval(secs => ($1 - (id::bigint - $2))), updated = created",
        float(posts),
        FIRST_ID,
        timeout=300,
    )
    await connection.execute("VACUUM (FULL, ANALYZE) public.posts", timeout=300)
    await connection.execute("VACUUM (ANALYZE) public.authors")
    await connection.close()


def _authors(count: int) -> Iterator[tuple[Any, ...]]:
    for number in range(count):
        yield str(FIRST_ID + number), f"Author {number}", f"author{number}@example.com", " ".join(WORDS)


def _posts(count: int, authors: int) -> Iterator[tuple[Any, ...]]:
    for number in range(count):
        yield (
            str(FIRST_ID + number),
            f"Post number {number} about {WORDS[number % len(WORDS)]}",
            " ".join(WORDS[(number + at) % len(WORDS)] for at in range(30)),
            ("draft", "published", "published", "archived")[number % 4],
            number % 100,
            number % 10 == 0,
            [WORDS[number % 8], WORDS[(number + 3) % 8]],
            str(FIRST_ID + number % authors),
        )
