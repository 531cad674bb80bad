"""What every back end has to do: the same tests for the disk, for a folder by its URL, and for a bucket.

The bucket is asked as Amazon's is and as Google's is. Where there is another one it is tried, too:
`STORAGE_TEST_URLS="gs://one az://two"`, with the credentials in the variables that storage_url takes them from.
"""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from bucket import BUCKET, Bucket
from holdfast.errors import Unavailable
from holdfast.storage.own_spool import OwnSpool, clear_spool
from holdfast.storage.place import Place
from holdfast.storage.spool import Spool, Spooled
from holdfast.storage.storage import Missing, Storage, Taken, open_storage

LARGE = os.urandom(1 << 20) * 9 + b"end"  # more than one part of an upload to a bucket

Open = Callable[[], Storage]


GOOGLE_KEY = {"disable_oauth": True, "client_email": "", "private_key": "", "private_key_id": ""}
OTHERS = os.environ.get("STORAGE_TEST_URLS", "").split()


@pytest.fixture(params=["disk", "url", "s3", "gs", *OTHERS])
def storage(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    """A back end with nothing in it."""
    folder = tmp_path / "storage"
    if request.param == "gs":
        key = tmp_path / "key.json"
        key.write_bytes(msgspec.json.encode({**GOOGLE_KEY, "gcs_base_url": request.getfixturevalue("google")}))
        monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT", str(key))
        return open_storage(Place(folder, url=f"gs://{BUCKET}"))
    if request.param == "disk":
        return open_storage(Place(folder))
    if request.param == "url":
        return open_storage(Place(folder, url=f"file://{tmp_path / 'elsewhere'}"))
    if request.param != "s3":
        return open_storage(Place(folder, url=f"{request.param}/{secrets.token_hex(8)}"))
    bucket: Bucket = request.getfixturevalue("bucket")
    return open_storage(Place(folder, bucket.options))


async def whole(storage: Storage, key: str, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([piece async for piece in storage.read(key, start, end)])


async def spooled(folder: Path, content: bytes) -> Spooled:
    spool = Spool(folder)
    for start in range(0, len(content), 70_000):
        await spool.write(content[start : start + 70_000])
    return await spool.finish()


@pytest.mark.parametrize(
    "content", [pytest.param(b"", id="empty"), pytest.param(b"hello", id="small"), pytest.param(LARGE, id="large")]
)
async def test_what_is_kept_is_read_as_it_was(storage: Storage, tmp_path: Path, content: bytes) -> None:
    found = await spooled(tmp_path / "spool", content)
    assert (found.path is not None) is (content is LARGE)
    await storage.keep("c/r/a.bin", found)
    await storage.keep("c/r/b.bin", found)  # what is tried again is kept again
    found.discard()
    assert await whole(storage, "c/r/a.bin") == await whole(storage, "c/r/b.bin") == content
    assert await storage.size("c/r/a.bin") == len(content)


async def test_what_is_kept_as_new_replaces_nothing(storage: Storage) -> None:
    await storage.keep_new("c/r/a.txt", Spooled.of(b"first"))
    with pytest.raises(Taken):
        await storage.keep_new("c/r/a.txt", Spooled.of(b"second"))
    assert await whole(storage, "c/r/a.txt") == b"first"


async def test_a_part_is_read_alone(storage: Storage) -> None:
    await storage.keep("c/r/a.txt", Spooled.of(b"0123456789"))
    assert await whole(storage, "c/r/a.txt", 2, 5) == b"234"
    assert await whole(storage, "c/r/a.txt", 7) == b"789"
    assert await whole(storage, "c/r/a.txt", 0, 1) == b"0"


async def test_what_is_not_there_is_missing(storage: Storage) -> None:
    assert await storage.size("c/r/nothing.txt") is None
    with pytest.raises(Missing):
        await whole(storage, "c/r/nothing.txt")
    with pytest.raises(Missing):
        await whole(storage, "c/r/nothing.txt", 0, 5)


async def test_what_is_deleted_is_gone_and_can_be_deleted_again(storage: Storage) -> None:
    for name in ("a", "b", "c"):
        await storage.keep(f"c/r/{name}.txt", Spooled.of(b"x"))
    await storage.delete(["c/r/a.txt", "c/r/b.txt", "c/r/nothing.txt"])
    await storage.delete(["c/r/a.txt"])
    assert [await storage.size(f"c/r/{name}.txt") for name in ("a", "b", "c")] == [None, None, 1]


async def test_a_walk_meets_every_object_once(storage: Storage) -> None:
    keys = {f"c{number % 3}/r{number % 7}/{number}.txt" for number in range(60)}
    for key in keys:
        await storage.keep(key, Spooled.of(key.encode()))
    found = [one async for page in storage.walk() for one in page]
    assert {one.key for one in found} == keys
    assert len(found) == len(keys)
    assert all(one.size == len(one.key) for one in found)
    assert {one.key async for page in storage.walk("c1") for one in page} == {key for key in keys if key[:2] == "c1"}


async def test_a_probe_leaves_nothing_behind(storage: Storage) -> None:
    await storage.probe()
    assert [one async for page in storage.walk() for one in page] == []


async def test_a_bucket_that_is_away_is_unavailable(bucket: Bucket, tmp_path: Path) -> None:
    storage = open_storage(Place(tmp_path, bucket.options))
    await storage.keep("c/r/a.txt", Spooled.of(b"x"))
    bucket.stop()
    for refused in (
        storage.keep("c/r/b.txt", Spooled.of(b"x")),
        storage.size("c/r/a.txt"),
        storage.delete(["c/r/a.txt"]),
    ):
        with pytest.raises(Unavailable):
            await refused
    bucket.start()
    assert await storage.size("c/r/a.txt") == 1


async def test_a_bucket_with_another_name_is_unavailable(bucket: Bucket, tmp_path: Path) -> None:
    storage = open_storage(Place(tmp_path, msgspec.structs.replace(bucket.options, bucket="nobodys")))
    with pytest.raises(Unavailable):
        await storage.keep("c/r/a.txt", Spooled.of(b"x"))


def block(folder: Path) -> None:
    """Put a file where the folder was: root may write anywhere, but not there."""
    folder.rmdir()
    folder.write_text("not a folder")


def leave_behind(path: Path) -> None:
    path.write_bytes(b"x")
    os.utime(path, (0, 0))


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_a_disk_that_takes_nothing_is_unavailable(tmp_path: Path) -> None:
    blocked = tmp_path / "storage"
    storage = open_storage(Place(blocked))
    block(blocked)
    with pytest.raises(Unavailable):
        await storage.keep("c/r/a.txt", Spooled.of(b"x"))
    spool = Spool(blocked)
    with pytest.raises(Unavailable):  # as soon as the thread that writes has met it
        await spool.write(LARGE)
        await spool.finish()
    spool.discard()


async def test_what_a_killed_process_left_in_the_spool_is_cleared_away(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    await spool.write(LARGE)
    await spool.write(LARGE)  # when it is taken, the first is written
    leave_behind(tmp_path / "0123456789abcdef")
    assert clear_spool(tmp_path) == 1
    assert clear_spool(tmp_path / "nothing") == 0
    assert len(names(tmp_path)) == 1
    spool.discard()
    assert names(tmp_path) == []


async def test_the_folder_of_a_process_that_lives_stays_and_that_of_a_dead_one_goes(tmp_path: Path) -> None:
    living, dead = OwnSpool(tmp_path), OwnSpool(tmp_path)
    for own in (living, dead):
        own.new_path().write_bytes(b"x")
    os.close(dead._lock)  # as the kernel does for a process that is killed
    assert clear_spool(tmp_path) == 1
    assert names(tmp_path) == [living.folder.name]
    living.close()
    assert names(tmp_path) == []
