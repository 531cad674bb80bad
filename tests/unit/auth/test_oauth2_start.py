"""Where people are sent to log in, and with what."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from holdfast.auth.oauth2_client import clients, completed, configured, find_client
from holdfast.auth.oauth2_start import is_verifier, nonce_of, s256, start
from holdfast.schema.auth_options import OAuth2, Provider

US: dict[str, Any] = {"client_id": "us & co", "client_secret": "hush"}


def asked(url: str) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(urlsplit(url).query, keep_blank_values=True).items()}


def test_the_challenge_is_that_of_the_standard() -> None:
    # RFC 7636, appendix B.
    assert s256("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_a_person_is_sent_to_the_provider_with_what_the_app_keeps() -> None:
    begun = start(configured(Provider(name="github", **US)))
    assert begun.auth_url.startswith("https://github.com/login/oauth/authorize?")
    assert begun.auth_url.endswith("&redirect_uri=")
    assert begun.old_auth_url == begun.auth_url
    assert asked(begun.auth_url) == {
        "client_id": "us & co",
        "response_type": "code",
        "state": begun.state,
        "scope": "read:user user:email",
        "code_challenge": begun.code_challenge,
        "code_challenge_method": "S256",
        "redirect_uri": "",
    }
    assert is_verifier(begun.code_verifier)
    assert begun.code_challenge == s256(begun.code_verifier)
    assert "hush" not in begun.auth_url
    assert len(begun.state) >= 30


def test_no_two_begin_alike() -> None:
    client = configured(Provider(name="github", **US))
    begun = [start(client) for _ in range(20)]
    assert len({one.state for one in begun} | {one.code_verifier for one in begun}) == 40


def test_without_pkce_there_is_neither_challenge_nor_verifier() -> None:
    begun = start(configured(Provider(name="github", pkce=False, **US)))
    assert (begun.code_verifier, begun.code_challenge, begun.code_challenge_method) == ("", "", "")
    assert "code_challenge" not in begun.auth_url


def test_where_id_tokens_are_checked_they_are_bound_to_the_verifier() -> None:
    begun = start(configured(Provider(name="apple", pkce=False, **US)))
    assert asked(begun.auth_url)["nonce"] == nonce_of(begun.code_verifier)
    assert asked(begun.auth_url)["response_mode"] == "form_post"
    assert begun.code_challenge == ""


def test_an_address_that_has_a_query_is_gone_on_with() -> None:
    client = configured(Provider(name="gitlab", auth_url="https://git.example/authorize?realm=a", **US))
    url = start(client).auth_url
    assert asked(url)["realm"] == "a"
    assert url.count("?") == 1


def test_what_the_operator_says_comes_before_what_is_known() -> None:
    client = configured(
        Provider(
            name="gitlab",
            auth_url="https://git.example/a",
            token_url="https://git.example/t",
            user_info_url="https://git.example/u",
            display_name="Our Git",
            pkce=False,
            **US,
        )
    )
    assert (client.auth_url, client.token_url, client.user_info_url) == (
        "https://git.example/a",
        "https://git.example/t",
        "https://git.example/u",
    )
    assert (client.display_name, client.pkce) == ("Our Git", False)


def test_an_issuer_says_what_the_operator_does_not() -> None:
    client = configured(Provider(name="oidc", auth_url="https://a.example", extra={"issuer": "https://id"}, **US))
    assert client.discovery == "https://id"
    found = completed(
        client,
        {
            "authorization_endpoint": "https://id/authorize",
            "token_endpoint": "https://id/token",
            "userinfo_endpoint": "https://id/me",
            "jwks_uri": "https://id/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        },
    )
    assert (found.auth_url, found.token_url, found.user_info_url) == (
        "https://a.example",
        "https://id/token",
        "https://id/me",
    )
    assert found.proves_tokens
    assert (client.basic, found.basic) == (True, False)


def test_an_issuer_that_says_nonsense_says_nothing() -> None:
    client = configured(Provider(name="oidc", extra={"issuer": "https://id"}, **US))
    assert (
        completed(client, {"token_endpoint": 5, "jwks_uri": None, "token_endpoint_auth_methods_supported": 1}) == client
    )


@pytest.mark.parametrize(
    ("name", "token_url", "believed"),
    [
        ("microsoft", "", False),
        ("microsoft", "https://login.microsoftonline.com/consumers/oauth2/v2.0/token", False),
        ("microsoft", "https://login.microsoftonline.com/0f1e2d3c/oauth2/v2.0/token", True),
        ("github", "", True),
    ],
)
def test_where_anybody_can_have_any_address_none_is_believed(name: str, token_url: str, believed: bool) -> None:
    assert configured(Provider(name=name, token_url=token_url, **US)).believes_emails is believed


def test_a_client_is_found_by_the_name_of_its_provider() -> None:
    options = OAuth2(providers=(Provider(name="gone", **US), Provider(name="github", **US)))
    assert [client.name for client in clients(options)] == ["github"]
    found = find_client(options, "github")
    assert found is not None
    assert found.name == "github"
    assert find_client(options, "gone") is None
    assert find_client(options, "gitlab") is None


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("a" * 43, True),
        ("a" * 128, True),
        ("a" * 42, False),
        ("a" * 129, False),
        ("a" * 43 + "\n", False),
        ("ü" * 43, False),
    ],
)
def test_a_verifier_has_the_form_of_the_standard(text: str, is_one: bool) -> None:
    assert is_verifier(text) is is_one
