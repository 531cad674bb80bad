"""API keys: made, used, rotated and revoked; and what somebody gets who tries without."""

import asyncio
from typing import Any

import httpx
import pytest

from client import Api
from holdfast.auth import key_count
from holdfast.auth.principals import GUESSES, KEPT_SECONDS
from holdfast.db.sql import Statement, raw, value

POST = "/api/collections/posts/records/post00000000001"
REFUSED = "This API key is not valid here: it is unknown, expired, revoked, or not for this address."


@pytest.fixture
async def blog(api: Api) -> Api:
    """Posts that a role lets read, notes that anyone may read, and diaries for people who are logged in."""
    fields = [{"name": "title", "type": "text"}]
    closed = dict.fromkeys(("listRule", "viewRule", "createRule", "updateRule", "deleteRule"))
    await api.define("posts", fields, **closed)
    await api.define("notes", fields)
    await api.define("diaries", fields, listRule="@request.auth.id != ''")
    await api.create("posts", id="post00000000001", title="One")
    await api.create("diaries", title="Secret")
    permissions = [{"collection": "posts", "actions": ["view"]}]
    assert (await api.root.post("/api/roles", json={"name": "reader", "permissions": permissions})).status_code == 200
    return api


async def make(api: Api, **body: Any) -> dict[str, Any]:
    answer = await api.root.post("/api/keys", json={"name": "a key", **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


def using(api: Api, secret: str, *, header: str = "X-API-Key", address: str = "192.0.2.1") -> httpx.AsyncClient:
    client = api.client(address=address)
    client.headers[header] = f"Bearer {secret}" if header == "Authorization" else secret
    return client


async def refused_soon(client: httpx.AsyncClient, path: str = POST) -> bool:
    """Whether the key is refused within two seconds."""
    for _ in range(20):
        if (await client.get(path)).status_code == 401:
            return True
        await asyncio.sleep(0.1)
    return False


@pytest.mark.parametrize("header", ["X-API-Key", "Authorization"])
async def test_a_key_may_do_what_its_roles_say(blog: Api, header: str):
    key = await make(blog, roles=["reader"])
    client = using(blog, key["key"], header=header)
    assert (await client.get(POST)).json()["title"] == "One"
    assert (await client.patch(POST, json={"title": "Two"})).status_code == 403


async def test_a_key_may_do_what_a_guest_may_and_is_no_logged_in_user(blog: Api):
    client = using(blog, (await make(blog))["key"])
    assert (await client.get(POST)).status_code == 403
    assert (await client.get("/api/collections/notes/records")).status_code == 200
    assert (await client.get("/api/collections/diaries/records")).json()["totalItems"] == 0


async def test_a_key_of_a_superuser_may_do_everything(blog: Api):
    client = using(blog, (await make(blog, superuser=True))["key"])
    assert (await client.get("/api/collections")).status_code == 200
    assert (await client.patch(POST, json={"title": "Two"})).json()["title"] == "Two"


async def test_the_secret_is_shown_once_and_kept_as_a_hash(blog: Api):
    key = await make(blog, roles=["reader"])
    assert key["key"].startswith(f"{key['prefix']}_")
    for path in ("/api/keys", f"/api/keys/{key['id']}"):
        assert key["key"][20:] not in (await blog.root.get(path)).text
    async with blog.pool.transaction() as tx:
        row = await tx.connection.fetchrow("SELECT * FROM holdfast.keys")
    assert row is not None
    assert len(row["hash"]) == 32
    assert key["key"][20:] not in str(dict(row))


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param("hf_abcdefghijklmno_" + "0" * 49, id="S-13 a wrong checksum"),
        pytest.param("hf_", id="nothing behind the prefix"),
        pytest.param("", id="empty"),
    ],
)
async def test_what_is_no_key_is_refused_without_a_look_at_the_database(blog: Api, secret: str):
    async with blog.pool.transaction() as tx:
        await tx.connection.execute("LOCK TABLE holdfast.keys IN ACCESS EXCLUSIVE MODE")
        async with asyncio.timeout(5):
            answer = await using(blog, secret).get("/api/collections/notes/records")
    expected = (200, None) if not secret else (401, REFUSED)
    assert (answer.status_code, answer.json().get("message")) == expected


