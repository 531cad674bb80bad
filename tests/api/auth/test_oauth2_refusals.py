"""OAuth2 logins that have to fail: codes, verifiers and pages that are not theirs, and providers that misbehave."""

import asyncio
import base64
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jws
from joserfc.jwk import RSAKey

from client import Api, in_one_loop, refused
from desk import APP, VERIFIER, Desk
from holdfast.auth.oauth2_start import nonce_of
from oauth2_provider import REDIRECT, Asked

OPENED: dict[str, str] = {}


async def once(desk: Desk, **oauth2: Any) -> str:
    """A collection with these options, which is made for the first who wants it."""
    key = f"{id(desk)} {oauth2}"
    if key not in OPENED:
        OPENED[key] = await desk.open(oauth2)
    return OPENED[key]


TOKEN: tuple[int, Any] = (200, {"access_token": "at", "token_type": "bearer", "expires_in": 60})
USER: tuple[int, Any] = (200, {"sub": "7", "email": "seven@example.com", "email_verified": True})


@in_one_loop
@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param({"provider": ""}, "provider", id="no-provider"),
        pytest.param({"provider": None}, "provider", id="provider-null"),
        pytest.param({"provider": 5}, "provider", id="provider-a-number"),
        pytest.param({"provider": "gitlab"}, "provider", id="a-provider-that-is-not-set-up"),
        pytest.param({"code": ""}, "code", id="no-code"),
        pytest.param({"code": ["a"]}, "code", id="a-list-of-codes"),
        pytest.param({"code": "a" * 8193}, "code", id="a-code-without-end"),
        pytest.param({"redirectURL": ""}, "redirectURL", id="no-page"),
        pytest.param({"redirectURL": "https://a/" + "a" * 2083}, "redirectURL", id="a-page-without-end"),
        pytest.param({"codeVerifier": ""}, "codeVerifier", id="no-verifier"),
        pytest.param({"codeVerifier": None}, "codeVerifier", id="verifier-null"),
        pytest.param({"codeVerifier": 5}, "codeVerifier", id="verifier-a-number"),
        pytest.param({"codeVerifier": "a" * 42}, "codeVerifier", id="a-short-verifier"),
        pytest.param({"codeVerifier": "a" * 42 + "\n"}, "codeVerifier", id="a-verifier-with-a-break"),
        pytest.param({"createData": "x"}, "createData", id="data-that-is-a-text"),
        pytest.param({"createData": [1]}, "createData", id="data-that-is-a-list"),
    ],
)
async def test_what_cannot_be_sent_to_a_provider_is_named(desk: Desk, change: dict[str, Any], field: str) -> None:
    collection = await once(desk)
    desk.script.begin(token=TOKEN, user=USER)
    body = refused(await desk.scripted(collection, **change), 400, "validation_failed")
    assert list(body["data"]) == [field]
    assert desk.script.asked == []


@in_one_loop
async def test_a_collection_that_takes_no_oauth2_says_so_whatever_is_sent(desk: Desk) -> None:
    body = {"provider": "github", "code": "a", "redirectURL": REDIRECT}
    refused(await desk.post("users/auth-with-oauth2", body), 403, "forbidden")
    refused(await desk.post("nobody/auth-with-oauth2", body), 404, "not_found")
    refused(await desk.post("_externalAuths/auth-with-oauth2", body), 404, "not_found")


@in_one_loop
async def test_a_code_counts_once(desk: Desk) -> None:
    collection = await desk.open()
    code = await desk.code(collection, desk.somebody())
    assert (await desk.post(f"{collection}/auth-with-oauth2", code)).status_code == 200
    body = refused(await desk.post(f"{collection}/auth-with-oauth2", code), 400, "validation_failed")
    assert body["data"]["code"]["code"] == "validation_code_used"


