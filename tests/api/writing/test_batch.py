"""Several writes in one transaction: all of them, or none and the reason."""

import json
from typing import Any

import pytest
import pytest_asyncio

from writing_server import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

TASKS = "/api/collections/tasks/records"
TEAMS = "/api/collections/teams/records"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def board(server: Server) -> Server:
    await server.define(
        {
            "id": "teams",
            "name": "teams",
            "type": "base",
            "createRule": "",
            "deleteRule": "",
            "fields": [{"name": "name", "type": "text"}],
        },
        {
            "id": "tasks",
            "name": "tasks",
            "type": "base",
            "createRule": "",
            "updateRule": "",
            "deleteRule": "",
            "fields": [
                {"name": "title", "type": "text", "required": True},
                {"name": "n", "type": "number"},
                {"name": "team", "type": "relation", "collectionId": "teams", "maxSelect": 1, "required": True},
                {"name": "watchers", "type": "relation", "collectionId": "teams", "maxSelect": 5},
                {"name": "files", "type": "file", "maxSelect": 2},
            ],
        },
        {
            "name": "needs",
            "type": "base",
            "createRule": "",
            "fields": [
                {"name": "teams", "type": "relation", "collectionId": "teams", "maxSelect": 5, "required": True}
            ],
        },
        {"name": "closed", "type": "base", "fields": [{"name": "x", "type": "text"}]},
    )
    return server


def post(url: str, body: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"method": "POST", "url": url, "body": body, **more}


async def send(board: Server, *requests: Any, who: str = "", **headers: str) -> Any:
    client = board.root if who else board.guest
    return await client.post("/batch", json={"requests": list(requests)}, headers=headers)


async def rows(board: Server) -> int:
    found = await board.rows("SELECT (SELECT count(*) FROM tasks) + (SELECT count(*) FROM teams) AS n")
    return found[0]["n"]


async def test_all_kinds_of_writes_go_in_order(board: Server):
    team = await board.made("teams", name="a")
    response = await send(
        board,
        post(TASKS, {"id": "aaaaaaaaaaaaaaa", "title": "one", "team": team["id"], "n": 1}),
        {"method": "PATCH", "url": f"{TASKS}/aaaaaaaaaaaaaaa?fields=n,team", "body": {"n+": 2}},
        {"method": "PUT", "url": TASKS, "body": {"id": "aaaaaaaaaaaaaaa", "title": "two"}},
        {
            "method": "put",
            "url": "api/collections/tasks/records?expand=team",
            "body": {"title": "3", "team": team["id"]},
        },
        {"method": "DELETE", "url": f"{TASKS}/aaaaaaaaaaaaaaa"},
    )
    assert response.status_code == 200, response.text
    answers = response.json()
    assert [one["status"] for one in answers] == [200, 200, 200, 200, 204]
    assert answers[1]["body"] == {"n": 3, "team": team["id"]}
    assert answers[2]["body"]["title"] == "two"
    assert "expand" not in answers[3]["body"]
    assert answers[4]["body"] is None
    assert await board.rows("SELECT title FROM tasks") == [{"title": "3"}]


async def test_expand_is_honoured(board: Server):
    team = await board.made("teams", name="a")
    response = await send(board, post(f"{TASKS}?expand=team", {"title": "x", "team": team["id"]}), who="root")
    assert response.json()[0]["body"]["expand"]["team"]["name"] == "a"


async def test_records_of_one_batch_can_point_at_each_other_in_any_order(board: Server):
    response = await send(
        board,
        post(TASKS, {"title": "x", "team": "ttttttttttttttt", "watchers": ["ttttttttttttttt"]}),
        post(TEAMS, {"id": "ttttttttttttttt", "name": "late"}),
    )
    assert response.status_code == 200, response.text
    assert await rows(board) == 2


@pytest.mark.parametrize(
    ("last", "status", "data"),
    [
        pytest.param(
            post(TASKS, {"title": "", "team": "t"}),
            400,
            {"title": "validation_required"},
            id="a field",
        ),
        pytest.param(post(TEAMS, {"id": "aaaaaaaaaaaaaaa"}), 400, {"id": "validation_not_unique"}, id="an id"),
        pytest.param(post("/api/collections/closed/records", {}), 403, {}, id="a closed rule"),
        pytest.param(post("/api/collections/nothing/records", {}), 404, {}, id="no such collection"),
        pytest.param({"method": "DELETE", "url": f"{TASKS}/none"}, 404, {}, id="no such record"),
        pytest.param(
            {"method": "PATCH", "url": f"{TEAMS}/aaaaaaaaaaaaaaa", "body": {}},
            403,
            {},
            id="an update that is closed",
        ),
        pytest.param(
            {"method": "DELETE", "url": f"{TEAMS}/aaaaaaaaaaaaaaa", "headers": {"If-Match": '"1-x"'}},
            412,
            {},
            id="another version",
        ),
        pytest.param(
            post(TASKS, {"title": "x", "team": "nobody000000000"}),
            400,
            {"team": "validation_missing_rel_records"},
            id="a relation to nobody",
        ),
        pytest.param(
            post("/api/collections/needs/records", {"teams": ["aaaaaaaaaaaaaaa", "nobody000000000"]}),
            400,
            {"teams": "validation_missing_rel_records"},
            id="a list with nobody",
        ),
    ],
)
async def test_one_that_fails_undoes_them_all_and_is_named(
    board: Server, last: dict[str, Any], status: int, data: dict[str, str]
):
    response = await send(board, post(TEAMS, {"id": "aaaaaaaaaaaaaaa", "name": "a"}), last)
    assert response.status_code == 400
    assert list(response.json()["data"]["requests"]) == ["1"]
    failed = response.json()["data"]["requests"]["1"]
    assert (failed["code"], failed["message"]) == ("batch_request_failed", "Batch request failed.")
    assert failed["response"]["status"] == status
    assert {name: problem["code"] for name, problem in failed["response"]["data"].items()} == data
    assert await rows(board) == 0


