"""Backups are looked into and checked; what cannot be brought back is told, and changes nothing."""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec
import pytest
import pytest_asyncio

from client import Api, in_one_loop, refused, running
from holdfast import __version__
from holdfast.backups.manifest import Manifest, write_manifest
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT

pytestmark = in_one_loop
PATH = "/api/backups"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def maker(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    """An application whose role may make databases, with two notes."""
    dsn = await make_database(cluster, PROJECT)
    name = urlsplit(dsn).path.removeprefix("/")
    host = urlsplit(dsn)
    role = f"maker_{name[-8:]}"
    await cluster.administration.execute(f"CREATE ROLE {role} LOGIN CREATEDB PASSWORD 'a password' IN ROLE holdfast")
    await cluster.administration.execute(f"GRANT CONNECT ON DATABASE postgres TO {role}")
    own = urlunsplit(host._replace(netloc=f"{role}:{quote('a password')}@{host.netloc.rpartition('@')[2]}"))
    async with running(own, tmp_path_factory.mktemp("maker"), database_url=own) as api:
        await api.define("notes", [{"name": "title", "type": "text"}, CHANGED])
        for title in ("one", "two"):
            await api.create("notes", title=title)
        yield api
    await drop_database(cluster, dsn)
    await cluster.administration.execute(f"REVOKE CONNECT ON DATABASE postgres FROM {role}")
    await cluster.administration.execute(f"DROP ROLE {role}")


CHANGED: dict[str, Any] = {"name": "changed", "type": "autodate", "onCreate": True, "onUpdate": True}


async def made(api: Api, **body: Any) -> str:
    """The name of a backup that was made just now."""
    answer = await api.root.post(PATH, json=body)
    assert answer.status_code == 204, answer.text
    return answer.headers["location"].rpartition("/")[2]


async def verified(api: Api, key: str) -> dict[str, Any]:
    """The work of a check, as it ended."""
    answer = await api.root.post(f"{PATH}/{key}/verify")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def restored(api: Api, key: str) -> dict[str, Any]:
    """The work of a restore, as it ended."""
    answer = await api.root.post(f"{PATH}/{key}/restore", json={"confirm": key, "safety": False})
    assert answer.status_code == 202, answer.text
    job = answer.json()
    while job["state"] == "running":
        await asyncio.sleep(0.02)
        job = (await api.root.get(f"{PATH}/jobs/{job['id']}")).json()
    return job


def folder(api: Api) -> Path:
    """Where the archives are."""
    return api.settings.data / "backups"


def rewritten(content: bytes, **changes: Any) -> bytes:
    """An archive with another manifest."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            text = old.read(info)
            if info.filename == "backup.json":
                manifest = msgspec.json.decode(text, type=Manifest)
                text = write_manifest(msgspec.structs.replace(manifest, **changes))
            new.writestr(info.filename, text)
    return out.getvalue()


async def test_a_sound_backup_is_found_so_and_leaves_no_database(maker: Api):
    key = await made(maker)
    job = await verified(maker, key)
    assert (job["state"], job["result"]["problems"]) == ("done", [])
    listed = {one["key"]: one for one in (await maker.root.get(PATH)).json()}
    assert (listed[key]["verifiedOk"], job["result"]["rows"]) == (True, listed[key]["rows"])
    connection = await maker.pool.connect()
    query = "SELECT count(*) FROM pg_database WHERE starts_with(datname, current_database() || '_hf_')"
    left = await connection.fetchval(query)
    await connection.close()
    assert left == 0


@pytest.mark.parametrize("where", ["in the dump", "in the end"])
async def test_a_byte_that_has_changed_is_noticed(maker: Api, where: str):
    key = await made(maker, name=f"damaged_{where.replace(' ', '_')}.zip")
    path = folder(maker) / key
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if where == "in the dump" else 200] ^= 0xFF
    path.write_bytes(content)
    job = await verified(maker, key)
    assert len(job["result"]["problems"]) == 1
    failed = await restored(maker, key)
    assert failed["state"] == "failed"
    assert "nothing was changed" in failed["message"]


async def test_a_manifest_that_counts_other_records_is_noticed(maker: Api):
    key = await made(maker)
    content = (folder(maker) / key).read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        manifest = msgspec.json.decode(opened.read("backup.json"), type=Manifest)
    notes = [one for one in manifest.collections if one.name == "notes"]
    more = tuple(msgspec.structs.replace(one, rows=(one.rows or 0) + 1) for one in notes)
    (folder(maker) / "short.zip").write_bytes(rewritten(content, collections=more))
    job = await verified(maker, "short.zip")
    held = notes[0].rows or 0  # two, and what other tests have made
    wrong = f"The backup is not whole: notes has {held} records and should have {held + 1}."
    assert job["result"]["problems"] == [wrong]


async def test_a_table_that_the_dump_has_not_is_a_problem(maker: Api):
    key = await made(maker)
    content = (folder(maker) / key).read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        manifest = msgspec.json.decode(opened.read("backup.json"), type=Manifest)
    notes = next(one for one in manifest.collections if one.name == "notes")
    lost = msgspec.structs.replace(notes, name="lost")
    (folder(maker) / "lost.zip").write_bytes(rewritten(content, collections=(*manifest.collections, lost)))
    job = await verified(maker, "lost.zip")
    assert job["result"]["problems"] == ["The backup is not whole: lost is missing."]


async def test_a_backup_of_a_newer_holdfast_is_told_apart_and_not_restored(maker: Api):
    key = await made(maker)
    content = (folder(maker) / key).read_bytes()
    (folder(maker) / "later.zip").write_bytes(rewritten(content, holdfast="99.0.0"))
    (folder(maker) / "much_later.zip").write_bytes(rewritten(content, format=99))
    listed = {one["key"]: one["state"] for one in (await maker.root.get(PATH)).json()}
    assert (listed["later.zip"], listed["much_later.zip"], listed[key]) == ("newer", "newer", "ok")
    assert "newer than this server" in (await restored(maker, "later.zip"))["message"]
    looked = (await maker.root.get(f"{PATH}/later.zip/inspect")).json()
    assert looked["restorable"] is False
    assert __version__ not in looked["problem"]


async def test_what_would_be_gone_is_told_before(maker: Api):
    key = await made(maker, name="before.zip")
    await maker.create("notes", title="three")
    await maker.define("later", [{"name": "title", "type": "text"}])
    await maker.create("later", title="all of it")
    change = {"fields": [{"name": "title", "type": "text"}, CHANGED, {"name": "more", "type": "bool"}]}
    answer = await maker.root.patch("/api/collections/notes", json=change)
    assert answer.status_code == 200, answer.text
    looked = (await maker.root.get(f"{PATH}/{key}/inspect")).json()
    compared = {one["name"] or one["nameNow"]: one for one in looked["collections"]}
    assert (compared["later"]["change"], compared["later"]["rowsNow"]) == ("gone", 1)
    assert (compared["notes"]["change"], compared["notes"]["fields"]["gone"]) == ("changed", ["more"])
    assert (compared["notes"]["rowsThen"], compared["notes"]["rowsNow"], compared["notes"]["newer"]) == (2, 3, 1)
    assert (compared["_superusers"]["change"], looked["restorable"]) == ("same", True)
    assert looked["newer"] >= 2


@pytest.mark.parametrize(
    ("body", "wrong"),
    [({"confirm": "other.zip"}, "confirm"), ({"confirm": "a.zip", "safety": "no"}, "safety")],
    ids=str,
)
async def test_a_restore_is_not_begun_with_a_name_that_was_mistyped(maker: Api, body: dict[str, Any], wrong: str):
    answer = await maker.root.post(f"{PATH}/a.zip/restore", json=body)
    assert wrong in refused(answer, 400, "validation_failed")["data"]


async def test_what_is_not_there_is_neither_checked_nor_restored(maker: Api):
    refused(await maker.root.post(f"{PATH}/none.zip/verify"), 404, "not_found")
    refused(await maker.root.post(f"{PATH}/none.zip/restore", json={"confirm": "none.zip"}), 404, "not_found")
    refused(await maker.root.get(f"{PATH}/none.zip/inspect"), 404, "not_found")


async def test_a_role_that_may_make_no_database_is_told_what_it_needs(shared_api: Api):
    key = await made(shared_api)
    body = refused(await shared_api.root.post(f"{PATH}/{key}/verify"), 409, "conflict")
    assert "CREATEDB" in body["message"] or "CONNECT" in body["message"]
    await shared_api.root.delete(f"{PATH}/{key}")
