"""The history of a record: who sees it, what is in it, and how it fares when fields change."""

from typing import Any

import pytest

from archive import Archive
from client import EMAIL, in_one_loop, refused

pytestmark = in_one_loop


async def test_each_change_is_a_version_with_who_when_and_what(archive: Archive):
    name = await archive.papers()
    made = await archive.api.create(name, title="One", count=1)
    answer = await archive.api.root.patch(
        f"/api/collections/{name}/records/{made['id']}",
        json={"title": "Two"},
        headers={"X-Request-Id": "the-request-of-it"},
    )
    assert answer.status_code == 200
    await archive.deleted(name, made["id"])
    deleted, updated, created = await archive.versions(name, made["id"])
    assert [one["action"] for one in (created, updated, deleted)] == ["created", "updated", "deleted"]
    assert created["version"] < updated["version"] < deleted["version"]
    assert created["seq"] < updated["seq"] < deleted["seq"]
    assert updated["changed"]["title"] == {"before": "One", "after": "Two"}
    assert set(updated["changed"]) == {"title", "changed"}
    assert updated["requestId"] == "the-request-of-it"
    assert updated["actor"]["kind"] == "superuser"
    assert updated["actor"]["collection"] == "_superusers"
    assert updated["at"] == answer.json()["changed"] or updated["at"] > created["at"]
    assert (created["changed"], deleted["changed"]) == ({}, {})
    assert [one["record"]["title"] for one in (created, updated, deleted)] == ["One", "Two", "Two"]
    assert updated["record"]["collectionName"] == name
    assert "secret" not in updated["record"]
    assert await archive.events(made["id"]) == ["created", "updated", "deleted"]


async def test_superusers_read_by_which_address_a_record_was_changed(archive: Archive):
    name = await archive.papers()
    made = await archive.api.create(name, title="One")
    (created,) = await archive.versions(name, made["id"])
    assert created["actor"]["name"] == EMAIL


async def test_an_account_that_is_gone_has_its_id_alone(archive: Archive):
    name = await archive.papers()
    client = archive.api.client(await _person(archive, "gone"))
    made = (await client.post(f"/api/collections/{name}/records", json={"title": "One"})).json()
    (created,) = await archive.versions(name, made["id"])
    assert created["actor"]["name"] == "gone@example.com"
    await archive.deleted("users", "gone00000000000")
    (created,) = await archive.versions(name, made["id"])
    assert (created["actor"]["id"], created["actor"]["name"]) == ("gone00000000000", "")


async def test_a_change_by_sql_is_a_version_without_an_actor(archive: Archive):
    name = await archive.papers()
    made = await archive.api.create(name, title="One")
    connection = await archive.api.pool.acquire()
    await connection.execute(f"UPDATE public.{name} SET title = 'Two'")  # noqa: S608
    archive.api.pool.release(connection)
    newest = (await archive.versions(name, made["id"]))[0]
    assert (newest["actor"], newest["requestId"], newest["record"]["title"]) == (None, "", "Two")


async def test_a_record_that_is_too_large_for_the_log_is_whole_in_its_history(archive: Archive):
    name = await archive.papers(fields=[{"name": "meta", "type": "json", "maxSize": 1_000_000}])
    made = await archive.api.create(name, meta={"text": "x" * 100_000})
    (version,) = await archive.versions(name, made["id"])
    assert version["record"]["meta"] == made["meta"]


async def test_versions_come_in_pages(archive: Archive):
    name = await archive.papers()
    made = await archive.api.create(name, count=0)
    for count in range(1, 5):
        await archive.changed(name, made["id"], count=count)
    path = f"/api/collections/{name}/records/{made['id']}/history"
    pages = [(await archive.api.root.get(path, params={"perPage": 2, "page": page})).json() for page in (1, 2, 3, 4)]
    assert [[one["record"]["count"] for one in page["items"]] for page in pages] == [[4, 3], [2, 1], [0], []]
    assert {(page["perPage"], page["totalItems"], page["totalPages"]) for page in pages} == {(2, 5, 3)}


async def test_what_a_record_was_before_the_history_began_is_its_first_version(archive: Archive):
    name = await archive.papers(history=False)
    made = await archive.api.create(name, title="Old", count=7)
    await archive.redefine(name, history=True)
    (first,) = await archive.versions(name, made["id"])
    assert (first["version"], first["action"], first["record"]["title"]) == (0, "first", "Old")
    await archive.changed(name, made["id"], title="New")
    newest, first = await archive.versions(name, made["id"])
    assert (newest["action"], newest["changed"]["title"]) == ("updated", {"before": "Old", "after": "New"})
    assert (first["version"], first["record"]["title"], first["record"]["count"]) == (0, "Old", 7)


