"""Backups over HTTP: made, listed, downloaded, put back, deleted, by superusers alone."""

import asyncio
import hashlib
import io
import json
import stat
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from client import Api, in_one_loop, refused
from engines import engine_of
from holdfast.backups.lock import take
from holdfast.backups.schedule import BACKUP, prune
from holdfast.backups.state import backups_state
from holdfast.engine import Engine
from holdfast.jobs.job import Job

pytestmark = in_one_loop
PATH = "/api/backups"


@pytest_asyncio.fixture(loop_scope="module")
async def papers(shared_api: Api) -> AsyncIterator[Api]:
    """An application with three papers, one of which has a file; what a test makes is gone after it."""
    api = shared_api
    await api.define("papers", [{"name": "title", "type": "text"}, {"name": "scan", "type": "file", "maxSelect": 1}])
    for title in ("one", "two"):
        await api.create("papers", title=title)
    form = {"title": (None, "three"), "scan": ("scan.txt", b"what it says")}
    answer = await api.root.post("/api/collections/papers/records", files=form)
    assert answer.status_code == 200, answer.text
    yield api
    for backup in (await api.root.get(PATH)).json():
        answer = await api.root.delete(f"{PATH}/{backup['key']}")
        assert answer.status_code == 204, answer.text
    answer = await api.root.delete("/api/collections/papers")
    assert answer.status_code == 204, answer.text
    connection = await api.pool.connect()
    await connection.execute("DELETE FROM holdfast.files")  # those of what is in the trash stay otherwise
    await connection.close()


async def made(api: Api, **body: Any) -> dict[str, Any]:
    """A backup that was made just now, as the list shows it."""
    answer = await api.root.post(PATH, json=body)
    assert answer.status_code == 204, answer.text
    key = answer.headers["location"].rpartition("/")[2]
    return next(one for one in (await api.root.get(PATH)).json() if one["key"] == key)


async def archive(api: Api, key: str) -> zipfile.ZipFile:
    """The archive of a backup, as it was downloaded."""
    answer = await api.root.get(f"{PATH}/{key}")
    assert answer.status_code == 200, answer.text
    return zipfile.ZipFile(io.BytesIO(answer.content))


async def test_a_backup_is_listed_with_what_is_in_it(papers: Api):
    backup = await made(papers, name="first.zip", note="before the move")
    assert backup["key"] == "first.zip"
    assert backup["kind"] == "manual"
    assert backup["contents"] == ["database", "files"]
    assert backup["note"] == "before the move"
    assert (backup["files"], backup["fileBytes"]) == (1, len(b"what it says"))
    assert backup["rows"] >= 3
    assert backup["ours"] is True
    assert backup["secrets"] is True
    assert backup["state"] == "ok"


async def test_the_list_has_the_sum_of_the_archive(papers: Api):
    backup = await made(papers)
    content = (await papers.root.get(f"{PATH}/{backup['key']}")).content
    assert (len(content), hashlib.sha256(content).hexdigest()) == (backup["size"], backup["sha256"])


async def test_an_archive_holds_the_database_the_files_and_their_sums(papers: Api):
    backup = await made(papers)
    opened = await archive(papers, backup["key"])
    names = opened.namelist()
    assert (names[0], names[-2:]) == ("database.dump", ["SHA256SUMS", "backup.json"])
    file = next(name for name in names if name.startswith("files/"))
    assert opened.read(file) == b"what it says"
    listed = [line.partition("  ") for line in opened.read("SHA256SUMS").decode().splitlines()]
    assert {name: digest for digest, _, name in listed} == {
        name: hashlib.sha256(opened.read(name)).hexdigest() for name in ("database.dump", file)
    }


async def test_the_manifest_counts_the_rows_of_every_collection(papers: Api):
    backup = await made(papers)
    manifest = json.loads((await archive(papers, backup["key"])).read("backup.json"))
    counted = {one["name"]: one["rows"] for one in manifest["collections"]}
    assert counted["papers"] == 3
    assert counted["_superusers"] == 1