async def test_whatever_is_wrong_with_a_key_is_said_in_the_same_words(blog: Api):
    unknown = await make(blog)
    async with blog.pool.transaction() as tx:
        await tx.connection.execute("DELETE FROM holdfast.keys")
    revoked = await make(blog)
    await blog.root.delete(f"/api/keys/{revoked['id']}")
    elsewhere = await make(blog, allowedIps=["198.51.100.0/24"])
    expired = await make(blog)
    async with blog.pool.transaction() as tx:
        await tx.connection.execute("UPDATE holdfast.keys SET expires = now() WHERE id = $1", expired["id"])
    answers = [await using(blog, key["key"]).get(POST) for key in (unknown, revoked, elsewhere, expired)]
    assert {(answer.status_code, answer.json()["message"]) for answer in answers} == {(401, REFUSED)}


@pytest.mark.parametrize(
    ("allowed", "address", "status"),
    [
        pytest.param(["192.0.2.0/24"], "192.0.2.9", 200, id="a network"),
        pytest.param(["192.0.2.9"], "192.0.2.9", 200, id="an address"),
        pytest.param(["2001:db8::/32"], "2001:db8::1", 200, id="IPv6"),
        pytest.param(["192.0.2.0/24"], "::ffff:192.0.2.9", 200, id="mapped"),
        pytest.param(["192.0.2.0/24"], "192.0.3.9", 401, id="elsewhere"),
        pytest.param(["192.0.2.0/24"], "2001:db8::1", 401, id="another version"),
    ],
)
async def test_a_key_works_from_its_networks(blog: Api, allowed: list[str], address: str, status: int):
    key = await make(blog, roles=["reader"], allowedIps=allowed)
    assert (await using(blog, key["key"], address=address).get(POST)).status_code == status


async def test_a_key_that_is_revoked_is_refused_within_two_seconds(blog: Api):
    key = await make(blog, roles=["reader"])
    client = using(blog, key["key"])
    assert (await client.get(POST)).status_code == 200
    assert (await blog.root.delete(f"/api/keys/{key['id']}")).status_code == 204
    assert await refused_soon(client)
    assert (await blog.root.get(f"/api/keys/{key['id']}")).json()["revoked"] != ""
    assert (await blog.root.post(f"/api/keys/{key['id']}/rotate", json={})).status_code == 404


async def test_both_secrets_work_while_a_rotation_overlaps(blog: Api):
    key = await make(blog, roles=["reader"])
    rotated = (await blog.root.post(f"/api/keys/{key['id']}/rotate", json={"overlapSeconds": 60})).json()
    assert rotated["key"] != key["key"]
    for secret in (key["key"], rotated["key"]):
        assert (await using(blog, secret).get(POST)).status_code == 200


async def test_the_old_secret_ends_with_a_rotation_that_does_not_overlap(blog: Api):
    key = await make(blog, roles=["reader"])
    rotated = (await blog.root.post(f"/api/keys/{key['id']}/rotate")).json()
    assert (await using(blog, key["key"]).get(POST)).status_code == 401
    assert (await using(blog, rotated["key"]).get(POST)).status_code == 200


async def last_use(api: Api, id: str, after: str = "") -> str:
    """When the key was used last, as soon as that is written; empty if it is not within a second."""
    for _ in range(20):
        found = (await api.root.get(f"/api/keys/{id}")).json()["lastUsed"]
        if found > after:
            return found
        await asyncio.sleep(0.05)
    return ""


async def test_the_last_use_is_written_at_most_once_a_minute(blog: Api):
    key = await make(blog, roles=["reader"])
    client = using(blog, key["key"])
    assert (await blog.root.get(f"/api/keys/{key['id']}")).json()["lastUsed"] == ""
    await client.get(POST)
    first = await last_use(blog, key["id"])
    assert first != ""
    await asyncio.sleep(KEPT_SECONDS + 0.1)
    await client.get(POST)
    assert await last_use(blog, key["id"], first) == ""
    async with blog.pool.transaction() as tx:
        await tx.connection.execute("UPDATE holdfast.keys SET last_used = last_used - interval '61 s'")
    await asyncio.sleep(KEPT_SECONDS)
    await client.get(POST)
    assert await last_use(blog, key["id"], first) != ""


async def test_a_use_that_cannot_be_written_fails_no_request(blog: Api):
    key = await make(blog, roles=["reader"])
    async with blog.pool.transaction() as tx:
        await tx.connection.execute("LOCK TABLE holdfast.keys IN SHARE MODE")
        assert (await using(blog, key["key"]).get(POST)).status_code == 200
    assert await last_use(blog, key["id"]) != ""


async def test_neither_a_guess_nor_an_address_that_is_not_its_own_is_a_use(blog: Api):
    key = await make(blog, roles=["reader"], allowedIps=["198.51.100.0/24"])
    rotated = (await blog.root.post(f"/api/keys/{key['id']}/rotate")).json()
    for secret in (key["key"], rotated["key"]):
        assert (await using(blog, secret).get(POST)).status_code == 401
    await asyncio.sleep(0.2)
    assert (await blog.root.get(f"/api/keys/{key['id']}")).json()["lastUsed"] == ""