@in_one_loop
async def test_of_many_who_send_one_code_at_once_one_is_let_in(desk: Desk) -> None:
    collection = await desk.open()
    code = await desk.code(collection, desk.somebody())
    answers = await asyncio.gather(*(desk.post(f"{collection}/auth-with-oauth2", code) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7


@in_one_loop
@pytest.mark.parametrize("provider", ["oidc", "oidc2"])
async def test_a_code_is_of_no_use_with_the_verifier_of_another_login(desk: Desk, provider: str) -> None:
    collection = await once(desk)
    stolen = await desk.code(collection, desk.somebody(), provider)
    other = await desk.start(collection, provider)
    body = {**stolen, "codeVerifier": other["codeVerifier"]}
    answer = refused(await desk.post(f"{collection}/auth-with-oauth2", body), 400, "bad_request")
    assert answer["message"] == "OIDC: its ID token is not good: it is of another login."


@in_one_loop
async def test_a_code_of_one_provider_is_of_no_use_at_another(desk: Desk) -> None:
    collection = await once(desk)
    desk.script.begin(token=(400, {"error": "invalid_grant"}))
    stolen = await desk.code(collection, desk.somebody())
    body = refused(
        await desk.post(f"{collection}/auth-with-oauth2", {**stolen, "provider": "oidc3"}), 400, "bad_request"
    )
    assert body["message"] == "OIDC: it did not take the code (invalid_grant)."


@in_one_loop
@pytest.mark.parametrize(
    "page",
    [
        "https://app.example/in.evil.example",
        "https://app.example/in/../out",
        "https://app.example/in?next=https://evil.example",
        "https://app.example.evil/in",
        "https://app.example/in/",
        "https://APP.example/in",
        "https://evil.example/https://app.example/in",
        "https://user@app.example/in",
        "http://app.example/in",
        " https://app.example/in",
        "https://app.example/in#",
    ],
)
async def test_only_the_pages_that_the_operator_names_are_come_back_to(desk: Desk, page: str) -> None:
    collection = await once(desk, redirectURLs=["https://app.example/in", "myapp://in"])
    desk.script.begin(token=TOKEN, user=USER)
    body = refused(await desk.scripted(collection, redirectURL=page), 400, "validation_failed")
    assert body["data"]["redirectURL"]["code"] == "validation_redirect_not_allowed"
    assert desk.script.asked == []
    assert (await desk.scripted(collection, redirectURL="myapp://in")).status_code == 200


@in_one_loop
async def test_a_provider_is_sent_what_the_standard_says(desk: Desk) -> None:
    collection = await desk.open()
    desk.script.begin(token=TOKEN, user=USER)
    assert (await desk.scripted(collection, code="the code")).status_code == 200
    token, user = desk.script.asked
    assert token.form == {
        "grant_type": "authorization_code",
        "code": "the code",
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
    }
    assert base64.b64decode(token.headers["authorization"].removeprefix("Basic ")) == b"our-app:hush"
    assert (user.method, user.path, user.headers["authorization"]) == ("GET", "/user", "Bearer at")


@in_one_loop
async def test_a_provider_that_wants_the_secret_otherwise_gets_it_so(desk: Desk) -> None:
    collection = await desk.open()

    def only_in_the_body(asked: Asked) -> tuple[int, Any]:
        return TOKEN if asked.form.get("client_secret") == "hush" else (401, {"error": "invalid_client"})

    desk.script.begin(token=only_in_the_body, user=USER)
    assert (await desk.scripted(collection)).status_code == 200
    assert [asked.path for asked in desk.script.asked] == ["/token", "/token", "/user"]


@in_one_loop
async def test_github_is_asked_for_addresses_apart(desk: Desk) -> None:
    collection = await desk.open()
    emails = [{"email": "eight@example.com", "primary": True, "verified": True}]

    def user(asked: Asked) -> tuple[int, Any]:
        return 200, {"id": 8, "login": "eight", "email": "public@example.com"}

    desk.script.begin(token=TOKEN, user=user)
    desk.script.answers["/user/emails"] = (200, emails)
    answer = (await desk.scripted(collection, "github")).json()
    assert (answer["meta"]["id"], answer["meta"]["username"], answer["record"]["email"]) == (
        "8",
        "eight",
        "eight@example.com",
    )
    assert desk.script.asked[0].form["client_secret"] == "hush"
    desk.script.answers["/user/emails"] = (403, {"message": "no scope"})
    desk.script.answers["/user"] = (200, {"id": 9, "login": "nine", "email": "public@example.com"})
    assert (await desk.scripted(collection, "github")).json()["record"]["email"] == ""


BAD_TOKEN = "OIDC: it did not take the code"


@in_one_loop
@pytest.mark.parametrize(
    ("token", "user", "message"),
    [
        pytest.param((400, {"error": "invalid_grant"}), USER, f"{BAD_TOKEN} (invalid_grant).", id="a-wrong-code"),
        pytest.param((401, {"error": "invalid_client"}), USER, f"{BAD_TOKEN} (invalid_client).", id="a-wrong-secret"),
        pytest.param(
            (200, {"error": "bad_verification_code"}), USER, f"{BAD_TOKEN} (bad_verification_code).", id="200"
        ),
        pytest.param((400, {"error": "<b>hush</b>"}), USER, f"{BAD_TOKEN}.", id="an-error-with-markup"),
        pytest.param((400, {"error": {"a": 1}}), USER, f"{BAD_TOKEN}.", id="an-error-that-is-an-object"),
        pytest.param((500, b"<html>"), USER, f"{BAD_TOKEN}.", id="a-page"),
        pytest.param((200, b"access_token=at"), USER, f"{BAD_TOKEN}.", id="a-form"),
        pytest.param((200, b"\xff\xfe"), USER, f"{BAD_TOKEN}.", id="no-text"),
        pytest.param((200, b"[" * 100_000), USER, f"{BAD_TOKEN}.", id="brackets-without-end"),
        pytest.param((200, list[Any]()), USER, f"{BAD_TOKEN}.", id="a-list"),
        pytest.param((200, {"access_token": 5}), USER, f"{BAD_TOKEN}.", id="a-token-that-is-a-number"),
        pytest.param((302, {"access_token": ""}), USER, f"{BAD_TOKEN}.", id="a-redirect"),
        pytest.param((200, b"x" * 1_100_000), USER, "OIDC: it did not answer.", id="too-much"),
        pytest.param(TOKEN, (401, {"error": "no"}), "OIDC: it does not say who this is.", id="no-user"),
        pytest.param(TOKEN, (200, list[Any]()), "OIDC: it does not say who this is.", id="a-list-of-users"),
        pytest.param(TOKEN, (200, b"{"), "OIDC: it does not say who this is.", id="half-a-user"),
        pytest.param(
            TOKEN,
            (200, {"name": "Ann"}),
            "OIDC: it does not say who this is, or the account is not active there.",
            id="a-user-without-id",
        ),
    ],
)
async def test_a_provider_that_misbehaves_is_a_400_with_one_sentence(
    desk: Desk, token: tuple[int, Any], user: tuple[int, Any], message: str
) -> None:
    collection = await once(desk)
    desk.script.begin(token=token, user=user)
    body = refused(await desk.scripted(collection), 400, "bad_request")
    assert body["message"] == message
    assert body["data"] == {}


@in_one_loop
@pytest.mark.parametrize(
    ("expires_in", "there"),
    [(60, True), ("60", True), (None, False), (-1, False), (True, False), (1e300, False), ("x", False), ([], False)],
)
async def test_what_a_provider_says_about_time_cannot_break_anything(desk: Desk, expires_in: Any, there: bool) -> None:
    collection = await once(desk)
    desk.script.begin(token=(200, {"access_token": "at", "expires_in": expires_in, "refresh_token": 5}), user=USER)
    meta = (await desk.scripted(collection)).json()["meta"]
    assert bool(meta["expiry"]) is there
    assert meta["refreshToken"] == ""


KEY = RSAKey.generate_key(2048)


def id_token(key: RSAKey = KEY, **claims: Any) -> str:
    good = {"iss": "https://id.example", "aud": "our-app", "sub": "7", "exp": time.time() + 60, **claims}
    return jws.serialize_compact({"alg": "RS256", "kid": "k1"}, json.dumps(good).encode(), key)


@in_one_loop
@pytest.mark.parametrize(
    ("token", "why"),
    [
        pytest.param(lambda: id_token(nonce=nonce_of(VERIFIER)), "", id="good"),
        pytest.param(lambda: id_token(iss="https://id.example.evil"), "it is of another issuer", id="issuer"),
        pytest.param(lambda: id_token(aud="another"), "it is for another app", id="audience"),
        pytest.param(lambda: id_token(exp=time.time() - 600), "it is too old", id="old"),
        pytest.param(lambda: id_token(nonce=nonce_of("w" * 43)), "it is of another login", id="nonce"),
        pytest.param(lambda: id_token(RSAKey.generate_key(2048)), "its signature does not hold", id="key"),
        pytest.param(lambda: None, "it is no token", id="none"),
    ],
)
async def test_an_id_token_has_to_be_for_us_and_for_this_login(desk: Desk, token: Callable[[], Any], why: str) -> None:
    at = {"authURL": f"{desk.script.url}/authorize", "tokenURL": f"{desk.script.url}/token"}
    keys = f"/keys{desk.number()}"
    extra = {"jwksURL": f"{desk.script.url}{keys}", "issuers": ["https://id.example"]}
    collection = await desk.open({"providers": [{"name": "oidc", **APP, **at, "extra": extra}]})
    desk.script.begin(token=(200, {"access_token": "at", "id_token": token()}))
    desk.script.answers[keys] = (200, {"keys": [{**KEY.as_dict(private=False), "kid": "k1"}]})
    answer = await desk.scripted(collection, "oidc")
    if why:
        assert refused(answer, 400, "bad_request")["message"] == f"OIDC: its ID token is not good: {why}."
    else:
        assert answer.json()["meta"]["id"] == "7"


@in_one_loop
async def test_the_keys_of_a_provider_are_kept_for_a_while(desk: Desk) -> None:
    at = {"authURL": f"{desk.script.url}/authorize", "tokenURL": f"{desk.script.url}/token"}
    extra = {"jwksURL": f"{desk.script.url}/turning", "issuers": ["https://id.example"]}
    collection = await desk.open({"providers": [{"name": "oidc", **APP, **at, "extra": extra}]})
    new = RSAKey.generate_key(2048)
    desk.script.begin(token=lambda _: (200, {"access_token": "at", "id_token": id_token()}))
    desk.script.answers["/turning"] = (200, {"keys": [{**KEY.as_dict(private=False), "kid": "k1"}]})
    for _ in range(3):
        assert (await desk.scripted(collection, "oidc")).status_code == 200
    assert [asked.path for asked in desk.script.asked].count("/turning") == 1
    token = jws.serialize_compact(
        {"alg": "RS256", "kid": "k2"},
        json.dumps({"iss": "https://id.example", "aud": "our-app", "sub": "7", "exp": time.time() + 60}).encode(),
        new,
    )
    desk.script.answers["/token"] = (200, {"access_token": "at", "id_token": token})
    # Keys that are a moment old are not asked for again: else anybody could have the provider asked all the time.
    body = refused(await desk.scripted(collection, "oidc"), 400, "bad_request")
    assert body["message"] == "OIDC: its ID token is not good: its key is not known."
    assert [asked.path for asked in desk.script.asked].count("/turning") == 1


@in_one_loop
@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"issuer": "https://evil.example"}, "its configuration is that of another issuer."),
        ({}, "it does not say how it can be used."),
        ({"issuer": "{issuer}"}, "its configuration does not say where to log in."),
        (
            {"issuer": "{issuer}", "authorization_endpoint": "javascript:alert(1)", "token_endpoint": 5},
            "its configuration does not say where to log in.",
        ),
    ],
)
async def test_an_issuer_that_says_something_else_is_not_used(desk: Desk, said: dict[str, Any], message: str) -> None:
    name = f"issuer{desk.number()}"
    issuer = f"{desk.script.url}/{name}"
    collection = await desk.open({"providers": [{"name": "oidc", **APP, "extra": {"issuer": issuer}}]})
    answer = {key: issuer if text == "{issuer}" else text for key, text in said.items()}
    desk.script.begin()
    desk.script.answers[f"/{name}/.well-known/openid-configuration"] = (200, answer)
    body = refused(await desk.scripted(collection, "oidc"), 400, "bad_request")
    assert body["message"] == f"OIDC: {message}"
    methods = (await desk.api.guest.get(f"/api/collections/{collection}/auth-methods")).json()
    assert methods["oauth2"] == {"enabled": True, "providers": []}


