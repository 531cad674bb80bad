"""Who a provider says somebody is: a real answer of each, and answers of those who cheat."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest

from holdfast.auth.oauth2_profile import Profile, read_profile
from holdfast.auth.oauth2_provider import KnownProvider
from holdfast.auth.oauth2_providers import PROVIDERS
from holdfast.schema.oauth2_names import ELSEWHERE, NAMES, OIDC
from holdfast.schema.url import is_web_address

PICTURE = "https://pictures.example/1.png"
ANN = {"name": "Ann", "email": "ann@example.com", "avatar_url": PICTURE}
OIDC_ANSWER = {
    "sub": "7",
    "name": "Ann",
    "preferred_username": "ann7",
    "email": "ann@example.com",
    "email_verified": True,
    "picture": PICTURE,
}
# Provider, its answer, and the profile but for `raw`.
ANSWERS: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    (
        "apple",
        {"sub": "001.a", "email": "ann@example.com", "email_verified": "true"},
        {"id": "001.a", "email": "ann@example.com"},
    ),
    (
        "box",
        {"id": "7", "name": "Ann", "login": "ann@example.com", "avatar_url": PICTURE, "status": "active"},
        {"id": "7", **ANN},
    ),
    (
        "discord",
        {
            "id": "80",
            "username": "ann",
            "discriminator": "1337",
            "avatar": "8342",
            "email": "ann@example.com",
            "verified": True,
        },
        {
            "id": "80",
            "name": "ann#1337",
            "username": "ann",
            "email": "ann@example.com",
            "avatar_url": "https://cdn.discordapp.com/avatars/80/8342.png",
        },
    ),
    (
        "discord",
        {"id": "80", "username": "ann", "global_name": "Ann", "discriminator": "0", "avatar": None, "verified": False},
        {"id": "80", "name": "Ann", "username": "ann"},
    ),
    (
        "facebook",
        {"id": "7", "name": "Ann", "email": "ann@example.com", "picture": {"data": {"url": PICTURE}}},
        {"id": "7", **ANN},
    ),
    (
        "gitlab",
        {
            "id": 7,
            "name": "Ann",
            "username": "ann7",
            "email": "ann@example.com",
            "avatar_url": PICTURE,
            "confirmed_at": "2012-05-23T09:05:22Z",
        },
        {"id": "7", "username": "ann7", **ANN},
    ),
    ("gitlab", {"id": 7, "name": "Ann", "email": "ann@example.com", "confirmed_at": None}, {"id": "7", "name": "Ann"}),
    ("google", OIDC_ANSWER, {"id": "7", **ANN}),
    (
        "google",
        {"id": "7", "name": "Ann", "email": "ann@example.com", "verified_email": True},
        {"id": "7", "name": "Ann", "email": "ann@example.com"},
    ),
    (
        "instagram2",
        {"id": "1", "user_id": "7", "name": "Ann", "username": "ann7", "profile_picture_url": PICTURE},
        {"id": "7", "name": "Ann", "username": "ann7", "avatar_url": PICTURE},
    ),
    (
        "kakao",
        {
            "id": 123456789,
            "properties": {"nickname": "ann", "profile_image": PICTURE},
            "kakao_account": {"email": "ann@example.com", "is_email_valid": True, "is_email_verified": True},
        },
        {"id": "123456789", "username": "ann", "email": "ann@example.com", "avatar_url": PICTURE},
    ),
    (
        "kakao",
        {"id": 1, "kakao_account": {"email": "ann@example.com", "is_email_valid": False, "is_email_verified": True}},
        {"id": "1"},
    ),
    (
        "lark",
        {"code": 0, "data": {"union_id": "on_7", "name": "Ann", "avatar_url": PICTURE}},
        {"id": "on_7", "name": "Ann", "avatar_url": PICTURE},
    ),
    (
        "linear",
        {
            "data": {
                "viewer": {
                    "id": "7",
                    "displayName": "ann7",
                    "name": "Ann",
                    "email": "ann@example.com",
                    "avatarUrl": PICTURE,
                    "active": True,
                }
            }
        },
        {"id": "7", "username": "ann7", **ANN},
    ),
    ("linkedin", OIDC_ANSWER, {"id": "7", **ANN}),
    (
        "livechat",
        {"account_id": "7", "email_verified": True, **ANN},
        {"id": "7", **ANN},
    ),
    (
        "mailcow",
        {"id": "7", "username": "ann7@example.com", "email": "ann@example.com", "full_name": "Ann", "active": 1},
        {"id": "7", "username": "ann7", "name": "Ann", "email": "ann@example.com"},
    ),
    (
        "microsoft",
        {"id": "7", "displayName": "Ann", "mail": "ann@example.com"},
        {"id": "7", "name": "Ann", "email": "ann@example.com"},
    ),
    (
        "monday",
        {
            "data": {
                "me": {
                    "id": "7",
                    "enabled": True,
                    "name": "Ann",
                    "email": "ann@example.com",
                    "is_verified": True,
                    "photo_small": PICTURE,
                }
            }
        },
        {"id": "7", **ANN},
    ),
    (
        "notion",
        {"bot": {"owner": {"user": {"id": "7", "name": "Ann", "person": {"email": "ann@example.com"}}}}},
        {"id": "7", "name": "Ann", "email": "ann@example.com"},
    ),
    ("oidc", OIDC_ANSWER, {"id": "7", "username": "ann7", **ANN}),
    ("oidc2", {**OIDC_ANSWER, "email_verified": False}, {"id": "7", "username": "ann7", **ANN, "email": ""}),
    (
        "oidc3",
        {key: OIDC_ANSWER[key] for key in ("sub", "email")},
        {"id": "7"},
    ),
    (
        "patreon",
        {
            "data": {
                "id": "7",
                "attributes": {
                    "full_name": "Ann",
                    "vanity": "ann7",
                    "email": "ann@example.com",
                    "is_email_verified": True,
                    "image_url": PICTURE,
                },
            }
        },
        {"id": "7", "username": "ann7", **ANN},
    ),
    (
        "planningcenter",
        {"data": {"id": "7", "attributes": {"status": "active", "name": "Ann", "avatar": PICTURE}}},
        {"id": "7", "name": "Ann", "avatar_url": PICTURE},
    ),
    (
        "spotify",
        {"id": "7", "display_name": "Ann", "email": "ann@example.com", "images": [{"url": PICTURE}]},
        {"id": "7", "name": "Ann", "avatar_url": PICTURE},
    ),
    (
        "strava",
        {"id": 7, "firstname": "Ann", "lastname": "Lee ", "username": "ann7", "profile": PICTURE},
        {"id": "7", "name": "Ann Lee", "username": "ann7", "avatar_url": PICTURE},
    ),
    (
        "trakt",
        {"user": {"username": "ann7", "name": "Ann", "ids": {"uuid": "7"}, "images": {"avatar": {"full": PICTURE}}}},
        {"id": "7", "name": "Ann", "username": "ann7", "avatar_url": PICTURE},
    ),
    (
        "twitch",
        {
            "data": [
                {
                    "id": "7",
                    "login": "ann7",
                    "display_name": "Ann",
                    "email": "ann@example.com",
                    "profile_image_url": PICTURE,
                }
            ]
        },
        {"id": "7", "username": "ann7", **ANN},
    ),
    (
        "twitter",
        {"data": {"id": "7", "name": "Ann", "username": "ann7", "profile_image_url": PICTURE}},
        {"id": "7", "name": "Ann", "username": "ann7", "avatar_url": PICTURE},
    ),
    (
        "wakatime",
        {"data": {"id": "7", "display_name": "Ann", "username": None, "email": "ann@example.com", "photo": PICTURE}},
        {"id": "7", "name": "Ann", "avatar_url": PICTURE},
    ),
    (
        "yandex",
        {
            "id": "7",
            "real_name": "Ann",
            "login": "ann7",
            "default_email": "ann@example.com",
            "default_avatar_id": "131652443",
            "is_avatar_empty": False,
        },
        {
            "id": "7",
            "name": "Ann",
            "username": "ann7",
            "email": "ann@example.com",
            "avatar_url": "https://avatars.yandex.net/get-yapic/131652443/islands-200",
        },
    ),
]
ACTIVE = {"bitbucket": {"uuid": "{7}", "account_status": "active"}}
# Provider, its answer, what it says of addresses, and the address that counts.
EMAILS: list[tuple[str, dict[str, Any], Any, str]] = [
    (
        "github",
        {"id": 7, "login": "ann7"},
        [
            {"email": "old@example.com", "primary": False, "verified": True},
            {"email": "ann@example.com", "primary": True, "verified": True},
        ],
        "ann@example.com",
    ),
    ("github", {"id": 7}, [{"email": "ann@example.com", "primary": True, "verified": False}], ""),
    ("github", {"id": 7, "email": "public@example.com"}, {"message": "Not Found"}, ""),
    ("gitea", {"id": 7}, [{"email": "ann@example.com", "primary": True, "verified": True}], "ann@example.com"),
    (
        "gitee",
        {"id": 7},
        [{"email": "ann@example.com", "state": "confirmed", "scope": ["primary", "security"]}],
        "ann@example.com",
    ),
    ("gitee", {"id": 7}, [{"email": "ann@example.com", "state": "unconfirmed", "scope": ["primary"]}], ""),
    ("gitee", {"id": 7}, {"email": "7+ann@user.noreply.gitee.com"}, ""),
    (
        "bitbucket",
        ACTIVE["bitbucket"],
        {"values": [{"email": "ann@example.com", "is_primary": True, "is_confirmed": True}]},
        "ann@example.com",
    ),
    (
        "bitbucket",
        ACTIVE["bitbucket"],
        {"values": [{"email": "ann@example.com", "is_primary": True, "is_confirmed": False}]},
        "",
    ),
    ("bitbucket", ACTIVE["bitbucket"], [5, None, "text"], ""),
]


def ids(cases: list[tuple[Any, ...]]) -> list[str]:
    return [f"{case[0]}-{at}" for at, case in enumerate(cases)]


def expected(parts: Mapping[str, str], raw: Mapping[str, Any]) -> Profile:
    return Profile(**{**{"id": ""}, **parts}, raw=raw)


@pytest.mark.parametrize(("name", "answer", "parts"), ANSWERS, ids=ids(list(ANSWERS)))
def test_a_person_is_read_out_of_what_a_provider_answers(
    name: str, answer: dict[str, Any], parts: dict[str, str]
) -> None:
    assert read_profile(PROVIDERS[name].reading, answer) == expected(parts, answer)


@pytest.mark.parametrize(("name", "answer", "said", "email"), EMAILS, ids=ids(list(EMAILS)))
def test_an_address_that_is_asked_for_apart_counts_if_it_is_confirmed_and_primary(
    name: str, answer: dict[str, Any], said: Any, email: str
) -> None:
    emails = PROVIDERS[name].emails
    assert emails is not None
    found = read_profile(PROVIDERS[name].reading, answer, emails.pick(said))
    assert found is not None
    assert found.email == email


def test_every_provider_is_asked_about_somebody_in_these_tests() -> None:
    tested = {name for name, *_ in (*ANSWERS, *EMAILS)} | {"vk"}
    assert tested == set(PROVIDERS)


def test_vk_sends_the_address_with_the_token() -> None:
    answer = {"response": [{"id": 7, "first_name": "Ann", "last_name": "Lee", "screen_name": "ann7"}]}
    merge = PROVIDERS["vk"].merge
    assert merge is not None
    found = read_profile(PROVIDERS["vk"].reading, merge(answer, {"access_token": "x", "email": "ann@example.com"}))
    assert found is not None
    assert (found.id, found.name, found.email) == ("7", "Ann Lee", "ann@example.com")


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        pytest.param("oidc", {}, id="nobody"),
        pytest.param("oidc", {"sub": None}, id="no-id"),
        pytest.param("oidc", {"sub": ""}, id="empty-id"),
        pytest.param("oidc", {"sub": True}, id="an-id-that-is-true"),
        pytest.param("oidc", {"sub": ["7"]}, id="an-id-that-is-a-list"),
        pytest.param("oidc", {"sub": "7\0"}, id="an-id-with-nul"),
        pytest.param("oidc", {"sub": "7\ud800"}, id="an-id-that-is-no-unicode"),
        pytest.param("oidc", {"sub": "7" * 501}, id="an-id-without-end"),
        pytest.param("twitch", {"data": []}, id="an-empty-list"),
        pytest.param("vk", {"error": {"error_code": 5}}, id="an-error"),
        pytest.param("bitbucket", {"uuid": "7", "account_status": "closed"}, id="closed-at-bitbucket"),
        pytest.param("box", {"id": "7", "status": "inactive"}, id="inactive-at-box"),
        pytest.param("linear", {"data": {"viewer": {"id": "7", "active": False}}}, id="inactive-at-linear"),
        pytest.param("mailcow", {"id": "7", "active": 0}, id="inactive-at-mailcow"),
        pytest.param("monday", {"data": {"me": {"id": "7", "enabled": False}}}, id="disabled-at-monday"),
        pytest.param("planningcenter", {"data": {"id": "7", "attributes": []}}, id="no-status-at-planning-center"),
    ],
)
def test_an_answer_that_names_nobody_or_somebody_locked_out_is_no_profile(name: str, answer: dict[str, Any]) -> None:
    assert read_profile(PROVIDERS[name].reading, answer) is None


@pytest.mark.parametrize(
    ("said", "email"),
    [
        ({"email_verified": True}, "ann@example.com"),
        ({"email_verified": "true"}, "ann@example.com"),
        ({"email_verified": 1}, "ann@example.com"),
        ({"email_verified": "false"}, ""),
        ({"email_verified": "yes"}, ""),
        ({"email_verified": ["true"]}, ""),
        ({"email_verified": None}, ""),
        ({}, ""),
        ({"email_verified": True, "email": "no address"}, ""),
        ({"email_verified": True, "email": ["ann@example.com"]}, ""),
        ({"email_verified": True, "email": "ann@example.com\0"}, ""),
    ],
)
def test_an_address_counts_only_if_the_provider_says_that_it_is_verified(said: dict[str, Any], email: str) -> None:
    found = read_profile(PROVIDERS["oidc"].reading, {"sub": "7", "email": "ann@example.com", **said})
    assert found is not None
    assert found.email == email


@pytest.mark.parametrize(
    "picture", ["javascript:alert(1)", "data:text/html,x", "//a.example/x", "https://a b", "https://a/" + "x" * 3000, 5]
)
def test_a_picture_that_is_no_address_of_the_web_is_left_out(picture: object) -> None:
    found = read_profile(PROVIDERS["oidc"].reading, {"sub": "7", "picture": picture})
    assert found is not None
    assert found.avatar_url == ""


def test_the_names_that_options_can_have_are_those_of_the_data() -> None:
    assert set(PROVIDERS) == NAMES
    assert {name for name, one in PROVIDERS.items() if one.is_generic} == ELSEWHERE
    assert {name for name, one in PROVIDERS.items() if one.is_oidc} == OIDC


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)
def test_every_address_of_a_provider_is_one_with_tls(provider: KnownProvider) -> None:
    urls = (provider.auth_url, provider.token_url, provider.user_info_url, provider.jwks_url, provider.issuer)
    for url in filter(None, urls):
        assert is_web_address(url)
        assert urlsplit(url).scheme == "https"
    assert provider.is_generic or (provider.token_url and (provider.user_info_url or provider.jwks_url))


def test_the_addresses_of_somebody_are_beside_the_user() -> None:
    urls = {name: one.emails.url(one.user_info_url) for name, one in PROVIDERS.items() if one.emails is not None}
    assert urls == {
        "bitbucket": "https://api.bitbucket.org/2.0/user/emails",
        "gitea": "https://gitea.com/api/v1/user/emails",
        "gitee": "https://gitee.com/api/v5/emails",
        "github": "https://api.github.com/user/emails",
    }
