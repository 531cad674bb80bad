"""Uploads in pieces, by the tus protocol: begun by who may, gone on with after a break, and taken by a record."""

import asyncio
import base64
import hashlib
import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
import uvicorn
from tusclient.client import TusClient

from client import in_one_loop, refused
from engines import engine_of
from files_shelf import HTML, PNG, Shelf, forget_files
from holdfast.files.sweep import SweepFiles

pytestmark = in_one_loop
UPLOADS = "/api/files/uploads"
TUS = {"Tus-Resumable": "1.0.0"}
PIECE = "application/offset+octet-stream"
TEXT = b"0123456789"


def metadata(**said: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in said.items())


def checksum(content: bytes, algorithm: str = "sha1") -> str:
    digest = hashlib.new(algorithm, content, usedforsecurity=False).digest()
    return f"{algorithm} {base64.b64encode(digest).decode()}"


class Resumable(Shelf):
    """Uploads of papers."""

    async def begin(self, length: int, who: httpx.AsyncClient | None = None, **said: str) -> str:
        """The address of a new upload."""
        said = {"collection": "papers", "field": "papers", "filename": "tus.txt"} | said
        headers = TUS | {"Upload-Length": str(length), "Upload-Metadata": metadata(**said)}
        answer = await (who or self.api.guest).post(UPLOADS, headers=headers)
        assert answer.status_code == 201, answer.text
        assert answer.headers["tus-resumable"] == "1.0.0"
        return answer.headers["location"]

    async def send(
        self, address: str, offset: int, content: bytes, who: httpx.AsyncClient | None = None, **more: str
    ) -> httpx.Response:
        headers = TUS | {"Upload-Offset": str(offset), "Content-Type": PIECE} | more
        return await (who or self.api.guest).patch(address, content=content, headers=headers)

    async def offset(self, address: str) -> int:
        answer = await self.api.guest.head(address, headers=TUS)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        return int(answer.headers["upload-offset"])

    async def whole(self, content: bytes, who: httpx.AsyncClient | None = None, **said: str) -> str:
        """How a record names an upload of these bytes."""
        address = await self.begin(len(content), who, **said)
        assert (await self.send(address, 0, content, who)).status_code == 204
        return f"upload:{address.rpartition('/')[2]}"

    def coming(self) -> list[str]:
        """The files of uploads that no record has."""
        folder = self.api.settings.data / "uploads"
        return [path.name for path in folder.iterdir()] if folder.exists() else []


@pytest_asyncio.fixture(loop_scope="module")
async def tus(one_shelf: Shelf) -> AsyncIterator[Resumable]:
    await forget_files(one_shelf, "TRUNCATE public.papers; DELETE FROM holdfast.uploads")
    made = Resumable(one_shelf.api)
    for name in made.coming():
        (made.api.settings.data / "uploads" / name).unlink()
    yield made


async def test_the_server_says_what_of_the_protocol_there_is(tus: Resumable) -> None:
    answer = await tus.api.guest.options(UPLOADS)
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert set(answer.headers["tus-extension"].split(",")) == {
        "creation",
        "creation-with-upload",
        "expiration",
        "termination",
        "checksum",
    }
    assert answer.headers["tus-checksum-algorithm"] == "sha1,sha256,md5"


async def test_an_upload_comes_in_pieces_and_becomes_a_file_of_a_record(tus: Resumable) -> None:
    address = await tus.begin(10)
    for start in (0, 4, 8):
        answer = await tus.send(address, start, TEXT[start : start + 4])
        assert answer.status_code == 204
        assert answer.headers["upload-offset"] == str(min(start + 4, 10))
        assert "upload-expires" in answer.headers
    shown = (await tus.api.guest.get(address)).json()
    assert (shown["collection"], shown["field"], shown["filename"]) == ("papers", "papers", "tus.txt")
    assert (shown["length"], shown["offset"]) == (10, 10)
    record = await tus.api.guest.post(tus.records, json={"title": "t", "papers": [f"upload:{shown['id']}"]})
    assert record.status_code == 200, record.text
    [name] = record.json()["papers"]
    assert name.startswith("tus_")
    answer = await tus.get(record.json(), name)
    assert (answer.content, answer.headers["content-type"]) == (TEXT, "text/plain; charset=utf-8")
    # It is the record's now, and nobody else's.
    assert tus.coming() == []
    assert (await tus.api.guest.get(address)).status_code == 404


@pytest.mark.parametrize("key", ["papers+", "+papers", "papers"])
async def test_an_update_takes_uploads_as_it_takes_files(tus: Resumable, key: str) -> None:
    record = await tus.add(("papers", ("a.txt", b"a")))
    kept = record["papers"]
    named = await tus.whole(b"more")
    value = [*kept, named] if key == "papers" else named
    answer = await tus.api.guest.patch(f"{tus.records}/{record['id']}", json={key: value})
    assert answer.status_code == 200, answer.text
    names = answer.json()["papers"]
    assert sorted([(await tus.get(record, name)).content for name in names]) == [b"a", b"more"]
    assert (names[0] == kept[0]) is (key != "+papers")


