"""Backups that go wrong: archives that are broken, names that are taken meanwhile, old ones that stay."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from client import Api, in_one_loop, refused
from engines import engine_of
from harming import HARMS
from holdfast.backups.schedule import BACKUP
from holdfast.jobs.job import Job

pytestmark = in_one_loop
PATH = "/api/backups"
NO_FORGETTING = """
    CREATE FUNCTION public.no_forgetting() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'not now'; END$$;
    CREATE TRIGGER no_forgetting BEFORE DELETE ON holdfast.backups FOR EACH ROW EXECUTE FUNCTION public.no_forgetting();
    INSERT INTO holdfast.backups (key, size, modified, sha256, problem, uploaded)
    VALUES ('gone.zip', 1, now(), '', '', false);
"""


@pytest_asyncio.fixture(loop_scope="module")
async def api(shared_api: Api) -> AsyncIterator[Api]:
    """An application whose backups are gone after the test."""
    yield shared_api
    for backup in (await shared_api.root.get(PATH)).json():
        answer = await shared_api.root.delete(f"{PATH}/{backup['key']}")
        assert answer.status_code == 204, answer.text


async def made(api: Api, **body: Any) -> dict[str, Any]:
    """A backup that was made just now, as the list shows it."""
    answer = await api.root.post(PATH, json=body)
    assert answer.status_code == 204, answer.text
    key = answer.headers["location"].rpartition("/")[2]
    return next(one for one in (await api.root.get(PATH)).json() if one["key"] == key)


async def told(api: Api, key: str) -> list[tuple[str, dict[str, Any]]]:
    """The events about a backup that wait for their number."""
    connection = await api.pool.connect()
    try:
        rows = await connection.fetch("SELECT type, record FROM holdfast.outbox WHERE type LIKE 'system.%' ORDER BY id")
    finally:
        await connection.close()
    found = [(row["type"], json.loads(row["record"])) for row in rows]
    return [(type, record) for type, record in found if record["key"] == key]


@pytest.mark.parametrize("harm", HARMS)
async def test_a_broken_archive_is_refused_and_does_not_stay(api: Api, harm: str):
    backup = await made(api)
    content = (api.settings.data / "backups" / backup["key"]).read_bytes()
    upload = {"file": ("harmed.zip", HARMS[harm](content), "application/zip")}
    body = refused(await api.root.post(f"{PATH}/upload", files=upload), 400, "validation_failed")
    assert body["data"]["file"]["code"] == "validation_invalid_backup"
    assert [one["key"] for one in (await api.root.get(PATH)).json()] == [backup["key"]]


@pytest.mark.parametrize("harm", HARMS)
async def test_a_broken_archive_in_the_folder_breaks_nothing_else(api: Api, harm: str):
    backup = await made(api)
    folder = api.settings.data / "backups"
    (folder / "harmed.zip").write_bytes(HARMS[harm]((folder / backup["key"]).read_bytes()))
    listed = {one["key"]: one["state"] for one in (await api.root.get(PATH)).json()}
    assert listed == {backup["key"]: "ok", "harmed.zip": "unreadable"}
    assert (await api.root.get(f"{PATH}/harmed.zip/inspect")).json()["restorable"] is False
    assert (await api.root.delete(f"{PATH}/harmed.zip")).status_code == 204


@pytest.mark.parametrize("part", ["bytes=0-", "bytes=0-3", "bytes=4-"])
async def test_a_download_is_noted_whatever_part_it_asks_for(api: Api, part: str):
    key = f"noted_{part[6:].replace('-', '_')}.zip"
    await made(api, name=key)
    answer = await api.root.get(f"{PATH}/{key}", headers={"Range": part})
    assert answer.status_code == 206
    entries = (await api.root.get("/api/audit", params={"target": key})).json()["items"]
    assert [one["action"] for one in entries].count("backup.downloaded") == 1


async def test_an_archive_of_the_same_name_that_comes_meanwhile_is_not_replaced(api: Api):
    folder = api.settings.data / "backups"
    connection = await api.pool.connect()
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")  # which the backup waits for
            wanted = {"name": "meanwhile.zip"}
            job = (await api.root.post(PATH, json=wanted, headers={"Prefer": "respond-async"})).json()
            begun = False
            while not begun:
                await asyncio.sleep(0.02)
                begun = bool(list(folder.glob(".part-*")))
            (folder / "meanwhile.zip").write_bytes(b"of somebody else")
    finally:
        await connection.close()
    while job["state"] == "running":
        await asyncio.sleep(0.02)
        job = (await api.root.get(f"{PATH}/jobs/{job['id']}")).json()
    assert job["message"] == "There is a backup of this name already."
    assert (folder / "meanwhile.zip").read_bytes() == b"of somebody else"
    assert await told(api, "meanwhile.zip") == [
        ("system.backup_failed", {"work": "create", "key": "meanwhile.zip", "reason": job["message"]})
    ]


async def test_who_listens_to_the_server_hears_of_a_backup(api: Api):
    backup = await made(api, name="heard.zip")
    ((type, record),) = await told(api, "heard.zip")
    assert type == "system.backup_created"
    assert (record["size"], record["kind"]) == (backup["size"], "manual")


async def test_a_backup_is_made_once_where_old_ones_cannot_be_deleted(api: Api):
    connection = await api.pool.connect()
    await connection.execute(NO_FORGETTING)
    try:
        await BACKUP.run(engine_of(api), Job(1, BACKUP.name, b"{}", 1))
    finally:
        await connection.execute("DROP TRIGGER no_forgetting ON holdfast.backups; DROP FUNCTION public.no_forgetting()")
        await connection.close()
    listed = (await api.root.get(PATH)).json()
    assert [one["kind"] for one in listed] == ["scheduled"]
