"""The ways to log in to a collection, as its clients ask for them."""

from collections.abc import Mapping
from typing import Any

from holdfast.auth.oauth2_login import starts
from holdfast.engine import Engine
from holdfast.schema.auth_options import auth_options
from holdfast.schema.collection import Collection


async def methods(engine: Engine, collection: Collection) -> Mapping[str, Any]:
    """What `auth-methods` answers. The last three are what clients of before PocketBase 0.23 look at."""
    options = auth_options(collection.auth)
    fields = list(options.password_auth.identity_fields) if options.password_auth.enabled else []
    providers = await starts(engine, collection)
    return {
        "password": {"enabled": options.password_auth.enabled, "identityFields": fields},
        "oauth2": {"enabled": options.oauth2.enabled, "providers": providers},
        "mfa": {"enabled": options.mfa.enabled, "duration": options.mfa.duration if options.mfa.enabled else 0},
        "otp": {"enabled": options.otp.enabled, "duration": options.otp.duration if options.otp.enabled else 0},
        "passkey": {"enabled": options.passkey_auth.enabled},
        "authProviders": providers,
        "usernamePassword": "username" in fields,
        "emailPassword": "email" in fields,
    }
