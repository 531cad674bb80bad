"""The options of auth collections: how their records log in, and for how long."""

import secrets
import string
from collections.abc import Mapping
from typing import Any, Final, Literal, cast

import msgspec

from holdfast.schema.auth_templates import (
    EMAIL_CHANGE,
    NEW_PLACE,
    ONE_TIME_PASSWORD,
    PASSWORD_RESET,
    VERIFICATION,
    MailTemplate,
)

SECRET_CHARS: Final = 50
_ALPHABET: Final = string.ascii_letters + string.digits
MINUTE: Final = 60  # seconds, as all durations here
DAY: Final = 86_400


class TokenOptions(msgspec.Struct, frozen=True, rename="camel"):
    """One sort of token: the second half of its signing key, and for how many seconds it is good."""

    duration: int
    secret: str = ""


class AuthTokenOptions(TokenOptions, frozen=True, rename="camel"):
    """Login tokens, which can also be signed with the server's key (EdDSA), so that others can check them."""

    algorithm: Literal["HS256", "EdDSA"] = "HS256"


class AuthAlert(msgspec.Struct, frozen=True, rename="camel"):
    """Whether a login from a new place is mailed to the person."""

    enabled: bool = True
    email_template: MailTemplate = NEW_PLACE


class PasswordAuth(msgspec.Struct, frozen=True, rename="camel"):
    """Login with a password, and the fields by which a person is looked up. Each has to be unique."""

    enabled: bool = True
    identity_fields: tuple[str, ...] = ("email",)


class PasskeyAuth(msgspec.Struct, frozen=True, rename="camel"):
    """Login with a passkey, which a person makes while logged in by another way."""

    enabled: bool = True


class Mfa(msgspec.Struct, frozen=True, rename="camel"):
    """Whether two ways to log in are needed, within how many seconds, and for whom (a rule)."""

    enabled: bool = False
    duration: int = 30 * MINUTE
    rule: str = ""


class Otp(msgspec.Struct, frozen=True, rename="camel"):
    """Login with a password that is mailed and used once."""

    enabled: bool = False
    duration: int = 3 * MINUTE
    length: int = 8
    email_template: MailTemplate = ONE_TIME_PASSWORD


class MappedFields(msgspec.Struct, frozen=True, rename="camel"):
    """Which fields of a new record are filled with what an OAuth2 provider says of the person."""

    id: str = ""
    name: str = ""
    username: str = ""
    avatar_url: str = msgspec.field(default="", name="avatarURL")


class Provider(msgspec.Struct, frozen=True, rename="camel"):
    """An OAuth2 provider."""

    name: str = ""
    client_id: str = ""
    client_secret: str = ""
    auth_url: str = msgspec.field(default="", name="authURL")
    token_url: str = msgspec.field(default="", name="tokenURL")
    user_info_url: str = msgspec.field(default="", name="userInfoURL")
    display_name: str = ""
    pkce: bool | None = None
    extra: dict[str, Any] | None = None


class OAuth2(msgspec.Struct, frozen=True, rename="camel"):
    """Login with the accounts of other services.

    `redirect_urls` are the only pages that people may come back to with a code; none: whatever the provider takes.
    """

    enabled: bool = False
    mapped_fields: MappedFields = MappedFields()
    providers: tuple[Provider, ...] = ()
    redirect_urls: tuple[str, ...] = msgspec.field(default=(), name="redirectURLs")


class AuthOptions(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """All of them. `auth_rule` None: nobody logs in; `manage_rule`: who may do what else only superusers may."""

    auth_rule: str | None = ""
    manage_rule: str | None = None
    auth_alert: AuthAlert = AuthAlert()
    oauth2: OAuth2 = OAuth2()
    password_auth: PasswordAuth = PasswordAuth()
    passkey_auth: PasskeyAuth = PasskeyAuth()
    mfa: Mfa = Mfa()
    otp: Otp = Otp()
    auth_token: AuthTokenOptions = AuthTokenOptions(7 * DAY)
    password_reset_token: TokenOptions = TokenOptions(30 * MINUTE)
    email_change_token: TokenOptions = TokenOptions(30 * MINUTE)
    verification_token: TokenOptions = TokenOptions(3 * DAY)
    file_token: TokenOptions = TokenOptions(3 * MINUTE)
    verification_template: MailTemplate = VERIFICATION
    reset_password_template: MailTemplate = PASSWORD_RESET
    confirm_email_change_template: MailTemplate = EMAIL_CHANGE


TOKENS: Final = ("auth_token", "password_reset_token", "email_change_token", "verification_token", "file_token")


def auth_options(stored: Mapping[str, Any]) -> AuthOptions:
    """The options of a collection (`Collection.auth`) as a struct."""
    return msgspec.convert(stored, AuthOptions)


def store_auth_options(options: AuthOptions) -> dict[str, Any]:
    """The other way round: what goes into `Collection.auth`."""
    # Through JSON, so that it equals what comes back from the catalog's table: lists, and no tuples.
    return cast(dict[str, Any], msgspec.json.decode(msgspec.json.encode(options)))


def with_secrets(options: AuthOptions) -> AuthOptions:
    """The options with a new secret for every token that has none."""
    changes: dict[str, TokenOptions] = {}
    for token in TOKENS:
        now = cast(TokenOptions, getattr(options, token))
        if not now.secret:
            changes[token] = msgspec.structs.replace(now, secret=new_secret())
    return msgspec.structs.replace(options, **changes)


def new_secret() -> str:
    """50 random letters and digits: 297 bits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(SECRET_CHARS))
