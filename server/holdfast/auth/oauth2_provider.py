"""What there is to know of an OAuth2 provider, before an app has registered there."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import msgspec

from holdfast.auth.oauth2_profile import Reading

Merge: TypeAlias = Callable[[Mapping[str, Any], Mapping[str, Any]], Mapping[str, Any]]


class Emails(msgspec.Struct, frozen=True):
    """Addresses are asked for apart: at the URL of the user with `path` at its end, in place of `instead`.

    `pick` takes the one that counts out of the answer: the primary one, if it is confirmed.
    """

    path: str
    pick: Callable[[object], str]
    instead: str = ""

    def url(self, user_info_url: str) -> str:
        """Where to ask."""
        return user_info_url.rstrip("/").removesuffix(self.instead) + self.path


class KnownProvider(msgspec.Struct, frozen=True, kw_only=True):
    """A provider. Without `user_info_url` a person is read from the ID token, which `jwks_url` and `issuer` prove.

    `basic` says whether the client's secret goes into a header rather than the body, `headers` what else a request for
    the person needs (`{client_id}` is filled in), and `query` is the body of that request where it is a POST.
    `foreign` are parts of token URLs at which anybody can make accounts with any address: none of them is believed.
    """

    name: str
    display_name: str
    reading: Reading
    auth_url: str = ""
    token_url: str = ""
    user_info_url: str = ""
    scopes: tuple[str, ...] = ()
    pkce: bool = True
    basic: bool = False
    headers: Mapping[str, str] = {}
    query: bytes = b""
    emails: Emails | None = None
    merge: Merge | None = None
    parameters: Mapping[str, str] = {}
    jwks_url: str = ""
    issuer: str = ""
    foreign: tuple[str, ...] = ()

    @property
    def is_generic(self) -> bool:
        """Whether an operator has to say where it is."""
        return not self.auth_url

    @property
    def is_oidc(self) -> bool:
        """Whether it speaks OpenID Connect, so that an issuer may say where everything is."""
        return "openid" in self.scopes and self.is_generic
