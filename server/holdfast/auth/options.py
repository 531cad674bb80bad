"""The options of an auth collection, read from its definition."""

from typing import Any, cast

import msgspec

from holdfast.auth.tokens import DEFAULT_DURATION
from holdfast.schema.collection import Collection

SUPERUSERS = "_superusers"


class PasswordAuth(msgspec.Struct, frozen=True, rename="camel"):
    """Whether records log in with a password, and the fields that can name them."""

    enabled: bool = False
    identity_fields: tuple[str, ...] = ("email",)


class AuthToken(msgspec.Struct, frozen=True):
    """The collection's half of the signing key, and how long a login lasts, in seconds."""

    secret: str = ""
    duration: int = DEFAULT_DURATION


class AuthOptions(msgspec.Struct, frozen=True, rename="camel"):
    """What this server does with the options of an auth collection.

    `auth_rule` None: nobody logs in. Empty: everybody with the right password. An expression counts as None,
    since nothing evaluates it yet.
    """

    auth_rule: str | None = None
    password_auth: PasswordAuth = PasswordAuth()
    auth_token: AuthToken = AuthToken()
    second_factor: bool = False


def read_options(collection: Collection) -> AuthOptions:
    """The options of an auth collection."""
    found = collection.auth
    mfa = cast(dict[str, Any], found.get("mfa") or {})
    return AuthOptions(
        auth_rule=found.get("authRule"),
        password_auth=msgspec.convert(found.get("passwordAuth") or {}, PasswordAuth),
        auth_token=msgspec.convert(found.get("authToken") or {}, AuthToken),
        second_factor=bool(mfa.get("enabled")),
    )
