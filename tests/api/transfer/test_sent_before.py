"""A file that was sent in pieces before is tried and imported from where it waits."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from client import Api, in_one_loop, refused, running
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT

pytestmark = in_one_loop
UPLOADS = "/api/files/uploads"
TUS = {"Tus-Resumable": "1.0.0"}
PIECE = "application/offset+octet-stream"
LINES = b"".join(b'{"title":"t%d"}\n' % number for number in range(300))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    dsn = await make_database(cluster, PROJECT)
    async with running(dsn, tmp_path_factory.mktemp("sent")) as made:
        for name in ("posts", "pages"):
            fields = [{"name": "title", "type": "text", "unique": True}, {"name": "paper", "type": "file"}]
            await made.define(name, fields, createRule="")
        permission = {"collection": "posts", "actions": ["create"]}
        await made.root.post("/api/roles", json={"name": "importer", "permissions": [permission]})
        yield made
    await drop_database(cluster, dsn)


async def person(api: Api, name: str, *roles: str) -> httpx.AsyncClient:
    email, password = f"{name}@example.com", "a long password"
    await api.create("users", email=email, password=password, passwordConfirm=password, roles=roles)
    return api.client(await api.login(email, password, "users"))


def metadata(**said: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in said.items())


async def begin(client: httpx.AsyncClient, length: int, **said: str) -> httpx.Response:
    asked = {"collection": "posts", "purpose": "import", "filename": "posts.ndjson"} | said
    headers = TUS | {"Upload-Length": str(length), "Upload-Metadata": metadata(**asked)}
    return await client.post(UPLOADS, headers=headers)


async def add(client: httpx.AsyncClient, id: str, offset: int, content: bytes) -> None:
    headers = TUS | {"Upload-Offset": str(offset), "Content-Type": PIECE}
    answer = await client.patch(f"{UPLOADS}/{id}", content=content, headers=headers)
    assert answer.status_code == 204, answer.text


async def sent(client: httpx.AsyncClient, content: bytes) -> str:
    """The id of an upload that has come as a whole, in three pieces."""
    answer = await begin(client, len(content))
    assert answer.status_code == 201, answer.text
    id: str = answer.json()["id"]
    third = len(content) // 3
    for start, end in ((0, third), (third, 2 * third), (2 * third, len(content))):
        await add(client, id, start, content[start:end])
    return id


async def take(client: httpx.AsyncClient, upload: str, collection: str = "posts", **more: Any) -> httpx.Response:
    query = {"format": "ndjson", "upload": upload, **more}
    return await client.post(f"/api/collections/{collection}/records/import", params=query)


async def empty(api: Api) -> None:
    assert (await api.root.delete("/api/collections/posts/truncate")).status_code == 204


async def test_a_file_is_sent_once_tried_and_imported(api: Api):
    id = await sent(api.root, LINES)
    tried = (await take(api.root, id, dryRun="true")).json()
    assert (tried["read"], tried["inserted"]) == (300, 300)
    done = (await take(api.root, id)).json()
    assert (done["read"], done["inserted"]) == (300, 300)
    state = (await api.root.get(f"/api/collections/posts/imports/{done['importId']}")).json()
    assert (state["state"], state["bytes"], state["size"]) == ("done", len(LINES), len(LINES))
    refused(await take(api.root, id), 404, "not_found")  # it is let go
    await empty(api)


async def test_an_import_that_a_line_has_stopped_can_be_done_again_without_it(api: Api):
    id = await sent(api.root, b'{"title":"a"}\n{"title":"a"}\n{"title":"b"}\n')
    refused_by_a_line = await take(api.root, id)
    assert (refused_by_a_line.status_code, refused_by_a_line.json()["read"]) == (400, 3)
    done = (await take(api.root, id, onError="skip")).json()
    assert (done["inserted"], done["failed"]) == (2, 1)
    await empty(api)


async def test_an_empty_file_is_complete_at_once(api: Api):
    answer = await begin(api.root, 0)
    assert (await take(api.root, answer.json()["id"])).json()["read"] == 0


async def test_a_file_that_has_not_come_as_a_whole_is_not_imported(api: Api):
    id: str = (await begin(api.root, 30)).json()["id"]
    await add(api.root, id, 0, b'{"title":"a"}\n')
    message = refused(await take(api.root, id), 409, "conflict")["message"]
    assert message == "The upload is not complete: 14 of 30 bytes have come."
    assert (await api.root.get("/api/collections/posts/records")).json()["totalItems"] == 0


async def test_an_upload_of_another_collection_is_refused(api: Api):
    id = await sent(api.root, LINES)
    data = refused(await take(api.root, id, "pages"), 400, "validation_failed")["data"]
    assert data["upload"]["code"] == "validation_invalid_upload"


async def test_an_upload_for_a_field_is_not_imported_and_one_to_import_is_no_file(api: Api):
    answer = await begin(api.root, 0, purpose="", field="paper")
    assert answer.status_code == 201, answer.text
    refused(await take(api.root, answer.json()["id"]), 400, "validation_failed")
    id = await sent(api.root, LINES)
    body = {"title": "with it", "paper": f"upload:{id}"}
    data = refused(await api.root.post("/api/collections/posts/records", json=body), 400, "validation_failed")["data"]
    assert data["paper"]["code"] == "validation_invalid_upload"


async def test_a_body_beside_an_upload_is_refused(api: Api):
    id = await sent(api.root, LINES)
    answer = await api.root.post(f"/api/collections/posts/records/import?format=ndjson&upload={id}", content=b"{}")
    refused(answer, 400, "bad_request")


@pytest.mark.parametrize("upload", ["", "nothing", "ö", "../../etc/passwd", "x" * 5000])
async def test_an_upload_that_is_not_there_is_not_found(api: Api, upload: str):
    refused(await take(api.root, upload), 404, "not_found")


async def test_guests_begin_no_upload_to_import(api: Api):
    refused(await begin(api.guest, 10), 401, "unauthenticated")


async def test_who_has_the_role_sends_and_imports_and_nobody_else_takes_it(api: Api):
    ann, bob = await person(api, "ann", "importer"), await person(api, "bob", "importer")
    id = await sent(ann, LINES)
    refused(await take(bob, id), 404, "not_found")
    assert (await take(ann, id)).json()["inserted"] == 300
    await empty(api)


async def test_who_may_create_and_not_import_begins_no_upload_to_import(api: Api):
    carl = await person(api, "carl")
    refused(await begin(carl, 10), 403, "forbidden")


async def test_who_has_the_role_sends_no_accounts(api: Api):
    permission = {"collection": "users", "actions": ["create"]}
    made = await api.root.post("/api/roles", json={"name": "porter", "permissions": [permission]})
    assert made.status_code == 200, made.text
    dora = await person(api, "dora", "porter")
    refused(await begin(dora, 10, collection="users"), 403, "forbidden")


async def test_nothing_is_sent_to_be_imported_into_a_system_collection(api: Api):
    refused(await begin(api.root, 10, collection="_superusers"), 400, "bad_request")


async def test_an_import_whose_server_is_gone_has_failed_when_nothing_was_heard_of_it_for_five_minutes(api: Api):
    done = (await take(api.root, await sent(api.root, LINES), dryRun="true")).json()
    left = (
        "UPDATE holdfast.imports SET state = 'writing', ended = NULL, beat = now() - interval '6 minutes' WHERE id = $1"
    )
    connection = await api.pool.acquire()
    try:
        await connection.execute(left, done["importId"])
    finally:
        api.pool.release(connection)
    state = (await api.root.get(f"/api/collections/posts/imports/{done['importId']}")).json()
    assert state["state"] == "failed"
    assert state["message"] == "The server was stopped while it ran: nothing of it was written."
