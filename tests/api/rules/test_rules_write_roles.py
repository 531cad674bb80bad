"""Roles widen what the rules let somebody write: records, and the fields that may be given."""

from collections.abc import Mapping
from typing import Any

import pytest

from api.rules.conftest import ID
from api.rules.tasks import T1, TASKS, Tasks, may, tasks
from holdfast.identity import Principal

__all__ = ["tasks"]

pytestmark = pytest.mark.asyncio(loop_scope="package")

ANN, BOB, RED, BLUE = ID("ann"), ID("bob"), ID("red"), ID("blue")
OWN = "author = @request.auth.id"
TEAMS = "team = @request.auth.team"
NOT_ALLOWED = "validation_not_allowed"


async def roles(tasks: Tasks) -> None:
    """Every role of these tests."""
    if tasks.engine.catalog.role("titler") is not None:
        return
    await tasks.role("titler", may("update create", write="title author"))
    await tasks.role("teamster", may("update create delete", TEAMS))
    await tasks.role("teamtitler", may("update create", TEAMS, write="title team"))
    await tasks.role("keeper", may("update", write="secret title"))
    await tasks.role("teamkeeper", may("update", TEAMS, write="secret", read="secret"))
    await tasks.role("everywhere", may("create update delete", collection="*"))
    await tasks.role("reader", may("update", write="title", read="title"))
    await tasks.role("viewer", may("list view", read="*"))
    await tasks.role("lost", may("update", "team = 'a' && nothing = 1"))


def bob(tasks: Tasks, names: str) -> Principal:
    """Bob with roles; `key` is an API key with the rest."""
    if names.startswith("key"):
        return Principal("key", key_id="k", roles=tuple(sorted(map(ID, names.split()[1:]))))
    return tasks.person("bob", *names.split())


@pytest.mark.parametrize(
    ("names", "rule", "body", "status", "problems"),
    [
        # Any way in is enough
        ("", OWN, {"title": "x"}, 404, {}),
        ("titler", OWN, {"title": "x"}, 200, {}),
        ("titler", None, {"title": "x"}, 200, {}),
        ("viewer", None, {"title": "x"}, 403, {}),
        ("teamster", None, {"title": "x", "views": 3, "labels+": "b"}, 200, {}),
        ("everywhere", None, {"title": "x", "code": "n"}, 200, {}),
        ("key everywhere", None, {"title": "x", "code": "n"}, 200, {}),
        ("key teamster", None, {"title": "x"}, 404, {}),
        ("lost", None, {"title": "x"}, 404, {}),
        ("lost titler", None, {"title": "x"}, 200, {}),
        # Before and after
        ("teamster", None, {"team": BLUE}, 404, {}),
        ("teamtitler", None, {"team": RED, "title": "x"}, 200, {}),
        ("teamtitler", None, {"team": BLUE, "title": "x"}, 404, {}),
        ("titler teamster", None, {"team": BLUE}, 400, {"team": NOT_ALLOWED}),
        # Fields that no way gives
        ("titler", None, {"views": 3}, 400, {"views": NOT_ALLOWED}),
        ("titler", None, {"title": "x", "views+": 3, "code": "n"}, 400, {"views": NOT_ALLOWED, "code": NOT_ALLOWED}),
        ("titler", None, {"title": "x" * 21, "views": 3}, 400,
         {"views": NOT_ALLOWED, "title": "validation_max_text_constraint"}),
        ("titler", None, {"id": ID("t1"), "title": "x", "created": "", "unknown": 1, "expand": {}}, 200, {}),
        ("titler", None, {"id": ID("t9")}, 400, {"id": "validation_pk_change"}),
        # Fields that the ways give in some records
        ("titler", OWN, {"views": 3}, 400, {"views": NOT_ALLOWED}),
        ("titler", OWN, {"author": BOB, "views": 3}, 400, {"views": NOT_ALLOWED}),
        ("titler", "readers ?= @request.auth.id", {"views": 3}, 200, {}),
        ("titler teamtitler", None, {"team": RED, "title": "x"}, 200, {}),
        ("titler teamtitler", None, {"author": BOB, "team": RED}, 200, {}),
        # Hidden ones have to be named
        ("teamster", None, {"secret": "new", "title": "x"}, 200, {}),
        ("keeper", None, {"secret": "new"}, 200, {}),
        ("keeper", None, {"secret": "new", "views": 1}, 400, {"views": NOT_ALLOWED}),
        ("teamkeeper", "", {"secret": "new", "title": "x"}, 200, {}),
        ("key teamkeeper", "", {"secret": "new"}, 400, {"secret": NOT_ALLOWED}),
    ],
)  # fmt: skip
async def test_a_role_lets_records_and_fields_be_changed(
    tasks: Tasks, names: str, rule: str | None, body: Mapping[str, Any], status: int, problems: Mapping[str, str]
):
    await roles(tasks)
    await tasks.ruled(updateRule=rule)
    before = await tasks.row()
    found, answer = await tasks.send(bob(tasks, names), "PATCH", T1, body)
    assert found == status, answer
    assert {field: problem["code"] for field, problem in answer.get("data", {}).items()} == problems
    after = await tasks.row()
    if status != 200:
        assert after == before
        return
    named = "keeper" in names
    assert after["secret"] == (body.get("secret", "s1") if named else "s1")
    assert after["title"] == body.get("title", "One")


