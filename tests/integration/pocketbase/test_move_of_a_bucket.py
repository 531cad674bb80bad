"""A PocketBase that keeps its files in a bucket: they stay there, or come to where files are kept here."""

import json
from pathlib import Path

import msgspec
import pytest

from bucket import Bucket
from holdfast.errors import Unavailable
from holdfast.storage.place import Place
from holdfast.storage.spool import Spooled
from holdfast.storage.storage import open_storage
from pocketbase_directory import OPEN, SETTINGS, PocketBase, field
from pocketbase_moving import notes, running_here

ID = "a" * 15


async def made(folder: Path, bucket: Bucket) -> None:
    """A directory with two files, of which the bucket has one."""
    with PocketBase(folder) as pocketbase:
        pocketbase.collection("posts", [field("file", "papers", maxSelect=9)], **OPEN)
        pocketbase.insert("posts", [{"id": ID, "papers": ["a_1.txt", "gone_2.txt"]}])
        pocketbase.settings({**SETTINGS, "s3": json.loads(msgspec.json.encode(bucket.options))})
    storage = open_storage(Place(folder, bucket.options))
    await storage.keep(f"{pocketbase.ids['posts']}/{ID}/a_1.txt", Spooled.of(b"in the bucket"))


@pytest.mark.parametrize("to_the_disk", [False, True], ids=["they stay there", "they come to the disk"])
async def test_files_in_a_bucket_are_those_of_the_records(
    database: str, tmp_path: Path, bucket: Bucket, *, to_the_disk: bool
) -> None:
    await made(tmp_path / "pb", bucket)
    url = f"file://{tmp_path / 'here'}" if to_the_disk else ""
    async with running_here(database, tmp_path, storage_url=url) as here:
        bucket.stop()
        with pytest.raises(Unavailable):
            await here.move(tmp_path / "pb")
        bucket.start()
        report = await here.move(tmp_path / "pb")
        files = report.files
        assert (files.held, files.copied, files.missing) == (2, 1, 1)
        assert "not in PocketBase's storage" in notes(report)["posts.papers"]
        answer = await here.api.guest.get(f"/api/files/posts/{ID}/a_1.txt")
        assert (answer.status_code, answer.content) == (200, b"in the bucket")
        assert (tmp_path / "here" / "pbc_1125843985" / ID / "a_1.txt").exists() is to_the_disk
