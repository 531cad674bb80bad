"""What becomes of files: let go by their records, kept for a while, deleted; and what agrees again after a mishap."""

import asyncio
import os
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from bucket import Bucket
from client import Api, in_one_loop, refused
from engines import engine_of
from files_shelf import PNG, Shelf
from holdfast.files.check import check_files
from holdfast.files.sweep import SweepFiles

pytestmark = in_one_loop


async def sweep(shelf: Shelf, hours: int = 0) -> int:
    """Clear away what has been unused for so long."""
    engine = engine_of(shelf.api)
    settings = msgspec.structs.replace(engine.settings, files_grace_hours=hours)
    swept = SweepFiles(msgspec.structs.replace(engine, settings=settings))
    total = 0
    while found := await swept(shelf.api.pool):
        total += found
    return total


async def run(shelf: Shelf, sql: str, *values: Any) -> None:
    connection = await shelf.api.pool.connect()
    try:
        await connection.execute(sql, *values)
    finally:
        await connection.close()


async def test_a_file_that_is_replaced_goes_after_its_grace(shelf: Shelf) -> None:
    record = await shelf.add(("cover", ("a.png", PNG)))
    path = f"{shelf.records}/{record['id']}"
    new = (await shelf.api.guest.patch(path, files={"cover": ("b.png", PNG)})).json()["cover"]
    assert await shelf.registered() == {record["cover"]: True, new: False}
    assert await sweep(shelf, hours=1) == 0
    assert await sweep(shelf) == 1
    assert list(shelf.objects()) == [new]
    assert await shelf.registered() == {new: False}


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param("DELETE FROM public.papers", id="deleted"),
        pytest.param("UPDATE public.papers SET cover = '', papers = '{}'", id="emptied"),
        pytest.param("TRUNCATE public.papers", id="truncated"),
    ],
)
async def test_what_happens_by_sql_counts_too(shelf: Shelf, sql: str) -> None:
    await shelf.add(("cover", ("a.png", PNG)), ("papers", ("b.txt", b"b")))
    await run(shelf, sql)
    assert set((await shelf.registered()).values()) == {True}
    assert await sweep(shelf) == 2
    assert shelf.objects() == {}


async def test_a_deletion_that_is_undone_lets_nothing_go(shelf: Shelf) -> None:
    record = await shelf.add(("cover", ("a.png", PNG)))
    await run(shelf, "BEGIN; DELETE FROM public.papers; ROLLBACK")
    assert await shelf.registered() == {record["cover"]: False}


async def test_a_name_that_stands_for_no_file_gets_into_no_record(shelf: Shelf) -> None:
    record = await shelf.add(title="a")
    with pytest.raises(asyncpg.ForeignKeyViolationError, match="not stored for it"):
        await run(shelf, "UPDATE public.papers SET cover = 'stolen.png' WHERE id = $1", record["id"])


async def test_a_new_file_that_was_cleared_away_in_the_meantime_is_refused(shelf: Shelf) -> None:
    # As if it had taken longer than its grace: the register forgets it before the record is written.
    forgetting = (
        "CREATE FUNCTION public.hf_test_forget() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN DELETE FROM holdfast.files; RETURN NEW; END';"
        "CREATE TRIGGER a_forget BEFORE INSERT ON public.papers FOR EACH ROW EXECUTE FUNCTION public.hf_test_forget()"
    )
    await run(shelf, forgetting)
    try:
        answer = await shelf.api.guest.post(shelf.records, files={"cover": ("a.png", PNG)})
    finally:
        await run(shelf, "DROP FUNCTION public.hf_test_forget() CASCADE")
    assert refused(answer, 400, "validation_failed")["data"]["cover"]["code"] == "validation_invalid_file"


async def test_a_file_that_was_let_go_can_be_taken_again_by_its_record(shelf: Shelf) -> None:
    record = await shelf.add(("cover", ("a.png", PNG)))
    await run(shelf, "UPDATE public.papers SET cover = ''")
    await run(shelf, "UPDATE public.papers SET cover = $1", record["cover"])
    assert await sweep(shelf) == 0
    assert (await shelf.get(record, record["cover"])).content == PNG


