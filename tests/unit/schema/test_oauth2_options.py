"""The OAuth2 options of an auth collection, as requests bring them."""

from typing import Any

import msgspec
import pytest

from holdfast.errors import Problem
from holdfast.schema.auth_options import MappedFields, OAuth2, Provider
from holdfast.schema.oauth2_reading import read_oauth2

US = {"clientId": "us", "clientSecret": "hush"}
AT = {"authURL": "https://id.example/authorize", "tokenURL": "https://id.example/token"}


def read(given: Any, current: OAuth2 | None = None) -> tuple[OAuth2, dict[str, str]]:
    oauth2, problems = read_oauth2({"oauth2": given}, current or OAuth2(), {"name", "nick"})
    return oauth2, flat(problems)


def flat(problems: Any, prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, problem in problems.items():
        place = f"{prefix}{key}"
        found |= {place: problem.code} if isinstance(problem, Problem) else flat(problem, f"{place}.")
    return found


@pytest.mark.parametrize(
    "provider",
    [
        pytest.param({"name": "github"}, id="a-known-one"),
        pytest.param({"name": "gitlab", **AT, "userInfoURL": "http://gitlab:8080/api/v4/user"}, id="at-another-place"),
        pytest.param({"name": "oidc", **AT, "userInfoURL": "https://id.example/me"}, id="oidc-with-user-info"),
        pytest.param({"name": "oidc2", "extra": {"issuer": "https://id.example"}}, id="oidc-by-its-issuer"),
        pytest.param(
            {"name": "oidc3", **AT, "extra": {"jwksURL": "https://id.example/keys", "issuers": ["https://id.example"]}},
            id="oidc-by-id-tokens",
        ),
        pytest.param({"name": "mailcow", **AT, "userInfoURL": "https://mail.example/me"}, id="mailcow"),
        pytest.param({"name": "github", "pkce": None, "extra": None, "displayName": "Code"}, id="with-null"),
    ],
)
def test_a_provider_that_can_be_used_is_taken(provider: dict[str, Any]) -> None:
    oauth2, problems = read({"enabled": True, "providers": [{**US, **provider}]})
    assert problems == {}
    assert oauth2.providers[0].name == provider["name"]


@pytest.mark.parametrize(
    ("provider", "found"),
    [
        ({}, {"name": "validation_missing_provider"}),
        ({"name": "myspace"}, {"name": "validation_missing_provider"}),
        ({"name": "github", "clientId": ""}, {"clientId": "validation_required"}),
        ({"name": "github", "clientSecret": ""}, {"clientSecret": "validation_required"}),
        ({"name": "github", "clientId": 5}, {"clientId": "validation_invalid_value"}),
        ({"name": "github", "authURL": "github.com"}, {"authURL": "validation_is_url"}),
        ({"name": "github", "tokenURL": "ftp://github.com"}, {"tokenURL": "validation_is_url"}),
        ({"name": "github", "tokenURL": "https://us:pass@github.com"}, {"tokenURL": "validation_is_url"}),
        ({"name": "github", "userInfoURL": "https://github.com/#a"}, {"userInfoURL": "validation_is_url"}),
        ({"name": "github", "userInfoURL": "https://git hub.com"}, {"userInfoURL": "validation_is_url"}),
        ({"name": "github", "userInfoURL": "https://a:99999"}, {"userInfoURL": "validation_is_url"}),
        ({"name": "github", "pkce": "yes"}, {"pkce": "validation_invalid_value"}),
        ({"name": "github", "extra": []}, {"extra": "validation_invalid_value"}),
        ({"name": "github", "extra": {"jwksURL": 5}}, {"extra.jwksURL": "validation_is_url"}),
        ({"name": "github", "extra": {"issuer": "id.example"}}, {"extra.issuer": "validation_is_url"}),
        ({"name": "github", "extra": {"issuers": "https://a"}}, {"extra.issuers": "validation_invalid_value"}),
        ({"name": "github", "extra": {"issuers": [""]}}, {"extra.issuers": "validation_invalid_value"}),
        (
            {"name": "oidc"},
            {
                "authURL": "validation_required",
                "tokenURL": "validation_required",
                "userInfoURL": "validation_required",
            },
        ),
        (
            {"name": "oidc", **AT, "extra": {"jwksURL": "https://id.example/keys"}},
            {"userInfoURL": "validation_required"},
        ),
        ({"name": "mailcow", **AT}, {"userInfoURL": "validation_required"}),
    ],
)
def test_what_keeps_a_provider_from_being_used_is_named(provider: dict[str, Any], found: dict[str, str]) -> None:
    problems = read({"providers": [{**US, **provider}]})[1]
    assert problems == {f"providers.0.{key}": code for key, code in found.items()}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"providers": [{"name": "github", **US}] * 2}, {"providers.1.name": "validation_duplicated_provider"}),
        ({"providers": ["github"]}, {"providers.0": "validation_invalid_value"}),
        ({"mappedFields": {"name": "nope"}}, {"mappedFields.name": "validation_missing_field"}),
        ({"mappedFields": {"avatarURL": 5}}, {"mappedFields.avatarURL": "validation_invalid_value"}),
        ({"redirectURLs": ["app.example/in"]}, {"redirectURLs.0": "validation_is_url"}),
        ({"redirectURLs": ["https://a", "https://b#c"]}, {"redirectURLs.1": "validation_is_url"}),
        ({"redirectURLs": "https://a"}, {"redirectURLs": "validation_invalid_value"}),
        ({"redirectURLs": ["https://a"] * 51}, {"redirectURLs": "validation_too_many_values"}),
        ({"enabled": "yes"}, {"enabled": "validation_invalid_value"}),
    ],
)
def test_what_is_wrong_with_the_rest_is_named_too(given: dict[str, Any], found: dict[str, str]) -> None:
    assert read(given)[1] == found


@pytest.mark.parametrize("sent", [{}, {"clientSecret": ""}, {"clientSecret": None}])
def test_a_secret_that_is_not_sent_stays_as_it_is(sent: dict[str, Any]) -> None:
    current = OAuth2(providers=(Provider(name="github", client_id="us", client_secret="hush"),))
    oauth2, problems = read({"providers": [{"name": "github", "clientId": "them", **sent}]}, current)
    assert problems == {}
    assert (oauth2.providers[0].client_id, oauth2.providers[0].client_secret) == ("them", "hush")


def test_a_new_secret_takes_the_place_of_the_old_one_and_another_provider_has_none_of_it() -> None:
    current = OAuth2(providers=(Provider(name="github", client_id="us", client_secret="hush"),))
    oauth2, problems = read({"providers": [{"name": "github", **US, "clientSecret": "new"}]}, current)
    assert problems == {}
    assert oauth2.providers[0].client_secret == "new"
    assert read({"providers": [{"name": "gitlab", "clientId": "us"}]}, current)[1] == {
        "providers.0.clientSecret": "validation_required"
    }


def test_what_is_not_given_stays_and_a_field_that_is_gone_is_mapped_no_longer() -> None:
    current = OAuth2(
        enabled=True,
        mapped_fields=MappedFields(name="name", username="gone"),
        providers=(Provider(name="github", client_id="us", client_secret="hush"),),
        redirect_urls=("https://a.example/in",),
    )
    oauth2, problems = read({"mappedFields": {"username": "nick"}}, current)
    assert problems == {}
    mapped = MappedFields(name="name", username="nick")
    assert oauth2 == msgspec.structs.replace(current, mapped_fields=mapped)
