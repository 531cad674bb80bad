"""A request that is sent again with its Idempotency-Key is done once and answered alike."""

import asyncio
from typing import Any

import pytest
import pytest_asyncio

from holdfast.http.idempotency import sweep_idempotency
from writing_server import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOTES = "/collections/notes/records"
KEY = {"idempotency-key": "0190-a"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def notes(server: Server) -> Server:
    await server.define(
        {
            "name": "notes",
            "type": "base",
            "createRule": "",
            "updateRule": "",
            "fields": [
                {"name": "text", "type": "text", "required": True},
                {"name": "n", "type": "number"},
                {"name": "code", "type": "text", "unique": True},
            ],
        }
    )
    return server


async def count(notes: Server) -> int:
    return (await notes.rows("SELECT count(*) AS n FROM notes"))[0]["n"]


async def test_the_first_answer_is_given_again(notes: Server):
    first = await notes.guest.post(NOTES, json={"text": "a"}, headers=KEY)
    again = await notes.guest.post(
        NOTES, content=b'{ "text" : "a" }', headers={**KEY, "content-type": "application/json"}
    )
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.content == first.content
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["content-type"] == "application/json"
    assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")
    assert await count(notes) == 1


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("POST", "", {"text": "b"}, id="another body"),
        pytest.param("POST", "?fields=id", {"text": "a"}, id="another query"),
        pytest.param("PUT", "", {"text": "a"}, id="another method"),
    ],
)
async def test_a_key_belongs_to_one_request(notes: Server, method: str, path: str, body: dict[str, Any]):
    await notes.guest.post(NOTES, json={"text": "a"}, headers=KEY)
    other = await notes.guest.request(method, NOTES + path, json=body, headers=KEY)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert await count(notes) == 1


async def test_a_key_belongs_to_one_caller(notes: Server):
    assert (await notes.guest.post(NOTES, json={"text": "a"}, headers=KEY)).status_code == 200
    assert (await notes.root.post(NOTES, json={"text": "b"}, headers=KEY)).status_code == 200
    assert await count(notes) == 2


async def test_refusals_are_kept_too(notes: Server):
    first = await notes.guest.post(NOTES, json={"text": ""}, headers=KEY)
    again = await notes.guest.post(NOTES, json={"text": ""}, headers=KEY)
    assert (first.status_code, again.status_code) == (400, 400)
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"


async def test_a_refusal_by_the_database_leaves_nothing_but_its_answer(notes: Server):
    await notes.made("notes", text="a", code="taken")
    first = await notes.guest.post(NOTES, json={"text": "b", "code": "taken"}, headers=KEY)
    again = await notes.guest.post(NOTES, json={"text": "b", "code": "taken"}, headers=KEY)
    assert (first.status_code, again.content) == (400, first.content)
    assert await count(notes) == 1


async def test_updates_and_deletes_are_done_once(notes: Server):
    note = await notes.made("notes", text="a")
    path = f"{NOTES}/{note['id']}"
    for _ in range(3):
        assert (await notes.root.patch(path, json={"n+": 1}, headers={"idempotency-key": "p"})).json()["n"] == 1
    for _ in range(3):
        response = await notes.root.delete(path, headers={"idempotency-key": "d"})
        assert (response.status_code, response.content) == (204, b"")


async def test_a_form_with_another_boundary_is_the_same_request(notes: Server):
    for boundary in (b"one", b"two"):
        body = b'--%b\r\nContent-Disposition: form-data; name="text"\r\n\r\na\r\n--%b--\r\n' % (boundary, boundary)
        media = f"multipart/form-data; boundary={boundary.decode()}"
        response = await notes.guest.post(NOTES, content=body, headers={**KEY, "content-type": media})
        assert response.status_code == 200
    assert await count(notes) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "schlüssel".encode()])
async def test_a_key_that_is_none_is_refused(notes: Server, key: str | bytes):
    response = await notes.guest.post(NOTES, json={"text": "a"}, headers={"idempotency-key": key})
    assert response.status_code == 400
    assert await count(notes) == 0


async def test_an_answer_is_forgotten_after_a_day(notes: Server):
    await notes.guest.post(NOTES, json={"text": "a"}, headers=KEY)
    await notes.rows("UPDATE holdfast.idempotency SET created = now() - interval '25 hours'")
    again = await notes.guest.post(NOTES, json={"text": "b"}, headers=KEY)
    assert (again.status_code, "idempotent-replayed" in again.headers) == (200, False)
    assert await count(notes) == 2
    await notes.rows("UPDATE holdfast.idempotency SET created = now() - interval '25 hours'")
    await notes.guest.post(NOTES, json={"text": "c"}, headers={"idempotency-key": "young"})
    assert await sweep_idempotency(notes.api.pool) == 1
    assert await sweep_idempotency(notes.api.pool) == 0
    assert await notes.rows("SELECT key FROM holdfast.idempotency") == [{"key": "young"}]


async def test_of_200_requests_at_once_with_one_key_one_is_done(notes: Server):
    requests = [notes.guest.post(NOTES, json={"text": "a"}, headers=KEY) for _ in range(200)]
    answers = await asyncio.gather(*requests)
    assert await count(notes) == 1
    statuses = {answer.status_code for answer in answers}
    assert statuses <= {200, 409}
    assert len({answer.content for answer in answers if answer.status_code == 200}) == 1
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"conflict"}
    assert (await notes.guest.post(NOTES, json={"text": "a"}, headers=KEY)).headers["idempotent-replayed"] == "true"
