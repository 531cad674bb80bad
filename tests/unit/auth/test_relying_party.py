"""What passkeys are bound to."""

from typing import Any

import msgspec
import pytest

from holdfast.auth.relying_party import relying_party
from holdfast.config import ConfigError, Settings
from holdfast.errors import BadRequest
from holdfast.schema.app_options import AppOptions, Meta

OPTIONS = AppOptions(meta=Meta(app_name="Shop"))


def settings(**changes: Any) -> Settings:
    return msgspec.structs.replace(Settings(), **changes)


@pytest.mark.parametrize(
    ("changes", "domain", "origins"),
    [
        pytest.param(
            {"public_url": "https://api.example.com"}, "api.example.com", ["https://api.example.com"], id="one"
        ),
        pytest.param({}, "localhost", ["http://localhost:8090"], id="in development"),
        pytest.param(
            {"public_url": "https://api.example.com:8443"},
            "api.example.com",
            ["https://api.example.com:8443"],
            id="port",
        ),
        pytest.param(
            {
                "public_url": "https://api.example.com",
                "passkey_domain": "example.com",
                "cors_origins": ("https://app.example.com", "https://example.com", "https://other.example"),
            },
            "example.com",
            ["https://api.example.com", "https://app.example.com", "https://example.com"],
            id="an app beside the API",
        ),
        pytest.param(
            {
                "public_url": "https://example.com",
                "cors_origins": (
                    "http://app.example.com",
                    "https://evilexample.com",
                    "https://example.com.evil.test",
                    "https://example.org",
                ),
            },
            "example.com",
            ["https://example.com"],
            id="sites that only look like it, and one that anybody can listen to",
        ),
        pytest.param(
            {"public_url": "https://example.com", "cors_origins": ("*",)},
            "example.com",
            ["https://example.com"],
            id="any site may call the API, and none may ask for passkeys",
        ),
    ],
)
def test_passkeys_belong_to_the_public_address(changes: dict[str, Any], domain: str, origins: list[str]) -> None:
    found = relying_party(OPTIONS, settings(**changes))
    assert (found.id, found.name, list(found.origins)) == (domain, "Shop", origins)


@pytest.mark.parametrize("url", ["https://192.0.2.1", "https://[2001:db8::1]:8443"])
def test_an_address_of_numbers_has_no_passkeys(url: str) -> None:
    with pytest.raises(BadRequest, match="need a domain"):
        relying_party(OPTIONS, settings(public_url=url))


@pytest.mark.parametrize(
    ("domain", "url"),
    [("example.com", "https://evilexample.com"), ("app.example.com", "https://example.com"), ("com.", "https://a.org")],
)
def test_a_domain_that_is_not_above_the_public_address_is_refused(domain: str, url: str) -> None:
    environ = {"HOLDFAST_PASSKEY_DOMAIN": domain, "HOLDFAST_PUBLIC_URL": url}
    with pytest.raises(ConfigError, match="passkey_domain"):
        Settings.load(environ)


@pytest.mark.parametrize("domain", ["https://example.com", "example.com/x", "a b", "-x.com", ".example.com", "a:80"])
def test_what_is_no_domain_is_refused(domain: str) -> None:
    with pytest.raises(ConfigError, match="passkey_domain"):
        Settings.load({"HOLDFAST_PASSKEY_DOMAIN": domain})
