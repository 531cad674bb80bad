"""What a table cannot hold, and what it fills in by itself."""

import random
import string

import httpx
import pytest
import pytest_asyncio

from writing_server import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOTES = "/collections/notes/records"
DATED = "/collections/dated/records"
# Random, for PostgreSQL compresses before it measures.
LONG = "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=6000))
LONGER = LONG * 2


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def notes(server: Server) -> Server:
    text = {"type": "text", "max": 2_000_000}
    moment = {"type": "date", "default": "@now"}
    await server.define(
        {
            "name": "notes",
            "fields": [
                {"name": "code", "unique": True, **text},
                {"name": "title", **text},
                {"name": "secret", "hidden": True, **text},
                {"name": "free", **text},
            ],
            "indexes": [
                "CREATE INDEX by_title ON notes (free, title) WHERE title != ''",
                "CREATE INDEX by_secret ON notes (secret)",
            ],
            "createRule": "",
        },
        {
            "name": "dated",
            "fields": [
                {"name": "due", **moment},
                {"name": "later", **moment, "nullable": True},
                {"name": "soon", **moment, "min": "2026-01-01"},
                {"name": "created", "type": "autodate", "onCreate": True},
            ],
            "createRule": "due = created && @request.body.due = ''",
        },
    )
    return server


def problems(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 400
    return {name: problem["code"] for name, problem in answer.json()["data"].items()}


@pytest.mark.parametrize("value", [LONG, LONGER], ids=["of one block", "of more than a block"])
@pytest.mark.parametrize("field", ["code", "title"])
async def test_a_value_too_long_for_an_index_names_its_field(notes: Server, field: str, value: str):
    answer = await notes.root.post(NOTES, json={"free": "short", "title": "x", field: value})
    assert problems(answer) == {field: "validation_max_text_constraint"}
    made = (await notes.root.post(NOTES, json={"free": value})).json()
    answer = await notes.root.patch(f"{NOTES}/{made['id']}", json={"free": "x", "title": "y", field: value})
    assert problems(answer) == {field: "validation_max_text_constraint"}


async def test_an_index_over_what_the_caller_cannot_see_names_no_field(notes: Server):
    answer = await notes.root.post(NOTES, json={"secret": LONG, "title": "a"})
    assert problems(answer) == {"secret": "validation_max_text_constraint"}
    answer = await notes.guest.post(NOTES, json={"code": LONG, "title": "a"})
    assert problems(answer) == {"code": "validation_max_text_constraint"}


async def test_default_now_is_the_time_of_the_record(notes: Server):
    record = (await notes.guest.post(DATED, json={})).json()
    assert record["due"] == record["later"] == record["soon"] == record["created"]


async def test_what_is_sent_counts_more_than_default_now(notes: Server):
    sent = {"due": "", "later": None, "soon": "2030-01-01"}
    record = (await notes.root.post(DATED, json=sent)).json()
    assert (record["due"], record["later"], record["soon"]) == ("", None, "2030-01-01 00:00:00.000Z")
