"""Rate limits by the operator's options: who is held back, and by which rule."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from client import Api

NOTES = "/api/collections/notes/records"
HOUR = 3600  # seconds: no token comes back while a test runs


@pytest.fixture
async def notes(api: Api) -> Api:
    await api.define("notes", [{"name": "title", "type": "text"}])
    return api


async def limit(api: Api, *rules: tuple[str, str, int], **more: Any) -> None:
    """Set the limits: label, audience, and how many requests in an hour."""
    found = [{"label": label, "audience": who, "maxRequests": most, "duration": HOUR} for label, who, most in rules]
    answer = await api.root.patch("/api/settings", json={"rateLimits": {"enabled": True, "rules": found, **more}})
    assert answer.status_code == 200, answer.text


async def statuses(client: Any, count: int, method: str = "GET", path: str = NOTES, **more: Any) -> list[int]:
    return [(await client.request(method, path, **more)).status_code for _ in range(count)]


async def test_exactly_as_many_pass_as_may_and_the_rest_is_told_when_to_come_again(notes: Api):
    await limit(notes, ("/api/", "", 3))
    assert await statuses(notes.guest, 5) == [200, 200, 200, 429, 429]
    answer = await notes.guest.get(NOTES)
    assert answer.json()["code"] == "rate_limited"
    assert HOUR / 3 - 300 < int(answer.headers["retry-after"]) <= HOUR / 3, "the next token, not all of them"
    assert answer.headers["ratelimit-policy"] == f'"/api/";q=3;w={HOUR}'
    assert answer.headers["ratelimit"].startswith('"/api/";r=0;t=')


async def test_tokens_come_back_one_by_one(notes: Api):
    rule = {"label": "/api/", "audience": "", "maxRequests": 2, "duration": 2}
    answer = await notes.root.patch("/api/settings", json={"rateLimits": {"enabled": True, "rules": [rule]}})
    assert answer.status_code == 200, answer.text
    passed = [(await notes.guest.get(NOTES)).status_code == 200 for _ in range(2)]
    while (answer := await notes.guest.get(NOTES)).status_code == 200:
        passed.append(True)  # a busy machine was slow enough to earn it
    assert answer.headers["retry-after"] == "1"
    await asyncio.sleep(1.0)
    assert await statuses(notes.guest, 1) == [200]
    assert all(passed)


async def test_superusers_are_never_held_back(notes: Api):
    await limit(notes, ("/api/", "", 1))
    assert await statuses(notes.root, 4) == [200] * 4


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        pytest.param([("notes:list", "", 1), ("/api/", "", 3)], [200, 429], id="what is done with a collection"),
        pytest.param([("*:list", "", 1), ("/api/", "", 3)], [200, 429], id="what is done with any"),
        pytest.param([("notes:list", "", 2), ("*:list", "", 1)], [200, 200], id="its own before any"),
        pytest.param([(NOTES, "", 1), ("/api/", "", 3)], [200, 429], id="a path"),
        pytest.param([(f"GET {NOTES}", "", 1), (NOTES, "", 3)], [200, 429], id="a path with a method"),
        pytest.param([(f"POST {NOTES}", "", 1)], [200, 200], id="another method"),
        pytest.param([("/api/", "", 3), ("/api/collections/", "", 1)], [200, 429], id="the longest beginning"),
        pytest.param([("GET /api/", "", 1)], [200, 429], id="a beginning with a method"),
        pytest.param([(NOTES, "", 3), ("GET /api/", "", 1)], [200, 429], id="with a method before without"),
        pytest.param([("/api/", "@guest", 1)], [200, 429], id="for guests"),
        pytest.param([("/api/", "@auth", 1)], [200, 200], id="for people who are logged in"),
        pytest.param([("notes:create", "", 1)], [200, 200], id="another action"),
        pytest.param([("users:list", "", 1)], [200, 200], id="another collection"),
    ],
)
async def test_the_rule_that_fits_best_counts(notes: Api, rules: list[tuple[str, str, int]], found: list[int]):
    await limit(notes, *rules)
    assert await statuses(notes.guest, 2) == found


async def test_a_head_request_counts_as_the_read_that_it_is(notes: Api):
    await limit(notes, ("notes:list", "", 1))
    assert await statuses(notes.guest, 1, "HEAD") == [200]
    assert await statuses(notes.guest, 1) == [429]


async def test_a_label_for_any_collection_counts_each_for_itself(notes: Api):
    await notes.define("others")
    await limit(notes, ("*:list", "", 1))
    for path in (NOTES, "/api/collections/others/records"):
        assert await statuses(notes.guest, 2, path=path) == [200, 429]


async def test_a_batch_counts_as_its_parts_do(notes: Api):
    await limit(notes, ("notes:create", "", 3))
    parts = [{"method": "POST", "url": NOTES, "body": {"title": "x"}} for _ in range(2)]
    assert await statuses(notes.guest, 2, "POST", "/api/batch", json={"requests": parts}) == [200, 429]
    assert (await notes.root.get(NOTES)).json()["totalItems"] == 2


async def test_a_collection_called_by_its_id_is_the_same_collection(notes: Api):
    await limit(notes, ("notes:list", "", 1))
    id = (await notes.root.get("/api/collections/notes")).json()["id"]
    assert await statuses(notes.guest, 1) == [200]
    assert await statuses(notes.guest, 1, path=f"/api/collections/{id}/records") == [429]


@pytest.mark.parametrize(
    ("addresses", "found"),
    [
        pytest.param(["192.0.2.1", "192.0.2.2"], [200, 200], id="two addresses"),
        pytest.param(["192.0.2.1", "::ffff:192.0.2.1"], [200, 429], id="one address in two spellings"),
        pytest.param(["2001:db8::1", "2001:db8::ffff:1"], [200, 429], id="S-68 one IPv6 network"),
        pytest.param(["2001:db8::1", "2001:db8:0:1::1"], [200, 200], id="two IPv6 networks"),
    ],
)
async def test_guests_are_counted_by_address(notes: Api, addresses: list[str], found: list[int]):
    await limit(notes, ("/api/", "", 1))
    assert [(await notes.client(address=address).get(NOTES)).status_code for address in addresses] == found


async def test_a_header_that_anybody_can_write_is_no_other_address(notes: Api):
    """S-67."""
    await limit(notes, ("/api/", "", 1))
    found = [
        (await notes.guest.get(NOTES, headers={"X-Forwarded-For": f"198.51.100.{number}"})).status_code
        for number in range(3)
    ]
    assert found == [200, 429, 429]


async def test_behind_a_trusted_proxy_each_client_is_counted(
    start_api: Callable[..., AbstractAsyncContextManager[Api]],
):
    """S-67: the right-most address that is no proxy's, whatever the client wrote before it."""
    async with start_api(trusted_proxies=("10.0.0.0/8",)) as api:
        await api.define("notes")
        await limit(api, ("/api/", "", 1))
        proxy = api.client(address="10.0.0.1")
        forwarded = ["198.51.100.1", "198.51.100.2", "203.0.113.1, 198.51.100.1", "203.0.113.2, 198.51.100.1, 10.0.0.2"]
        found = [(await proxy.get(NOTES, headers={"X-Forwarded-For": text})).status_code for text in forwarded]
        assert found == [200, 200, 429, 429]


