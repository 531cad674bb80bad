"""What the tests of files use: a server for each file of tests, and pictures that are some."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from client import Api, running
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!DOCTYPE html><html><script>alert(1)</script></html>"


class Shelf:
    """A server whose collection `papers` has file fields of several sorts."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.records = "/api/collections/papers/records"

    async def add(
        self, *files: tuple[str, tuple[str, bytes]], who: httpx.AsyncClient | None = None, **values: Any
    ) -> dict[str, Any]:
        """A paper with these files, sent as a form."""
        answer = await (who or self.api.guest).post(self.records, data=values, files=list(files) or [("x", ("", b""))])
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def get(self, record: dict[str, Any], name: str, **more: Any) -> httpx.Response:
        """A file of a paper, asked for by nobody."""
        return await self.api.guest.get(f"/api/files/papers/{record['id']}/{name}", **more)

    async def registered(self) -> dict[str, bool]:
        """The files in the register by name, and whether each is unused."""
        connection = await self.api.pool.connect()
        try:
            rows = await connection.fetch("SELECT name, unused IS NOT NULL AS unused FROM holdfast.files")
        finally:
            await connection.close()
        return {row["name"]: row["unused"] for row in rows}

    @property
    def folder(self) -> Path:
        """Where the objects are."""
        return self.api.settings.data / "storage"

    def objects(self) -> dict[str, bytes]:
        """The objects on the disk, by name."""
        return {path.name: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}

    def waiting(self) -> list[str]:
        """What is in the spool."""
        spool = self.api.settings.data / "spool"
        return [path.name for path in spool.rglob("*") if path.is_file() and path.name != "lock"]


PAPERS: list[dict[str, Any]] = [
    {"name": "title", "type": "text"},
    {"name": "cover", "type": "file", "maxSelect": 1, "mimeTypes": ["image/png", "image/jpeg"]},
    {"name": "papers", "type": "file", "maxSelect": 3, "maxSize": 300_000},
    {"name": "secret", "type": "file", "maxSelect": 2, "protected": True},
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def one_shelf(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shelf]:
    """The server for all tests of a file."""
    dsn = await make_database(cluster, PROJECT)
    async with running(dsn, tmp_path_factory.mktemp("files")) as api:
        await api.define("papers", PAPERS)
        yield Shelf(api)
    await drop_database(cluster, dsn)


async def forget_files(shelf: Shelf, *statements: str) -> None:
    """Empty the register and the folder, and do what these statements say."""
    connection = await shelf.api.pool.connect()
    try:
        for statement in (*statements, "DELETE FROM holdfast.files"):
            await connection.execute(statement)
    finally:
        await connection.close()
    for path in list(shelf.folder.rglob("*")):
        if path.is_file():
            path.unlink()


@pytest_asyncio.fixture(loop_scope="module")
async def shelf(one_shelf: Shelf) -> Shelf:
    """The same, emptied."""
    await forget_files(one_shelf, "TRUNCATE public.papers")
    return one_shelf
