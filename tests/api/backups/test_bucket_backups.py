"""Backups in a bucket of their own."""

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from bucket import Bucket, bucket
from client import Api, refused

__all__ = ["bucket"]
PATH = "/api/backups"


async def use(api: Api, bucket: Bucket) -> None:
    """Keep backups in the bucket from now on."""
    s3: dict[str, Any] = msgspec.to_builtins(bucket.options)
    answer = await api.root.patch("/api/settings", json={"backups": {"s3": s3}})
    assert answer.status_code == 200, answer.text
    assert "secret" not in answer.json()["backups"]["s3"]


async def test_a_backup_goes_into_the_bucket_and_comes_out_as_it_was(api: Api, bucket: Bucket, tmp_path: Path):
    await use(api, bucket)
    answer = await api.root.post("/api/settings/test/s3", json={"filesystem": "backups"})
    assert answer.status_code == 204, answer.text
    answer = await api.root.post(PATH, json={"name": "far.zip"})
    assert answer.status_code == 204, answer.text
    listed = (await api.root.get(PATH)).json()
    assert [(one["key"], one["where"], one["state"]) for one in listed] == [("far.zip", "s3", "ok")]
    content = (await api.root.get(f"{PATH}/far.zip")).content
    assert hashlib.sha256(content).hexdigest() == listed[0]["sha256"]
    assert (await api.root.get(f"{PATH}/far.zip", headers={"Range": "bytes=2-5"})).content == content[2:6]
    assert list((tmp_path / "backups").iterdir()) == []
    assert (await api.root.delete(f"{PATH}/far.zip")).status_code == 204
    assert (await api.root.get(PATH)).json() == []


async def test_what_is_in_the_bucket_already_is_read_there(api: Api, bucket: Bucket):
    assert (await api.root.post(PATH, json={"name": "near.zip", "note": "read me"})).status_code == 204
    content = (await api.root.get(f"{PATH}/near.zip")).content
    await use(api, bucket)
    assert (await api.root.get(PATH)).json() == []
    upload = {"file": ("near.zip", content, "application/zip")}
    assert (await api.root.post(f"{PATH}/upload", files=upload)).status_code == 204
    connection = await api.pool.connect()
    await connection.execute("DELETE FROM holdfast.backups")  # as on a machine that has never seen it
    await connection.close()
    listed = (await api.root.get(PATH)).json()
    assert [(one["key"], one["note"], one["contents"]) for one in listed] == [
        ("near.zip", "read me", ["database", "files"])
    ]


async def test_a_bucket_that_is_away_is_told_and_leaves_nothing_behind(api: Api, bucket: Bucket, tmp_path: Path):
    await use(api, bucket)
    bucket.stop()
    refused(await api.root.post(PATH, json={"name": "lost.zip"}), 503, "unavailable")
    assert list((tmp_path / "backups").glob("*")) == []
    jobs = (await api.root.get(f"{PATH}/jobs")).json()["items"]
    assert jobs[0]["state"] == "failed"