async def test_an_archive_can_be_read_by_its_owner_alone(papers: Api):
    backup = await made(papers)
    path = papers.settings.data / "backups" / backup["key"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_the_system_s_own_tools_read_an_archive(papers: Api, tmp_path: Path):
    backup = await made(papers)
    path = papers.settings.data / "backups" / backup["key"]
    command = [sys.executable, "-m", "zipfile", "-t", path]
    tested = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert "Done testing" in tested.stdout, tested.stderr


async def test_a_backup_without_files_has_none(papers: Api):
    backup = await made(papers, files=False)
    assert (backup["contents"], backup["files"]) == (["database"], 0)


async def test_the_log_of_requests_stays_behind(papers: Api):
    backup = await made(papers)
    listed = await contents_of(papers, backup["key"])
    assert "TABLE DATA holdfast audit" in listed
    assert "TABLE DATA holdfast logs" not in listed
    assert "TABLE DATA holdfast idempotency" not in listed


async def contents_of(api: Api, key: str) -> str:
    """What pg_restore says is in the dump of a backup."""
    from holdfast.backups.programs import program

    dump = (await archive(api, key)).read("database.dump")
    said = await asyncio.to_thread(
        subprocess.run, [program("pg_restore", 15), "--list"], input=dump, capture_output=True, check=True
    )
    return said.stdout.decode()


@pytest.mark.parametrize(
    "name", ["Upper.zip", "a b.zip", "../x.zip", "plain", "x.tar", ".zip", "ä.zip", "x" * 150 + ".zip"]
)
async def test_a_name_that_cannot_be_is_refused(papers: Api, name: str):
    body = refused(await papers.root.post(PATH, json={"name": name}), 400, "validation_failed")
    assert body["data"]["name"]["code"] == "validation_match_invalid"


async def test_backups_of_the_same_second_have_names_of_their_own(papers: Api):
    keys = [(await made(papers, files=False))["key"] for _ in range(4)]
    assert len(set(keys)) == 4


async def test_a_name_that_is_taken_is_refused(papers: Api):
    await made(papers, name="taken.zip")
    body = refused(await papers.root.post(PATH, json={"name": "taken.zip"}), 400, "validation_failed")
    assert body["data"]["name"]["code"] == "validation_not_unique"


@pytest.mark.parametrize("body", [{"files": "yes"}, {"note": 7}, {"note": "x" * 501}, {"other": 1}], ids=str)
async def test_what_a_backup_cannot_be_asked_for_is_refused_by_its_key(papers: Api, body: dict[str, Any]):
    answer = refused(await papers.root.post(PATH, json=body), 400, "validation_failed")
    assert list(answer["data"]) == list(body)


async def test_a_second_backup_at_the_same_time_is_refused(papers: Api):
    connection = await take(papers.pool)
    try:
        refused(await papers.root.post(PATH), 409, "conflict")
    finally:
        await connection.close()


async def test_who_does_not_wait_is_told_where_to_ask(papers: Api):
    answer = await papers.root.post(PATH, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202, answer.text
    job = answer.json()
    while job["state"] == "running":
        await asyncio.sleep(0.02)
        job = (await papers.root.get(answer.headers["location"])).json()
    assert (job["kind"], job["state"], job["phase"]) == ("create", "done", "done")
    assert job["result"]["key"] == job["key"]


async def test_work_can_be_followed_by_who_was_told_how(papers: Api):
    job = (await papers.root.post(PATH, headers={"Prefer": "respond-async"})).json()
    path = f"{PATH}/jobs/{job['id']}"
    seen = job
    while seen["state"] == "running":
        await asyncio.sleep(0.02)
        seen = (await papers.guest.get(path, params={"watch": job["watch"]})).json()
    assert seen["state"] == "done"
    refused(await papers.guest.get(path, params={"watch": "something else"}), 404, "not_found")
    refused(await papers.guest.get(path), 401, "unauthenticated")


async def test_what_was_done_is_listed_the_newest_first(papers: Api):
    backup = await made(papers)
    items = (await papers.root.get(f"{PATH}/jobs")).json()["items"]
    assert (items[0]["kind"], items[0]["key"], items[0]["state"]) == ("create", backup["key"], "done")


async def test_a_part_of_an_archive_can_be_had(papers: Api):
    backup = await made(papers)
    path = f"{PATH}/{backup['key']}"
    part = await papers.root.get(path, headers={"Range": "bytes=4-9"})
    assert part.status_code == 206
    assert part.content == (await papers.root.get(path)).content[4:10]


async def test_a_token_of_files_opens_an_archive(papers: Api):
    backup = await made(papers)
    token = (await papers.root.post("/api/files/token")).json()["token"]
    answer = await papers.guest.get(f"{PATH}/{backup['key']}", params={"token": token})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == f'attachment; filename="{backup["key"]}"'


async def test_a_token_of_a_user_opens_no_archive(papers: Api):
    backup = await made(papers)
    body = {"email": "u@example.com", "password": "a long enough one", "passwordConfirm": "a long enough one"}
    user = await papers.create("users", **body)
    try:
        login = await papers.login("u@example.com", "a long enough one", "users")
        async with papers.client(login) as client:
            token = (await client.post("/api/files/token")).json()["token"]
        refused(await papers.guest.get(f"{PATH}/{backup['key']}", params={"token": token}), 403, "forbidden")
    finally:
        await papers.root.delete(f"/api/collections/users/records/{user['id']}")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("POST", ""),
        ("POST", "/upload"),
        ("GET", "/x.zip"),
        ("DELETE", "/x.zip"),
        ("GET", "/jobs"),
        ("GET", "/jobs/abc"),
    ],
)
async def test_backups_are_for_superusers(papers: Api, method: str, path: str):
    refused(await papers.guest.request(method, PATH + path), 401, "unauthenticated")