@in_one_loop
async def test_a_provider_that_is_away_is_a_400(desk: Desk) -> None:
    away = "http://127.0.0.1:9"
    urls = {"authURL": f"{away}9/a", "tokenURL": f"{away}9/t", "userInfoURL": f"{away}9/u"}
    collection = await desk.open({"providers": [{"name": "gitlab", **APP, **urls, "displayName": "Our Git"}]})
    body = refused(await desk.scripted(collection, "gitlab"), 400, "bad_request")
    assert body["message"] == "Our Git: it did not answer."


@in_one_loop
async def test_the_ways_to_log_in_have_the_providers_as_clients_of_pocketbase_look_for_them(desk: Desk) -> None:
    collection = await desk.open()
    methods = (await desk.api.guest.get(f"/api/collections/{collection}/auth-methods")).json()
    assert methods["oauth2"]["enabled"] is True
    assert methods["authProviders"] == methods["oauth2"]["providers"]
    names = [one["name"] for one in methods["oauth2"]["providers"]]
    assert names == ["oidc", "oidc2", "oidc3", "github"]
    providers: list[dict[str, str]] = methods["oauth2"]["providers"]
    for one in providers:
        assert set(one) == {
            "name",
            "displayName",
            "state",
            "authURL",
            "authUrl",
            "codeVerifier",
            "codeChallenge",
            "codeChallengeMethod",
        }
        assert one["authURL"] == one["authUrl"]
        assert one["authURL"].endswith("&redirect_uri=")
        assert parse_qs(urlsplit(one["authURL"]).query)["state"] == [one["state"]]
        assert "hush" not in json.dumps(one)