async def test_a_delete_that_leaves_somebody_without_what_they_need_is_named(board: Server):
    team = (await board.made("teams", name="a"))["id"]
    task = (await board.made("tasks", title="x", team=team))["id"]
    delete = {"method": "DELETE", "url": f"{TEAMS}/{team}"}
    response = await send(board, post(TEAMS, {}), delete, post(TEAMS, {}))
    failed = response.json()["data"]["requests"]
    assert list(failed) == ["1"]
    assert "tasks" in failed["1"]["response"]["message"]
    assert (await send(board, delete, {"method": "DELETE", "url": f"{TASKS}/{task}"})).status_code == 200
    assert await rows(board) == 0


async def test_a_list_that_needs_its_last_member_is_named(board: Server):
    team = (await board.made("teams", name="a"))["id"]
    await board.made("needs", teams=[team])
    response = await send(board, post(TEAMS, {}), {"method": "DELETE", "url": f"{TEAMS}/{team}"})
    assert list(response.json()["data"]["requests"]) == ["1"]
    assert "needs" in response.json()["data"]["requests"]["1"]["response"]["message"]


@pytest.mark.parametrize(
    ("body", "at"),
    [
        pytest.param({}, ["requests"], id="no requests"),
        pytest.param({"requests": []}, ["requests"], id="an empty list"),
        pytest.param({"requests": "x"}, ["requests"], id="no list"),
        pytest.param({"requests": [post(TEAMS, {})] * 51}, ["requests"], id="too many"),
        pytest.param({"requests": [post(TEAMS, {}), 5]}, ["requests", "1", "method"], id="no object"),
        pytest.param({"requests": [{"method": "POST"}]}, ["requests", "0", "url"], id="no url"),
        pytest.param({"requests": [post("/api/collections", {})]}, ["requests", "0", "url"], id="not records"),
        pytest.param({"requests": [post("/api/batch", {})]}, ["requests", "0", "url"], id="a batch in a batch"),
        pytest.param({"requests": [post(f"{TEAMS}/x/y", {})]}, ["requests", "0", "url"], id="too deep"),
        pytest.param({"requests": [post(f"{TEAMS}/%ff", {})]}, ["requests", "0", "url"], id="not UTF-8"),
        pytest.param({"requests": [post(f"{TEAMS}/%00", {})]}, ["requests", "0", "url"], id="NUL"),
        pytest.param({"requests": [post(f"http://x{TEAMS}", {})]}, ["requests", "0", "url"], id="another server"),
        pytest.param({"requests": [post(f"{TEAMS}/x", {})]}, ["requests", "0", "method"], id="POST to a record"),
        pytest.param({"requests": [{"method": "GET", "url": TEAMS}]}, ["requests", "0", "method"], id="a read"),
        pytest.param({"requests": [{"method": None, "url": TEAMS}]}, ["requests", "0", "method"], id="no method"),
        pytest.param({"requests": [post(TEAMS, {}, headers=[1])]}, ["requests", "0", "headers"], id="headers"),
        pytest.param({"requests": [{**post(TEAMS, {}), "body": "x"}]}, ["requests", "0", "body"], id="body"),
    ],
)
async def test_what_is_no_batch_is_refused_where_it_is_wrong(board: Server, body: Any, at: list[str]):
    response = await board.guest.post("/batch", json=body)
    assert response.status_code == 400, response.text
    found = response.json()["data"]
    for key in at:
        found = found[key]
    assert found["code"].startswith("validation_")
    assert await rows(board) == 0


async def test_the_form_that_pocketbase_clients_send(board: Server):
    team = (await board.made("teams", name="a"))["id"]
    payload = {"requests": [post(TASKS, {"title": "x", "team": team}), post(TEAMS, {"name": "b"})]}
    files = [
        ("@jsonPayload", (None, json.dumps(payload))),
        ("requests.0.n", (None, "7")),
        ("requests[1].name", (None, "c")),
    ]
    response = await board.guest.post("/batch", files=files)
    assert response.status_code == 200, response.text
    assert [one["body"].get("n", one["body"].get("name")) for one in response.json()] == [7, "c"]
    stored = await board.guest.post("/batch", files=[*files[:1], ("requests.0.files", ("a.txt", b"x"))])
    assert stored.status_code == 200, stored.text
    assert [len(one["body"].get("files", [])) for one in stored.json()] == [1, 0]


async def test_a_batch_is_done_once_for_one_key(board: Server):
    requests = [post(TEAMS, {"name": "a"}), post(TEAMS, {"name": "b"})]
    first = await send(board, *requests, **{"idempotency-key": "k"})
    again = await send(board, *requests, **{"idempotency-key": "k"})
    assert (first.status_code, again.content) == (200, first.content)
    assert await rows(board) == 2
    bad = [post(TEAMS, {"name": "c"}), post(TASKS, {})]
    refused = await send(board, *bad, **{"idempotency-key": "k2"})
    assert (await send(board, *bad, **{"idempotency-key": "k2"})).content == refused.content
    assert refused.status_code == 400
    assert await rows(board) == 2


async def test_fifty_writes_fit_into_a_batch(board: Server):
    response = await send(board, *[post(TEAMS, {"name": str(at)}) for at in range(50)])
    assert [one["body"]["name"] for one in response.json()] == [str(at) for at in range(50)]