async def test_who_tries_many_keys_is_held_back_and_nobody_else(blog: Api):
    """S-13."""
    key = await make(blog, roles=["reader"])
    guesses = using(blog, key["key"][:-1] + ("0" if key["key"][-1] != "0" else "1"))
    found = [(await guesses.get(POST)).status_code for _ in range(GUESSES)]
    assert set(found) == {401}
    # Some tokens came back meanwhile: one for each GUESS_SECONDS / GUESSES.
    while (status := (await guesses.get(POST)).status_code) == 401 and len(found) < 3 * GUESSES:
        found.append(status)
    assert status == 429
    assert (await using(blog, key["key"]).get(POST)).status_code == 200
    assert (await using(blog, "hf_x", address="198.51.100.1").get(POST)).status_code == 401


async def test_a_key_has_a_limit_of_its_own(blog: Api):
    key = await make(blog, roles=["reader"], rateLimit={"maxRequests": 3, "duration": 3600})
    client = using(blog, key["key"])
    assert [(await client.get(POST)).status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    answer = await client.get(POST)
    assert 0 < int(answer.headers["retry-after"]) <= 1200
    assert answer.headers["ratelimit-policy"] == '"key";q=3;w=3600'
    assert (await blog.guest.get("/api/collections/notes/records")).status_code == 200


async def test_the_limit_of_a_key_takes_the_place_of_the_operators(blog: Api):
    rules = [{"label": "/api/", "audience": "", "maxRequests": 2, "duration": 3600}]
    await blog.root.patch("/api/settings", json={"rateLimits": {"enabled": True, "rules": rules}})
    wide = using(blog, (await make(blog, roles=["reader"], rateLimit={"maxRequests": 4, "duration": 3600}))["key"])
    assert [(await wide.get(POST)).status_code for _ in range(5)] == [200] * 4 + [429]
    plain = using(blog, (await make(blog, roles=["reader"]))["key"])
    assert [(await plain.get(POST)).status_code for _ in range(3)] == [200, 200, 429]


async def test_a_key_in_an_address_is_refused_with_a_hint_where_it_belongs(blog: Api):
    """S-14."""
    key = await make(blog, roles=["reader"])
    answer = await blog.guest.get(f"{POST}?key={key['key']}")
    assert answer.status_code == 400
    assert "X-API-Key" in answer.json()["message"]
    assert key["key"][20:] not in answer.text


async def test_a_key_is_listed_changed_and_keeps_what_is_not_changed(blog: Api):
    made = await make(blog, roles=["reader"], expires="2099-01-01 00:00:00.000Z")
    changed = (await blog.root.patch(f"/api/keys/{made['id']}", json={"name": "other"})).json()
    expected = {key: made[key] for key in made if key not in ("key", "name", "updated")}
    assert {key: changed[key] for key in changed if key not in ("name", "updated")} == expected
    assert changed["name"] == "other"
    assert (await blog.root.patch(f"/api/keys/{made['id']}", json=changed)).status_code == 200
    listed = (await blog.root.get("/api/keys")).json()["items"]
    assert [{**one, "updated": ""} for one in listed] == [{**changed, "updated": ""}]
    none: dict[str, Any] = {"roles": [], "expires": "", "rateLimit": None, "allowedIps": []}
    emptied = (await blog.root.patch(f"/api/keys/{made['id']}", json=none)).json()
    assert {key: emptied[key] for key in none} == none
    for method in ("GET", "PATCH", "DELETE"):
        assert (await blog.root.request(method, "/api/keys/none", json={})).status_code == 404


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        pytest.param({"name": ""}, {"name": "validation_required"}, id="no name"),
        pytest.param({"name": "x" * 201}, {"name": "validation_max_text_constraint"}, id="long name"),
        pytest.param({"roles": ["none"]}, {"roles": "validation_invalid_value"}, id="unknown role"),
        pytest.param({"roles": "reader"}, {"roles": "validation_invalid_value"}, id="roles no list"),
        pytest.param({"superuser": "yes"}, {"superuser": "validation_invalid_value"}, id="superuser"),
        pytest.param({"expires": "soon"}, {"expires": "validation_invalid_date"}, id="no date"),
        pytest.param({"expires": "2001-01-01"}, {"expires": "validation_invalid_value"}, id="a date that is over"),
        pytest.param({"allowedIps": ["here"]}, {"allowedIps": "validation_invalid_value"}, id="no address"),
        pytest.param({"expiry": "2099-01-01"}, {"expiry": "validation_unknown_key"}, id="no such key"),
        pytest.param(
            {"rateLimit": {"maxRequests": 10**20, "duration": 1}},
            {"rateLimit": "validation_out_of_range"},
            id="a number beyond all",
        ),
        pytest.param({"rateLimit": 5}, {"rateLimit": "validation_invalid_value"}, id="no limit"),
        pytest.param(
            {"rateLimit": {"maxRequests": 0, "duration": 1}}, {"rateLimit": "validation_out_of_range"}, id="limit of 0"
        ),
    ],
)
async def test_a_key_that_cannot_be_is_refused_with_what_is_wrong(
    blog: Api, body: dict[str, Any], problems: dict[str, Any]
):
    answer = await blog.root.post("/api/keys", json={"name": "a key", **body})
    assert answer.status_code == 400
    assert {name: found["code"] for name, found in answer.json()["data"].items()} == problems


