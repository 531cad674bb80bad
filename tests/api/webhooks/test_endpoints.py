"""Webhooks are made, looked at, changed and deleted by superusers, and bad input is refused with the field named."""

from typing import Any

import pytest

from client import in_one_loop, refused
from holdfast.db.sql import Statement, raw
from hooks import Hooks

pytestmark = in_one_loop

VALUE = "validation_invalid_value"
RANGE = "validation_out_of_range"
TEXT = "validation_max_text_constraint"
RULE = "validation_invalid_rule"
REQUIRED = "validation_required"
URL = "url_not_allowed"
_SECRETS = Statement.of(raw("SELECT secret FROM holdfast.webhooks"))
_INSIDE = Statement.of(raw("UPDATE holdfast.webhooks SET url = 'http://10.0.0.1/'"))


def case(name: str, body: dict[str, Any], field: str, code: str) -> Any:
    return pytest.param(body, field, code, id=name)


BAD = (
    case("no URL", {"url": ""}, "url", REQUIRED),
    case("a URL that is no text", {"url": 7}, "url", REQUIRED),
    case("another scheme", {"url": "ftp://example.com/"}, "url", URL),
    case("a file", {"url": "file:///etc/passwd"}, "url", URL),
    case("no scheme", {"url": "//example.com/"}, "url", URL),
    case("a user in the URL", {"url": "https://user:word@example.com/"}, "url", URL),
    case("a private address", {"url": "http://10.0.0.1/"}, "url", URL),
    case("the metadata of a cloud", {"url": "http://169.254.169.254/latest"}, "url", URL),
    case("a private address in IPv6", {"url": "http://[fd00::1]/"}, "url", URL),
    case("an address as one number", {"url": "http://167772161/"}, "url", URL),
    case("a port of mail", {"url": "http://example.com:25/"}, "url", URL),
    case("a port of PostgreSQL", {"url": "http://example.com:5432/"}, "url", URL),
    case("a port that is none", {"url": "http://example.com:99999/"}, "url", URL),
    case("a space in the URL", {"url": "https://exam ple.com/"}, "url", URL),
    case("a URL without end", {"url": "https://example.com/" + "a" * 3000}, "url", URL),
    case("no events", {"events": []}, "events", VALUE),
    case("events that are no list", {"events": "posts.*"}, "events", VALUE),
    case("an unknown collection", {"events": ["nothing.created"]}, "events", VALUE),
    case("something that does not happen", {"events": ["posts.exploded"]}, "events", VALUE),
    case("an event that is no text", {"events": ["posts.*", 7]}, "events", VALUE),
    case("no pattern", {"events": ["posts.* or so"]}, "events", VALUE),
    case("too many events", {"events": ["posts.*"] * 101}, "events", VALUE),
    case("a filter on a hidden field", {"filter": "secret = 'x'"}, "filter", RULE),
    case("a filter on a hidden field before", {"filter": "@previous.secret = 'x'"}, "filter", RULE),
    case("a filter on an unknown field", {"filter": "caption = 'x'"}, "filter", RULE),
    case("half a filter", {"filter": "title ="}, "filter", RULE),
    case("a filter about who asks", {"filter": "@request.auth.id != ''"}, "filter", RULE),
    case("a filter about others", {"filter": "@collection.posts.title = 'x'"}, "filter", RULE),
    case("a filter on everything", {"filter": "title = 'x'", "events": ["*"]}, "filter", VALUE),
    case("a filter that is no text", {"filter": 7}, "filter", TEXT),
    case("a filter without end", {"filter": "title = '" + "x" * 4000 + "'"}, "filter", TEXT),
    case("an unknown field", {"fields": ["caption"]}, "fields", VALUE),
    case("a hidden field", {"fields": ["secret"]}, "fields", VALUE),
    case("a field of another collection", {"fields": ["email"]}, "fields", VALUE),
    case("fields that are no list", {"fields": "title"}, "fields", VALUE),
    case("fields that are null", {"fields": None}, "fields", VALUE),
    case("a field that is no text", {"fields": [1]}, "fields", VALUE),
    case("an unknown role", {"role": "nobody"}, "role", VALUE),
    case("a role that is no text", {"role": 7}, "role", VALUE),
    case("headers that are no object", {"headers": ["x"]}, "headers", VALUE),
    case("headers that are null", {"headers": None}, "headers", VALUE),
    case("the header Host", {"headers": {"Host": "example.com"}}, "headers", VALUE),
    case("a header of the signature", {"headers": {"Webhook-Id": "evt_1"}}, "headers", VALUE),
    case("a line break in a header", {"headers": {"X-Shop": "7\r\nX-Other: 8"}}, "headers", VALUE),
    case("a header beyond ASCII", {"headers": {"X-Shop": "Grüße"}}, "headers", VALUE),
    case("a header that is no text", {"headers": {"X-Shop": 7}}, "headers", VALUE),
    case("a space in the name of a header", {"headers": {"X Shop": "7"}}, "headers", VALUE),
    case("no time", {"timeout": 0}, "timeout", RANGE),
    case("too much time", {"timeout": 31}, "timeout", RANGE),
    case("time as text", {"timeout": "5"}, "timeout", RANGE),
    case("time as a flag", {"timeout": True}, "timeout", RANGE),
    case("no requests", {"rateLimit": {"maxRequests": 0, "duration": 1}}, "rateLimit", RANGE),
    case("no duration", {"rateLimit": {"maxRequests": 1}}, "rateLimit", VALUE),
    case("a limit that is a number", {"rateLimit": 5}, "rateLimit", VALUE),
    case("active as text", {"active": "yes"}, "active", VALUE),
    case("ordered as a number", {"ordered": 1}, "ordered", VALUE),
    case("a long description", {"description": "x" * 1001}, "description", TEXT),
    case("an unknown key", {"colour": "blue"}, "colour", "validation_unknown_key"),
)


