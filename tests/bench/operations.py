"""What is measured: the requests, and the SQL that the server itself runs for each, recorded from its own handlers."""

import random
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from holdfast.app import running
from holdfast.config import Settings
from holdfast.db.pool import Pool, Row
from holdfast.db.session import session_settings
from holdfast.db.sql import NO_INPUTS, Inputs, Statement
from holdfast.engine import Engine
from holdfast.http.request import Request
from holdfast.records import routes
from tests.bench.subject import FIRST_ID

POSTS: Final = "/api/collections/posts/records"
VARIANTS: Final = 500  # different requests of one kind, taken in turn
BODY: Final = {
    "title": "A post that was just written",
    "body": "the quick brown fox jumps over the lazy dog " * 4,
    "status": "published",
    "stars": 5,
    "tags": ["quick", "fox"],
    "author": str(FIRST_ID),
}


class Query(msgspec.Struct, frozen=True):
    """One statement as the server ran it, and the bytes that went out with what it gave."""

    text: str
    args: tuple[Any, ...]
    answer: bytes


class Operation(msgspec.Struct, frozen=True):
    """One kind of request. `queries` has the recorded statement by path and query string; all have the same text."""

    name: str
    method: str
    targets: tuple[str, ...]
    body: bytes
    queries: dict[str, Query]

    @property
    def query(self) -> Query:
        """Any of the queries."""
        return next(iter(self.queries.values()))

    def requests(self, host: str, port: int) -> list[bytes]:
        """The raw requests."""
        head = f"Host: {host}:{port}\r\nAccept: */*\r\n"
        if self.body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(self.body)}\r\n"
        return [f"{self.method} {target} HTTP/1.1\r\n{head}\r\n".encode() + self.body for target in self.targets]


class _Recorder(Pool):
    """The server's pool, noting what is run on it."""

    noted: list[tuple[str, tuple[Any, ...]]]

    async def fetchrow_text(self, text: str, args: Sequence[object]) -> Row | None:
        self.noted.append((text, tuple(args)))
        return await super().fetchrow_text(text, args)

    async def fetchrow(self, statement: Statement, inputs: Inputs = NO_INPUTS) -> Row | None:
        return await self.fetchrow_text(statement.text, statement.args(inputs))


async def record(settings: Settings, dsn: str, posts: int) -> list[Operation]:
    """The operations, each with the SQL of its requests."""
    pool = _Recorder(dsn, size=2, settings=session_settings(settings))
    pool.noted = []
    async with running(settings, dsn) as engine:
        watched = msgspec.structs.replace(engine, pool=pool)
        found = [await _operation(watched, pool, *shape) for shape in _shapes(posts)]
    await pool.close()
    return found


def _shapes(posts: int) -> list[tuple[str, str, list[str], bytes]]:
    draw = random.Random(1)
    # Some are only read and others only changed, so that what was recorded of a read stays true.
    read, changed = ([FIRST_ID + at for at in draw.sample(half, VARIANTS)] for half in _halves(posts))
    listed = [f"{POSTS}?{_list(stars)}" for stars in range(20)]
    expanded = [f"{POSTS}?{_list(stars)}&expand=author" for stars in range(20)]
    return [
        ("get one", "GET", [f"{POSTS}/{id}" for id in read], b""),
        ("list 20", "GET", listed, b""),
        ("list 20, author expanded", "GET", expanded, b""),
        ("create", "POST", [POSTS], msgspec.json.encode(BODY)),
        (
            "update",
            "PATCH",
            [f"{POSTS}/{id}" for id in changed],
            msgspec.json.encode({"title": "Another title", "stars": 7}),
        ),
    ]


def _halves(posts: int) -> tuple[range, range]:
    return range(posts // 2), range(posts // 2, posts)


def _list(stars: int) -> str:
    return urlencode(
        {"perPage": 20, "skipTotal": 1, "sort": "-created", "filter": f"status = 'published' && stars >= {stars}"}
    )


async def _operation(
    engine: Engine, pool: _Recorder, name: str, method: str, targets: list[str], body: bytes
) -> Operation:
    queries: dict[str, Query] = {}
    for target in targets[:20]:
        pool.noted.clear()
        answer = await routes.handle(engine, request(method, target, body))
        assert answer.status == 200, answer.body
        if len(pool.noted) != 1:
            raise SystemExit(f"{name} ran {len(pool.noted)} statements: {[text for text, _ in pool.noted]}")
        queries[target] = Query(*pool.noted[0], answer.body)
    return Operation(name, method, tuple(targets), body, queries)


def request(method: str, target: str, body: bytes) -> Request:
    """A request as the server's front makes one, without a network."""
    path, _, query = target.partition("?")
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())] if body else []
    scope = {"method": method, "path": path, "query_string": query.encode(), "headers": headers, "client": None}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request(scope, receive, id="bench", max_body_bytes=1 << 20)
