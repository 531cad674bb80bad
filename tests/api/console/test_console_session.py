"""The console's login: a session in a cookie, which is of no use to any other site."""

from typing import Any

import httpx
import pytest

from client import EMAIL, PASSWORD, Api, refused
from holdfast.auth.browser import COOKIE, SECURE_COOKIE

SESSION = "/api/console/session"
BOOTSTRAP = "/api/console/bootstrap"
LOGIN = {"identity": EMAIL, "password": PASSWORD}
OWN = {"Origin": "http://holdfast.test", "Sec-Fetch-Site": "same-origin"}
FOREIGN = [
    pytest.param({"Sec-Fetch-Site": "cross-site"}, id="another site"),
    pytest.param({"Sec-Fetch-Site": "same-site"}, id="a sister domain"),
    pytest.param({"Origin": "https://evil.example"}, id="another origin"),
    pytest.param({"Origin": "null"}, id="no origin at all"),
]


async def begin(browser: httpx.AsyncClient) -> str:
    """Log in; the CSRF token."""
    answer = await browser.post(SESSION, json=LOGIN, headers=OWN)
    assert answer.status_code == 200, answer.text
    return answer.json()["csrf"]


def attributes(answer: httpx.Response) -> set[str]:
    return {part.strip() for part in answer.headers["set-cookie"].split(";")[1:]}


async def test_a_login_sets_a_cookie_that_no_script_can_read(api: Api) -> None:
    async with api.client() as browser:
        answer = await browser.post(SESSION, json=LOGIN, headers=OWN)
        assert list(answer.json()) == ["csrf"]
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= attributes(answer)
        assert "Secure" not in attributes(answer)
        assert answer.headers["set-cookie"].startswith(f"{COOKIE}=")
        assert answer.headers["cache-control"] == "no-store"
        assert browser.cookies[COOKIE] not in answer.text


async def test_over_tls_the_cookie_is_of_this_host_alone(api: Api) -> None:
    transport = httpx.ASGITransport(api.front, client=("192.0.2.1", 50000))
    async with httpx.AsyncClient(transport=transport, base_url="https://holdfast.test") as browser:
        answer = await browser.post(SESSION, json=LOGIN)
        assert answer.headers["set-cookie"].startswith(f"{SECURE_COOKIE}=")
        assert "Secure" in attributes(answer)
        csrf = {"X-CSRF-Token": answer.json()["csrf"]}
        assert (await browser.get("/api/settings", headers=csrf)).status_code == 200
        plain = {**csrf, "Cookie": f"{COOKIE}={browser.cookies[SECURE_COOKIE]}"}
        browser.cookies.clear()
        refused(await browser.get("/api/settings", headers=plain), 401, "unauthenticated")


async def test_the_cookie_counts_beside_its_csrf_token_alone(api: Api) -> None:
    async with api.client() as browser:
        csrf = await begin(browser)
        assert (await browser.get("/api/settings", headers={"X-CSRF-Token": csrf})).status_code == 200
        refused(await browser.get("/api/settings"), 401, "unauthenticated")
        refused(await browser.get("/api/settings", headers={"X-CSRF-Token": "guessed"}), 403, "forbidden")
        other = await begin(browser)
        refused(await browser.get("/api/settings", headers={"X-CSRF-Token": csrf}), 403, "forbidden")
        assert (await browser.get("/api/settings", headers={"X-CSRF-Token": other})).status_code == 200


@pytest.mark.parametrize("headers", FOREIGN)
async def test_no_page_of_another_site_can_use_it(api: Api, headers: dict[str, str]) -> None:
    async with api.client() as browser:
        refused(await browser.post(SESSION, json=LOGIN, headers=headers), 403, "forbidden")
        csrf = {"X-CSRF-Token": await begin(browser)}
        body = {"name": "evil"}
        refused(await browser.post("/api/collections", json=body, headers={**csrf, **headers}), 403, "forbidden")
        refused(await browser.get(BOOTSTRAP, headers=headers), 403, "forbidden")
        refused(await browser.delete(SESSION, headers=headers), 403, "forbidden")
        assert (await browser.get("/api/settings", headers=csrf)).status_code == 200


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_a_form_of_another_page_does_nothing_with_the_cookie(api: Api, media_type: str) -> None:
    async with api.client() as browser:
        await begin(browser)
        headers = {"Content-Type": media_type}
        answer = await browser.post("/api/collections", content=b'{"name":"evil"}', headers=headers)
        refused(answer, 401, "unauthenticated")
    assert (await api.root.get("/api/collections/evil")).status_code == 404