async def test_what_a_killed_server_left_behind_goes(shelf: Shelf) -> None:
    # Announced and stored, and then the process was gone.
    await run(
        shelf,
        "INSERT INTO holdfast.files (collection_id, record_id, name, field_id, key, size, media_type)"
        " VALUES ('c', 'r', 'left.txt', 'f', 'c/r/left.txt', 4, 'text/plain'),"
        " ('c', 'r', 'never.txt', 'f', 'c/r/never.txt', 4, 'text/plain')",
    )
    leave(shelf.folder / "c" / "r", b"left")
    assert await sweep(shelf) == 2
    assert shelf.objects() == {}
    assert await shelf.registered() == {}


async def test_files_of_what_was_dropped_stay_as_long_as_it_can_be_brought_back(shelf: Shelf) -> None:
    root = shelf.api.root
    await shelf.api.define("boxes", [{"name": "one", "type": "file"}, {"name": "two", "type": "file"}])
    path = "/api/collections/boxes/records"
    made = (await root.post(path, files={"one": ("a.txt", b"a"), "two": ("b.txt", b"b")})).json()
    fields = (await root.get("/api/collections/boxes")).json()["fields"]
    kept = [field for field in fields if field["name"] != "two"]
    assert (await root.patch("/api/collections/boxes", json={"fields": kept})).status_code == 200
    assert (await root.delete("/api/collections/boxes")).status_code == 204
    assert await sweep(shelf) == 0
    trash = (await root.get("/api/collections/trash")).json()["items"]
    box = next(item for item in trash if item["kind"] == "collection" and item["collectionName"] == "boxes")
    assert (await root.post(f"/api/collections/trash/{box['id']}/restore")).status_code == 200
    assert (await root.get(f"/api/files/boxes/{made['id']}/{made['one']}")).content == b"a"
    # The field for good, then the collection.
    for name in ("two", ""):
        if not name:
            assert (await root.delete("/api/collections/boxes")).status_code == 204
        for item in (await root.get("/api/collections/trash")).json()["items"]:
            if item["collectionName"] == "boxes" and item["fieldName"] == name:
                assert (await root.delete(f"/api/collections/trash/{item['id']}")).status_code == 204
        assert await sweep(shelf) == 2  # let go, and deleted
    assert shelf.objects() == {}