async def test_people_and_keys_are_counted_by_who_they_are(notes: Api):
    password = {"password": "a long password", "passwordConfirm": "a long password"}
    for name in ("ann", "bob"):
        await notes.create("users", email=f"{name}@example.com", **password)
    ann, bob = [
        notes.client(await notes.login(f"{name}@example.com", "a long password", "users")) for name in ("ann", "bob")
    ]
    key = (await notes.root.post("/api/keys", json={"name": "k"})).json()["key"]
    machine = notes.client()
    machine.headers["X-API-Key"] = key
    await limit(notes, ("/api/", "@auth", 1))
    for client in (ann, bob, machine):
        assert await statuses(client, 2) == [200, 429]
    elsewhere = notes.client(ann.headers["Authorization"], address="198.51.100.1")
    assert await statuses(elsewhere, 1) == [429]


async def test_addresses_can_be_excluded(notes: Api):
    await limit(notes, ("/api/", "", 1), excludedIPs=["192.0.2.0/24"])
    assert await statuses(notes.guest, 3) == [200] * 3
    assert await statuses(notes.client(address="198.51.100.1"), 2) == [200, 429]


async def test_every_way_to_log_in_counts_as_auth(notes: Api):
    await limit(notes, ("*:auth", "", 1))
    body = {"identity": "nobody@example.com", "password": "wrong password"}
    path = "/api/collections/users/auth-with-password"
    assert await statuses(notes.guest, 2, "POST", path, json=body) == [400, 429]
    assert await statuses(notes.guest, 1, "POST", "/api/collections/users/auth-refresh") == [401]


async def test_limits_that_are_not_enabled_hold_nobody_back(notes: Api):
    await limit(notes, ("/api/", "", 1), enabled=False)
    assert await statuses(notes.guest, 3) == [200] * 3
