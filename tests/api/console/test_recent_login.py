"""What cannot be taken back asks a session of the console for a password of late, and nobody else."""

from typing import Any

import httpx
import pytest
import pytest_asyncio

from client import EMAIL, PASSWORD, Api, in_one_loop, refused

pytestmark = in_one_loop
SESSION = "/api/console/session"
PROOF = f"{SESSION}/proof"
OWN = {"Origin": "http://holdfast.test", "Sec-Fetch-Site": "same-origin"}
SUPERUSERS = "/api/collections/_superusers"
ADA = {"email": "ada@example.com", "password": PASSWORD, "passwordConfirm": PASSWORD}
GRAVE: dict[str, tuple[str, str, Any]] = {
    "delete a collection": ("DELETE", "/api/collections/posts", None),
    "empty a collection": ("DELETE", "/api/collections/posts/truncate", None),
    "import all there is": ("PUT", "/api/collections/import", {"collections": [{"name": "x"}], "deleteMissing": True}),
    "delete for good": ("DELETE", "/api/collections/trash/nothing", None),
    "make a superuser": ("POST", f"{SUPERUSERS}/records", ADA),
    "make one in a batch": (
        "POST",
        "/api/batch",
        {"requests": [{"method": "POST", "url": f"{SUPERUSERS}/records", "body": ADA}]},
    ),
    "make many": ("POST", f"{SUPERUSERS}/records/bulk", {"ids": ["nobody"], "delete": True}),
    "make many as a job": ("POST", "/api/collections/_superusers/bulks", {"ids": ["nobody"], "delete": True}),
    "block a superuser": ("POST", f"{SUPERUSERS}/accounts/nobody/block", {}),
    "be somebody else": ("POST", "/api/collections/users/impersonate/nobody", {}),
    "make a key": ("POST", "/api/keys", {"name": "robot"}),
    "rotate a key": ("POST", "/api/keys/nothing/rotate", {}),
    "check a backup": ("POST", "/api/backups/nothing.zip/verify", None),
    "another secret": ("POST", "/api/webhooks/nothing/rotate-secret", {}),
}
PLAIN: dict[str, tuple[str, str, Any]] = {
    "look": ("GET", "/api/keys", None),
    "look at superusers": ("GET", f"{SUPERUSERS}/records", None),
    "ask for superusers": ("POST", f"{SUPERUSERS}/records/query", {}),
    "plan a deletion": ("POST", "/api/collections/plan", {"method": "DELETE", "collection": "posts"}),
    "write a record": ("POST", "/api/collections/posts/records", {}),
    "change a collection": ("PATCH", "/api/collections/posts", {"comment": "Words"}),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(shared_api: Api) -> Any:
    """A browser at the console, whose owner has given the password twenty minutes ago."""
    await shared_api.root.post("/api/collections", json={"name": "posts"})
    async with shared_api.client() as client:
        answer = await client.post(SESSION, json={"identity": EMAIL, "password": PASSWORD}, headers=OWN)
        client.headers["X-CSRF-Token"] = answer.json()["csrf"]
        yield client


async def age(api: Api) -> None:
    async with api.pool.transaction() as tx:
        await tx.connection.execute("UPDATE holdfast.sessions SET proved = proved - interval '20 minutes'")


async def ask(client: httpx.AsyncClient, asked: tuple[str, str, Any]) -> httpx.Response:
    method, path, body = asked
    return await client.request(method, path, json=body)


@pytest.mark.parametrize("name", GRAVE)
async def test_an_old_session_has_to_show_who_sits_there(
    shared_api: Api, browser: httpx.AsyncClient, name: str
) -> None:
    await age(shared_api)
    before = len((await shared_api.root.get("/api/collections")).json()["items"])
    refused(await ask(browser, GRAVE[name]), 403, "recent_login_needed")
    assert len((await shared_api.root.get("/api/collections")).json()["items"]) == before


@pytest.mark.parametrize("name", PLAIN)
async def test_what_can_be_taken_back_is_not_held_up(shared_api: Api, browser: httpx.AsyncClient, name: str) -> None:
    await age(shared_api)
    assert (await ask(browser, PLAIN[name])).status_code == 200


async def test_programs_are_not_asked(shared_api: Api) -> None:
    await age(shared_api)
    for name in ("delete for good", "rotate a key", "another secret"):
        assert (await ask(shared_api.root, GRAVE[name])).status_code == 404
    body = {"identity": EMAIL, "password": PASSWORD, "session": True}
    answer = await shared_api.guest.post(f"{SUPERUSERS}/auth-with-password", json=body)
    async with shared_api.client(answer.json()["token"]) as program:
        assert (await ask(program, GRAVE["rotate a key"])).status_code == 404


async def test_the_password_lets_it_go_on(shared_api: Api, browser: httpx.AsyncClient) -> None:
    await age(shared_api)
    wrong = await browser.post(PROOF, json={"password": "not the password"})
    assert refused(wrong, 400, "validation_failed")["data"]["password"]["code"] == "validation_invalid_password"
    assert set(refused(await browser.post(PROOF, json={}), 400, "validation_failed")["data"]) == {"password"}
    refused(await ask(browser, GRAVE["make a key"]), 403, "recent_login_needed")
    assert (await browser.post(PROOF, json={"password": PASSWORD})).status_code == 204
    assert (await ask(browser, GRAVE["make a key"])).status_code == 200
    refused(await shared_api.guest.post(PROOF, json={"password": PASSWORD}), 401, "unauthenticated")
    refused(await shared_api.root.post(PROOF, json={"password": PASSWORD}), 403, "forbidden")
