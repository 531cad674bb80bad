"""The second limit: a bare ASGI function on uvicorn with the same query, the same pool and the same bytes out.

Runs as a process of its own, told what to answer by a pickled `Bare` on standard input.
"""

import asyncio
import pickle
import socket
import sys
from typing import Any

import msgspec
import uvicorn
import uvloop

from holdfast.config import Settings
from holdfast.db.pool import Pool
from tests.bench.operations import POSTS, Operation


class Bare(msgspec.Struct, frozen=True):
    """What the bare server is told: `listener` is an open socket's file descriptor."""

    settings: Settings
    session: dict[str, str]
    dsn: str
    listener: int
    operation: Operation


class Handler:
    """Answers one kind of request, with as little as an ASGI application can do."""

    def __init__(self, it: Bare) -> None:
        self._it = it
        self._queries = {
            tuple(target.encode().partition(b"?")[::2]): query for target, query in it.operation.queries.items()
        }
        first = it.operation.query
        self._text, self._args, self._answer = first.text, list(first.args), first.answer
        # Where in the arguments the record's id stands: it differs from request to request.
        old = it.operation.targets[0].rpartition("/")[2]
        if it.operation.method == "POST":
            old = msgspec.json.decode(first.answer)["id"]
        self._id_at = [at for at, arg in enumerate(self._args) if arg == old]
        self._next = 200_000_000_000_000

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        text, args = await self._statement(scope, receive)
        row = await self._pool.fetchrow_text(text, args)
        body = (row[0] if row is not None else "").encode()
        if not self._id_at:
            body = b'{"items":[%b],"page":1,"perPage":20,"totalItems":-1,"totalPages":-1}' % body
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _statement(self, scope: Any, receive: Any) -> tuple[str, Any]:
        if not self._id_at:
            query = self._queries[(scope["path"].encode(), scope["query_string"])]
            return query.text, query.args
        args = self._args.copy()
        if scope["method"] == "GET":
            id = scope["path"][len(POSTS) + 1 :]
        elif scope["method"] == "PATCH":
            msgspec.json.decode((await receive())["body"])
            id = scope["path"][len(POSTS) + 1 :]
        else:
            msgspec.json.decode((await receive())["body"])
            self._next += 1
            id = str(self._next)
        for at in self._id_at:
            args[at] = id
        return self._text, args

    async def _lifespan(self, receive: Any, send: Any) -> None:
        await receive()
        self._pool = Pool(self._it.dsn, size=self._it.settings.database_pool_size, settings=self._it.session)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._pool.close()
        await send({"type": "lifespan.shutdown.complete"})


def main() -> None:
    """Serve until a signal."""
    it: Bare = pickle.load(sys.stdin.buffer)
    config = uvicorn.Config(
        Handler(it), http="httptools", ws="none", lifespan="on", log_config=None, access_log=False, server_header=False
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(uvicorn.Server(config).serve(sockets=[socket.socket(fileno=it.listener)]))


if __name__ == "__main__":
    main()