@pytest.mark.parametrize("key", ["none.zip", "..%2fpg.zip", "backup.json", "JOBS.zip"])
async def test_a_backup_that_is_not_there_is_not_found(papers: Api, key: str):
    refused(await papers.root.get(f"{PATH}/{key}"), 404, "not_found")
    refused(await papers.root.delete(f"{PATH}/{key}"), 404, "not_found")


async def test_a_downloaded_backup_can_be_put_back(papers: Api):
    backup = await made(papers)
    content = (await papers.root.get(f"{PATH}/{backup['key']}")).content
    answer = await papers.root.post(f"{PATH}/upload", files={"file": ("again.zip", content, "application/zip")})
    assert answer.status_code == 204, answer.text
    again = next(one for one in (await papers.root.get(PATH)).json() if one["key"] == "again.zip")
    assert (again["kind"], again["sha256"], again["rows"]) == ("uploaded", backup["sha256"], backup["rows"])
    path = papers.settings.data / "backups" / "again.zip"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def foreign() -> bytes:
    """A zip that is no backup."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        opened.writestr("readme.txt", "hello")
    return made.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("Wrong Name.zip", b"PK", "validation_match_invalid"),
        ("text.zip", b"not a zip at all", "validation_invalid_backup"),
        ("empty.zip", b"", "validation_invalid_backup"),
        ("foreign.zip", foreign(), "validation_invalid_backup"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_is_no_backup_is_not_taken(papers: Api, name: str, content: bytes, code: str):
    answer = await papers.root.post(f"{PATH}/upload", files={"file": (name, content, "application/zip")})
    assert refused(answer, 400, "validation_failed")["data"]["file"]["code"] == code
    assert (await papers.root.get(PATH)).json() == []


async def test_an_archive_that_somebody_put_into_the_folder_is_listed(papers: Api):
    backup = await made(papers)
    folder = papers.settings.data / "backups"
    (folder / "by_hand.zip").write_bytes((folder / backup["key"]).read_bytes())
    (folder / "broken.zip").write_bytes(b"half a fi")
    listed = {one["key"]: one for one in (await papers.root.get(PATH)).json()}
    assert (listed["by_hand.zip"]["state"], listed["by_hand.zip"]["rows"]) == ("ok", backup["rows"])
    assert listed["broken.zip"]["state"] == "unreadable"
    assert listed["broken.zip"]["problem"].startswith("This is no backup of Holdfast")


async def test_what_is_done_with_backups_is_in_the_audit_log(papers: Api):
    backup = await made(papers, name="audited.zip")
    await papers.root.get(f"{PATH}/{backup['key']}")
    await papers.root.delete(f"{PATH}/{backup['key']}")
    entries = (await papers.root.get("/api/audit", params={"target": backup["key"]})).json()["items"]
    assert [one["action"] for one in entries] == ["backup.deleted", "backup.downloaded", "backup.created"]


async def test_files_are_not_cleared_away_while_a_backup_runs(papers: Api):
    from holdfast.files.sweep import SweepFiles

    records = "/api/collections/papers/records"
    three = (await papers.root.get(records, params={"filter": "title = 'three'"})).json()["items"][0]
    await papers.root.delete(f"{records}/{three['id']}")
    path = papers.settings.data / "storage" / three["collectionId"] / three["id"] / three["scan"]
    connection = await papers.pool.connect()
    await connection.execute("UPDATE holdfast.files SET unused = now() - interval '9 days' WHERE unused IS NOT NULL")
    await connection.close()
    holding = await take(papers.pool)
    try:
        await SweepFiles(engine_of(papers))(papers.pool)
        assert path.exists()
    finally:
        await holding.close()
    await SweepFiles(engine_of(papers))(papers.pool)
    assert not path.exists()


async def run_schedule(engine: Engine) -> None:
    """Do what the job of the schedule does."""
    await BACKUP.run(engine, Job(1, BACKUP.name, b"{}", 1))


async def test_scheduled_backups_beyond_those_that_are_kept_are_deleted(papers: Api):
    await made(papers, name="by_hand.zip")
    change = {"backups": {"cron": "30 3 * * *", "cronMaxKeep": 2}}
    assert (await papers.root.patch("/api/settings", json=change)).status_code == 200
    try:
        keys: list[str] = []
        for _ in range(3):
            await run_schedule(engine_of(papers))
            keys = [one["key"] for one in (await papers.root.get(PATH)).json() if one["kind"] == "scheduled"]
        await prune(engine_of(papers))
        listed = (await papers.root.get(PATH)).json()
        assert len([one for one in listed if one["kind"] == "scheduled"]) == 2
        assert "by_hand.zip" in [one["key"] for one in listed]
        assert keys
    finally:
        await papers.root.patch("/api/settings", json={"backups": {"cron": "", "cronMaxKeep": 3}})


async def test_the_schedule_of_backups_is_among_the_others(papers: Api):
    assert "__hf_backup__" not in [one["id"] for one in (await papers.root.get("/api/crons")).json()]
    await papers.root.patch("/api/settings", json={"backups": {"cron": "30 3 * * *"}})
    try:
        crons = {one["id"]: one for one in (await papers.root.get("/api/crons")).json()}
        assert crons["__hf_backup__"]["expression"] == "30 3 * * *"
        assert (await papers.root.post("/api/crons/__hf_backup__")).status_code == 204
        jobs = (await papers.root.get("/api/jobs", params={"name": "__hf_backup__"})).json()["items"]
        assert len(jobs) == 1
        await papers.root.delete(f"/api/jobs/{jobs[0]['id']}")
    finally:
        await papers.root.patch("/api/settings", json={"backups": {"cron": ""}})


@pytest.mark.parametrize(
    ("change", "key"), [({"cron": "soon"}, "cron"), ({"cron": "* * * * *", "cronMaxKeep": 0}, "cronMaxKeep")], ids=str
)
async def test_a_schedule_that_cannot_be_is_refused(papers: Api, change: dict[str, Any], key: str):
    body = refused(await papers.root.patch("/api/settings", json={"backups": change}), 400, "validation_failed")
    assert list(body["data"]["backups"]) == [key]


async def test_the_doctor_s_state_tells_the_last_backup(papers: Api):
    backup = await made(papers)
    connection = await papers.pool.connect()
    try:
        state = await backups_state(connection, "")
    finally:
        await connection.close()
    assert (state.key, state.made, state.scheduled, state.late) == (backup["key"], backup["made"], False, False)
