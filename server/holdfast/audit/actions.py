"""All that can stand in the audit log. docs/reference/audit.md has the same list."""

from typing import Final, Literal, TypeAlias, get_args

Action: TypeAlias = Literal[
    "auth.email_changed",
    "auth.impersonated",
    "auth.login",
    "auth.login_failed",
    "auth.oauth2_linked",
    "auth.oauth2_unlinked",
    "auth.passkey_added",
    "auth.passkey_removed",
    "auth.password_changed",
    "auth.recovery_codes_renewed",
    "auth.refresh_token_reused",
    "auth.roles_changed",
    "auth.second_factor_asked",
    "auth.sessions_ended",
    "auth.totp_disabled",
    "auth.totp_enabled",
    "collection.created",
    "collection.deleted",
    "collection.restored",
    "collection.truncated",
    "collection.updated",
    "key.created",
    "key.refused",
    "key.revoked",
    "key.rotated",
    "key.updated",
    "role.created",
    "role.deleted",
    "role.updated",
    "rule_test.created",
    "rule_test.deleted",
    "rule_test.updated",
    "settings.updated",
    "signing_keys.rotated",
    "superuser.created",
    "superuser.deleted",
    "trash.deleted",
    "webhook.created",
    "webhook.deleted",
    "webhook.delivery_retried",
    "webhook.disabled",
    "webhook.replayed",
    "webhook.secret_rotated",
    "webhook.updated",
]
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)
AUTH: Final = "auth."
AUTH_EVENTS: Final[tuple[Action, ...]] = tuple(action for action in ACTIONS if action.startswith(AUTH))
"""Those that are events as well, for webhooks."""