async def test_a_page_counts_the_first_version(archive: Archive):
    name = await archive.papers(history=False)
    made = await archive.api.create(name, count=0)
    await archive.redefine(name, history=True)
    for count in (1, 2):
        await archive.changed(name, made["id"], count=count)
    path = f"/api/collections/{name}/records/{made['id']}/history"
    pages = [(await archive.api.root.get(path, params={"perPage": 2, "page": page})).json() for page in (1, 2)]
    assert [[one["record"]["count"] for one in page["items"]] for page in pages] == [[2, 1], [0]]
    assert {(page["totalItems"], page["totalPages"]) for page in pages} == {(3, 2)}


async def test_old_versions_go_by_the_names_of_today(archive: Archive):
    name = await archive.papers()
    made = await archive.api.create(name, title="One")
    fields = (await archive.api.root.get(f"/api/collections/{name}")).json()["fields"]
    renamed = [{**field, "name": "heading"} if field["name"] == "title" else field for field in fields]
    await archive.redefine(name, fields=renamed)
    await archive.changed(name, made["id"], heading="Two")
    updated, created = await archive.versions(name, made["id"])
    assert (created["record"]["heading"], updated["record"]["heading"]) == ("One", "Two")
    assert updated["changed"]["heading"] == {"before": "One", "after": "Two"}
    assert "title" not in created["record"]


async def test_names_that_changed_places_are_told_apart(archive: Archive):
    name = await archive.papers(fields=[{"name": "a", "type": "text"}, {"name": "b", "type": "text"}])
    made = await archive.api.create(name, a="was a", b="was b")
    fields = (await archive.api.root.get(f"/api/collections/{name}")).json()["fields"]
    other = {"a": "b", "b": "a"}
    swapped = [{**field, "name": other.get(field["name"], field["name"])} for field in fields]
    await archive.redefine(name, fields=swapped)
    (created,) = await archive.versions(name, made["id"])
    assert (created["record"]["a"], created["record"]["b"]) == ("was b", "was a")


async def test_a_field_that_is_gone_or_of_another_type_is_shown_as_it_was(archive: Archive):
    name = await archive.papers()
    made = await archive.api.create(name, title="12", count=3)
    fields = (await archive.api.root.get(f"/api/collections/{name}")).json()["fields"]
    kept = [field for field in fields if field["name"] != "count"]
    fresh = [{**field, "type": "number"} if field["name"] == "title" else field for field in kept]
    await archive.redefine(name, fields=fresh)
    (created,) = [one for one in await archive.versions(name, made["id"]) if one["action"] == "created"]
    assert (created["record"]["title"], created["record"]["count"]) == ("12", 3)
    (now,) = await archive.as_of(name, created["at"])
    assert (now["title"], "count" in now) == (0, False)


async def test_who_may_view_a_record_sees_its_history_and_nobody_else(archive: Archive):
    name = await archive.papers(viewRule="owner = @request.auth.id")
    token = await _person(archive, "ann")
    made = await archive.api.create(name, owner="ann000000000000", title="Mine")
    other = await archive.api.create(name, owner="somebody", title="Theirs")
    ann = archive.api.client(token)
    (version,) = await archive.versions(name, made["id"], ann)
    assert version["record"]["title"] == "Mine"
    assert set(version["actor"]) == {"kind", "collection", "id"}
    for client, id in ((ann, other["id"]), (archive.api.guest, made["id"]), (ann, "nothing00000000")):
        answer = await client.get(f"/api/collections/{name}/records/{id}/history")
        refused(answer, 404, "not_found")
    await archive.deleted(name, made["id"])
    refused(await ann.get(f"/api/collections/{name}/records/{made['id']}/history"), 404, "not_found")
    assert len(await archive.versions(name, made["id"])) == 2


async def test_a_closed_rule_is_closed_for_the_past_too(archive: Archive):
    name = await archive.papers(viewRule=None, listRule=None)
    made = await archive.api.create(name)
    for path in (f"records/{made['id']}/history", f"records/{made['id']}?asOf=2026-01-01", "records?asOf=2026-01-01"):
        refused(await archive.api.guest.get(f"/api/collections/{name}/{path}"), 403, "forbidden")