@pytest.mark.parametrize(
    ("names", "rule", "body", "status", "problems"),
    [
        ("titler", None, {"title": "x"}, 200, {}),
        ("titler", None, {"title": "x", "views": 3}, 400, {"views": NOT_ALLOWED}),
        ("titler", None, {"id": ID("t9"), "title": "x"}, 400, {"id": NOT_ALLOWED}),
        ("teamster", None, {"team": RED, "views": 3, "id": ID("t9")}, 200, {}),
        ("teamster", None, {"team": BLUE}, 400, {}),
        ("teamtitler", OWN, {"team": RED, "title": "x"}, 200, {}),
        ("teamtitler", OWN, {"team": RED, "views": 3}, 400, {"views": NOT_ALLOWED}),
        ("teamtitler", OWN, {"team": BLUE, "views": 3, "author": BOB}, 200, {}),
        ("everywhere", None, {"title": "x"}, 200, {}),
        ("viewer", None, {"title": "x"}, 403, {}),
    ],
)
async def test_a_role_lets_records_be_made_with_the_fields_that_it_names(
    tasks: Tasks, names: str, rule: str | None, body: Mapping[str, Any], status: int, problems: Mapping[str, str]
):
    await roles(tasks)
    await tasks.ruled(createRule=rule)
    found, answer = await tasks.send(bob(tasks, names), "POST", TASKS, body)
    assert found == status, answer
    assert {field: problem["code"] for field, problem in answer.get("data", {}).items()} == problems
    assert len(await tasks.ids()) == (3 if status == 200 else 2)
    if status == 400 and not problems:
        assert answer["code"] == "rule_failed"


@pytest.mark.parametrize(
    ("names", "status"), [("", 403), ("titler", 403), ("teamster", 204), ("everywhere", 204), ("key teamster", 404)]
)
async def test_a_role_lets_records_be_deleted(tasks: Tasks, names: str, status: int):
    await roles(tasks)
    await tasks.ruled()
    assert (await tasks.send(bob(tasks, names), "DELETE", T1))[0] == status


@pytest.mark.parametrize(
    ("names", "rules", "shown"),
    [
        ("", {"updateRule": ""}, "title views"),
        ("reader", {}, "title"),
        ("reader", {"updateRule": ""}, "title views"),
        ("reader", {"updateRule": OWN}, "title"),
        ("reader", {"updateRule": "readers ?= @request.auth.id"}, "title views"),
        ("reader", {"updateRule": "@previous.title = 'One'"}, "title"),
        ("reader", {"viewRule": "author != ''"}, "title views"),
        ("reader", {"viewRule": "title = 'One'"}, "title"),
        ("reader viewer", {}, "title views"),
        ("teamkeeper", {"updateRule": ""}, "title views secret"),
        ("teamkeeper reader", {}, "title secret"),
        ("key teamkeeper reader", {}, "title"),
    ],
)
@pytest.mark.parametrize("query", ["", "?expand=author"])
async def test_the_answer_of_a_write_shows_what_the_ways_to_write_and_to_view_give(
    tasks: Tasks, names: str, rules: Mapping[str, str], shown: str, query: str
):
    await roles(tasks)
    await tasks.ruled(**rules)
    body = {"title": "x"} if names != "teamkeeper reader" else {"title": "x", "secret": "s1"}
    status, answer = await tasks.send(bob(tasks, names), "PATCH", T1 + query, body)
    assert status == 200, answer
    assert " ".join(field for field in ("title", "views", "secret") if field in answer) == shown


async def test_no_role_for_everything_reaches_system_collections(tasks: Tasks):
    await roles(tasks)
    person = tasks.person("bob", "everywhere")
    superusers = "/api/collections/_superusers/records"
    body = {"email": "me@example.com", "password": "12345678", "passwordConfirm": "12345678"}
    assert (await tasks.send(person, "POST", superusers, body))[0] == 403