async def test_a_bearer_is_who_it_says_whatever_cookie_comes_along(api: Api) -> None:
    async with api.client() as browser:
        await begin(browser)
        person = {"email": "p@example.com", "password": PASSWORD, "passwordConfirm": PASSWORD}
        assert (await api.root.post("/api/collections/users/records", json=person)).status_code == 200
        token = await api.login("p@example.com", collection="users")
        headers = {"Authorization": token, "X-CSRF-Token": "anything"}
        refused(await browser.get("/api/settings", headers=headers), 403, "forbidden")


async def test_logging_out_ends_the_session_and_not_the_cookie_alone(api: Api) -> None:
    async with api.client() as browser:
        csrf = {"X-CSRF-Token": await begin(browser)}
        cookie = browser.cookies[COOKIE]
        answer = await browser.delete(SESSION, headers=csrf)
        assert answer.status_code == 204
        assert "Max-Age=0" in attributes(answer)
        browser.cookies.set(COOKIE, cookie)
        assert (await browser.get(BOOTSTRAP)).json() == {"setUp": True}
        assert (await browser.delete(SESSION)).status_code == 204


async def test_a_new_password_ends_the_session(api: Api) -> None:
    async with api.client() as browser:
        await begin(browser)
        me = (await browser.get(BOOTSTRAP)).json()["user"]["id"]
        body = {"password": "another password", "passwordConfirm": "another password"}
        assert (await api.root.patch(f"/api/collections/_superusers/records/{me}", json=body)).status_code == 200
        assert (await browser.get(BOOTSTRAP)).json() == {"setUp": True}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        pytest.param({}, {"identity", "password"}, id="nothing"),
        pytest.param({"identity": EMAIL}, {"password"}, id="no password"),
        pytest.param({"identity": 5, "password": []}, {"identity", "password"}, id="no texts"),
    ],
)
async def test_what_is_missing_is_said(api: Api, body: dict[str, Any], fields: set[str]) -> None:
    answer = await api.guest.post(SESSION, json=body)
    assert refused(answer, 400, "validation_failed")["data"].keys() == fields


async def test_only_superusers_who_have_logged_in_themselves_get_in(api: Api) -> None:
    refused(await api.guest.post(SESSION, json={**LOGIN, "password": "wrong password"}), 400, "bad_request")
    person = {"email": "p@example.com", "password": PASSWORD, "passwordConfirm": PASSWORD}
    made = (await api.root.post("/api/collections/users/records", json=person)).json()
    async with api.client(await api.login("p@example.com", collection="users")) as user:
        refused(await user.post(SESSION), 403, "forbidden")
    key = (await api.root.post("/api/keys", json={"name": "root", "superuser": True})).json()["key"]
    refused(await api.guest.post(SESSION, headers={"X-API-Key": key}), 403, "forbidden")
    assert made["id"]


async def test_the_token_of_a_login_becomes_a_session_and_that_of_an_impersonation_does_not(api: Api) -> None:
    async with api.client() as browser:
        answer = await browser.post(SESSION, headers={"Authorization": await api.login()})
        csrf = {"X-CSRF-Token": answer.json()["csrf"]}
        assert (await browser.get("/api/settings", headers=csrf)).status_code == 200
        me = (await browser.get(BOOTSTRAP)).json()["user"]["id"]
        impersonate = f"/api/collections/_superusers/impersonate/{me}"
        borrowed = (await browser.post(impersonate, json={}, headers=csrf)).json()["token"]
        refused(await browser.post(SESSION, headers={"Authorization": borrowed}), 403, "forbidden")


async def test_the_first_paint_has_all_that_it_needs(api: Api) -> None:
    await api.define("posts", [{"name": "title", "type": "text"}])
    async with api.client() as browser:
        assert (await browser.get(BOOTSTRAP)).json() == {"setUp": True}
        csrf = await begin(browser)
        found = (await browser.get(BOOTSTRAP)).json()
        assert found["csrf"] == csrf
        assert found["user"]["email"] == EMAIL
        assert found["database"].split(".")[0].isdigit()
        names = {one["name"] for one in found["collections"]}
        assert {"posts", "users", "_superusers"} <= names
        assert found["rows"].keys() <= names
        assert "secret" not in str(found["collections"])
