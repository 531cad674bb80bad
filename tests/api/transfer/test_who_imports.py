"""Who may import, what plugins hear of it, and how one is stopped."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest
import pytest_asyncio

from client import Api, in_one_loop, refused, running
from holdfast.transfer.store import MOST_AT_ONCE
from plugged import start_plugged
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT

__all__ = ["start_plugged"]

CSV = {"Content-Type": "text/csv"}
POSTS = "/api/collections/posts/records"
FIELDS: list[dict[str, Any]] = [
    {"name": "title", "type": "text", "unique": True},
    {"name": "state", "type": "text"},
    {"name": "author", "type": "relation", "collectionId": "_pb_users_auth_"},
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    dsn = await make_database(cluster, PROJECT)
    async with running(dsn, tmp_path_factory.mktemp("who")) as made:
        users = (await made.root.get("/api/collections/users")).json()
        await made.root.patch("/api/collections/users", json={"listRule": "id = @request.auth.id", "createRule": ""})
        fields = [{**one, "collectionId": users["id"]} if one["type"] == "relation" else one for one in FIELDS]
        await made.define("posts", fields, createRule=None, updateRule=None)
        yield made
    await drop_database(cluster, dsn)


async def user(api: Api, name: str, *roles: str) -> httpx.AsyncClient:
    email = f"{name}@example.com"
    body = {"email": email, "password": "a long password", "passwordConfirm": "a long password", "roles": roles}
    await api.create("users", **body)
    return api.client(await api.login(email, "a long password", "users"))


async def role(api: Api, name: str, actions: list[str], rule: str = "", **fields: list[str]) -> None:
    permission = {"collection": "posts", "actions": actions, "rule": rule, **({"fields": fields} if fields else {})}
    answer = await api.root.post("/api/roles", json={"name": name, "permissions": [permission]})
    assert answer.status_code == 200, answer.text


async def send(client: httpx.AsyncClient, text: str, collection: str = "posts", **query: str) -> httpx.Response:
    path = f"/api/collections/{collection}/records/import"
    return await client.post(path, content=text.encode(), headers=CSV, params=query)


@in_one_loop
async def test_a_rule_that_lets_anyone_create_lets_nobody_import(api: Api):
    await api.root.patch("/api/collections/posts", json={"createRule": ""})
    refused(await send(api.guest, "title\na\n"), 401, "unauthenticated")
    refused(await send(await user(api, "ann"), "title\na\n"), 403, "forbidden")
    await api.root.patch("/api/collections/posts", json={"createRule": None})


@in_one_loop
async def test_who_has_a_role_may_import_what_the_role_may_create(api: Api):
    await role(api, "importer", ["create"], "state = 'draft'")
    bob = await user(api, "bob", "importer")
    answer = await send(bob, "title,state\nb1,draft\nb2,final\nb3,draft\n", onError="skip")
    assert answer.status_code == 200, answer.text
    report = answer.json()
    assert (report["inserted"], report["failed"]) == (2, 1)
    assert (report["errors"][0]["line"], report["errors"][0]["code"]) == (3, "rule_failed")
    refused(await send(bob, "title\nb1\n", mode="upsert", key="title"), 403, "forbidden")
    refused(await send(bob, "title\nb9\n", hooks="false"), 403, "forbidden")
    refused(await send(bob, "email\nx@example.com\n", "users"), 403, "forbidden")
    mine = (await bob.get("/api/collections/posts/imports")).json()
    assert [one["id"] for one in mine] == [report["importId"]]
    other = await user(api, "eve", "importer")
    refused(await other.get(f"/api/collections/posts/imports/{report['importId']}"), 404, "not_found")
    refused(await bob.post(f"/api/collections/posts/imports/{report['importId']}/undo"), 403, "forbidden")


@in_one_loop
async def test_who_may_change_some_records_changes_no_others(api: Api):
    await role(api, "editor", ["update"], "state = 'open'")
    for title, state in (("c1", "open"), ("c2", "closed")):
        await api.create("posts", title=title, state=state)
    cleo = await user(api, "cleo", "editor")
    report = (
        await send(cleo, "title,state\nc1,open\nc2,open\nc3,open\n", mode="update", key="title", onError="skip")
    ).json()
    assert (report["updated"], [(one["line"], one["code"]) for one in report["errors"]]) == (
        1, [(3, "not_found"), (4, "not_found")],
    )  # fmt: skip
    assert len({one["message"] for one in report["errors"]}) == 1, "what is hidden looks like what is not there"


@in_one_loop
async def test_a_role_may_write_only_its_fields(api: Api):
    await role(api, "titles", ["create"], write=["title"])
    dan = await user(api, "dan", "titles")
    body = refused(await send(dan, "title,state\nd1,x\n"), 400, "validation_failed")
    assert body["data"]["state"]["code"] == "validation_not_allowed"
    assert (await send(dan, "title\nd1\n")).json()["inserted"] == 1


@in_one_loop
async def test_names_of_records_lead_nobody_to_what_they_may_not_list(api: Api):
    await role(api, "writer", ["create"])
    fay = await user(api, "fay", "writer")
    report = (
        await send(
            fay, "title,author.email\nf1,fay@example.com\nf2,root@example.com\nf3,FAY@example.com\n", onError="skip"
        )
    ).json()
    assert (report["inserted"], [one["line"] for one in report["errors"]]) == (2, [3])
    assert (await send(api.root, "title,author.email\nf4,fay@example.com\n")).json()["inserted"] == 1


@in_one_loop
async def test_a_rule_that_asks_about_the_body_is_for_superusers(api: Api):
    await role(api, "asked", ["create"], "@request.body.state = 'x'")
    refused(await send(await user(api, "gus", "asked"), "title\ng1\n"), 403, "forbidden")


@in_one_loop
async def test_accounts_come_with_passwords_hashes_or_none(api: Api):
    bcrypt = "$2b$04$abcdefghijklmnopqrstuuL2Chat1vWx0UvHrpVfAGqz4yFO0zqKa"
    people = ("h1@example.com,a long password,", "h2@example.com,short,", 'h3@example.com,another long one,["no"]')
    text = "\n".join(("email,password,roles", *people, ""))
    report = (await send(api.root, text, "users", onError="skip")).json()
    assert (report["inserted"], [(one["line"], one["column"], one["value"]) for one in report["errors"]]) == (
        1, [(3, "password", ""), (4, "roles", '["no"]')],
    )  # fmt: skip
    await api.login("h1@example.com", "a long password", "users")
    report = (
        await send(
            api.root, f"email,passwordHash\nh4@example.com,{bcrypt}\nh5@example.com,abc\n", "users", onError="skip"
        )
    ).json()
    assert (report["inserted"], report["failed"]) == (1, 1)
    assert (await send(api.root, "email\nh6@example.com\n", "users")).json()["inserted"] == 1
    failed = {"identity": "h6@example.com", "password": ""}
    assert (await api.guest.post("/api/collections/users/auth-with-password", json=failed)).status_code == 400


@in_one_loop
async def test_another_password_or_email_ends_the_tokens_of_an_account(api: Api):
    names = ("i1", "i2", "i3")
    people = {name: await user(api, name) for name in names}
    text = "email,password,name\ni1@example.com,a new long password,x\ni2@example.com,,y\ni3@example.com,,z\n"
    report = (await send(api.root, text, "users", mode="update", key="email")).json()
    assert report["updated"] == 3
    ended = [(await people[name].post("/api/collections/users/auth-refresh")).status_code for name in names]
    assert ended == [401, 200, 200]
    await api.login("i1@example.com", "a new long password", "users")


async def reading(api: Api, count: int) -> list[dict[str, Any]]:
    """The imports that are reading, when there are so many."""
    for _ in range(500):
        found = (await api.root.get("/api/collections/posts/imports")).json()
        if len(those := [one for one in found if one["state"] == "reading"]) == count:
            return those
        await asyncio.sleep(0.01)
    raise AssertionError(f"there are never {count} imports that read")


@in_one_loop
async def test_an_import_that_is_cancelled_writes_nothing(api: Api):
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"title,state\n" + b"".join(b"cancelled%d,x\n" % number for number in range(2000))
        begun.set()
        await go_on.wait()
        yield b"last,x\n"

    sending = asyncio.create_task(api.root.post(f"{POSTS}/import", content=slowly(), headers=CSV))
    await begun.wait()
    (running,) = await reading(api, 1)
    path = f"/api/collections/posts/imports/{running['id']}"
    assert (await api.root.delete(path)).status_code == 204
    go_on.set()
    refused(await sending, 409, "conflict")
    assert (await api.root.get(path)).json()["state"] == "cancelled"
    refused(await api.root.delete(path), 409, "conflict")
    assert (await api.root.get(POSTS, params={"filter": "title ~ 'cancelled'"})).json()["totalItems"] == 0


@in_one_loop
async def test_no_more_than_a_few_run_at_once(api: Api):
    wait = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"title\n"
        await wait.wait()
        yield b""

    sending = [
        asyncio.create_task(api.root.post(f"{POSTS}/import", content=slowly(), headers=CSV))
        for _ in range(MOST_AT_ONCE)
    ]
    await reading(api, MOST_AT_ONCE)
    answer = await send(api.root, "title\nz\n")
    assert refused(answer, 503, "unavailable")
    wait.set()
    assert [(await one).status_code for one in sending] == [200] * MOST_AT_ONCE


HOOK = """
async def record_before_create(self, ctx, draft):
    if draft.values["title"] == "bad":
        raise ValidationFailed({"title": Problem("validation_bad_word", "This word is not taken.")})
    draft.values["state"] = "seen"

