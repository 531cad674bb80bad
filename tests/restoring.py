"""What the tests of restores use: a server of their own with some records, and a client that waits for work to end."""

import asyncio
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from served import EMAIL, PASSWORD, Server

SECONDS = 60.0
AWAY = (httpx.TransportError,)


class Library:
    """A server with a collection `books`, whose records have covers."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.url = server.started()
        self.client = httpx.Client(base_url=f"{self.url}/api", timeout=60)
        self.login()

    def login(self) -> None:
        """Be its superuser."""
        body = {"identity": EMAIL, "password": PASSWORD}
        done = eventually(self, lambda: self.client.post("/collections/_superusers/auth-with-password", json=body))
        self.client.headers["Authorization"] = done["token"]

    def define(self) -> None:
        """Make the collection."""
        fields = [{"name": "title", "type": "text"}, {"name": "cover", "type": "file", "maxSelect": 1}]
        fields += [{"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True}]
        rules = dict.fromkeys(("listRule", "viewRule", "createRule", "updateRule", "deleteRule"), "")
        self.ok(self.client.post("/collections", json={"name": "books", "type": "base", "fields": fields, **rules}))

    def add(self, title: str, cover: bytes = b"") -> dict[str, Any]:
        """A book."""
        files: dict[str, Any] = {"title": (None, title)}
        if cover:
            files["cover"] = ("cover.txt", cover)
        return self.ok(self.client.post("/collections/books/records", files=files))

    def titles(self) -> list[str]:
        """Of all books."""
        query = {"sort": "title", "perPage": 500}
        found = eventually(self, lambda: self.client.get("/collections/books/records", params=query))
        return [one["title"] for one in found["items"]]

    def cover(self, book: dict[str, Any]) -> httpx.Response:
        """The cover of a book."""
        path = f"/files/books/{book['id']}/{book['cover']}"
        while (answer := self.client.get(path)).status_code == 503:
            time.sleep(0.02)
        return answer

    def back_up(self, **body: Any) -> str:
        """Make a backup; its name."""
        answer = self.client.post("/backups", json=body)
        assert answer.status_code == 204, answer.text
        return answer.headers["location"].rpartition("/")[2]

    def restore(self, key: str, **body: Any) -> dict[str, Any]:
        """Bring a backup back; the work, as it ended."""
        return self.followed(self.ok(self.client.post(f"/backups/{key}/restore", json={"confirm": key, **body}), 202))

    def followed(self, job: dict[str, Any]) -> dict[str, Any]:
        """Work, as it ended: asked for without a login, over answers that are 503 and lines that break."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            try:
                answer = httpx.get(f"{self.url}/api/backups/jobs/{job['id']}", params={"watch": job["watch"]})
            except AWAY:
                continue
            if answer.status_code == 200 and answer.json()["state"] != "running":
                return answer.json()
            assert answer.status_code in (200, 503), answer.text
            time.sleep(0.02)
        raise AssertionError(f"{job} does not end: {self.server.lines[-5:]}")

    def ok(self, answer: httpx.Response, status: int = 200) -> Any:
        """What was answered."""
        assert answer.status_code == status, answer.text
        return answer.json()

    def sql(self, statement: str, database: str = "holdfast") -> list[Any]:
        """Rows of a statement, as the superuser of the embedded PostgreSQL."""
        home = Path(str(self.server.wait_for("started", having="address")["data"]))

        async def ask() -> list[Any]:
            password = (home / "pg.superuser").read_text().strip()
            host = str(home / "pg")
            connection = await asyncpg.connect(host=host, user="postgres", password=password, database=database)
            try:
                return [dict(row.items()) for row in await connection.fetch(statement)]
            finally:
                await connection.close()

        return asyncio.run(ask())

    def databases(self) -> list[str]:
        """The names of all databases that hold something."""
        rows = self.sql("SELECT datname FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1')")
        return sorted(row["datname"] for row in rows)


def eventually(library: Library, ask: Callable[[], httpx.Response]) -> Any:
    """What is answered, as soon as whichever process it is answers again after a restore.

    One of several may be told of the end of it a moment after another has said that it is over.
    """
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        answer = ask()
        if answer.status_code == 200:
            return answer.json()
        assert answer.status_code == 503, answer.text
        time.sleep(0.02)
    raise AssertionError(f"no answer: {library.server.lines[-5:]}")


@contextmanager
def reopened(data: Path, *options: str, **environment: str) -> Generator[Library]:
    """A server on a data directory that is there."""
    server = Server(data, "--port", "0", *options, environment=environment)
    try:
        made = Library(server)
        with closing(made.client):
            yield made
        assert server.stop() == 0
    finally:
        if server.process.poll() is None:
            server.process.kill()


@contextmanager
def library(data: Path, *options: str, **environment: str) -> Generator[Library]:
    """A server of one's own, with the collection."""
    with reopened(data, *options, **environment) as made:
        made.define()
        yield made


@contextmanager
def killed(data: Path) -> Generator[Library]:
    """A server that is killed at the end of the block."""
    server = Server(data, "--port", "0")
    try:
        made = Library(server)
        with closing(made.client):
            yield made
    finally:
        server.process.kill()
        server.ended()
