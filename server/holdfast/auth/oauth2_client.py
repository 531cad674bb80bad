"""An app at its OAuth2 provider: what is known of the provider, with what the operator says. Pure."""

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from holdfast.auth.oauth2_provider import KnownProvider
from holdfast.auth.oauth2_providers import PROVIDERS
from holdfast.schema.auth_options import OAuth2, Provider
from holdfast.schema.url import is_web_address


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """An app that is registered at a provider. `discovery` is the issuer that says what the operator does not."""

    provider: KnownProvider
    id: str
    secret: str
    display_name: str
    auth_url: str
    token_url: str
    user_info_url: str
    pkce: bool
    jwks_url: str = ""
    issuers: tuple[str, ...] = ()
    discovery: str = ""
    basic: bool = False

    @property
    def name(self) -> str:
        """The provider's name, under which people are linked with it."""
        return self.provider.name

    @property
    def proves_tokens(self) -> bool:
        """Whether there is what it takes to check an ID token."""
        return bool(self.jwks_url and self.issuers)

    @property
    def believes_emails(self) -> bool:
        """Whether the provider can know that an address is somebody's."""
        return not any(part in self.token_url for part in self.provider.foreign)


def find_client(options: OAuth2, name: str) -> Client | None:
    """The app at the provider of this name, if the options have it."""
    return next((configured(one) for one in options.providers if one.name == name and name in PROVIDERS), None)


def clients(options: OAuth2) -> tuple[Client, ...]:
    """All of them, in the operator's order."""
    return tuple(configured(one) for one in options.providers if one.name in PROVIDERS)


def configured(options: Provider) -> Client:
    """The app, with the provider's own addresses where the operator gives none."""
    known = PROVIDERS[options.name]
    extra = options.extra or {}
    issuer = _text(extra, "issuer")
    listed = cast("list[str]", extra.get("issuers") or [])
    return Client(
        provider=known,
        id=options.client_id,
        secret=options.client_secret,
        display_name=options.display_name or known.display_name,
        auth_url=options.auth_url or known.auth_url,
        token_url=options.token_url or known.token_url,
        user_info_url=options.user_info_url or known.user_info_url,
        pkce=known.pkce if options.pkce is None else options.pkce,
        jwks_url=_text(extra, "jwksURL") or known.jwks_url,
        issuers=tuple(listed) or tuple(filter(None, (issuer or known.issuer,))),
        discovery=issuer if known.is_oidc else "",
        basic=known.basic,
    )


def completed(client: Client, said: Mapping[str, Any]) -> Client:
    """The app with what its issuer says of itself (OpenID Connect Discovery), where the operator says nothing."""
    methods: object = said.get("token_endpoint_auth_methods_supported")
    in_body = isinstance(methods, list) and "client_secret_basic" not in methods and "client_secret_post" in methods
    return msgspec.structs.replace(
        client,
        auth_url=client.auth_url or _address(said, "authorization_endpoint"),
        token_url=client.token_url or _address(said, "token_endpoint"),
        user_info_url=client.user_info_url or _address(said, "userinfo_endpoint"),
        jwks_url=client.jwks_url or _address(said, "jwks_uri"),
        basic=client.basic and not in_body,
    )


def _text(said: Mapping[str, Any], key: str) -> str:
    found = said.get(key)
    return found if isinstance(found, str) else ""


def _address(said: Mapping[str, Any], key: str) -> str:
    found = _text(said, key)
    return found if is_web_address(found) else ""