async def record_after_commit(self, ctx, written):
    print(written.action)
"""


async def test_plugins_are_asked_about_every_record(start_plugged: Callable[..., AbstractAsyncContextManager[Api]]):
    async with start_plugged(HOOK) as api:
        await api.define("posts", FIELDS[:2])
        await api.create("posts", title="old", state="")
        text = "title,state\none,x\nbad,x\nold,y\n"
        report = (await send(api.root, text, mode="upsert", key="title", onError="skip")).json()
        assert (report["inserted"], report["updated"], report["failed"]) == (1, 1, 1)
        assert [(one["line"], one["column"], one["code"]) for one in report["errors"]] == [
            (3, "title", "validation_bad_word")
        ]
        states = {one["title"]: one["state"] for one in (await api.root.get(POSTS)).json()["items"]}
        assert states == {"one": "seen", "old": "y"}
        undone = (await api.root.post(f"/api/collections/posts/imports/{report['importId']}/undo")).json()
        assert undone == {"deleted": 1, "restored": 1, "left": 0}
        report = (await send(api.root, "title,state\ntwo,x\nbad,x\n", hooks="false")).json()
        assert report["inserted"] == 2
        states = {one["title"]: one["state"] for one in (await api.root.get(POSTS)).json()["items"]}
        assert states == {"old": "seen", "two": "x", "bad": "x"}