@pytest.mark.parametrize("seconds", [-1, 1e9, "1", True, None], ids=str)
async def test_an_overlap_that_cannot_be_is_refused(blog: Api, seconds: Any):
    key = await make(blog)
    answer = await blog.root.post(f"/api/keys/{key['id']}/rotate", json={"overlapSeconds": seconds})
    assert (answer.status_code, list(answer.json()["data"])) == (400, ["overlapSeconds"])


async def test_a_misspelt_overlap_does_not_end_the_old_secret(blog: Api):
    key = await make(blog)
    answer = await blog.root.post(f"/api/keys/{key['id']}/rotate", json={"overlap": 60})
    assert (answer.status_code, list(answer.json()["data"])) == (400, ["overlap"])
    assert (await blog.root.get("/api/me/permissions", headers={"X-API-Key": key["key"]})).status_code == 200


async def uses(api: Api, id: str, wanted: int) -> int:
    """How many requests are told of a key, as soon as they are as many as that."""
    found = -1
    for _ in range(100):
        found = (await api.root.get(f"/api/keys/{id}")).json()["requests"]
        if found == wanted:
            break
        await asyncio.sleep(0.05)
    return found


async def test_the_requests_of_a_key_are_counted_and_written_together(blog: Api, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(key_count, "EVERY_SECONDS", 0.2)
    key, other = await make(blog, roles=["reader"]), await make(blog, roles=["reader"])
    for _ in range(5):
        await using(blog, key["key"]).get(POST)
    await using(blog, key["key"] + "x").get(POST)
    assert key["requests"] == 0
    assert await uses(blog, key["id"], 5) == 5
    assert await uses(blog, other["id"], 0) == 0
    listed = (await blog.root.get("/api/keys")).json()["items"]
    assert {one["id"]: one["requests"] for one in listed}[key["id"]] == 5


async def test_requests_of_more_than_thirty_days_ago_are_neither_told_nor_kept(blog: Api):
    key = await make(blog, roles=["reader"])
    insert = raw("INSERT INTO holdfast.key_uses (key_id, day, requests) SELECT ") + value(key["id"], "text")
    days = raw(", (now() AT TIME ZONE 'UTC')::date - d, 10 FROM unnest('{0,29,30}'::integer[]) AS d")
    await blog.pool.execute(Statement.of(insert + days))
    assert await uses(blog, key["id"], 20) == 20
    assert await key_count.sweep_key_uses(blog.pool) == 1


async def test_the_requests_of_a_key_are_none_of_what_is_audited_or_set(blog: Api):
    key = await make(blog, roles=["reader"])
    answer = await blog.root.patch(f"/api/keys/{key['id']}", json={"name": "Another", "requests": 9})
    assert (answer.json()["name"], answer.json()["requests"]) == ("Another", 0)


async def test_who_ends_waits_for_the_requests_that_are_being_written(blog: Api, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(key_count, "EVERY_SECONDS", 0.0)
    key, engine = await make(blog, roles=["reader"]), blog.front.engine
    assert engine is not None
    counted, holder = key_count.KeyUses(), await blog.pool.connect()
    waits = "SELECT count(*) FROM pg_locks WHERE relation = 'holdfast.key_uses'::regclass AND NOT granted"
    try:
        async with asyncio.timeout(30), holder.transaction():
            await holder.execute("LOCK TABLE holdfast.key_uses IN EXCLUSIVE MODE")
            counted.add(engine, key["id"])
            while not await holder.fetchval(waits):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            closing = asyncio.create_task(counted.close())
            await asyncio.sleep(0)
            assert not closing.done()
        await closing
        assert await holder.fetchval("SELECT requests FROM holdfast.key_uses WHERE key_id = $1", key["id"]) == 1
    finally:
        await holder.close()
