"""The hooks around logins, realtime, mail, the schema, settings, and the log: what each may change or refuse."""

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio
import structlog

from client import PASSWORD, Api, in_one_loop, refused
from mail_sink import mail_server, use_mailbox
from plugged import plugged
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT
from sse import stream

pytestmark = in_one_loop
HOOKS = """
    def __init__(self):
        self.seen = []
    async def auth_before_login(self, ctx, login):
        if login.email.startswith("closed"):
            raise Forbidden("Not today.")
        login.meta["greeting"] = f"Hello {login.method} from {login.address}"
    async def auth_after_login(self, ctx, login):
        if ctx.collection.name == "users":
            await ctx.records.update("users", login.record_id, {"name": "was here"})
            raise ValueError("too late")
    async def auth_before_sign_up(self, ctx, draft):
        if draft.values["email"].endswith("@spam.example.com"):
            raise ValidationFailed({"email": Problem("validation_domain", "Must be another domain.")})
        draft.values["name"] = "new"
    async def auth_after_sign_up(self, ctx, record):
        await ctx.records.create("posts", {"title": "welcome " + record.id})
    async def auth_token_claims(self, ctx, claims):
        if ctx.collection.name == "users":
            name = (await ctx.records.get("users", claims.record_id))["name"]
            claims.extra["name"] = name
            if name == "wrong":
                claims.extra["exp"] = 1
    async def realtime_before_subscribe(self, ctx, subscription):
        if "secret" in subscription.topics:
            raise Forbidden("Nobody hears that.")
        subscription.topics = [t for t in subscription.topics if t != "unwanted"]
    async def realtime_before_send(self, ctx, message):
        if message.record.get("title") == "dropped":
            message.dropped = True
        if message.record.get("title") == "faulty":
            raise ValueError("no")
        message.record["told"] = ctx.who.kind
    async def mail_before_send(self, ctx, mail):
        if mail.to.startswith("nobody"):
            mail.dropped = True
        mail.subject = "[test] " + mail.subject
    async def schema_before_change(self, ctx, change):
        new = change.after.keys() - change.before.keys()
        if "forbidden" in new:
            raise BadRequest("There is to be no such collection.")
    async def schema_after_change(self, ctx, change):
        if "noted" in change.after and "noted" not in change.before:
            await ctx.records.create("noted", {"title": ctx.who.kind})
    async def settings_changed(self, ctx, change):
        await ctx.records.create("posts", {"title": f"{change.before.word} to {change.after.word}"})
    async def record_changed(self, ctx, event):
        if event.record and event.record.get("title") == "count me":
            await ctx.records.create("posts", {"title": f"{event.action} {event.record_id}"})
        if event.record and event.record.get("title") == "fail once" and not self.seen:
            self.seen.append(event.id)
            await ctx.records.create("posts", {"title": "undone"})
            raise ValueError("once")
        if event.record and event.record.get("title") == "fail once":
            await ctx.records.create("posts", {"title": "same" if event.id in self.seen else "another"})
    async def record_after_create(self, ctx, record):
        if record.values.get("title") == "emit":
            await ctx.emit("paid", {"amount": 3}, to="users")
            await ctx.emit("whispered", {"amount": 4})
"""
SETTINGS = """
class Settings(msgspec.Struct, frozen=True):
    word: str = "one"
    most: int = 3
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    dsn = await make_database(cluster, PROJECT)
    folder = tmp_path_factory.mktemp("features")
    more = {"head": SETTINGS, "attributes": "Settings = Settings", "background": True}
    async with plugged(dsn, folder, HOOKS, **more) as made:
        await made.define("posts", [{"name": "title", "type": "text"}])
        users = await made.root.patch("/api/collections/users", json={"createRule": "", "viewRule": ""})
        assert users.status_code == 200, users.text
        yield made
    await drop_database(cluster, dsn)


@pytest.fixture(autouse=True)
def lines() -> Iterator[list[Any]]:
    """The lines of the log. They are not written: tracebacks of tests are drawn with all their variables."""
    with structlog.testing.capture_logs() as found:
        yield found


async def account(api: Api, email: str) -> dict[str, Any]:
    body = {"email": email, "password": PASSWORD, "passwordConfirm": PASSWORD}
    answer = await api.guest.post("/api/collections/users/records", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def log_in(api: Api, email: str) -> Any:
    body = {"identity": email, "password": PASSWORD}
    return await api.guest.post("/api/collections/users/auth-with-password", json=body)


async def titles(api: Api) -> list[str]:
    found = (await api.root.get("/api/collections/posts/records", params={"perPage": 500})).json()
    return [item["title"] for item in found["items"]]


async def until_titled(api: Api, title: str) -> None:
    async with asyncio.timeout(20):
        while title not in await titles(api):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_sign_up_can_be_changed_and_followed(api: Api):
    made = await account(api, "ann@example.com")
    assert made["name"] == "new"
    assert f"welcome {made['id']}" in await titles(api)


async def test_a_sign_up_can_be_refused_and_a_superusers_is_none(api: Api):
    body = {"email": "x@spam.example.com", "password": PASSWORD, "passwordConfirm": PASSWORD}
    told = refused(await api.guest.post("/api/collections/users/records", json=body), 400, "validation_failed")
    assert told["data"]["email"]["code"] == "validation_domain"
    assert (await api.create("users", **body))["name"] == ""


async def test_a_login_gets_meta_and_its_token_says_more(api: Api):
    made = await account(api, "ben@example.com")
    answer = (await log_in(api, "ben@example.com")).json()
    assert answer["meta"]["greeting"] == "Hello password from 192.0.2.1"
    payload = answer["token"].split(".")[1]
    claims = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert (claims["name"], claims["id"]) == ("new", made["id"])
    me = api.client(answer["token"])
    seen = await me.get(f"/api/collections/users/records/{made['id']}")
    assert (seen.json()["name"], seen.json()["email"]) == ("was here", "ben@example.com")
    await me.aclose()


async def test_a_login_can_be_refused_and_the_audit_log_says_by_whom(api: Api):
    await account(api, "closed@example.com")
    refused(await log_in(api, "closed@example.com"), 403, "forbidden")
    entries = (await api.root.get("/api/audit", params={"action": "auth.login_failed"})).json()
    assert entries["items"][0]["reason"] == "plugin"


async def test_a_claim_of_the_servers_own_is_a_fault(api: Api):
    made = await account(api, "cat@example.com")
    await api.root.patch(f"/api/collections/users/records/{made['id']}", json={"name": "wrong"})
    refused(await log_in(api, "cat@example.com"), 500, "internal")


async def test_messages_can_be_changed_and_dropped_and_topics_refused(api: Api):
    async with stream(api.front, "topics=posts/*,unwanted") as line:
        await line.next_of("HF_READY")
        for title in ("dropped", "faulty", "told"):
            await api.create("posts", title=title)
        message = await line.next_of("posts/*")
        assert (message.json["record"]["title"], message.json["record"]["told"]) == ("told", "guest")
    refused(await api.guest.get("/api/realtime", params={"topics": "secret"}), 403, "forbidden")


async def test_own_events_reach_those_that_they_are_for(api: Api):
    await account(api, "dan@example.com")
    token = (await log_in(api, "dan@example.com")).json()["token"]
    topics = "topics=words.paid,words.whispered"
    async with stream(api.front, topics, {"Authorization": token}) as user, stream(api.front, topics) as guest:
        await user.next_of("HF_READY")
        await guest.next_of("HF_READY")
        await api.create("posts", title="emit")
        message = await user.next_of("words.paid")
        assert message.json["type"] == "words.paid"
        assert message.json["record"] == {"amount": 3, "told": "user"}
        assert await user.silent()
        assert await guest.silent(0.1)


async def test_webhooks_can_ask_for_own_events(api: Api):
    body = {"url": "https://example.com/hook", "events": ["words.paid", "words.*"]}
    assert (await api.root.post("/api/webhooks", json=body)).status_code == 200
    unknown = await api.root.post("/api/webhooks", json={**body, "events": ["nothing.paid"]})
    refused(unknown, 400, "validation_failed")


async def test_a_mail_can_be_changed_and_dropped(api: Api):
    with mail_server() as mailbox:
        await use_mailbox(api, mailbox)
        for to in ("nobody@example.com", "ann@example.com"):
            test = {"email": to, "template": "verification"}
            assert (await api.root.post("/api/settings/test/email", json=test)).status_code == 204
        letter = await mailbox.wait("ann@example.com")
        assert letter.subject.startswith("[test] ")
        assert mailbox.to("nobody@example.com") == []


async def test_a_change_of_the_collections_can_be_refused_and_followed(api: Api):
    refused(await api.root.post("/api/collections", json={"name": "forbidden", "type": "base"}), 400, "bad_request")
    assert (await api.root.get("/api/collections/forbidden")).status_code == 404
    await api.define("noted", [{"name": "title", "type": "text"}])
    found = (await api.root.get("/api/collections/noted/records")).json()
    assert [item["title"] for item in found["items"]] == ["superuser"]


async def test_settings_are_checked_kept_and_told(api: Api):
    path = "/api/plugins/words/settings"
    assert (await api.root.get(path)).json() == {"word": "one", "most": 3}
    wrong = await api.root.patch(path, json={"word": 5, "colour": "red"})
    told = refused(wrong, 400, "validation_failed")
    assert sorted(told["data"]) == ["colour", "word"]
    assert (await api.root.patch(path, json={"word": "two"})).json() == {"word": "two", "most": 3}
    assert "one to two" in await titles(api)
    refused(await api.guest.get(path), 401, "unauthenticated")
    refused(await api.root.get("/api/plugins/none/settings"), 404, "not_found")
    audit = (await api.root.get("/api/audit", params={"action": "plugin.updated"})).json()["items"]
    assert (audit[0]["target"]["id"], audit[0]["details"]) == ("words", {"settings": ["word"]})


async def test_changes_are_offered_from_the_log_once_each_and_again_after_a_fault(api: Api):
    made = await api.create("posts", title="count me")
    await until_titled(api, f"create {made['id']}")
    await api.create("posts", title="fail once")
    await until_titled(api, "same")
    found = await titles(api)
    assert found.count(f"create {made['id']}") == 1
    assert "undone" not in found
    connection = await api.pool.connect()
    await connection.execute("INSERT INTO public.posts (id, title) VALUES ('b23456789012345', 'count me')")
    await connection.close()
    await until_titled(api, "create b23456789012345")


async def test_a_plugin_that_is_turned_off_is_not_asked(api: Api):
    await account(api, "closed-now@example.com")
    items = (await api.root.get("/api/plugins")).json()["items"]
    shown = [item for item in items if item["source"] != "bundled"]
    assert [(one["name"], one["enabled"], one["active"]) for one in shown] == [("words", True, True)]
    assert "auth_before_login" in shown[0]["hooks"]
    assert shown[0]["settingsSchema"]["$defs"]["Settings"]["properties"]["most"]["type"] == "integer"
    off = await api.root.patch("/api/plugins/words", json={"enabled": False})
    assert (off.json()["enabled"], off.json()["active"]) == (False, False)
    assert (await log_in(api, "closed-now@example.com")).status_code == 200
    refused(await api.root.patch("/api/plugins/words", json={"enabled": 1, "x": 2}), 400, "validation_failed")
    on = await api.root.patch("/api/plugins/words", json={"enabled": True, "priority": 7})
    assert (on.json()["active"], on.json()["priority"]) == (True, 7)
    made = await api.create("posts", title="count me")
    await until_titled(api, f"create {made['id']}")  # changes are offered again, too
    refused(await log_in(api, "closed-now@example.com"), 403, "forbidden")