@pytest.mark.parametrize(("body", "field", "code"), BAD)
async def test_bad_input_is_refused_with_the_field_named(
    hooks: Hooks, body: dict[str, Any], field: str, code: str
) -> None:
    whole = {"url": "https://example.com/hook", "events": ["posts.*"], **body}
    before = (await hooks.root.get("/api/webhooks")).json()["items"]
    answer = refused(await hooks.root.post("/api/webhooks", json=whole), 400, "validation_failed")
    assert {name: problem["code"] for name, problem in answer["data"].items()} == {field: code}
    assert (await hooks.root.get("/api/webhooks")).json()["items"] == before


async def test_all_that_is_wrong_is_said_at_once(hooks: Hooks) -> None:
    body = {"url": "x", "events": 1, "timeout": 99, "active": 0, "headers": 1, "role": 1}
    answer = refused(await hooks.root.post("/api/webhooks", json=body), 400, "validation_failed")
    assert set(answer["data"]) == set(body)


@pytest.mark.parametrize("secret", ["abc", "whsec_", "whsec_c2hvcnQ=", "whsec_not base64", 7, "whsec_" + "A" * 200])
async def test_a_secret_of_ones_own_has_to_be_one(hooks: Hooks, secret: object) -> None:
    body = {"url": "https://example.com/", "events": ["posts.*"], "secret": secret}
    answer = refused(await hooks.root.post("/api/webhooks", json=body), 400, "validation_failed")
    assert set(answer["data"]) == {"secret"}


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'"x"', b"\xff"])
async def test_a_body_that_is_no_object_is_refused(hooks: Hooks, body: bytes) -> None:
    answer = await hooks.root.post("/api/webhooks", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400, answer.text


async def test_a_secret_is_shown_once(hooks: Hooks) -> None:
    hook = await hooks.make("posts.*")
    assert hook["secret"].startswith("whsec_")
    listed = (await hooks.root.get("/api/webhooks")).text
    seen = [listed, str(await hooks.get(hook)), str(await hooks.change(hook, description="mine"))]
    assert not any(hook["secret"] in text or "secret" in text for text in seen)
    rows = await hooks.api.pool.fetch(_SECRETS)
    assert hook["secret"].encode() not in rows[0]["secret"]
    await hooks.root.delete(f"/api/webhooks/{hook['id']}")


async def test_what_is_said_is_what_is_kept(hooks: Hooks) -> None:
    said = {
        "url": "https://example.com/hook",
        "description": "orders",
        "events": ["posts.created", "notes.*"],
        "filter": "title != ''",
        "fields": ["title"],
        "role": "",
        "headers": {"X-Shop": "7"},
        "active": False,
        "ordered": True,
        "timeout": 3,
        "rateLimit": {"maxRequests": 10, "duration": 60},
    }
    hook = await hooks.make(**said)
    kept = await hooks.get(hook)
    assert {name: kept[name] for name in said} == said
    assert (kept["circuit"], kept["disabled"]) == ("closed", "")
    assert await hooks.change(hook, timeout=4) == {**kept, "timeout": 4, "updated": (await hooks.get(hook))["updated"]}
    assert (await hooks.root.delete(f"/api/webhooks/{hook['id']}")).status_code == 204
    refused(await hooks.root.get(f"/api/webhooks/{hook['id']}"), 404, "not_found")


async def test_a_change_is_judged_by_what_it_changes(hooks: Hooks) -> None:
    """An endpoint whose URL would be refused today can still be turned off."""
    hook = await hooks.make("posts.*", filter="title = 'x'", fields=["title"])
    await hooks.api.pool.execute(_INSIDE)
    assert (await hooks.change(hook, active=False))["active"] is False
    answer = await hooks.root.patch(f"/api/webhooks/{hook['id']}", json={"url": "http://10.0.0.1/"})
    assert set(refused(answer, 400, "validation_failed")["data"]) == {"url"}
    answer = await hooks.root.patch(f"/api/webhooks/{hook['id']}", json={"events": ["notes.*", "_superusers.*"]})
    assert set(refused(answer, 400, "validation_failed")["data"]) == {"filter"}
    answer = await hooks.root.patch(f"/api/webhooks/{hook['id']}", json={"secret": "whsec_" + "A" * 32})
    assert set(refused(answer, 400, "validation_failed")["data"]) == {"secret"}
    await hooks.root.delete(f"/api/webhooks/{hook['id']}")


async def test_a_collection_that_is_gone_keeps_its_name_in_the_webhook(hooks: Hooks) -> None:
    fields = [{"name": "title", "type": "text"}]
    hooks.ok(await hooks.root.post("/api/collections", json={"name": "leaving", "fields": fields}))
    hook = await hooks.make("leaving.created", "posts.*")
    assert (await hooks.root.delete("/api/collections/leaving")).status_code == 204
    assert (await hooks.get(hook))["events"] == ["leaving.created", "posts.*"]
    again = await hooks.change(hook, events=["leaving.created", "posts.created"], description="kept")
    assert again["events"] == ["leaving.created", "posts.created"]
    answer = await hooks.root.patch(f"/api/webhooks/{hook['id']}", json={"events": ["left.created"]})
    assert refused(answer, 400, "validation_failed")["data"]["events"]["code"] == VALUE
    assert (await hooks.change(hook, events=["posts.*"]))["events"] == ["posts.*"]
    assert (await hooks.root.delete(f"/api/webhooks/{hook['id']}")).status_code == 204


async def test_a_change_that_is_meant_for_another_version_is_refused(hooks: Hooks) -> None:
    hook = await hooks.make("posts.*")
    path = f"/api/webhooks/{hook['id']}"
    seen = (await hooks.root.get(path)).headers["etag"]
    first = await hooks.root.patch(path, json={"description": "mine"}, headers={"If-Match": seen})
    assert (first.status_code, first.headers["etag"] != seen) == (200, True)
    late = await hooks.root.patch(path, json={"description": "theirs"}, headers={"If-Match": seen})
    refused(late, 412, "precondition_failed")
    assert (await hooks.get(hook))["description"] == "mine"
    for fine in (first.headers["etag"], "*", ""):
        hooks.ok(await hooks.root.patch(path, json={"description": "mine"}, headers={"If-Match": fine}))
    await hooks.root.delete(path)


PATHS = (
    ("GET", ""),
    ("PATCH", ""),
    ("DELETE", ""),
    ("POST", "/rotate-secret"),
    ("POST", "/test"),
    ("POST", "/test/records"),
    ("GET", "/deliveries"),
    ("GET", "/deliveries/1"),
    ("POST", "/deliveries/1/retry"),
    ("POST", "/replay"),
    ("GET", "/stats"),
)


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_only_superusers_get_to_webhooks(hooks: Hooks, method: str, path: str) -> None:
    body = {"from": "2026-01-01"} if path == "/replay" else {}
    url = f"/api/webhooks/nothing{path}"
    content = None if method == "GET" else body
    refused(await hooks.api.guest.request(method, url, json=content), 401, "unauthenticated")
    refused(await hooks.root.request(method, url, json=content), 404, "not_found")


async def test_a_user_gets_to_no_webhook(hooks: Hooks) -> None:
    word = "a long enough password"
    await hooks.api.create("users", email="u@example.com", password=word, passwordConfirm=word)
    async with hooks.api.client(await hooks.api.login("u@example.com", word, "users")) as user:
        refused(await user.get("/api/webhooks"), 403, "forbidden")
        refused(await user.post("/api/webhooks", json={}), 403, "forbidden")


async def test_a_misspelt_overlap_is_refused(hooks: Hooks) -> None:
    hook = await hooks.make("posts.*")
    answer = await hooks.root.post(f"/api/webhooks/{hook['id']}/rotate-secret", json={"overlap": 0})
    assert set(refused(answer, 400, "validation_failed")["data"]) == {"overlap"}
    await hooks.root.delete(f"/api/webhooks/{hook['id']}")


async def test_a_rotation_is_told_with_its_overlap(hooks: Hooks) -> None:
    hook = await hooks.make("posts.*")
    await hooks.post(hook, "rotate-secret", overlapHours=3)
    query = {"target": hook["id"], "action": "webhook.secret_rotated"}
    (entry,) = (await hooks.root.get("/api/audit", params=query)).json()["items"]
    assert entry["details"] == {"overlapHours": 3}
    await hooks.root.delete(f"/api/webhooks/{hook['id']}")


@pytest.mark.parametrize("hours", [-1, 169, "24", True, 1.5, None])
async def test_an_overlap_has_to_be_hours(hooks: Hooks, hours: object) -> None:
    hook = await hooks.make("posts.*")
    answer = await hooks.root.post(f"/api/webhooks/{hook['id']}/rotate-secret", json={"overlapHours": hours})
    assert set(refused(answer, 400, "validation_failed")["data"]) == {"overlapHours"}
    await hooks.root.delete(f"/api/webhooks/{hook['id']}")


REPLAYS = (
    case("no beginning", {}, "from", "validation_invalid_date"),
    case("no date", {"from": "yesterday"}, "from", "validation_invalid_date"),
    case("a number", {"from": 5}, "from", "validation_invalid_date"),
    case("no date at the end", {"from": "2026-01-01", "to": "later"}, "to", "validation_invalid_date"),
    case("the wrong way round", {"from": "2026-01-02", "to": "2026-01-01"}, "to", RANGE),
    case("events that are no list", {"from": "2026-01-01", "events": "posts.*"}, "events", VALUE),
    case("unknown events", {"from": "2026-01-01", "events": ["nothing.*"]}, "events", VALUE),
    case("a misspelt key", {"from": "2026-01-01", "until": "2026-01-02"}, "until", "validation_unknown_key"),
)


@pytest.mark.parametrize(("body", "field", "code"), REPLAYS)
async def test_a_replay_says_what_is_wrong(hooks: Hooks, body: dict[str, Any], field: str, code: str) -> None:
    hook = await hooks.make("posts.*")
    answer = await hooks.root.post(f"/api/webhooks/{hook['id']}/replay", json=body)
    data = refused(answer, 400, "validation_failed")["data"]
    assert {name: problem["code"] for name, problem in data.items()} == {field: code}
    await hooks.root.delete(f"/api/webhooks/{hook['id']}")


@pytest.mark.parametrize(
    "query",
    [{"limit": "0"}, {"limit": "201"}, {"limit": "x"}, {"before": "-1"}, {"before": "9" * 30}, {"state": "odd"}],
)
async def test_a_list_of_deliveries_says_what_is_wrong(hooks: Hooks, query: dict[str, str]) -> None:
    hook = await hooks.make("posts.*")
    answer = await hooks.root.get(f"/api/webhooks/{hook['id']}/deliveries", params=query)
    assert set(refused(answer, 400, "bad_request")["data"]) == set(query)
    for id in ("x", "0", "9" * 30, "%00"):
        refused(await hooks.root.get(f"/api/webhooks/{hook['id']}/deliveries/{id}"), 404, "not_found")
    await hooks.root.delete(f"/api/webhooks/{hook['id']}")
