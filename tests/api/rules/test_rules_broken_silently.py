"""Rules that somebody broke behind the server's back: whatever they guard is closed, and superusers go on (S-33)."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from client import PASSWORD, Api, refused

MEMBERS = "/api/collections/members/records"
LOGIN = "/api/collections/members/auth-with-password"
BROKEN = ["gone != ''", "name =", "((((", "nothing(name) = 1", "@collection.gone.id ?= id", "name = 'a' &&"]


class Members:
    """An open auth collection with Ann in it, whose rules a test breaks."""

    def __init__(self, api: Api, ann: str) -> None:
        self.api = api
        self.ann = f"{MEMBERS}/{ann}"

    async def broken(self, rule: str, *names: str) -> None:
        """Write a rule into the database that the API would have refused."""
        connection = await self.api.pool.acquire()
        change = "UPDATE holdfast.collections SET definition = jsonb_set(definition, $1, to_jsonb($2::text))"
        for name in names:
            await connection.execute(f"{change} WHERE name = 'members'", name.split("."), rule)
        await connection.execute("UPDATE holdfast.catalog SET version = version + 1")
        await connection.execute("SELECT pg_notify('holdfast_catalog', version::text) FROM holdfast.catalog")
        self.api.pool.release(connection)
        for _ in range(500):
            if (await self.api.root.get("/api/collections/members")).json().get(names[0].rpartition(".")[2]) == rule:
                return
            await asyncio.sleep(0.01)
        pytest.fail("the server did not see the change")

    async def row(self) -> dict[str, object]:
        """Ann, as a superuser sees her."""
        return (await self.api.root.get(self.ann)).json()


@pytest_asyncio.fixture
async def members(api: Api) -> AsyncIterator[Members]:
    await api.define("members", [{"name": "name", "type": "text"}], type="auth")
    ann = await api.create("members", email="ann@example.com", password=PASSWORD, passwordConfirm=PASSWORD, name="Ann")
    yield Members(api, ann["id"])


async def test_s33_what_a_broken_rule_guards_is_closed(members: Members):
    token = await members.api.login("ann@example.com", PASSWORD, "members")
    rules = ("listRule", "viewRule", "createRule", "updateRule", "deleteRule", "auth.manageRule", "auth.authRule")
    new = {"password": PASSWORD, "passwordConfirm": PASSWORD, "name": "New"}
    before = await members.row()
    for rule in BROKEN:
        await members.broken(rule, *rules)
        for client in (members.api.guest, members.api.client(token)):
            assert (await client.get(MEMBERS)).json()["items"] == []
            refused(await client.get(members.ann), 404, "not_found")
            refused(await client.post(MEMBERS, json={**new, "email": "new@example.com"}), 400, "rule_failed")
            refused(await client.patch(members.ann, json={"name": "Mine"}), 404, "not_found")
            refused(
                await client.patch(members.ann, json={"password": "x" * 9, "passwordConfirm": "x" * 9}),
                404,
                "not_found",
            )
            refused(await client.delete(members.ann), 404, "not_found")
            refused(await client.get(f"/api/me/permissions/members/{before['id']}"), 404, "not_found")
        body = {"identity": "ann@example.com", "password": PASSWORD}
        refused(await members.api.guest.post(LOGIN, json=body), 403, "forbidden")
        refused(await members.api.client(token).post("/api/collections/members/auth-refresh"), 403, "forbidden")
        assert await members.row() == before


async def test_s33_a_broken_manage_rule_lets_nobody_manage(members: Members):
    """The other rules are open: what is for managers alone stays closed."""
    token = await members.api.login("ann@example.com", PASSWORD, "members")
    before = await members.row()
    for rule in BROKEN[:3]:
        await members.broken(rule, "auth.manageRule")
        for change in ({"verified": True}, {"email": "other@example.com"}):
            answer = await members.api.client(token).patch(members.ann, json=change)
            assert refused(answer, 400, "validation_failed")["data"].keys() == change.keys()
    assert await members.row() == before


async def test_s33_a_rule_that_fails_on_the_data_lets_nobody_in(members: Members):
    """A view whose query works when it is saved, and not on what is in its tables later."""
    api = members.api
    await api.define("rates", [{"name": "by", "type": "number", "onlyInt": True}])
    query = "SELECT id, (100 / by) AS share FROM rates"
    await api.define("shares", type="view", viewQuery=query, createRule=None, updateRule=None, deleteRule=None)
    rule = "@collection.shares.share ?> 1 || name != ''"
    answer = await api.root.patch("/api/collections/members", json={"listRule": rule, "viewRule": rule})
    assert answer.status_code == 200, answer.text
    assert (await api.guest.get(MEMBERS)).json()["totalItems"] == 1
    await api.create("rates", by=0)
    for path in (MEMBERS, members.ann):
        answer = await api.guest.get(path)
        assert 400 <= answer.status_code < 500, answer.text
        assert "Ann" not in answer.text
