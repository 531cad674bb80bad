"""`/api/settings`: who may, what is shown, what is kept, and that it works at once."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from client import Api, in_one_loop, refused, running
from holdfast.db.sql import Statement, raw
from holdfast.mail.later import send_later
from holdfast.mail.message import Message
from job_worker import until
from mail_sink import Mailbox, use_mailbox

StartApi = Callable[..., AbstractAsyncContextManager[Api]]
PATHS = [
    ("GET", "/api/settings"),
    ("GET", "/api/settings/sources"),
    ("PATCH", "/api/settings"),
    ("POST", "/api/settings/test/email"),
    ("POST", "/api/settings/apple/generate-client-secret"),
]
TEST_EMAIL = {"email": "ann@example.com", "template": "verification"}


async def change(api: Api, **sections: Any) -> dict[str, Any]:
    """Change settings; all of them as they are then."""
    answer = await api.root.patch("/api/settings", json=sections)
    assert answer.status_code == 200, answer.text
    return answer.json()


@in_one_loop
@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_only_superusers_see_and_change_settings(shared_api: Api, method: str, path: str):
    refused(await shared_api.guest.request(method, path), 401, "unauthenticated")


async def test_a_new_server_has_the_defaults_of_pocketbase_but_what_it_cannot_do(api: Api):
    answer = await api.root.get("/api/settings")
    assert answer.json() == {
        "meta": {
            "appName": "Acme",
            "appURL": "http://localhost:8090",
            "senderName": "Support",
            "senderAddress": "support@example.com",
            "hideControls": False,
        },
        "smtp": {
            "enabled": False,
            "port": 587,
            "host": "smtp.example.com",
            "username": "",
            "authMethod": "",
            "tls": False,
            "localName": "",
        },
        "rateLimits": {
            "rules": [
                {"label": "*:auth", "audience": "", "duration": 3, "maxRequests": 2},
                {"label": "*:create", "audience": "", "duration": 5, "maxRequests": 20},
                {"label": "/api/batch", "audience": "", "duration": 1, "maxRequests": 3},
                {"label": "/api/", "audience": "", "duration": 10, "maxRequests": 300},
            ],
            "excludedIPs": [],
            "enabled": False,
        },
        "batch": {"enabled": True, "maxRequests": 50, "timeout": 0, "maxBodySize": 0},
        "s3": {
            "enabled": False,
            "forcePathStyle": False,
            **dict.fromkeys(("bucket", "region", "endpoint", "accessKey"), ""),
        },
        "files": {"maxBytes": 0, "maxBytesOf": {}},
        "backups": {
            "cron": "",
            "cronMaxKeep": 3,
            "s3": {
                "enabled": False,
                "bucket": "",
                "region": "",
                "endpoint": "",
                "accessKey": "",
                "forcePathStyle": False,
            },
        },
        "logs": {"maxDays": 5, "minLevel": 0, "logIP": True, "logAuthId": False, "maxPerSecond": 200},
        "trustedProxy": {"headers": [], "useLeftmostIP": False},
    }
    assert answer.headers["cache-control"] == "no-store"


@in_one_loop
async def test_a_password_goes_in_and_never_comes_out(shared_api: Api):
    shown = await change(shared_api, smtp={"username": "ann", "password": "correct horse"})
    assert shown["smtp"]["username"] == "ann"
    again = await shared_api.root.get("/api/settings")
    assert "correct horse" not in again.text
    assert "password" not in again.json()["smtp"]
    # What was read can be sent back, and the password stays.
    await change(shared_api, **again.json())
    assert engine_of(shared_api).options.smtp.password == "correct horse"
    await change(shared_api, smtp={"password": "", "username": ""})
    assert engine_of(shared_api).options.smtp.password == ""


def engine_of(api: Api) -> Any:
    """The engine of the application, to see what requests cannot."""
    return api.front._engine  # pyright: ignore[reportPrivateUsage]


@in_one_loop
async def test_problems_are_nested_as_the_request_is_and_nothing_is_changed(shared_api: Api):
    before = (await shared_api.root.get("/api/settings")).json()
    given = {
        "smtp": {"port": "x"},
        "meta": {"appName": "New"},
        "rateLimits": {"rules": [{"label": "/api/", "duration": 1, "maxRequests": 0}]},
    }
    body = refused(await shared_api.root.patch("/api/settings", json=given), 400, "validation_failed")
    assert body["data"]["smtp"]["port"]["code"] == "validation_invalid_value"
    assert body["data"]["rateLimits"]["rules"]["0"]["maxRequests"]["code"] == "validation_out_of_range"
    assert (await shared_api.root.get("/api/settings")).json() == before


@in_one_loop
@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"[]", 400, "bad_request"),
        (b'{"meta":', 400, "bad_request"),
        (b'{"meta":{"appName":"\\ud800"}}', 400, "bad_request"),
        (b'{"meta":{"appName":"a\\u0000b"}}', 400, "bad_request"),
        (b'{"smtp":{"port":1e400}}', 400, "bad_request"),
        (b'{"smtp":{"port":99999999999999999999}}', 400, "validation_failed"),
        (b'{"smtp":[]}', 400, "validation_failed"),
        (b'{"rateLimits":{"rules":[[]]}}', 400, "validation_failed"),
        (b'{"rateLimits":{"rules":{"0":{}}}}', 400, "validation_failed"),
        (b'{"trustedProxy":7}', 400, "validation_failed"),
    ],
)
async def test_a_hostile_body_is_an_error_of_the_client(shared_api: Api, content: bytes, status: int, code: str):
    headers = {"Content-Type": "application/json"}
    refused(await shared_api.root.patch("/api/settings", content=content, headers=headers), status, code)


@in_one_loop
async def test_an_empty_change_changes_nothing(shared_api: Api):
    version = engine_of(shared_api).catalog.version
    assert (await shared_api.root.patch("/api/settings", json={})).status_code == 200
    assert (await shared_api.root.patch("/api/settings", json={"smtp": None, "meta": {}})).status_code == 200
    assert engine_of(shared_api).catalog.version == version


@in_one_loop
async def test_changes_at_once_do_not_undo_each_other(shared_api: Api):
    parts = [{"meta": {"appName": "Shop"}}, {"meta": {"senderName": "Ann"}}, {"batch": {"timeout": 9}}]
    answers = await asyncio.gather(*(shared_api.root.patch("/api/settings", json=part) for part in parts))
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    shown = (await shared_api.root.get("/api/settings")).json()
    assert (shown["meta"]["appName"], shown["meta"]["senderName"], shown["batch"]["timeout"]) == ("Shop", "Ann", 9)
    await change(shared_api, meta={"appName": "Acme", "senderName": "Support"}, batch={"timeout": 0})


@in_one_loop
async def test_a_label_follows_the_name_of_its_collection(shared_api: Api):
    await shared_api.define("letters")
    rules = [{"label": "letters:create", "duration": 5, "maxRequests": 5}]
    await change(shared_api, rateLimits={"rules": rules})
    renamed = await shared_api.root.patch("/api/collections/letters", json={"name": "notes"})
    assert renamed.status_code == 200, renamed.text
    shown = (await shared_api.root.get("/api/settings")).json()
    assert [rule["label"] for rule in shown["rateLimits"]["rules"]] == ["notes:create"]


async def test_every_process_knows_before_the_answer(database: str, tmp_path: Path):
    async with running(database, tmp_path) as one, running(database, tmp_path) as other:
        one.root.headers["Authorization"] = await one.login()  # the second made its superuser anew
        for number in range(5):
            await change(one, meta={"appName": f"Shop {number}"})
            assert (await other.root.get("/api/settings")).json()["meta"]["appName"] == f"Shop {number}"


async def test_what_the_environment_sets_wins_and_says_so(start_api: StartApi):
    fixed = {"public_url": "https://api.example", "batch_requests": 2, "trusted_proxies": ("10.0.0.0/8",)}
    async with start_api(**fixed) as api:
        shown = (await api.root.get("/api/settings")).json()
        assert shown["meta"]["appURL"] == "https://api.example"
        assert shown["batch"]["maxRequests"] == 2
        assert shown["trustedProxy"]["headers"] == ["X-Forwarded-For"]
        assert (await api.root.patch("/api/settings", json=shown)).json() == shown
        body = refused(
            await api.root.patch("/api/settings", json={"meta": {"appURL": "https://evil.example"}}),
            400,
            "validation_failed",
        )
        assert "HOLDFAST_PUBLIC_URL" in body["data"]["meta"]["appURL"]["message"]


@in_one_loop
async def test_batches_are_as_large_as_the_settings_say(shared_api: Api):
    await shared_api.define("things", [{"name": "title", "type": "text"}])
    one = {"method": "POST", "url": "/api/collections/things/records", "body": {"title": "x" * 100}}

    async def batch(count: int) -> Any:
        return await shared_api.root.post("/api/batch", json={"requests": [one] * count})

    assert (await batch(3)).status_code == 200
    await change(shared_api, batch={"maxRequests": 2})
    refused(await batch(3), 400, "validation_failed")
    assert (await batch(2)).status_code == 200
    await change(shared_api, batch={"maxRequests": 50, "maxBodySize": 400})
    assert (await batch(1)).status_code == 200
    refused(await batch(3), 413, "too_large")
    assert (await shared_api.create("things", title="x" * 1000))["title"]  # other requests are as large as before
    await change(shared_api, batch={"maxBodySize": 0, "enabled": False})
    refused(await batch(1), 403, "forbidden")
    await change(shared_api, batch={"enabled": True})
    assert (await batch(1)).status_code == 200


async def test_a_batch_may_take_as_long_as_the_settings_say(api: Api):
    await api.define("things", [{"name": "title", "type": "text"}])
    await change(api, batch={"timeout": 1})
    async with api.pool.transaction() as tx:
        await tx.execute(raw("LOCK TABLE public.things"))
        one = {"method": "POST", "url": "/api/collections/things/records", "body": {}}
        body = refused(await api.root.post("/api/batch", json={"requests": [one]}), 400, "bad_request")
    assert "longer than the server allows" in body["message"]


@pytest.mark.parametrize(
    ("given", "place", "code"),
    [
        ({"template": "otp"}, "email", "validation_required"),
        ({"email": "x", "template": "otp"}, "email", "validation_is_email"),
        ({"email": ["a@example.com"], "template": "otp"}, "email", "validation_is_email"),
        ({"email": "a@example.com\r\nBcc: b@example.com", "template": "otp"}, "email", "validation_is_email"),
        ({"email": "a@example.com"}, "template", "validation_required"),
        ({"email": "a@example.com", "template": "welcome"}, "template", "validation_in_invalid"),
        (TEST_EMAIL | {"collection": "nope"}, "collection", "validation_invalid_auth_collection"),
        (TEST_EMAIL | {"collection": 5}, "collection", "validation_invalid_auth_collection"),
    ],
)
@in_one_loop
async def test_what_a_test_mail_needs_is_said(shared_api: Api, given: dict[str, Any], place: str, code: str):
    answer = await shared_api.root.post("/api/settings/test/email", json=given)
    assert refused(answer, 400, "validation_failed")["data"][place]["code"] == code


async def test_a_test_mail_of_each_template_arrives(mail_api: Api, mailbox: Mailbox):
    await change(mail_api, meta={"appName": "Tom & Co", "appURL": "https://shop.example/", "senderName": "Tom"})
    subjects: dict[str, str] = {}
    for template in ("verification", "password-reset", "email-change", "otp", "login-alert"):
        body = {"email": f"{template}@example.com", "template": template, "collection": "users"}
        answer = await mail_api.root.post("/api/settings/test/email", json=body)
        assert (answer.status_code, answer.text) == (204, "")
        letter = await mailbox.wait(f"{template}@example.com")
        subjects[template] = letter.subject
        assert "{" not in letter.text
        assert "Tom & Co" in letter.text
    assert len(set(subjects.values())) == 5
    assert "https://shop.example/_/#/auth/confirm-verification/test-token" in mailbox.letters[0].text
    assert "123456" in mailbox.to("otp@example.com")[0].text


async def test_links_never_lead_to_what_a_request_calls_the_server(mail_api: Api, mailbox: Mailbox):
    """S-18: neither Host nor X-Forwarded-Host is believed."""
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    answer = await mail_api.root.post("/api/settings/test/email", json=TEST_EMAIL, headers=headers)
    assert answer.status_code == 204
    letter = await mailbox.wait("ann@example.com")
    assert "evil" not in str(letter.mail)
    assert "http://localhost:8090/" in letter.text


async def test_what_the_mail_server_says_to_a_test_mail_is_answered(mail_api: Api, mailbox: Mailbox):
    mailbox.answers.append("550 no such user here")
    answer = await mail_api.root.post("/api/settings/test/email", json=TEST_EMAIL)
    assert "550 no such user here" in refused(answer, 400, "bad_request")["message"]
    mailbox.close()
    answer = await mail_api.root.post("/api/settings/test/email", json=TEST_EMAIL)
    assert "connecting" in refused(answer, 400, "bad_request")["message"].lower()


async def test_in_development_a_mail_is_shown_in_the_log_with_its_link(api: Api):
    with capture_logs() as lines:
        assert (await api.root.post("/api/settings/test/email", json=TEST_EMAIL)).status_code == 204
    line = next(line for line in lines if "SMTP is not set up" in line["event"])
    assert (line["to"], line["subject"]) == ("ann@example.com", "Confirm your email address for Acme")
    assert "http://localhost:8090/_/#/auth/confirm-verification/test-token" in line["mail"].text


@pytest.mark.parametrize("settings", [{"host": "0.0.0.0"}, {"public_url": "https://api.example"}], ids=str)
async def test_in_production_a_mail_without_smtp_is_refused(start_api: StartApi, settings: dict[str, Any]):
    async with start_api(**settings) as api:
        body = refused(await api.root.post("/api/settings/test/email", json=TEST_EMAIL), 503, "unavailable")
        assert "set up SMTP" in body["message"]


async def test_a_mail_waits_until_the_mail_server_is_back(mail_api: Api, mailbox: Mailbox):
    mailbox.answers.append("451 try later")
    await send_later(engine_of(mail_api), Message(to="ann@example.com", subject="Hi", html="<p>x</p>"))
    await until(lambda: noted(mail_api, "451 try later"))
    await mail_api.pool.execute(Statement.of(raw("UPDATE holdfast.jobs SET run_at = now()")))
    await mailbox.wait("ann@example.com")
    # Nothing of the mail is kept once it is out.
    await until(lambda: no_jobs(mail_api))


async def test_a_mail_that_is_refused_for_good_is_given_up_at_once(mail_api: Api, mailbox: Mailbox):
    mailbox.answers.append("550 no such user")
    await send_later(engine_of(mail_api), Message(to="ann@example.com", subject="Hi", html="<p>x</p>"))
    await until(lambda: noted(mail_api, "550 no such user"))
    assert (await jobs(mail_api))[0]["dead"] is not None
    assert mailbox.tried == ["ann@example.com"]


async def jobs(api: Api) -> list[Any]:
    """The queue as it is."""
    return await api.pool.fetch(Statement.of(raw("SELECT error, dead FROM holdfast.jobs")))


async def noted(api: Api, error: str) -> bool:
    return [row["error"] for row in await jobs(api)] == [error]


async def no_jobs(api: Api) -> bool:
    return not await jobs(api)


async def test_late_jobs_are_said_when_somebody_asks_whether_the_server_is_ready(api: Api):
    assert (await api.guest.get("/api/ready")).json()["data"]["jobs"] == "ok"
    late = raw("INSERT INTO holdfast.jobs (name, run_at) VALUES ('a', now()), ('b', now() - interval '2 minutes')")
    await api.pool.execute(Statement.of(late))
    answer = await api.guest.get("/api/ready")
    assert (answer.status_code, answer.json()["data"]["jobs"]) == (200, "late")


async def test_a_mailbox_can_be_exchanged_while_the_server_runs(mail_api: Api, mailbox: Mailbox):
    other = Mailbox()
    await use_mailbox(mail_api, other)
    assert (await mail_api.root.post("/api/settings/test/email", json=TEST_EMAIL)).status_code == 204
    await other.wait("ann@example.com")
    assert mailbox.letters == []
    other.close()
