"""Versions are written back under the rules of writing, and redaction leaves nothing of what it wipes."""

from typing import Any

import msgspec
import pytest

from archive import Archive
from client import in_one_loop, refused

pytestmark = in_one_loop


async def test_a_version_is_written_back_as_an_update(archive: Archive):
    name = await archive.papers()
    made = await archive.api.create(name, title="One", count=1, tags=["a"], secret="hush")
    await archive.changed(name, made["id"], title="Two", count=2, tags=["b"], secret="still")
    version = (await archive.versions(name, made["id"]))[1]
    answer = await archive.revert(name, made["id"], version["version"])
    assert answer.status_code == 200, answer.text
    now = answer.json()
    assert (now["title"], now["count"], now["tags"], now["secret"]) == ("One", 1, ["a"], "still")
    assert now["changed"] > made["changed"]
    newest = (await archive.versions(name, made["id"]))[0]
    assert set(newest["changed"]) == {"title", "count", "tags", "changed"}
    assert await archive.events(made["id"]) == ["created", "updated", "updated"]


async def test_what_is_the_same_already_is_not_written(archive: Archive):
    name = await archive.papers()
    made = await archive.api.create(name, title="One", count=1, place={"lon": 1, "lat": 2}, price="1.50", meta=[1])
    (version,) = await archive.versions(name, made["id"])
    assert (await archive.revert(name, made["id"], version["version"])).status_code == 200
    newest = (await archive.versions(name, made["id"]))[0]
    assert set(newest["changed"]) <= {"changed"}


async def test_the_first_version_can_be_written_back(archive: Archive):
    name = await archive.papers(history=False)
    made = await archive.api.create(name, title="Old")
    await archive.redefine(name, history=True)
    await archive.changed(name, made["id"], title="New")
    assert (await archive.revert(name, made["id"], 0)).json()["title"] == "Old"


async def test_a_deleted_record_comes_back_with_its_id(archive: Archive):
    name = await archive.papers()
    made = await archive.api.create(name, title="One", due="2026-01-02", meta={"a": 1})
    await archive.deleted(name, made["id"])
    deleted = (await archive.versions(name, made["id"]))[0]
    back = (await archive.revert(name, made["id"], deleted["version"])).json()
    assert {key: back[key] for key in ("id", "title", "due", "meta")} == {
        key: made[key] for key in ("id", "title", "due", "meta")
    }
    assert [one["action"] for one in await archive.versions(name, made["id"])] == ["restored", "deleted", "created"]


async def test_a_stranger_brings_nothing_back(archive: Archive):
    name = await archive.papers()
    made = await archive.api.create(name, title="One")
    version = (await archive.versions(name, made["id"]))[0]
    await archive.deleted(name, made["id"])
    answer = await archive.revert(name, made["id"], version["version"], archive.api.guest)
    refused(answer, 404, "not_found")


async def test_the_update_rule_decides_who_may_write_back(archive: Archive):
    name = await archive.papers(updateRule="owner = 'everybody'")
    made = await archive.api.create(name, title="One", owner="nobody")
    await archive.changed(name, made["id"], title="Two")
    version = (await archive.versions(name, made["id"]))[1]["version"]
    refused(await archive.revert(name, made["id"], version, archive.api.guest), 404, "not_found")
    await archive.changed(name, made["id"], owner="everybody")
    refused(
        await archive.revert(name, made["id"], version, archive.api.guest), 404, "not_found"
    )  # it would be nobody's
    assert (await archive.revert(name, made["id"], version)).json()["title"] == "One"
    closed = await archive.papers(updateRule=None)
    made = await archive.api.create(closed, title="One")
    refused(await archive.revert(closed, made["id"], 1, archive.api.guest), 400, "validation_failed")
    version = (await archive.versions(closed, made["id"]))[0]["version"]
    refused(await archive.revert(closed, made["id"], version, archive.api.guest), 403, "forbidden")


async def test_a_value_that_is_taken_by_now_is_refused_and_can_be_replaced(archive: Archive):
    name = await archive.papers(fields=[{"name": "code", "type": "text", "unique": True}])
    made = await archive.api.create(name, code="one")
    await archive.changed(name, made["id"], code="two")
    await archive.api.create(name, code="one")
    version = (await archive.versions(name, made["id"]))[1]["version"]
    answer = await archive.revert(name, made["id"], version)
    assert refused(answer, 400, "validation_failed")["data"]["code"]["code"] == "validation_not_unique"
    body = {"version": version, "values": {"code": "three"}}
    answer = await archive.api.root.post(f"/api/collections/{name}/records/{made['id']}/revert", json=body)
    assert answer.json()["code"] == "three"