async def test_a_form_names_uploads_beside_its_files(tus: Resumable) -> None:
    named = await tus.whole(b"in pieces")
    record = await tus.add(("papers", ("a.txt", b"at once")), papers=named)
    assert sorted([(await tus.get(record, name)).content for name in record["papers"]]) == [b"at once", b"in pieces"]


async def test_a_batch_names_uploads(tus: Resumable) -> None:
    requests = [
        {"method": "POST", "url": tus.records, "body": {"papers": await tus.whole(text)}} for text in (b"one", b"two")
    ]
    answer = await tus.api.guest.post("/api/batch", json={"requests": requests})
    assert answer.status_code == 200, answer.text
    records = [one["body"] for one in answer.json()]
    assert [(await tus.get(one, one["papers"][0])).content for one in records] == [b"one", b"two"]
    assert tus.coming() == []


async def test_a_write_that_fails_leaves_the_upload_for_the_next(tus: Resumable) -> None:
    named = await tus.whole(b"text")
    record = await tus.add(title="a")
    again = await tus.api.guest.post(tus.records, json={"id": record["id"], "papers": named})
    assert again.status_code == 400
    assert await tus.registered() == {}
    assert tus.objects() == {}
    assert len(tus.coming()) == 1
    assert (await tus.api.guest.post(tus.records, json={"papers": named})).status_code == 200


async def test_the_first_answer_is_given_again_when_the_upload_is_gone(tus: Resumable) -> None:
    headers = {"Idempotency-Key": "tus-once"}
    body = {"papers": await tus.whole(b"once")}
    first = await tus.api.guest.post(tus.records, json=body, headers=headers)
    again = await tus.api.guest.post(tus.records, json=body, headers=headers)
    assert first.status_code == again.status_code == 200, again.text
    assert first.json() == again.json()
    assert len(tus.objects()) == 1


async def test_what_an_upload_is_its_bytes_say(tus: Resumable) -> None:
    named = await tus.whole(HTML, field="cover", filename="a.png")
    answer = await tus.api.guest.post(tus.records, json={"cover": named})
    assert refused(answer, 400, "validation_failed")["data"]["cover"]["code"] == "validation_invalid_mime_type"
    named = await tus.whole(PNG, field="cover", filename="../../a.PNG")
    assert (await tus.api.guest.post(tus.records, json={"cover": named})).json()["cover"].startswith("a_")


async def test_an_upload_that_is_not_whole_or_for_another_field_is_refused(tus: Resumable) -> None:
    half = await tus.begin(10)
    await tus.send(half, 0, TEXT[:5])
    other = await tus.whole(PNG, field="cover")
    for named in (f"upload:{half.rpartition('/')[2]}", other, "upload:nothing", "upload:"):
        answer = await tus.api.guest.post(tus.records, json={"papers": named})
        assert refused(answer, 400, "validation_failed")["data"]["papers"]["code"] == "validation_invalid_upload"
    assert await tus.registered() == {}


async def test_an_upload_is_for_who_has_begun_it(tus: Resumable) -> None:
    root = tus.api.root
    address = await tus.begin(4, root)
    for answer in (
        await tus.send(address, 0, b"text"),
        await tus.api.guest.get(address),
        await tus.api.guest.delete(address, headers=TUS),
    ):
        refused(answer, 404, "not_found")
    assert (await tus.send(address, 0, b"text", root)).status_code == 204
    named = f"upload:{address.rpartition('/')[2]}"
    refused(await tus.api.guest.post(tus.records, json={"papers": named}), 400, "validation_failed")
    assert (await root.post(tus.records, json={"papers": named})).status_code == 200


