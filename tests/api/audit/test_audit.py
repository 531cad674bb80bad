"""The audit log over HTTP: who asks, what comes back, and what nobody can take back."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from client import EMAIL, PASSWORD, Api, refused
from holdfast.audit.sweep import SweepAudit

RULES = dict.fromkeys(("listRule", "viewRule", "createRule", "updateRule", "deleteRule"))


async def entries(api: Api, **query: Any) -> list[dict[str, Any]]:
    answer = await api.root.get("/api/audit", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def entry(api: Api, **query: Any) -> dict[str, Any]:
    """The newest entry that is asked for, with what changed."""
    for _ in range(50):
        found = await entries(api, **query)
        if found:
            answer = await api.root.get(f"/api/audit/{found[0]['id']}")
            assert answer.status_code == 200
            return answer.json()
        await asyncio.sleep(0.05)  # what is counted is written behind the answer
    raise AssertionError(f"nothing is written of {query}")


async def events(api: Api) -> list[tuple[str, dict[str, Any]]]:
    """The auth events that wait for the relay."""
    connection = await api.pool.connect()
    try:
        rows = await connection.fetch("SELECT type, record FROM holdfast.outbox WHERE type LIKE 'auth.%' ORDER BY id")
    finally:
        await connection.close()
    return [(row["type"], json.loads(row["record"])) for row in rows]


async def person(api: Api, **more: Any) -> dict[str, Any]:
    return await api.create(
        "users", email="ada@example.com", password="right password", passwordConfirm="right password", **more
    )


async def log_in(api: Api, password: str, identity: str = "ada@example.com") -> dict[str, Any]:
    body = {"identity": identity, "password": password, "session": True}
    return (await api.guest.post("/api/collections/users/auth-with-password", json=body)).json()


@pytest.mark.parametrize("path", ["/api/audit", "/api/audit/1", "/api/audit/export"])
async def test_only_superusers_see_it(api: Api, path: str) -> None:
    refused(await api.guest.get(path), 401, "unauthenticated")
    await person(api)
    ada = api.client((await log_in(api, "right password"))["token"])
    refused(await ada.get(path), 403, "forbidden")
    assert (await api.root.get(path)).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_nobody_changes_or_deletes_an_entry_over_the_api(api: Api, method: str) -> None:
    kept = await entries(api)
    for path in ("/api/audit", f"/api/audit/{kept[0]['id']}"):
        refused(await api.root.request(method, path, json={}), 405, "method_not_allowed")
    assert await entries(api) == kept


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE holdfast.audit SET actor_id = 'somebody else'",
        "DELETE FROM holdfast.audit",
        "TRUNCATE holdfast.audit",
        "DO $$ BEGIN PERFORM set_config('holdfast.audit_days', '0', true); DELETE FROM holdfast.audit; END $$",
        "DO $$ BEGIN PERFORM set_config('holdfast.audit_days', '-9', true); DELETE FROM holdfast.audit; END $$",
    ],
    ids=["update", "delete", "truncate", "as if it was swept", "as if tomorrow was long ago"],
)
async def test_the_role_of_the_server_cannot_change_it_by_sql_either(api: Api, sql: str) -> None:
    kept = await entries(api)
    connection = await api.pool.connect()
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="can only be added to"):
            await connection.execute(sql)
    finally:
        await connection.close()
    assert await entries(api) == kept


async def test_entries_go_when_they_are_old_enough(api: Api) -> None:
    connection = await api.pool.connect()
    insert = (
        "INSERT INTO holdfast.audit (action, actor_kind, target_kind, target_id, at) VALUES ($1, 'cli', 'x', $2, $3)"
    )
    for days in (364, 366):
        await connection.execute(insert, "role.created", str(days), datetime.now(UTC) - timedelta(days=days))
    await connection.close()
    assert await SweepAudit(365)(api.pool) == 1
    assert [one["target"]["id"] for one in await entries(api, actor="cli")] == ["364"]
    assert await SweepAudit(365)(api.pool) == 0


async def test_a_collection_is_told_with_what_has_changed(api: Api) -> None:
    made = await api.define("posts", [{"name": "title", "type": "text"}, {"name": "body", "type": "text"}])
    created = await entry(api, action="collection.created", target="posts")
    assert (created["before"], created["after"]["name"]) == (None, "posts")
    assert created["actor"]["kind"] == "superuser"
    assert created["address"] == "192.0.2.1"

    made["fields"][1]["name"] = "headline"
    body = {"fields": made["fields"], "listRule": None}
    answer = await api.root.patch("/api/collections/posts", json=body)
    updated = await entry(api, action="collection.updated")
    assert updated["request"] == answer.headers["x-request-id"]
    assert {key: updated["before"][key] for key in ("listRule",)} == {"listRule": ""}
    assert [one["name"] for one in updated["before"]["fields"]] == ["title"]
    assert [one["name"] for one in updated["after"]["fields"]] == ["headline"]
    assert set(updated["after"]) == {"fields", "listRule"}

    await api.root.delete("/api/collections/posts/truncate")
    await api.root.delete("/api/collections/posts")
    trash = (await api.root.get("/api/collections/trash")).json()["items"]
    await api.root.post(f"/api/collections/trash/{trash[0]['id']}/restore")
    told = [one["action"] for one in await entries(api, target=made["id"])]
    assert told == [f"collection.{verb}" for verb in ("restored", "deleted", "truncated", "updated", "created")]


async def test_a_change_that_is_refused_leaves_no_entry(api: Api) -> None:
    await api.define("posts")
    kept = await entries(api)
    refused(await api.root.post("/api/collections", json={"name": "posts", "type": "base"}), 400, "validation_failed")
    refused(await api.root.patch("/api/collections/posts", json={"listRule": "nothing = 1"}), 400, "validation_failed")
    await api.root.patch("/api/collections/posts", json={"name": "posts"})  # which changes nothing
    assert await entries(api) == kept


async def test_keys_roles_settings_webhooks_and_tests_of_rules_are_told(api: Api) -> None:
    await api.define("posts")
    role = (await api.root.post("/api/roles", json={"name": "reader"})).json()
    await api.root.patch(f"/api/roles/{role['id']}", json={"name": "editor"})
    await api.root.delete("/api/roles/editor")
    key = (await api.root.post("/api/keys", json={"name": "a key"})).json()
    await api.root.patch(f"/api/keys/{key['id']}", json={"name": "the key"})
    rotated = (await api.root.post(f"/api/keys/{key['id']}/rotate")).json()
    await api.root.delete(f"/api/keys/{key['id']}")
    await api.root.patch("/api/settings", json={"smtp": {"password": "smtp secret"}, "meta": {"appName": "Shop"}})
    body = {"url": "https://example.com/in", "events": ["posts.*"], "headers": {"X-Token": "header secret"}}
    hook = (await api.root.post("/api/webhooks", json=body)).json()
    await api.root.patch(f"/api/webhooks/{hook['id']}", json={"headers": {"X-Token": "another secret"}})
    await api.root.post(f"/api/webhooks/{hook['id']}/rotate-secret")
    await api.root.delete(f"/api/webhooks/{hook['id']}")
    body = {"name": "guests", "collection": "posts", "action": "create", "expect": "allowed"}
    answer = await api.root.post("/api/rules/tests", json=body)
    assert answer.status_code == 200, answer.text
    test = answer.json()
    await api.root.patch(f"/api/rules/tests/{test['id']}", json={"name": "all guests"})
    await api.root.delete(f"/api/rules/tests/{test['id']}")
    await api.root.post("/api/signing-keys/rotate")

    told = [one["action"] for one in reversed(await entries(api)) if not one["action"].startswith("auth.")]
    assert told[told.index("role.created") :] == [
        *("role.created", "role.updated", "role.deleted"),
        *("key.created", "key.updated", "key.rotated", "key.revoked"),
        "settings.updated",
        *("webhook.created", "webhook.updated", "webhook.secret_rotated", "webhook.deleted"),
        *("rule_test.created", "rule_test.updated", "rule_test.deleted"),
        "signing_keys.rotated",
    ]
    changed = await entry(api, action="role.updated")
    assert (changed["before"], changed["after"]) == ({"name": "reader"}, {"name": "editor"})
    whole = (await api.root.get("/api/audit/export")).text
    for secret in ("smtp secret", "header secret", "another secret", key["key"], rotated["key"], hook["secret"]):
        assert secret not in whole
    assert (await entry(api, action="settings.updated"))["after"]["smtp.password"] == "changed"
    assert (await entry(api, action="webhook.updated"))["after"] == {"headers": {"X-Token": "hidden"}}


async def test_logins_are_told_with_their_method_and_why_they_failed(api: Api) -> None:
    ada = await person(api)
    await log_in(api, "right password")
    done = await entry(api, action="auth.login", target=ada["id"])
    assert done["actor"] == {
        "kind": "user",
        "collection": "users",
        "id": ada["id"],
        "name": "ada@example.com",
        "key": "",
    }
    assert done["target"] == {"kind": "user", "id": ada["id"], "name": "users"}
    assert (done["outcome"], done["details"]) == ("success", {"method": "password"})

    await log_in(api, "wrong password")
    await log_in(api, "wrong password", "nobody@example.com")
    failed = await entries(api, action="auth.login_failed")
    assert [(one["reason"], one["target"]["id"]) for one in failed] == [
        ("unknown_account", ""),
        ("wrong_password", ada["id"]),
    ]
    assert {one["actor"]["kind"] for one in failed} == {"guest"}
    assert "nobody@example.com" not in (await api.root.get("/api/audit/export")).text
    assert [(type, record.get("reason")) for type, record in (await events(api))[-3:]] == [
        ("auth.login", None),
        ("auth.login_failed", "wrong_password"),
        ("auth.login_failed", "unknown_account"),
    ]


async def test_logins_that_are_held_back_are_counted_and_make_one_entry(api: Api) -> None:
    await person(api)
    for _ in range(15):
        await log_in(api, "wrong password")
    reasons: list[str] = []
    for _ in range(50):
        reasons = [one["reason"] for one in await entries(api, action="auth.login_failed")]
        if "limited" in reasons and len(reasons) > 10:
            break
        await asyncio.sleep(0.05)  # what is counted is written behind the answer
    assert (reasons.count("wrong_password"), reasons.count("limited")) == (10, 1)


async def test_no_login_fails_because_it_cannot_be_written_down(api: Api) -> None:
    connection = await api.pool.connect()
    await connection.execute("ALTER TABLE holdfast.audit RENAME TO lost")
    answer = await api.guest.post(
        "/api/collections/_superusers/auth-with-password", json={"identity": EMAIL, "password": PASSWORD}
    )
    assert answer.status_code == 200
    # What has to be in the log is not done without it.
    assert (await api.root.post("/api/roles", json={"name": "reader"})).status_code == 500
    await connection.execute("ALTER TABLE holdfast.lost RENAME TO audit")
    await connection.close()
    assert (await api.root.get("/api/roles")).json()["items"] == []


async def test_what_happens_to_an_account_is_told_whoever_does_it(api: Api) -> None:
    await api.root.post("/api/roles", json={"name": "reader"})
    ada = await person(api)
    path = f"/api/collections/users/records/{ada['id']}"
    answer = await api.root.patch(path, json={"password": "a new password", "passwordConfirm": "a new password"})
    changed = await entry(api, action="auth.password_changed")
    assert (changed["before"], changed["after"]) == (None, None)
    assert (changed["actor"]["kind"], changed["address"]) == ("superuser", "192.0.2.1")
    assert changed["request"] == answer.headers["x-request-id"]

    await api.root.patch(path, json={"email": "lovelace@example.com", "roles": ["reader"]})
    moved = await entry(api, action="auth.email_changed")
    assert (moved["before"], moved["after"]) == ({"email": "ada@example.com"}, {"email": "lovelace@example.com"})
    assert (await entry(api, action="auth.roles_changed"))["after"] == {"roles": ["reader"]}

    connection = await api.pool.connect()
    await connection.execute("UPDATE users SET email = 'byron@example.com'")
    await connection.close()
    by_sql = await entry(api, actor="sql")
    assert (by_sql["action"], by_sql["target"]["id"]) == ("auth.email_changed", ada["id"])
    told = [(type, record) for type, record in await events(api) if "changed" in type]
    where = {"collection": "users", "id": ada["id"]}
    assert told == [
        ("auth.password_changed", where),
        ("auth.email_changed", where),
        ("auth.roles_changed", where),
        ("auth.email_changed", where),
    ]


async def test_a_role_that_gets_another_name_changes_nobodys_roles(api: Api) -> None:
    await api.root.post("/api/roles", json={"name": "reader"})
    ada = await person(api, roles=["reader"])
    await api.root.patch("/api/roles/reader", json={"name": "editor"})
    assert (await api.root.get(f"/api/collections/users/records/{ada['id']}")).json()["roles"] == ["editor"]
    assert await entries(api, action="auth.roles_changed") == []


async def test_accounts_of_new_collections_are_told_too_and_of_renamed_ones(api: Api) -> None:
    await api.define("members", type="auth", **RULES)
    body = {"email": "ada@example.com", "password": "right password", "passwordConfirm": "right password"}
    member = await api.create("members", **body)
    await api.root.patch("/api/collections/members", json={"name": "people"})
    await api.root.patch(f"/api/collections/people/records/{member['id']}", json={"email": "b@example.com"})
    assert (await entry(api, action="auth.email_changed"))["target"]["name"] == "people"


async def test_superusers_come_and_go_and_are_told(api: Api) -> None:
    body = {"email": "two@example.com", "password": "long enough", "passwordConfirm": "long enough"}
    two = await api.create("_superusers", **body)
    await api.root.delete(f"/api/collections/_superusers/records/{two['id']}")
    told = await entries(api, target=two["id"])
    assert [one["action"] for one in told] == ["superuser.deleted", "superuser.created"]
    assert (await entry(api, action="superuser.created"))["after"] == {"email": "two@example.com"}
    first = await entries(api, action="superuser.created", actor="server")
    assert len(first) == 1


async def test_sessions_impersonations_and_refresh_tokens_that_come_twice_are_told(api: Api) -> None:
    ada = await person(api)
    first = await log_in(api, "right password")
    path = "/api/collections/users/auth-refresh"
    token = first["refreshToken"]
    for _ in range(2):
        token = (await api.guest.post(path, json={"refreshToken": token})).json()["refreshToken"]
    refused(await api.guest.post(path, json={"refreshToken": first["refreshToken"]}), 401, "unauthenticated")
    stolen = await entry(api, action="auth.refresh_token_reused")
    assert (stolen["target"]["id"], stolen["outcome"]) == (ada["id"], "failure")

    second = api.client((await log_in(api, "right password"))["token"])
    assert (await second.delete("/api/collections/users/sessions")).status_code == 204
    ended = await entry(api, action="auth.sessions_ended")
    assert (ended["actor"]["id"], ended["details"]) == (ada["id"], {"count": 1})

    await api.root.post(f"/api/collections/users/impersonate/{ada['id']}", json={"duration": 60})
    shown = await entry(api, action="auth.impersonated")
    assert (shown["actor"]["kind"], shown["target"]["id"], shown["details"]) == (
        "superuser",
        ada["id"],
        {"seconds": 60},
    )


async def test_a_key_that_is_refused_is_counted_and_not_told_each_time(api: Api) -> None:
    made = (await api.root.post("/api/keys", json={"name": "a key", "allowedIps": ["198.51.100.0/24"]})).json()
    client = api.client(address="192.0.2.7")
    client.headers["X-API-Key"] = made["key"]
    for _ in range(5):
        refused(await client.get("/api/collections/users/records"), 401, "unauthenticated")
    told = await entry(api, action="key.refused")
    assert (told["reason"], told["target"]["id"], told["address"]) == ("network", made["id"], "192.0.2.7")

    connection = await api.pool.connect()
    await connection.execute("UPDATE holdfast.keys SET expires = now() - interval '1 second', allowed_ips = '{}'")
    await connection.close()
    other = api.client(address="192.0.2.8")
    other.headers["Authorization"] = f"Bearer {made['key']}"
    for _ in range(2):
        refused(await other.get("/api/collections/users/records"), 401, "unauthenticated")
    for _ in range(50):
        reasons = sorted(one["reason"] for one in await entries(api, action="key.refused"))
        if len(reasons) == 2:
            break
        await asyncio.sleep(0.05)
    assert reasons == ["expired", "network"]
    stranger = api.client()
    stranger.headers["X-API-Key"] = made["key"][:-20] + "x" * 20
    refused(await stranger.get("/api/collections/users/records"), 401, "unauthenticated")
    assert len(await entries(api, action="key.*", target=made["id"])) == 3  # with its creation


async def test_pages_follow_each_other_and_filters_narrow_them(api: Api) -> None:
    for at in range(5):
        await api.root.post("/api/roles", json={"name": f"role{at}"})
    found: list[str] = []
    before = ""
    while True:
        query = {"action": "role.*", "limit": 2, **({"before": before} if before else {})}
        page = (await api.root.get("/api/audit", params=query)).json()
        found += [one["target"]["name"] for one in page["items"]]
        if page["next"] is None:
            break
        before = page["next"]
    assert found == [f"role{at}" for at in reversed(range(5))]
    all_of_them = await entries(api, action="role.*")
    assert [one["target"]["name"] for one in await entries(api, target="role3")] == ["role3"]
    middle = all_of_them[2]["at"]
    assert [one["id"] for one in await entries(api, action="role.*", to=middle)] <= [all_of_them[3]["id"], "x"]
    assert {one["id"] for one in await entries(api, **{"action": "role.*", "from": middle})} >= {
        one["id"] for one in all_of_them[:2]
    }
    assert await entries(api, actor="nobody") == []


async def test_a_query_that_cannot_be_is_refused_with_its_fields(api: Api) -> None:
    for path in ("/api/audit", "/api/audit/export"):
        answer = await api.root.get(path, params={"action": "nothing.done", "from": "x", "before": "x"})
        assert set(refused(answer, 400, "validation_failed")["data"]) == {"action", "from", "before"}
    for until in ("2026-01-01", "2026-01-02"):
        answer = await api.root.get("/api/audit", params={"from": "2026-01-02", "to": until})
        assert set(refused(answer, 400, "validation_failed")["data"]) == {"to"}
    for id in ("0", "x", "9" * 40, "99999999"):
        refused(await api.root.get(f"/api/audit/{id}"), 404, "not_found")


async def test_an_export_has_every_entry_once_the_oldest_first(api: Api) -> None:
    connection = await api.pool.connect()
    await connection.execute(
        "INSERT INTO holdfast.audit (action, actor_kind, target_kind, target_id, after)"
        " SELECT 'role.created', 'cli', 'role', n::text, json_build_object('text', repeat('x', 20000))::text"
        " FROM generate_series(1, 250) AS n"
    )
    await connection.close()
    answer = await api.root.get("/api/audit/export", params={"actor": "cli"})
    assert answer.headers["content-type"] == "application/x-ndjson"
    found = [json.loads(line) for line in answer.text.splitlines()]
    assert [one["target"]["id"] for one in found] == [str(n) for n in range(1, 251)]
    assert {len(one["after"]["text"]) for one in found} == {20000}


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("console/0.1.0", "console/0.1.0"),
        ("importer", "importer"),
        ("", ""),
        ("two words", ""),
        ("<script>", ""),
        ("a/b/c", ""),
        ("caf\u00e9".encode().decode("latin-1"), ""),
        ("x" * 64, "x" * 64),
        ("x" * 65, ""),
    ],
)
async def test_an_entry_says_what_the_client_calls_itself(api: Api, said: str, kept: str) -> None:
    headers = {"X-Client": said.encode("latin-1")}
    made = await api.root.post("/api/roles", json={"name": "reader"}, headers=headers)
    assert made.status_code == 200, made.text
    found = await entry(api, action="role.created")
    assert found["client"] == kept


async def test_what_a_trigger_says_of_an_account_names_the_client_too(api: Api) -> None:
    ada = await person(api)
    path = f"/api/collections/users/records/{ada['id']}"
    body = {"password": "a new password", "passwordConfirm": "a new password"}
    await api.root.patch(path, json=body, headers={"X-Client": "importer/2"})
    assert (await entry(api, action="auth.password_changed"))["client"] == "importer/2"


async def test_a_change_of_an_account_in_a_batch_names_the_client_of_the_batch(api: Api) -> None:
    ada = await person(api)
    body = {"password": "a new password", "passwordConfirm": "a new password"}
    part = {"method": "PATCH", "url": f"/api/collections/users/records/{ada['id']}", "body": body}
    answer = await api.root.post("/api/batch", json={"requests": [part]}, headers={"X-Client": "importer/2"})
    assert answer.status_code == 200, answer.text
    assert (await entry(api, action="auth.password_changed"))["client"] == "importer/2"


async def test_a_login_and_one_that_failed_name_their_client(api: Api) -> None:
    await person(api)
    path = "/api/collections/users/auth-with-password"
    for password in ("right password", "wrong"):
        body = {"identity": "ada@example.com", "password": password}
        await api.guest.post(path, json=body, headers={"X-Client": "app/3.1"})
    found = [(one["action"], one["client"]) for one in await entries(api, action="auth.login,auth.login_failed")]
    assert [one for one in found if one[1]] == [("auth.login_failed", "app/3.1"), ("auth.login", "app/3.1")]