async def test_a_version_follows_its_fields(archive: Archive):
    name = await archive.papers()
    made = await archive.api.create(name, title="One", count=1)
    fields = (await archive.api.root.get(f"/api/collections/{name}")).json()["fields"]
    renamed = [{**field, "name": "heading"} if field["name"] == "title" else field for field in fields]
    retyped = [{**field, "onlyInt": True} if field["name"] == "count" else field for field in renamed]
    await archive.redefine(name, fields=retyped)
    await archive.changed(name, made["id"], heading="Two", count=2)
    version = (await archive.versions(name, made["id"]))[1]["version"]
    now = (await archive.revert(name, made["id"], version)).json()
    assert (now["heading"], now["count"]) == ("One", 2)


async def test_a_deleted_account_comes_back_with_a_password_that_nobody_knows(archive: Archive):
    name = "accounts_of_history"
    await archive.api.define(name, [], type="auth", history=True)
    body = {"email": "ann@example.com", "password": "long enough", "passwordConfirm": "long enough"}
    made = await archive.api.create(name, **body)
    await archive.deleted(name, made["id"])
    deleted = (await archive.versions(name, made["id"]))[0]
    back = await archive.revert(name, made["id"], deleted["version"])
    assert (back.status_code, back.json()["email"]) == (200, "ann@example.com")
    login = {"identity": "ann@example.com", "password": "long enough"}
    answer = await archive.api.guest.post(f"/api/collections/{name}/auth-with-password", json=login)
    refused(answer, 400, "bad_request")


async def test_a_version_is_written_back_only_over_what_was_seen(archive: Archive):
    name = await archive.papers()
    made = await archive.api.create(name, title="One")
    path = f"/api/collections/{name}/records/{made['id']}"
    tag = (await archive.api.root.get(path)).headers["etag"]
    await archive.changed(name, made["id"], title="Two")
    version = (await archive.versions(name, made["id"]))[1]["version"]
    answer = await archive.api.root.post(path + "/revert", json={"version": version}, headers={"If-Match": tag})
    refused(answer, 412, "precondition_failed")
    key = {"Idempotency-Key": f"revert-{name}"}
    first = await archive.api.root.post(path + "/revert", json={"version": version}, headers=key)
    again = await archive.api.root.post(path + "/revert", json={"version": version}, headers=key)
    assert (first.content, again.headers["idempotent-replayed"]) == (again.content, "true")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param({}, "version", id="no version"),
        pytest.param({"version": "first"}, "version", id="a word"),
        pytest.param({"version": -1}, "version", id="less than none"),
        pytest.param({"version": True}, "version", id="no number"),
        pytest.param({"version": 2**70}, "version", id="more than 64 bits"),
        pytest.param({"version": "9" * 40}, "version", id="more than 64 bits, as a text"),
        pytest.param({"version": 999_999_999}, "version", id="no version of this record"),
        pytest.param({"version": 0}, "version", id="a first version that is not there"),
        pytest.param({"version": 1, "values": 7}, "values", id="values that are none"),
    ],
)
async def test_a_revert_that_cannot_be_is_refused_by_name(archive: Archive, body: Any, field: str):
    name = await archive.papers()
    made = await archive.api.create(name, title="One")
    answer = await archive.api.root.post(f"/api/collections/{name}/records/{made['id']}/revert", json=body)
    assert list(refused(answer, 400, "validation_failed")["data"]) == [field]


async def test_a_redaction_wipes_a_field_out_of_versions_events_and_answers(archive: Archive):
    name = await archive.papers()
    made = await archive.api.create(name, title="Ann Lee", owner="kept")
    await archive.changed(name, made["id"], title="Ann Li")
    await archive.changed(name, made["id"], title="")
    await archive.versions(name, made["id"])
    path = f"/api/collections/{name}/records/{made['id']}"
    answer = await archive.api.root.post(path + "/redact", json={"fields": ["title"]})
    assert answer.json() == {"versions": 3, "events": 3}
    mark, *versions = await archive.versions(name, made["id"])
    assert (mark["action"], mark["redacted"], mark["record"]) == ("redacted", ["title"], None)
    assert mark["actor"]["kind"] == "superuser"
    for version in versions:
        assert version["redacted"] == ["title"]
        assert "title" not in {**version["record"], **version["changed"]}
        assert version["record"]["owner"] == "kept"
    assert "Ann" not in await _everything(archive)
    assert (await archive.api.root.get(path)).json()["owner"] == "kept"
    (entry,) = (await archive.api.root.get("/api/audit", params={"target": made["id"]})).json()["items"]
    assert entry["action"] == "record.redacted"
    assert entry["target"] == {"kind": "record", "id": made["id"], "name": name}
    assert entry["details"]["versions"] == 3