async def test_who_may_write_nothing_begins_nothing(tus: Resumable) -> None:
    await tus.api.define("tusclosed", [{"name": "f", "type": "file"}], createRule=None, updateRule=None)
    said = metadata(collection="tusclosed", field="f")
    answer = await tus.api.guest.post(UPLOADS, headers=TUS | {"Upload-Length": "1", "Upload-Metadata": said})
    refused(answer, 403, "forbidden")
    await tus.begin(1, tus.api.root, collection="tusclosed", field="f")


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        pytest.param({"Tus-Resumable": "0.2"}, 412, "precondition_failed", id="another version"),
        pytest.param({"Upload-Length": "x"}, 400, "bad_request", id="no length"),
        pytest.param({"Upload-Length": "-1"}, 400, "bad_request", id="a length below nothing"),
        pytest.param({"Upload-Length": "9" * 30}, 400, "bad_request", id="a length beyond all"),
        pytest.param({"Upload-Length": "300001"}, 413, "too_large", id="more than the field takes"),
        pytest.param({"Upload-Defer-Length": "1"}, 400, "bad_request", id="a length to come"),
        pytest.param({"Upload-Metadata": ""}, 400, "validation_failed", id="no metadata"),
        pytest.param({"Upload-Metadata": "collection %%%"}, 400, "bad_request", id="no Base64"),
        pytest.param({"Upload-Metadata": "collection gA=="}, 400, "bad_request", id="no UTF-8"),
        pytest.param({"Upload-Metadata": "collection AA=="}, 400, "bad_request", id="NUL"),
        pytest.param({"Upload-Metadata": ",".join(f"k{n} eA==" for n in range(30))}, 400, "bad_request", id="30 pairs"),
        pytest.param(
            {"Upload-Metadata": metadata(collection="papers", field="title")}, 400, "validation_failed", id="text"
        ),
        pytest.param(
            {"Upload-Metadata": metadata(collection="nothing", field="f")}, 404, "not_found", id="no collection"
        ),
        pytest.param({"Upload-Checksum": "crc32 AAAA", "Content-Type": PIECE}, 400, "bad_request", id="no checksum"),
    ],
)
async def test_what_is_no_upload_is_refused(tus: Resumable, headers: dict[str, str], status: int, code: str) -> None:
    said = metadata(collection="papers", field="papers")
    answer = await tus.api.guest.post(UPLOADS, headers=TUS | {"Upload-Length": "5", "Upload-Metadata": said} | headers)
    refused(answer, status, code)
    assert answer.headers["tus-resumable"] == "1.0.0"


@pytest.mark.parametrize(
    ("headers", "content", "status", "code"),
    [
        pytest.param({"Tus-Resumable": ""}, b"x", 412, "precondition_failed", id="no version"),
        pytest.param({"Content-Type": "text/plain"}, b"x", 415, "unsupported_media_type", id="another type"),
        pytest.param({"Upload-Offset": "3"}, b"x", 409, "conflict", id="a gap"),
        pytest.param({"Upload-Offset": "0"}, b"x", 409, "conflict", id="sent twice"),
        pytest.param({"Upload-Offset": "z"}, b"x", 400, "bad_request", id="no offset"),
        pytest.param({}, TEXT, 413, "too_large", id="too many bytes"),
        pytest.param({"Upload-Checksum": checksum(b"y")}, b"x", 460, "checksum_mismatch", id="changed on the way"),
        pytest.param({"Upload-Checksum": "sha1 %"}, b"x", 400, "bad_request", id="no digest"),
    ],
)
async def test_bytes_that_do_not_fit_are_refused_and_not_kept(
    tus: Resumable, headers: dict[str, str], content: bytes, status: int, code: str
) -> None:
    address = await tus.begin(10)
    await tus.send(address, 0, b"01")
    offset = headers.get("Upload-Offset", "2")
    more = TUS | {"Content-Type": PIECE} | headers | {"Upload-Offset": offset}
    refused(await tus.api.guest.patch(address, content=content, headers=more), status, code)
    assert await tus.offset(address) == 2


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
async def test_bytes_with_the_right_checksum_are_kept(tus: Resumable, algorithm: str) -> None:
    address = await tus.begin(10)
    answer = await tus.send(address, 0, TEXT, **{"Upload-Checksum": checksum(TEXT, algorithm)})
    assert answer.status_code == 204


async def test_an_upload_can_begin_with_its_bytes(tus: Resumable) -> None:
    said = metadata(collection="papers", field="papers")
    headers = TUS | {"Upload-Length": "10", "Upload-Metadata": said, "Content-Type": PIECE}
    answer = await tus.api.guest.post(UPLOADS, content=TEXT[:7], headers=headers)
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, "7")
    assert (await tus.send(answer.headers["location"], 7, TEXT[7:])).headers["upload-offset"] == "10"


async def test_two_who_send_at_once_do_not_mix(tus: Resumable) -> None:
    address = await tus.begin(200_000)
    answers = await asyncio.gather(*(tus.send(address, 0, bytes([one]) * 200_000) for one in (1, 2, 3)))
    assert sorted(answer.status_code for answer in answers) == [204, 409, 409]
    record = await tus.api.guest.post(tus.records, json={"papers": f"upload:{address.rpartition('/')[2]}"})
    content = (await tus.get(record.json(), record.json()["papers"][0])).content
    assert len(content) == 200_000
    assert len(set(content)) == 1


