"""How much files may take together: of all collections, and of single ones."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from client import in_one_loop, refused
from engines import engine_of
from files_shelf import Shelf, forget_files
from holdfast.storage.register import delete_unused

pytestmark = in_one_loop


class Room(Shelf):
    """A shelf with little room."""

    async def allow(self, total: int = 0, **of: int) -> None:
        answer = await self.api.root.patch("/api/settings", json={"files": {"maxBytes": total, "maxBytesOf": of}})
        assert answer.status_code == 200, answer.text

    async def put(self, size: int) -> httpx.Response:
        return await self.api.guest.post(self.records, files={"papers": ("a.txt", b"x" * size)})

    async def free(self) -> None:
        """Delete what no record holds."""
        engine = engine_of(self.api)
        await delete_unused(engine.pool, engine.storage, 0)


@pytest_asyncio.fixture(loop_scope="module")
async def room(one_shelf: Shelf) -> AsyncIterator[Room]:
    await forget_files(one_shelf, "TRUNCATE public.papers; DELETE FROM holdfast.uploads")
    made = Room(one_shelf.api)
    yield made
    await made.allow()


@pytest.mark.parametrize("quota", [{"total": 1000}, {"papers": 1000}], ids=["all", "one collection"])
async def test_files_beyond_a_quota_are_refused_and_leave_nothing(room: Room, quota: dict[str, int]) -> None:
    await room.allow(**quota)
    assert (await room.put(600)).status_code == 200
    full = await room.put(401)
    message = refused(full, 507, "quota_exceeded")["message"]
    assert "1000 bytes" in message
    assert len(await room.registered()) == 1
    assert len(room.objects()) == 1
    assert room.waiting() == []
    assert (await room.put(400)).status_code == 200
    refused(await room.put(1), 507, "quota_exceeded")


async def test_a_quota_of_one_collection_is_no_other_ones(room: Room) -> None:
    await room.api.define("boxes", [{"name": "one", "type": "file"}])
    await room.allow(papers=10)
    refused(await room.put(11), 507, "quota_exceeded")
    answer = await room.api.guest.post("/api/collections/boxes/records", files={"one": ("a.txt", b"x" * 100)})
    assert answer.status_code == 200
    await room.allow(total=100)
    refused(await room.put(1), 507, "quota_exceeded")


async def test_what_was_let_go_makes_room_when_it_is_deleted(room: Room) -> None:
    await room.allow(papers=100)
    record = (await room.put(100)).json()
    await room.api.guest.delete(f"{room.records}/{record['id']}")
    refused(await room.put(100), 507, "quota_exceeded")
    await room.free()
    assert (await room.put(100)).status_code == 200


async def test_many_at_once_do_not_get_past_it(room: Room) -> None:
    await room.allow(papers=1000)
    answers = await asyncio.gather(*(room.put(300) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [507] * 5
    assert len(await room.registered()) == 3


async def test_an_upload_in_pieces_takes_its_room_when_it_begins(room: Room) -> None:
    await room.allow(papers=1000)
    said = "collection cGFwZXJz,field cGFwZXJz"
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "900", "Upload-Metadata": said}
    begun = await room.api.guest.post("/api/files/uploads", headers=headers)
    assert begun.status_code == 201
    refused(await room.put(200), 507, "quota_exceeded")
    refused(await room.api.guest.post("/api/files/uploads", headers=headers), 507, "quota_exceeded")
    address = begun.headers["location"]
    piece = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    assert (await room.api.guest.patch(address, content=b"x" * 900, headers=piece)).status_code == 204
    named = f"upload:{address.rpartition('/')[2]}"
    # It is not counted twice when it becomes a file.
    assert (await room.api.guest.post(room.records, json={"papers": named})).status_code == 200
    refused(await room.put(101), 507, "quota_exceeded")
    assert (await room.put(100)).status_code == 200


@pytest.mark.parametrize(
    ("files", "at", "code"),
    [
        ({"maxBytes": -1}, ("maxBytes",), "validation_out_of_range"),
        ({"maxBytes": "x"}, ("maxBytes",), "validation_invalid_value"),
        ({"maxBytesOf": {"nothing": 5}}, ("maxBytesOf", "nothing"), "validation_missing_collection"),
        ({"maxBytesOf": {"papers": 0}}, ("maxBytesOf", "papers"), "validation_out_of_range"),
        ({"maxBytesOf": {"papers": "x"}}, ("maxBytesOf",), "validation_invalid_value"),
        ({"maxBytesOf": [5]}, ("maxBytesOf",), "validation_invalid_value"),
        ({"most": 5}, ("most",), "validation_unknown_setting"),
    ],
)
async def test_a_quota_that_is_none_is_refused(room: Room, files: Any, at: tuple[str, ...], code: str) -> None:
    answer = await room.api.root.patch("/api/settings", json={"files": files})
    data = refused(answer, 400, "validation_failed")["data"]["files"]
    for key in at:
        data = data[key]
    assert data["code"] == code


async def test_a_quota_follows_its_collection_to_another_name(room: Room) -> None:
    await room.api.define("drawer", [{"name": "one", "type": "file"}])
    await room.allow(drawer=10)
    assert (await room.api.root.patch("/api/collections/drawer", json={"name": "chest"})).status_code == 200
    shown = (await room.api.root.get("/api/settings")).json()["files"]
    assert shown == {"maxBytes": 0, "maxBytesOf": {"chest": 10}}
    answer = await room.api.guest.post("/api/collections/chest/records", files={"one": ("a.txt", b"x" * 11)})
    refused(answer, 507, "quota_exceeded")