async def test_a_redaction_of_everything_leaves_the_bare_versions_of_a_deleted_record(archive: Archive):
    name = await archive.papers()
    made = await archive.api.create(name, title="Bob Ray", owner="Bob")
    await archive.deleted(name, made["id"])
    path = f"/api/collections/{name}/records/{made['id']}"
    answer = await archive.api.root.post(path + "/redact", json={"all": True})
    assert answer.status_code == 200, answer.text
    _, deleted, created = await archive.versions(name, made["id"])
    for version in (deleted, created):
        assert version["redacted"] == ["*"]
        assert set(version["record"]) == {"id", "collectionId", "collectionName"}
    assert "Bob" not in await _everything(archive)
    (listed,) = (await archive.api.root.get(f"/api/collections/{name}/records", params={"deleted": "true"})).json()[
        "items"
    ]
    assert (listed["id"], listed["title"]) == (made["id"], "")


async def test_what_waits_in_the_outbox_is_redacted_too(start_api: Any):
    async with start_api() as api:  # nobody relays here
        archive = Archive(api)
        name = await archive.papers()
        made = await api.create(name, title="Eve Orr")
        await archive.deleted(name, made["id"])
        path = f"/api/collections/{name}/records/{made['id']}/redact"
        assert (await api.root.post(path, json={"all": True})).json() == {"versions": 0, "events": 2}
        assert "Eve" not in await _everything(archive)


async def test_a_redacted_value_is_not_written_back(archive: Archive):
    name = await archive.papers()
    made = await archive.api.create(name, title="Ann", owner="one")
    await archive.changed(name, made["id"], title="Other", owner="two")
    path = f"/api/collections/{name}/records/{made['id']}"
    await archive.api.root.post(path + "/redact", json={"fields": ["title"]})
    created = (await archive.versions(name, made["id"]))[-1]
    now = (await archive.revert(name, made["id"], created["version"])).json()
    assert (now["title"], now["owner"]) == ("Other", "one")
    mark = next(one for one in await archive.versions(name, made["id"]) if one["action"] == "redacted")
    answer = await archive.revert(name, made["id"], mark["version"])
    assert list(refused(answer, 400, "validation_failed")["data"]) == ["version"]


async def test_a_field_that_is_gone_can_be_redacted(archive: Archive):
    name = await archive.papers()
    made = await archive.api.create(name, owner="Ann Lee")
    fields = (await archive.api.root.get(f"/api/collections/{name}")).json()["fields"]
    await archive.redefine(name, fields=[field for field in fields if field["name"] != "owner"])
    path = f"/api/collections/{name}/records/{made['id']}"
    assert (await archive.api.root.post(path + "/redact", json={"fields": ["owner"]})).status_code == 200
    assert "owner" not in (await archive.versions(name, made["id"]))[-1]["record"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"fields": []}, id="no fields"),
        pytest.param({"fields": "title"}, id="no list"),
        pytest.param({"fields": ["nothing"]}, id="an unknown field"),
        pytest.param({"fields": [7]}, id="a number"),
        pytest.param({"fields": ["id"]}, id="the id"),
        pytest.param({"fields": ["title"], "all": True}, id="some, and all"),
        pytest.param({"all": "yes"}, id="neither true nor false"),
    ],
)
async def test_a_redaction_that_cannot_be_is_refused(archive: Archive, body: Any):
    name = await archive.papers()
    made = await archive.api.create(name)
    answer = await archive.api.root.post(f"/api/collections/{name}/records/{made['id']}/redact", json=body)
    assert list(refused(answer, 400, "validation_failed")["data"]) == ["fields"]


async def test_a_field_that_was_always_hidden_cannot_be_redacted(archive: Archive):
    fields = [{"name": "title", "type": "text"}, {"name": "secret", "type": "text", "hidden": True}]
    name = await archive.papers(fields=fields)
    made = await archive.api.create(name, title="One", secret="x")
    path = f"/api/collections/{name}/records/{made['id']}/redact"
    answer = await archive.api.root.post(path, json={"fields": ["secret"]})
    assert "secret" in refused(answer, 400, "validation_failed")["data"]["fields"]["message"]
    assert (await archive.api.root.post(path, json={"fields": ["title"]})).status_code == 200


async def test_only_superusers_redact_and_only_what_is_remembered(archive: Archive):
    name = await archive.papers()
    made = await archive.api.create(name)
    path = f"/api/collections/{name}/records"
    refused(await archive.api.guest.post(f"{path}/{made['id']}/redact", json={"all": True}), 401, "unauthenticated")
    refused(await archive.api.root.post(f"{path}/nothing/redact", json={"all": True}), 404, "not_found")
    refused(await archive.api.root.post("/api/collections/nothing/records/x/redact", json={}), 404, "not_found")
    refused(await archive.api.root.put(f"{path}/{made['id']}/redact", json={}), 405, "method_not_allowed")


async def _everything(archive: Archive) -> str:
    """All that is remembered of records, as one text."""
    connection = await archive.api.pool.acquire()
    rows = [
        row["text"]
        for table in ("history", "events", "outbox", "deliveries")
        for row in await connection.fetch(f"SELECT x::text AS text FROM holdfast.{table} AS x")  # noqa: S608
    ]
    archive.api.pool.release(connection)
    return msgspec.json.encode(rows).decode()