async def test_files_of_what_was_dropped_and_made_anew_follow_the_collection_that_is_theirs(shelf: Shelf) -> None:
    root, path = shelf.api.root, "/api/collections/crates/records"
    fields = [{"name": "one", "type": "file", "thumbs": ["20x20"]}]
    first = await shelf.api.define("crates", fields)
    old = (await root.post(path, files={"one": ("old.png", PNG)})).json()
    assert (await root.get(f"/api/files/crates/{old['id']}/{old['one']}?thumb=20x20")).status_code == 200
    assert (await root.delete("/api/collections/crates")).status_code == 204
    # One of the same name has the same id.
    assert (await shelf.api.define("crates", fields))["id"] == first["id"]
    new = (await root.post(path, files={"one": ("new.txt", b"new")})).json()
    assert (await check_files(engine_of(shelf.api), mend=True)).is_sound
    assert (await root.delete("/api/collections/crates/truncate")).status_code == 204
    assert await shelf.registered() == {old["one"]: False, new["one"]: True}
    assert (await root.patch("/api/collections/crates", json={"name": "boxes2"})).status_code == 200
    trash = (await root.get("/api/collections/trash")).json()["items"]
    item = next(one for one in trash if one["kind"] == "collection" and one["collectionName"] == "crates")
    restored = await root.post(f"/api/collections/trash/{item['id']}/restore")
    assert restored.status_code == 200, restored.text
    for small in ("", "?thumb=20x20"):
        answer = await root.get(f"/api/files/crates/{old['id']}/{old['one']}{small}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/png"
    assert (await root.get(f"/api/files/boxes2/{new['id']}/{new['one']}")).status_code == 404
    assert await sweep(shelf) == 1
    assert await shelf.registered() == {old["one"]: False}
    for name in ("crates", "boxes2"):
        assert (await root.delete(f"/api/collections/{name}")).status_code == 204


async def test_a_list_of_files_can_become_one_file_and_a_list_again(shelf: Shelf) -> None:
    root = shelf.api.root
    collection = await shelf.api.define("albums", [{"name": "shots", "type": "file", "maxSelect": 3}])
    path = "/api/collections/albums/records"
    made = (await root.post(path, files=[("shots", ("a.txt", b"a")), ("shots", ("b.txt", b"b"))])).json()
    for most in (1, 3):
        for field in collection["fields"]:
            if field["name"] == "shots":
                field["maxSelect"] = most
        changed = await root.patch("/api/collections/albums", json={"fields": collection["fields"]})
        assert changed.status_code == 200, changed.text
        answer = await root.patch(f"{path}/{made['id']}", files={"shots": ("c.txt", b"c")})
        assert answer.status_code == 200, answer.text
    registered = await shelf.registered()
    assert [name for name, unused in registered.items() if not unused][-1:] == answer.json()["shots"]
    assert (await root.delete("/api/collections/albums")).status_code == 204


async def test_many_uploads_at_once_leave_one_file_each(shelf: Shelf) -> None:
    record = await shelf.add(title="a")
    path = f"{shelf.records}/{record['id']}"
    answers = await asyncio.gather(
        *(shelf.api.guest.patch(path, files={"cover": (f"{number}.png", PNG)}) for number in range(8))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert sorted((await shelf.registered()).values()) == [False] + [True] * 7
    await sweep(shelf)
    assert len(shelf.objects()) == 1


async def test_a_check_finds_nothing_where_all_agree(shelf: Shelf) -> None:
    await shelf.add(("cover", ("a.png", PNG)), ("papers", ("b.txt", b"b")), ("papers", ("c.txt", b"c")))
    found = await check_files(engine_of(shelf.api))
    assert found.is_sound
    assert (found.objects, found.bytes) == (3, len(PNG) + 2)


def damage(folder: Path, lost: dict[str, Any], cut: dict[str, Any]) -> None:
    """Take one file away and a part of another, and put two there that nobody knows: one of them just now."""
    (folder / lost["id"] / lost["papers"][0]).unlink()
    (folder / cut["id"] / cut["papers"][0]).write_bytes(b"cut")
    (folder / lost["id"] / "fresh.txt").write_bytes(b"on my way")
    orphan = folder / lost["id"] / "orphan.txt"
    orphan.write_bytes(b"nobody knows me")
    os.utime(orphan, (0, 0))


def leave(folder: Path, content: bytes) -> None:
    """Put an object there that was stored when its process was killed."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "left.txt").write_bytes(content)


async def test_a_check_finds_what_does_not_agree_and_mends_what_can_be(shelf: Shelf) -> None:
    lost = await shelf.add(("papers", ("lost.txt", b"lost")))
    cut = await shelf.add(("papers", ("cut.txt", b"cut off")))
    unheld = await shelf.add(("papers", ("unheld.txt", b"unheld")))
    forgotten = await shelf.add(("papers", ("forgotten.txt", b"forgotten")))
    folder = shelf.folder / lost["collectionId"]
    damage(folder, lost, cut)
    await run(shelf, "DELETE FROM holdfast.files WHERE name = $1", forgotten["papers"][0])
    await run(shelf, "ALTER TABLE public.papers DISABLE TRIGGER USER")
    await run(shelf, "UPDATE public.papers SET papers = '{}' WHERE id = $1", unheld["id"])
    await run(shelf, "ALTER TABLE public.papers ENABLE TRIGGER USER")
    found = await check_files(engine_of(shelf.api))
    assert (found.orphans, found.lost, found.unheld, found.unknown) == (1, 2, 1, 1)
    assert {Path(key).name for key in found.lost_keys} == {lost["papers"][0], cut["papers"][0]}
    assert [Path(key).name for key in found.orphan_keys] == ["orphan.txt"]
    mended = await check_files(engine_of(shelf.api), mend=True)
    assert (mended.orphans, mended.unheld, mended.unknown) == (1, 1, 0)
    left = await check_files(engine_of(shelf.api))
    assert (left.orphans, left.lost, left.unheld, left.unknown) == (0, 2, 0, 0)
    assert (await shelf.get(forgotten, forgotten["papers"][0])).content == b"forgotten"
    assert "fresh.txt" in shelf.objects()
    assert "orphan.txt" not in shelf.objects()


@pytest.mark.asyncio(loop_scope="function")
async def test_files_are_kept_in_a_bucket_that_may_go_away(api: Api, bucket: Bucket) -> None:
    await api.define("papers", [{"name": "papers", "type": "file", "maxSelect": 3}])
    shelf = Shelf(api)
    options = msgspec.to_builtins(bucket.options)
    assert (await api.root.patch("/api/settings", json={"s3": options})).status_code == 200
    assert "secret" not in (await api.root.get("/api/settings")).json()["s3"]
    tried = await api.root.post("/api/settings/test/s3", json={"filesystem": "storage"})
    assert tried.status_code == 204, tried.text
    content = bytes(range(256)) * 2000
    record = await shelf.add(("papers", ("a.bin", content)))
    name = record["papers"][0]
    assert shelf.objects() == {}
    assert (await shelf.get(record, name)).content == content
    part = await shelf.get(record, name, headers={"range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, content[100:200])
    assert (await check_files(engine_of(api))).is_sound
    bucket.stop()
    answer = await api.guest.post(shelf.records, files={"papers": ("b.txt", b"b")})
    refused(answer, 503, "unavailable")
    refused(await shelf.get(record, name), 503, "unavailable")
    assert refused(await api.root.post("/api/settings/test/s3", json={"filesystem": "storage"}), 400, "bad_request")
    assert len((await api.guest.get(shelf.records)).json()["items"]) == 1
    await api.guest.delete(f"{shelf.records}/{record['id']}")
    assert set((await shelf.registered()).values()) == {True}
    bucket.start()
    assert await sweep(shelf) == 2  # what was let go while it was away, and what could not be taken back
    assert await shelf.registered() == {}
    assert (await check_files(engine_of(api))).objects == 0


async def test_a_check_over_http_tells_superusers_the_same(shelf: Shelf) -> None:
    await shelf.add(("papers", ("a.txt", b"one")))
    leave(shelf.folder, b"nobody's")
    os.utime(shelf.folder / "left.txt", (0, 0))
    url, root = "/api/files/check", shelf.api.root
    refused(await shelf.api.guest.post(url), 401, "unauthenticated")
    refused(await root.post(url, json={"mend": "yes"}), 400, "validation_failed")
    refused(await root.post(url, json={"repair": True}), 400, "validation_failed")
    found = (await root.post(url)).json()
    assert (found["objects"], found["orphans"], found["lost"], found["mended"]) == (2, 1, 0, False)
    assert len(found["orphanKeys"]) == 1
    assert (await root.post(url, json={"mend": True})).json()["mended"]
    assert (await root.post(url, json={})).json()["orphans"] == 0


async def test_superusers_can_look_through_the_files(shelf: Shelf) -> None:
    await shelf.add(("papers", ("small.txt", b"one")), ("papers", ("large.txt", b"x" * 500)), ("cover", ("c.png", PNG)))
    gone = await shelf.add(("papers", ("gone.txt", b"gone")))
    await shelf.api.root.delete(f"{shelf.records}/{gone['id']}")
    url, root = "/api/files", shelf.api.root

    async def names(**query: str) -> list[str]:
        found = (await root.get(url, params={"sort": "-size", **query})).json()["items"]
        return [one["name"].split("_")[0] for one in found]

    assert await names() == ["large", "c", "gone", "small"]
    assert await names(name="LARGE") == ["large"]
    assert await names(unused="true") == ["gone"]
    assert await names(collection="papers", unused="false", sort="size") == ["small", "c", "large"]
    first = (await root.get(url, params={"perPage": "3"})).json()
    assert (len(first["items"]), first["more"]) == (3, True)
    assert {"collectionName": "papers", "field": "cover", "mediaType": "image/png"}.items() <= next(
        one.items() for one in (await root.get(url, params={"name": "c_"})).json()["items"]
    )
    refused(await shelf.api.guest.get(url), 401, "unauthenticated")


@pytest.mark.parametrize(
    "query",
    [{"sort": "key"}, {"page": "0"}, {"perPage": "201"}, {"page": "\u0661"}, {"unused": "maybe"}, {"name": "x" * 201}],
    ids=["sort", "page", "too many", "no digits", "no flag", "a long name"],
)
async def test_a_look_through_the_files_that_makes_no_sense_is_refused(shelf: Shelf, query: dict[str, str]) -> None:
    found = refused(await shelf.api.root.get("/api/files", params=query), 400, "bad_request")
    assert list(found["data"]) == list(query)
