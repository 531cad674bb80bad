"""Runs the PostgreSQL of one test run, as a process of its own: `python postgres_host.py SOCKET`.

The workers of pytest-xdist share it. Whoever needs it connects to the socket, reads one line of JSON with the
addresses, and keeps the connection open; when nobody has one any more, however they ended, PostgreSQL is stopped
and its data removed. The command returns when PostgreSQL answers.
"""

import asyncio
import json
import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from holdfast.auth.superusers import upsert_superuser
from holdfast.config import Settings
from holdfast.db.embedded import Embedded
from holdfast.db.pool import Pool
from holdfast.db.session import session_settings
from holdfast.db.sql import Statement, raw
from holdfast.passwords import CHEAP, hashing
from holdfast.start import prepare_schema

PROJECT: Final = "template_project"
EMAIL: Final = "root@example.com"
PASSWORD: Final = "a long enough password"
# The event of the superuser would wait in every project for its number, late from the first moment.
_FORGET: Final = Statement.of(raw("TRUNCATE holdfast.outbox RESTART IDENTITY"))
IDLE_SECONDS: Final = 2.0  # without anybody, before it ends
# A database is 450 files, made and deleted for each test: in memory that costs half the time of the kernel.
MEMORY: Final = Path("/dev/shm")
MEMORY_BYTES: Final = 4 << 30  # free there, or it is not used: containers have 64 MB
# For tests only: nothing here has to outlive the machine, and no database lives long enough to be vacuumed.
SETTINGS: Final = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_wal_size": "512MB",
    "autovacuum": "off",
    # DROP DATABASE waits for every process to take note, and one whose client never logs in does so when this ends.
    "authentication_timeout": "10s",
    "shared_buffers": "64MB",  # each process of PostgreSQL maps what it touches of them
}


def new_home() -> Path:
    """A new directory, in memory where there is room."""
    in_memory = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES
    home = Path(tempfile.mkdtemp(prefix="hf-test-", dir=MEMORY if in_memory else None))
    home.chmod(0o711)  # root's PostgreSQL runs as another user, who has to get in
    return home


def on_database(dsn: str, name: str) -> str:
    """The address of another database of the same cluster."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))


async def prepare(superuser: str, dsn: str) -> None:
    """Make the template: a database as a server finds it at its second start, with a superuser in it."""
    settings = Settings()
    connection = cast(Any, await asyncpg.connect(superuser))
    await connection.execute("SET scram_iterations = 1")  # a login takes 5 ms else, and a test logs in six times
    for role in (superuser, dsn):
        parts = urlsplit(role)
        await connection.execute(f"ALTER ROLE {parts.username} PASSWORD '{parts.password}'")
    await connection.execute(f"CREATE DATABASE {PROJECT} OWNER holdfast")
    await prepare_schema(settings, on_database(dsn, PROJECT))
    pool = Pool(on_database(dsn, PROJECT), size=1, settings=session_settings(settings))
    with hashing(CHEAP):
        await upsert_superuser(pool, EMAIL, PASSWORD)
    await pool.execute(_FORGET)
    await pool.close()
    await connection.execute(f"ALTER DATABASE {PROJECT} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false")
    await connection.close()


async def serve(path: str, listener: socket.socket, answer: bytes) -> None:
    """Tell everybody who connects, and return when all have gone."""
    here = 0
    changed = asyncio.Event()

    async def tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal here
        here += 1
        writer.write(answer)
        try:
            await reader.read()
        except ConnectionError:
            pass
        here -= 1
        changed.set()
        writer.close()

    server = await asyncio.start_unix_server(tell, sock=listener)
    while True:
        changed.clear()
        try:
            await asyncio.wait_for(changed.wait(), IDLE_SECONDS)
        except TimeoutError:
            if here == 0:
                break
    os.unlink(path)
    server.close()


def host(path: str, ready: int) -> None:
    """Start, prepare, write a byte to `ready`, serve, stop."""
    home = new_home()
    embedded = Embedded(home / "data", max_connections=300, settings=SETTINGS)
    try:
        dsn = embedded.start().dsn
        password = (home / "data" / "pg.superuser").read_text().strip()
        parts = urlsplit(dsn)
        superuser = urlunsplit(parts._replace(netloc=f"postgres:{password}@", path="/postgres"))
        asyncio.run(prepare(superuser, dsn))
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()
        os.write(ready, b"1")
        answer = json.dumps({"dsn": dsn, "superuser": superuser}).encode() + b"\n"
        asyncio.run(serve(path, listener, answer))
    finally:
        embedded.stop()
        shutil.rmtree(home, ignore_errors=True)


def main(path: str) -> int:
    """Fork: the child hosts, the parent returns when it is ready."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.close(reading)
        os.setsid()
        host(path, writing)
        return 0
    os.close(writing)
    return 0 if os.read(reading, 1) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