async def test_a_field_that_the_caller_may_not_read_today_is_in_no_version(archive: Archive):
    name = await archive.papers()
    made = await archive.api.create(name, title="One", owner="o")
    await archive.changed(name, made["id"], title="Two", owner="p")
    fields = (await archive.api.root.get(f"/api/collections/{name}")).json()["fields"]
    hidden = [{**field, "hidden": True} if field["name"] == "title" else field for field in fields]
    gone = [field for field in hidden if field["name"] != "owner"]
    await archive.redefine(name, fields=gone)
    updated = (await archive.versions(name, made["id"], archive.api.guest))[0]
    assert "title" not in updated["record"]
    assert "owner" not in updated["record"]
    assert set(updated["changed"]) == {"changed"}
    updated = (await archive.versions(name, made["id"]))[0]
    assert (updated["record"]["title"], updated["record"]["owner"]) == ("Two", "p")


async def test_who_manages_accounts_sees_the_history_of_deleted_ones(archive: Archive):
    name = "people_of_history"
    await archive.api.define(name, [], type="auth", history=True, manageRule="@request.auth.email = 'boss@example.com'")
    boss = await archive.api.create(
        name, email="boss@example.com", password="long enough", passwordConfirm="long enough"
    )
    made = await archive.api.create(
        name, email="ann@example.com", password="long enough", passwordConfirm="long enough"
    )
    token = await archive.api.login("boss@example.com", "long enough", name)
    other = await archive.api.create(
        name, email="bob@example.com", password="long enough", passwordConfirm="long enough"
    )
    await archive.deleted(name, made["id"])
    deleted, created = await archive.versions(name, made["id"], archive.api.client(token))
    assert deleted["record"]["email"] == created["record"]["email"] == "ann@example.com"
    for secret in ("password", "tokenKey"):
        assert secret not in created["record"]
    bob = archive.api.client(await archive.api.login("bob@example.com", "long enough", name))
    refused(await bob.get(f"/api/collections/{name}/records/{made['id']}/history"), 404, "not_found")
    assert boss["id"] != other["id"]


async def test_a_collection_without_a_history_says_so(archive: Archive):
    name = await archive.papers(history=False)
    made = await archive.api.create(name)
    answer = await archive.api.guest.get(f"/api/collections/{name}/records/{made['id']}/history")
    assert "keeps no history" in refused(answer, 400, "bad_request")["message"]


async def test_versions_stay_when_the_history_ends_and_it_can_begin_again(archive: Archive):
    name = await archive.papers()
    made = await archive.api.create(name, title="One")
    await archive.redefine(name, history=False)
    await archive.changed(name, made["id"], title="Unseen")
    await archive.redefine(name, history=True)
    await archive.changed(name, made["id"], title="Two")
    updated, created = await archive.versions(name, made["id"])
    assert updated["changed"]["title"] == {"before": "Unseen", "after": "Two"}
    answer = await archive.api.root.get(f"/api/collections/{name}/records", params={"asOf": created["at"]})
    assert "begins at" in refused(answer, 400, "bad_request")["message"]


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        pytest.param({"history": True, "events": False}, "history", "validation_invalid_value", id="without events"),
        pytest.param({"historyDays": -1}, "historyDays", "validation_out_of_range", id="less than no days"),
        pytest.param({"historyDays": 36_501}, "historyDays", "validation_out_of_range", id="more than a century"),
        pytest.param({"historyDays": "x"}, "historyDays", "validation_invalid_value", id="days that are no number"),
        pytest.param({"history": "x"}, "history", "validation_invalid_value", id="neither true nor false"),
    ],
)
async def test_options_that_cannot_be_are_refused_by_name(archive: Archive, changes: Any, field: str, code: str):
    name = "never_made"
    answer = await archive.api.root.post("/api/collections", json={"name": name, "type": "base", **changes})
    assert refused(answer, 400, "validation_failed")["data"][field]["code"] == code


async def test_a_view_keeps_no_history(archive: Archive):
    name = await archive.papers()
    view = {"name": f"{name}_view", "type": "view", "viewQuery": f"SELECT id, title FROM {name}"}  # noqa: S608
    answer = await archive.api.root.post("/api/collections", json={**view, "history": True})
    assert list(refused(answer, 400, "validation_failed")["data"]) == ["history"]
    assert (await archive.api.root.post("/api/collections", json=view)).status_code == 200
    answer = await archive.api.root.get(f"/api/collections/{name}_view/records/x/history")
    refused(answer, 400, "bad_request")


async def _person(archive: Archive, name: str) -> str:
    """Somebody in the collection users, whose id begins with the name; their token."""
    email, password = f"{name}@example.com", "long enough"
    id = name.ljust(15, "0")
    await archive.api.create("users", id=id, email=email, password=password, passwordConfirm=password)
    return await archive.api.login(email, password, "users")