@in_one_loop
async def test_the_secret_of_a_provider_never_goes_out_and_stays_when_it_is_not_sent(desk: Desk) -> None:
    collection = await desk.open()
    path = f"/api/collections/{collection}"
    shown = await desk.api.root.get(path)
    assert "hush" not in shown.text
    oauth2 = shown.json()["oauth2"]
    oauth2["providers"][2]["displayName"] = "Scripted"
    changed = await desk.api.root.patch(path, json={"oauth2": oauth2})
    assert changed.status_code == 200, changed.text
    assert "hush" not in changed.text
    desk.script.begin(token=TOKEN, user=USER)
    assert (await desk.scripted(collection)).status_code == 200
    assert base64.b64decode(desk.script.asked[0].headers["authorization"][6:]) == b"our-app:hush"


async def test_addresses_inside_the_operators_network_are_refused_when_they_are_set(api: Api) -> None:
    await api.define("people", type="auth")
    inside = {"authURL": "https://id.example/a", "tokenURL": "http://169.254.169.254/t", "userInfoURL": "http://127.1/"}
    issuer = {"extra": {"issuer": "http://localhost:8080", "jwksURL": "http://[::1]/keys"}}
    providers = [{"name": "github", **APP}, {"name": "gitlab", **APP, **inside}, {"name": "oidc", **APP, **issuer}]
    answer = await api.root.patch("/api/collections/people", json={"oauth2": {"providers": providers}})
    data: Any = refused(answer, 400, "validation_failed")["data"]["oauth2"]["providers"]
    assert {key: set(found) for key, found in data.items()} == {"1": {"tokenURL", "userInfoURL"}, "2": {"extra"}}
    assert set(data["2"]["extra"]) == {"issuer", "jwksURL"}
    assert data["1"]["tokenURL"]["code"] == "validation_url_not_allowed"
    for problem in (data["1"]["userInfoURL"], *data["2"]["extra"].values()):
        assert "name that network in HOLDFAST_OUTBOUND_ALLOW" in problem["message"]
    assert "HOLDFAST" not in data["1"]["tokenURL"]["message"], "nobody can allow the metadata of a cloud"
    assert (await api.root.get("/api/collections/people")).json()["oauth2"]["providers"] == []
