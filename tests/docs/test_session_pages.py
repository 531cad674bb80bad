"""The pages about sessions, passkeys and authenticators say what the code has: requests, keys, claims, numbers."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from holdfast.accounts.routes import ACCOUNTS_ROUTES
from holdfast.auth import authenticator, passkeys, principals, refresh_tokens, session_routes, sessions, totp
from holdfast.auth.account_routes import ACCOUNT_ROUTES
from holdfast.auth.ceremonies import CHALLENGE_SECONDS
from holdfast.auth.passkey_routes import PASSKEY, PASSKEY_ROUTES
from holdfast.auth.session_routes import KEYS_SECONDS, SESSION, SESSION_ROUTES
from holdfast.auth.tokens import Claims
from holdfast.auth.totp_routes import TOTP_ROUTES
from holdfast.passwords import MAX_WAITING_PER_CORE

DOCS = Path(__file__).parents[2] / "docs"
PREFIX = "/api/collections/{collection}/"


def page(name: str) -> str:
    """A page as one line: where its own break is no matter."""
    return " ".join((DOCS / name).read_text("utf-8").split())


def first_cells(name: str) -> list[str]:
    return re.findall(r"^\| `([^`]+)` \|", (DOCS / "reference" / name).read_text("utf-8"), re.M)


def requests(routes: Any) -> set[str]:
    return {f"{route.method} {route.path.removeprefix(PREFIX)}" for route in routes}


def test_every_request_about_sessions_is_on_its_page() -> None:
    listed = {cell for cell in first_cells("sessions.md") if " " in cell}
    assert listed == requests(SESSION_ROUTES)


def test_every_request_about_accounts_is_on_its_page() -> None:
    assert {cell for cell in first_cells("accounts.md") if " " in cell} == requests((*ACCOUNT_ROUTES, *ACCOUNTS_ROUTES))


def test_every_request_about_passkeys_and_authenticators_is_on_its_page() -> None:
    assert set(first_cells("passkeys-and-totp.md")) == requests((*TOTP_ROUTES, *PASSKEY_ROUTES))


def test_every_claim_and_every_key_of_a_session_is_on_its_page() -> None:
    claims = {field.encode_name for field in msgspec.structs.fields(Claims)}
    keys: dict[str, Any] = SESSION["properties"]
    assert {cell for cell in first_cells("sessions.md") if " " not in cell} == claims | keys.keys()


def test_every_key_of_a_passkey_is_on_its_page() -> None:
    keys: dict[str, Any] = PASSKEY["properties"]
    assert "`{" + ", ".join(keys) + "}`" in page("reference/passkeys-and-totp.md")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("reference/sessions.md", f"lives for {sessions.TOKEN_SECONDS // 60} minutes"),
        ("reference/sessions.md", f"within {sessions.GRACE_SECONDS} seconds"),
        ("reference/sessions.md", f"at most {sessions.MOST_SESSIONS}"),
        ("reference/sessions.md", f"at most {sessions.MAX_AGENT_CHARS} characters"),
        ("reference/sessions.md", f"again after {principals.KEPT_SECONDS} seconds"),
        ("reference/sessions.md", f"{refresh_tokens.CHANCE_BYTES * 8} bits are chance"),
        ("reference/sessions.md", f"kept for {KEYS_SECONDS // 60} minutes"),
        ("explanation/sessions.md", f"for {sessions.GRACE_SECONDS} seconds"),
        ("explanation/sessions.md", f"for {principals.KEPT_SECONDS} seconds"),
        ("explanation/sessions.md", f"of {refresh_tokens.NONCE_BYTES} random bytes"),
        ("explanation/sessions.md", f"At most {MAX_WAITING_PER_CORE} logins a core"),
        ("explanation/architecture.md", f"kept for {principals.KEPT_SECONDS} seconds"),
        ("reference/passkeys-and-totp.md", f"every {totp.STEP_SECONDS} seconds"),
        ("reference/passkeys-and-totp.md", f"After {authenticator.MOST_FAILURES} wrong codes"),
        ("reference/passkeys-and-totp.md", f"for {authenticator.BLOCKED_SECONDS // 60} minutes"),
        ("reference/passkeys-and-totp.md", f"good for {CHALLENGE_SECONDS // 60} minutes"),
        ("reference/passkeys-and-totp.md", f"at most {passkeys.MOST_PASSKEYS}."),
    ],
)
def test_the_numbers_are_those_of_the_code(name: str, words: str) -> None:
    assert words in page(name)


def test_the_rotation_of_keys_is_for_superusers() -> None:
    access = {route.path: route.access for route in session_routes.SESSION_ROUTES}
    assert access["/api/signing-keys/rotate"] == "superusers"
