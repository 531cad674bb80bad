"""Files in other places: brought there by a command that may break off, had from a bucket itself, and looked after."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import msgspec
import pytest

from bucket import Bucket
from client import Api, running
from engines import engine_of
from files_shelf import HTML, PAPERS, PNG, Shelf
from holdfast.errors import ApiError, BadRequest, Unavailable
from holdfast.files.check import check_files
from holdfast.files.moving import copy_files, delete_moved, read_place
from holdfast.storage.place import Place, is_same
from holdfast.storage.spool import Spooled
from holdfast.storage.storage import Storage, open_storage


def silent(files: int, size: int) -> None:
    """Progress that nobody looks at."""


class Breaking(Storage):
    """A place that goes away after some files."""

    def __init__(self, inner: Storage, files: int) -> None:
        super().__init__(inner._store, inner._disk)
        self.left = self.coming = files
        self.kept = asyncio.Event()

    async def keep(self, key: str, content: Spooled) -> None:
        if self.left == 0:
            await self.kept.wait()
            raise Unavailable("gone")
        self.left -= 1
        await super().keep(key, content)
        self.coming -= 1
        if self.coming == 0:
            self.kept.set()


@asynccontextmanager
async def filled(database: str, folder: Path, **changes: object) -> AsyncIterator[tuple[Shelf, list[str]]]:
    """A shelf with five files, and their addresses."""
    async with running(database, folder, **changes) as api:
        await api.define("papers", PAPERS)
        shelf = Shelf(api)
        addresses: list[str] = []
        for number in range(5):
            record = await shelf.add(("papers", (f"{number}.txt", b"text" * 10_000 * number + b"x")))
            addresses.append(f"/api/files/papers/{record['id']}/{record['papers'][0]}")
        yield shelf, addresses


async def contents(api: Api, addresses: list[str]) -> list[bytes]:
    answers = [await api.guest.get(address) for address in addresses]
    assert {answer.status_code for answer in answers} == {200}
    return [answer.content for answer in answers]


async def test_files_move_to_a_bucket_and_back_with_a_break_between(
    database: str, tmp_path: Path, bucket: Bucket
) -> None:
    async with filled(database, tmp_path) as (shelf, addresses):
        api, engine = shelf.api, engine_of(shelf.api)
        before = await contents(api, addresses)
        options = msgspec.to_builtins(bucket.options) | {"enabled": False}
        assert (await api.root.patch("/api/settings", json={"s3": options})).status_code == 200
        here = engine.storage
        there = open_storage(read_place(engine, "bucket"))
        with pytest.raises(ExceptionGroup) as broken:
            await copy_files(engine, here, Breaking(there, 2), silent)
        assert broken.group_contains(ApiError)
        rest = await copy_files(engine, here, there, silent)
        assert (rest.there, rest.copied, rest.lost) == (2, 3, 0)
        assert await contents(api, addresses) == before
        # The server keeps its files there from now on.
        assert (await api.root.patch("/api/settings", json={"s3": {"enabled": True}})).status_code == 200
        assert await contents(api, addresses) == before
        assert await delete_moved(engine, here, there) == 5
        assert shelf.objects() == {}
        assert await contents(api, addresses) == before
        assert (await check_files(engine)).is_sound
        # And back.
        back = await copy_files(engine, there, here, silent)
        assert (back.copied, back.bytes, back.lost) == (5, sum(map(len, before)), 0)
        assert (await api.root.patch("/api/settings", json={"s3": {"enabled": False}})).status_code == 200
        assert await contents(api, addresses) == before
        assert shelf.waiting() == []


async def test_what_is_lost_is_told_and_keeps_nothing_from_moving(database: str, tmp_path: Path) -> None:
    async with filled(database, tmp_path) as (shelf, addresses):
        engine = engine_of(shelf.api)
        lost = next(path for path in shelf.folder.rglob("*.txt") if path.name in addresses[1])
        shorten(lost)
        other = open_storage(Place(tmp_path, url=f"file://{tmp_path / 'elsewhere'}"))
        moved = await copy_files(engine, engine.storage, other, silent)
        assert (moved.copied, moved.lost) == (4, 1)
        assert moved.lost_keys[0].endswith(lost.name)
        assert await delete_moved(engine, engine.storage, other) == 4
        assert list(shelf.objects()) == [lost.name]


def shorten(path: Path) -> None:
    path.write_bytes(b"half")


async def test_a_place_that_is_none_is_refused(api: Api) -> None:
    for text in ("", "elsewhere", "ftp://x/y", "bucket"):
        with pytest.raises(BadRequest):
            read_place(engine_of(api), text)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Place(Path("/a")), Place(Path("/a")), True),
        (Place(Path("/a")), Place(Path("/b")), False),
        (Place(Path("/a")), Place(Path("/x"), url="file:///a/"), True),
        (Place(Path("/a"), url="s3://x"), Place(Path("/a"), url="s3://x"), True),
        (Place(Path("/a"), url="s3://x"), Place(Path("/a")), False),
        (Place(Path("/a"), url="s3://x"), Place(Path("/a"), url="s3://y"), False),
    ],
)
def test_a_place_is_known_by_what_is_said_of_it(one: Place, other: Place, same: bool) -> None:
    assert is_same(one, other) is is_same(other, one) is same


async def test_clients_get_files_from_the_bucket_itself(database: str, tmp_path: Path, bucket: Bucket) -> None:
    async with running(database, tmp_path, files_redirect_seconds=60) as api:
        await api.define("papers", PAPERS)
        shelf = Shelf(api)
        on_disk = await shelf.add(("cover", ("a.png", PNG)))
        assert (await shelf.get(on_disk, on_disk["cover"])).content == PNG  # a disk has no such addresses
        options = msgspec.to_builtins(bucket.options)
        assert (await api.root.patch("/api/settings", json={"s3": options})).status_code == 200
        record = await shelf.add(("cover", ("a.png", PNG)), ("papers", ("b.html", HTML)), ("secret", ("c.txt", b"c")))
        cover, page, secret = record["cover"], record["papers"][0], record["secret"][0]
        async with httpx.AsyncClient() as outside:
            answer = await shelf.get(record, cover)
            assert answer.status_code == 302
            assert answer.headers["cache-control"] == "public, max-age=30"
            got = await outside.get(answer.headers["location"])
            assert (got.content, got.headers["content-type"]) == (PNG, "image/png")
            # What a browser must not show it does not show there either.
            got = await outside.get((await shelf.get(record, page)).headers["location"])
            assert (got.content, got.headers["content-disposition"]) == (HTML, "attachment")
            kept = (await shelf.get(record, secret)).headers
            assert kept["cache-control"] == "private, no-store"
            part = await outside.get(kept["location"], headers={"range": "bytes=0-0"})
            assert (part.status_code, part.content) == (206, b"c")
            unsigned = answer.headers["location"].partition("?")[0]
            assert unsigned.startswith(bucket.options.endpoint)
        # Where the bucket would answer otherwise than the server, the server does.
        saved = await shelf.get(record, cover, params={"download": "1"})
        assert (saved.status_code, saved.content) == (200, PNG)
        assert saved.headers["content-disposition"].startswith("attachment")
        path = f"/api/files/papers/{record['id']}/{cover}"
        assert (await api.guest.head(path)).status_code == 200
        tag = saved.headers["etag"]
        assert (await api.guest.get(path, headers={"if-none-match": tag})).status_code == 304


async def test_whether_files_can_be_had_is_told(database: str, tmp_path: Path, bucket: Bucket) -> None:
    async with running(database, tmp_path) as api:
        assert (await api.guest.get("/api/ready")).json()["data"]["storage"] == "ok"
        bucket.stop()
        options = msgspec.to_builtins(bucket.options)
        assert (await api.root.patch("/api/settings", json={"s3": options})).status_code == 200
        answer = await api.guest.get("/api/ready")
        # Records are there without it.
        assert (answer.status_code, answer.json()["data"]["storage"]) == (200, "away")
