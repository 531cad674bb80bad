"""Other ways to write a request: the rule that counts is that of what is done, and nothing else is done (S-34)."""

from typing import Any

import pytest

from api.rules.conftest import ID
from api.rules.tasks import T1, TASKS, Tasks, tasks
from client import refused

__all__ = ["tasks"]

pytestmark = pytest.mark.asyncio(loop_scope="package")

OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-Method")


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "PUT"])
async def test_s34_nothing_but_the_method_says_what_is_done(tasks: Tasks, method: str):
    """Reading is open and writing closed: no header, parameter or field of the body makes a write of a read."""
    await tasks.ruled(listRule="", viewRule="", createRule="")
    before = await tasks.row()
    guest = tasks.society["guest"]
    for header in OVERRIDES:
        assert (await guest.get(T1, headers={header: method})).status_code == 200
        assert (await guest.post(T1, headers={header: method}, json={"title": "Mine"})).status_code == 405
    assert (await guest.get(T1, params={"_method": method, "method": method})).status_code == 200
    body = {"_method": method, "_HttpMethod": method, "title": "Mine"}
    assert (await guest.post(T1, json=body)).status_code == 405
    assert (await guest.post(T1, data=body)).status_code == 405
    assert await tasks.row() == before


@pytest.mark.parametrize(
    "method", ["get", "Patch", "delete", "TRACE", "PROPFIND", "SEARCH", "QUERY", "COPY", "CONNECT", "X"]
)
async def test_s34_a_method_that_is_none_of_ours_does_nothing(tasks: Tasks, method: str):
    await tasks.ruled(listRule="", viewRule="", updateRule="", deleteRule="")
    before = await tasks.row()
    request = tasks.society["guest"].build_request("GET", T1, json={"title": "Mine"})
    request.method = method
    answer = await tasks.society["guest"].send(request)
    refused(answer, 405, "method_not_allowed")
    assert await tasks.row() == before


async def test_s34_head_and_options_tell_no_more_than_the_rule(tasks: Tasks):
    await tasks.ruled(listRule="author = @request.auth.id", viewRule="author = @request.auth.id")
    bob = tasks.society["bob"]
    hidden, nobodys = await bob.head(T1), await bob.head(f"{TASKS}/{ID('nowhere')}")
    ours = ("x-request-id", "server-timing")
    shown = [{name: text for name, text in one.headers.items() if name not in ours} for one in (hidden, nobodys)]
    assert (hidden.status_code, shown[0]) == (404, shown[1])
    assert (await bob.head(TASKS)).content == b""
    assert int((await bob.head(TASKS)).headers["content-length"]) < 100
    answers = [await bob.options(path) for path in (T1, f"{TASKS}/{ID('nowhere')}")]
    assert answers[0].headers["allow"] == answers[1].headers["allow"]
    assert [answer.content for answer in answers] == [b"", b""]


@pytest.mark.parametrize(
    "url",
    [
        f"/api/collections/tasks/records/../records/{ID('t1')}",
        f"/api/collections/posts/../tasks/records/{ID('t1')}",
        f"//api/collections/tasks/records/{ID('t1')}",
        f"http://holdfast.test/api/collections/tasks/records/{ID('t1')}",
        f"/API/collections/tasks/records/{ID('t1')}",
        f"/api/collections/TASKS/records/{ID('t1')}",
        f"/api/collections/tasks/records/{ID('t1')};a=b",
        f"/api/collections/tasks/records/{ID('t1')}%00",
        f"/api/collections/tasks/records/%2e%2e/{ID('t1')}",
        f"/api/collections/tasks%2frecords%2f{ID('t1')}/records/x",
        f"/api/collections/tasks/records/%2530{ID('t1')[1:]}",
        "/api/collections/people/auth-with-password",
        "/api/collections/tasks",
        "/api/collections/tasks/truncate",
        "/api/settings",
        "/api/batch",
    ],
)
@pytest.mark.parametrize("method", ["PATCH", "DELETE", "POST", "GET"])
async def test_s34_a_batch_reaches_nothing_but_records_by_their_own_names(tasks: Tasks, url: str, method: str):
    """Sent by a superuser, whom no rule holds back: what is not understood is refused, and the rest undone."""
    before = await tasks.row()
    requests: list[dict[str, Any]] = [
        {"method": "PATCH", "url": T1, "body": {"title": "Mine"}},
        {"method": method, "url": url, "body": {"title": "Mine"}},
    ]
    answer = await tasks.society["root"].post("/api/batch", json={"requests": requests})
    assert answer.status_code == 400, answer.text
    assert list(answer.json()["data"]["requests"]) == ["1"]
    assert await tasks.row() == before


async def test_a_part_of_a_batch_is_sent_by_nobody_else(tasks: Tasks):
    """Each part has headers, which rules can ask for. A token among them is only text."""
    await tasks.ruled(updateRule="author = @request.auth.id")
    before = await tasks.row()
    token = tasks.society["ann"].headers["Authorization"]
    for headers in ({"Authorization": token}, {"authorization": f"Bearer {token}"}, {"X-API-Key": "hf_x"}):
        part = {"method": "PATCH", "url": T1, "headers": headers, "body": {"title": "Mine"}}
        answer = await tasks.society["bob"].post("/api/batch", json={"requests": [part]})
        assert refused(answer, 400, "bad_request")["data"]["requests"]["0"]["response"]["status"] == 404
    assert await tasks.row() == before


@pytest.mark.parametrize(
    "path",
    [
        "/api/collections/", "/api//collections", "/api/collections;x", "/API/collections", "/api/Collections",
        "/api/%63ollections", "/api/collections/%70osts", "/api/collections/posts/", "/api/./settings",
        "/api/x/../settings", "/api/settings%00", "/api/settings%20", "/api/settings.json", "/api/settings/",
        "/api%2fsettings", "/api\\settings", "/./api/settings", "/api/keys#x/../..", "/api/rules/tests/../tests",
    ],
)  # fmt: skip
async def test_s34_no_other_spelling_opens_what_is_for_superusers(tasks: Tasks, path: str):
    for who in ("guest", "ann"):
        for headers in ({}, {"X-Original-URL": "/api/health"}, {"X-Rewrite-URL": "/api/health"}):
            answer = await tasks.society[who].get(path, headers=headers)
            assert answer.status_code in (401, 403, 404), answer.text
