"""Records as they were: viewed and listed with asOf, under the rules of today, and those that were deleted."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from archive import Archive
from client import in_one_loop, refused

pytestmark = in_one_loop

FULL: dict[str, Any] = {
    "title": "One",
    "count": 1.5,
    "due": "2026-01-02 03:04:05.678Z",
    "tags": ["b", "a"],
    "place": {"lon": 1.5, "lat": -2.25},
    "meta": {"deep": [1, {"x": None}], "text": "ä\n"},
    "price": "12.50",
    "done": True,
    "owner": "o",
}
EMPTY: dict[str, Any] = {
    "title": "",
    "count": 0,
    "due": "",
    "tags": [],
    "place": {"lon": 0, "lat": 0},
    "meta": None,
    "price": "0.00",
    "done": False,
    "owner": "",
}


async def _now(archive: Archive) -> str:
    """A moment after everything that has happened, and before everything that will."""
    connection = await archive.api.pool.acquire()
    moment: datetime = await connection.fetchval("SELECT clock_timestamp() FROM pg_sleep(0.004)")
    await connection.execute("SELECT pg_sleep(0.004)")
    archive.api.pool.release(connection)
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + "Z"


@pytest.mark.parametrize(
    ("before", "after"), [(FULL, EMPTY), (EMPTY, FULL)], ids=["full then empty", "empty then full"]
)
async def test_every_type_of_field_comes_back_as_it_was(archive: Archive, before: Any, after: Any):
    name = await archive.papers()
    made = await archive.api.create(name, **before)
    moment = await _now(archive)
    now = await archive.changed(name, made["id"], **after)
    del made["secret"], now["secret"]  # which only the superuser is shown, and nothing remembers
    path = f"/api/collections/{name}/records/{made['id']}"
    assert (await archive.api.guest.get(path, params={"asOf": moment})).json() == made
    assert (await archive.api.guest.get(path, params={"asOf": await _now(archive)})).json() == now
    (listed,) = await archive.as_of(name, moment)
    assert {key: listed[key] for key in before} == before
    assert "secret" not in listed


async def test_the_date_of_a_version_has_that_version(archive: Archive):
    name = await archive.papers()
    made = await archive.api.create(name, title="One")
    for title in ("Two", "Three"):
        await _now(archive)
        await archive.changed(name, made["id"], title=title)
    for version in await archive.versions(name, made["id"]):
        (found,) = await archive.as_of(name, version["at"])
        assert found["title"] == version["record"]["title"]


async def test_a_list_has_what_was_there_then(archive: Archive):
    name = await archive.papers(history=False)
    untouched = await archive.api.create(name, title="untouched")
    changed = await archive.api.create(name, title="before")
    gone = await archive.api.create(name, title="gone")
    await archive.redefine(name, history=True)
    start = await _now(archive)
    await archive.changed(name, changed["id"], title="after")
    await archive.deleted(name, gone["id"])
    await archive.api.create(name, title="new")
    later = await _now(archive)
    await archive.changed(name, changed["id"], title="last")
    assert {one["title"] for one in await archive.as_of(name, start)} == {"untouched", "before", "gone"}
    assert {one["title"] for one in await archive.as_of(name, later)} == {"untouched", "after", "new"}
    assert untouched["id"] in {one["id"] for one in await archive.as_of(name, start)}


async def test_filters_sorts_fields_counts_and_cursors_are_about_the_past(archive: Archive):
    name = await archive.papers(searchable=["title"])
    ids = [(await archive.api.create(name, title=f"word{count}", count=count))["id"] for count in range(5)]
    moment = await _now(archive)
    for id in ids:
        await archive.changed(name, id, count=100, title="other")
    found = await archive.as_of(name, moment, filter="count >= 2 && title ~ 'word'", sort="-count", fields="count")
    assert found == [{"count": 4}, {"count": 3}, {"count": 2}]
    path = f"/api/collections/{name}/records"
    page = (await archive.api.root.get(path, params={"asOf": moment, "perPage": 2, "page": 3})).json()
    assert (len(page["items"]), page["totalItems"], page["totalPages"]) == (1, 5, 3)
    for count in ("exact", "estimated", "none"):
        answer = await archive.api.root.get(path, params={"asOf": moment, "count": count, "perPage": 2})
        assert answer.status_code == 200, answer.text
    assert [one["count"] for one in await archive.as_of(name, moment, search="word3")] == [3]
    walked: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"asOf": moment, "sort": "count", "perPage": 2, "cursor": cursor}
        answer = (await archive.api.root.get(path, params=query)).json()
        walked += [one["count"] for one in answer["items"]]
        cursor = answer["nextCursor"]
    assert walked == [0, 1, 2, 3, 4]
    begun = (await archive.api.root.get(path, params={"asOf": moment, "perPage": 2, "cursor": ""})).json()["nextCursor"]
    refused(await archive.api.root.get(path, params={"perPage": 2, "cursor": begun}), 400, "bad_request")
    asked = {"asOf": moment, "filter": "count = 3"}
    assert (await archive.api.root.post(path + "/query", json=asked)).json()["items"][0]["count"] == 3


async def test_the_rule_of_today_is_asked_of_the_record_as_it_was(archive: Archive):
    name = await archive.papers(listRule="owner = 'everybody'", viewRule="owner = 'everybody'")
    shared = await archive.api.create(name, owner="everybody", title="shared")
    private = await archive.api.create(name, owner="nobody", title="private")
    moment = await _now(archive)
    await archive.changed(name, shared["id"], owner="nobody")
    await archive.changed(name, private["id"], owner="everybody")
    path = f"/api/collections/{name}/records"
    listed = (await archive.api.guest.get(path, params={"asOf": moment})).json()["items"]
    assert [one["title"] for one in listed] == ["shared"]
    assert (await archive.api.guest.get(f"{path}/{shared['id']}", params={"asOf": moment})).status_code == 200
    answer = await archive.api.guest.get(f"{path}/{private['id']}", params={"asOf": moment})
    refused(answer, 404, "not_found")
    assert len(await archive.as_of(name, moment)) == 2


async def test_a_rule_about_a_hidden_field_lets_nobody_see_the_past(archive: Archive):
    name = await archive.papers(listRule="secret != 'x'", viewRule="secret != 'x'")
    made = await archive.api.create(name, secret="y", title="One")
    moment = await _now(archive)
    path = f"/api/collections/{name}/records"
    assert len((await archive.api.guest.get(path)).json()["items"]) == 1
    assert (await archive.api.guest.get(path, params={"asOf": moment})).json()["items"] == []
    refused(await archive.api.guest.get(f"{path}/{made['id']}", params={"asOf": moment}), 404, "not_found")
    answer = await archive.api.root.get(path, params={"asOf": moment, "filter": "secret = 'y'"})
    assert "secret" in refused(answer, 400, "invalid_filter")["message"]


async def test_relations_lead_to_the_records_of_today(archive: Archive):
    people = await archive.papers(fields=[{"name": "name", "type": "text"}])
    collection = (await archive.api.root.get(f"/api/collections/{people}")).json()
    relation = {"name": "author", "type": "relation", "collectionId": collection["id"], "maxSelect": 1}
    books = await archive.papers(fields=[{"name": "title", "type": "text"}, relation])
    ann = await archive.api.create(people, name="Ann")
    bob = await archive.api.create(people, name="Bob")
    book = await archive.api.create(books, title="Book", author=ann["id"])
    moment = await _now(archive)
    await archive.changed(books, book["id"], author=bob["id"])
    await archive.changed(people, ann["id"], name="Anna")
    (found,) = await archive.as_of(books, moment, expand="author", filter="author.name = 'Anna'")
    assert (found["author"], found["expand"]["author"]["name"]) == (ann["id"], "Anna")
    await archive.deleted(people, bob["id"])
    (found,) = await archive.as_of(books, await _now(archive))
    assert found["author"] == ""


async def test_what_was_truncated_was_there_before(archive: Archive):
    name = await archive.papers()
    made = await archive.api.create(name, title="One")
    moment = await _now(archive)
    assert (await archive.api.root.delete(f"/api/collections/{name}/truncate")).status_code == 204
    later = await _now(archive)
    assert [one["id"] for one in await archive.as_of(name, moment)] == [made["id"]]
    assert await archive.as_of(name, later) == []
    deleted, _ = await archive.versions(name, made["id"])
    assert deleted["action"] == "deleted"


async def test_a_truncate_by_sql_ends_what_was_there(archive: Archive):
    name = await archive.papers()
    await archive.api.create(name, title="One")
    moment = await _now(archive)
    connection = await archive.api.pool.acquire()
    await connection.execute(f"TRUNCATE public.{name}")
    archive.api.pool.release(connection)
    await archive.api.create(name, title="Two")
    later = await _now(archive)
    await _relayed(archive, name)
    assert [one["title"] for one in await archive.as_of(name, moment)] == ["One"]
    assert [one["title"] for one in await archive.as_of(name, later)] == ["Two"]


async def _relayed(archive: Archive, name: str) -> None:
    (record,) = (await archive.api.root.get(f"/api/collections/{name}/records")).json()["items"]
    await archive.versions(name, record["id"])


async def test_deleted_records_are_listed_as_they_were_and_gone_from_there_once_they_are_back(archive: Archive):
    name = await archive.papers()
    ids = [(await archive.api.create(name, title=f"t{count}", count=count))["id"] for count in range(3)]
    for id in ids[:2]:
        await archive.deleted(name, id)
    path = f"/api/collections/{name}/records"
    query = {"deleted": "true", "sort": "-count", "fields": "id,title"}
    found = (await archive.api.root.get(path, params=query)).json()
    assert found["items"] == [{"id": ids[1], "title": "t1"}, {"id": ids[0], "title": "t0"}]
    assert found["totalItems"] == 2
    assert (await archive.api.root.get(path, params={**query, "filter": "count = 0"})).json()["totalItems"] == 1
    newest = (await archive.versions(name, ids[0]))[0]
    assert (await archive.revert(name, ids[0], newest["version"])).status_code == 200
    assert [one["id"] for one in (await archive.api.root.get(path, params=query)).json()["items"]] == [ids[1]]
    refused(await archive.api.guest.get(path, params=query), 403, "forbidden")


@pytest.mark.parametrize(
    ("query", "name", "code"),
    [
        pytest.param({"asOf": "yesterday"}, "asOf", "validation_invalid_date", id="no date"),
        pytest.param({"asOf": ""}, "asOf", "validation_invalid_date", id="nothing"),
        pytest.param({"asOf": "2026-13-45"}, "asOf", "validation_invalid_date", id="a day that is none"),
        pytest.param({"asOf": "0001-01-01"}, "asOf", "validation_out_of_range", id="before the history"),
        pytest.param({"asOf": "9999-12-31"}, "asOf", "validation_out_of_range", id="the future"),
        pytest.param({"asOf": "2026-01-01T00:00:00+25:00"}, "asOf", "validation_invalid_date", id="no offset"),
        pytest.param({"asOf": "2026-01-01", "deleted": "true"}, "deleted", "validation_invalid_value", id="both"),
        pytest.param({"deleted": "perhaps"}, "deleted", "validation_invalid_value", id="neither true nor false"),
    ],
)
async def test_a_past_that_cannot_be_asked_for_is_refused_by_name(archive: Archive, query: Any, name: str, code: str):
    collection = await archive.papers()
    answer = await archive.api.root.get(f"/api/collections/{collection}/records", params=query)
    assert refused(answer, 400, "bad_request")["data"][name]["code"] == code


@pytest.mark.parametrize(
    ("method", "query"),
    [
        pytest.param("GET", {"deleted": "true"}, id="view the deleted"),
        pytest.param("PATCH", {"asOf": "2026-01-01"}, id="change the past"),
        pytest.param("PATCH", {"deleted": "true"}, id="change the deleted"),
    ],
)
async def test_the_past_of_one_record_is_refused_where_it_would_mean_nothing(
    archive: Archive, method: str, query: dict[str, str]
):
    name = await archive.papers()
    made = await archive.api.create(name, title="One")
    path = f"/api/collections/{name}/records/{made['id']}"
    answer = await archive.api.root.request(method, path, params=query, json={} if method == "PATCH" else None)
    assert list(refused(answer, 400, "bad_request")["data"]) == list(query)


async def test_a_past_that_is_not_kept_is_refused(archive: Archive):
    name = await archive.papers(history=False)
    made = await archive.api.create(name)
    path = f"/api/collections/{name}/records"
    for query in ({"asOf": "2026-01-01"}, {"deleted": "true"}):
        answer = await archive.api.root.get(path, params=query)
        assert "keeps no history" in refused(answer, 400, "bad_request")["message"]
    answer = await archive.api.root.get(f"{path}/{made['id']}", params={"asOf": "2026-01-01"})
    refused(answer, 400, "bad_request")
    kept = await archive.papers(historyDays=1)
    old = (datetime.now(UTC) - timedelta(days=3)).isoformat()
    answer = await archive.api.root.get(f"/api/collections/{kept}/records", params={"asOf": old})
    refused(answer, 400, "bad_request")
    answer = await archive.api.root.get(f"/api/collections/{kept}/records/aggregate", params={"asOf": old})
    refused(answer, 400, "bad_request")


async def test_what_waits_for_its_number_counts(start_api: Any):
    async with start_api() as api:  # nobody relays here
        archive = Archive(api)
        name = await archive.papers()
        made = await api.create(name, title="One")
        moment = await _now(archive)
        await archive.changed(name, made["id"], title="Two")
        await archive.deleted(name, made["id"])
        assert [one["title"] for one in await archive.as_of(name, moment)] == ["One"]
        assert await archive.as_of(name, await _now(archive)) == []
        listed = (await api.root.get(f"/api/collections/{name}/records", params={"deleted": "true"})).json()
        assert [one["title"] for one in listed["items"]] == ["Two"]