async def test_an_upload_can_be_given_up(tus: Resumable) -> None:
    address = await tus.begin(10)
    answer = await tus.api.guest.delete(address, headers=TUS)
    assert (answer.status_code, answer.headers["tus-resumable"]) == (204, "1.0.0")
    assert (await tus.send(address, 0, TEXT)).status_code == 404
    assert tus.coming() == []


async def test_a_client_that_can_only_post_does_all_of_it(tus: Resumable) -> None:
    address = await tus.begin(10)
    headers = TUS | {"X-HTTP-Method-Override": "PATCH", "Upload-Offset": "0", "Content-Type": PIECE}
    assert (await tus.api.guest.post(address, content=TEXT, headers=headers)).headers["upload-offset"] == "10"
    assert (await tus.api.guest.post(address, headers=TUS | {"X-HTTP-Method-Override": "DELETE"})).status_code == 204
    refused(await tus.api.guest.post(address, headers=TUS), 405, "method_not_allowed")


async def test_what_nobody_goes_on_with_is_swept_away(tus: Resumable) -> None:
    old, young = await tus.begin(10), await tus.begin(10)
    connection = await tus.api.pool.connect()
    try:
        statement = "UPDATE holdfast.uploads SET expires = now() - interval '1 minute' WHERE id = $1"
        await connection.execute(statement, old.rpartition("/")[2])
    finally:
        await connection.close()
    assert (await tus.api.guest.get(old)).status_code == 404
    swept = SweepFiles(engine_of(tus.api))
    while await swept(tus.api.pool):
        pass
    assert tus.coming() == [young.rpartition("/")[2]]


async def test_one_caller_begins_a_hundred_uploads_and_no_more(tus: Resumable) -> None:
    connection = await tus.api.pool.connect()
    try:
        statement = (
            "INSERT INTO holdfast.uploads SELECT 'u' || n, $1, 'c', 'f', 1, '', now() + interval '1 hour'"
            " FROM generate_series(1, 100) AS n"
        )
        root = (await tus.api.root.get("/api/collections/_superusers/records")).json()["items"][0]["id"]
        await connection.execute(statement, f"_superusers/{root}")
    finally:
        await connection.close()
    headers = TUS | {"Upload-Length": "1", "Upload-Metadata": metadata(collection="papers", field="papers")}
    answer = await tus.api.root.post(UPLOADS, headers=headers)
    refused(answer, 429, "rate_limited")
    assert answer.headers["retry-after"]


@pytest_asyncio.fixture(loop_scope="module")
async def address(one_shelf: Shelf) -> AsyncIterator[str]:
    """The application behind a socket, since a client in another thread has no other way to it."""
    config = uvicorn.Config(one_shelf.api.front, port=0, lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  (it tells nobody)
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await task


async def test_a_client_of_the_protocol_uploads_breaks_off_and_goes_on(tus: Resumable, address: str) -> None:
    content = bytes(range(256)) * 1000
    said = {"collection": "papers", "field": "papers", "filename": "client.bin"}

    def begin() -> Any:
        uploader = TusClient(address + UPLOADS).uploader(
            file_stream=io.BytesIO(content), chunk_size=50_000, metadata=said, upload_checksum=True
        )
        uploader.upload_chunk()
        uploader.upload_chunk()
        return uploader.url

    def go_on(url: str) -> int:
        uploader = TusClient(address + UPLOADS).uploader(file_stream=io.BytesIO(content), chunk_size=90_000, url=url)
        started = uploader.offset
        uploader.upload()
        return started

    url = await asyncio.to_thread(begin)
    assert url.startswith(address)
    assert await asyncio.to_thread(go_on, url) == 100_000
    record = await tus.api.guest.post(tus.records, json={"papers": f"upload:{url.rpartition('/')[2]}"})
    assert (await tus.get(record.json(), record.json()["papers"][0])).content == content


@pytest.mark.parametrize("checked", [False, True], ids=["without a checksum", "with a checksum"])
async def test_what_came_before_the_line_broke_stays_unless_nobody_can_tell_whether_it_is_right(
    tus: Resumable, address: str, checked: bool
) -> None:
    upload = await tus.begin(300_000)
    said = f"Upload-Checksum: {checksum(bytes(300_000))}\r\n" if checked else ""
    _, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
    head = f"PATCH {upload} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n{said}"
    writer.write(f"{head}Content-Type: {PIECE}\r\nContent-Length: 300000\r\n\r\n".encode() + bytes(70_000))
    await writer.drain()
    await asyncio.sleep(0.2)
    writer.close()
    await writer.wait_closed()
    expected = 0 if checked else 70_000
    for _ in range(100):
        # Until the server has seen it, it takes the upload for one that is being sent.
        if (await tus.send(upload, expected, b"more")).status_code == 204:
            break
        await asyncio.sleep(0.02)
    assert await tus.offset(upload) == expected + 4
