"""The pages about OAuth2: every provider, option and number is the code's, and the shell runs as it is written."""

import re
import subprocess
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from holdfast.auth import attempts, oauth2_asking, oauth2_id_token, oauth2_quirks, oauth2_routes
from holdfast.auth.oauth2_guard import CLOSED
from holdfast.auth.oauth2_provider import KnownProvider
from holdfast.auth.oauth2_providers import PROVIDERS
from holdfast.auth.oauth2_start import Start
from holdfast.schema import oauth2_reading
from holdfast.schema.auth_options import OAuth2, Provider
from oauth2_provider import OidcProvider
from served import Served

DOCS = Path(__file__).parents[2] / "docs"
FENCE = re.compile(r"^```sh\n(.*?)^```$", re.M | re.S)
REFERENCE = (DOCS / "reference" / "oauth2-providers.md").read_text("utf-8")


def believed(provider: KnownProvider) -> str:
    """When an address of the provider counts."""
    if provider.foreign:
        return "of one tenant"
    if not provider.reading.email and provider.emails is None:
        return "never"
    return "always" if provider.reading.verified is oauth2_quirks.always else "if it says so"


def cells(title: str) -> list[list[str]]:
    """The rows of the tables of a section."""
    section = REFERENCE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    found = re.findall(r"^\| (`.*) \|$", section, re.M)
    return [[cell.strip() for cell in row.split("|")] for row in found]


def names(rows: list[list[str]]) -> list[str]:
    return [name for row in rows for name in re.findall(r"`(\w+)`", row[0])]


def keys(struct: type[Any]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(struct)}


def test_the_providers_on_the_page_are_those_of_the_code() -> None:
    assert cells("Providers") == [
        [
            f"`{one.name}`",
            one.display_name,
            believed(one),
            "on" if one.pkce else "off",
            "yes" if one.is_generic else "",
        ]
        for one in PROVIDERS.values()
    ]


def test_the_options_on_the_page_are_those_of_the_code() -> None:
    assert set(names(cells("Options"))) == keys(OAuth2) | keys(Provider)
    assert set(names(cells("auth-methods"))) == keys(Start) - {"authUrl"}


def test_the_request_on_the_page_is_that_of_the_code() -> None:
    properties: Any = oauth2_routes.COMING["properties"]
    assert set(names(cells("auth-with-oauth2"))) >= set(properties)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("reference/oauth2-providers.md", f"a list of at most {oauth2_reading.MAX_PROVIDERS}"),
        ("reference/oauth2-providers.md", f"up to {oauth2_routes.MAX_CODE_CHARS:,} characters"),
        ("reference/oauth2-providers.md", f"may differ by {oauth2_id_token.LEEWAY_SECONDS // 60} minutes"),
        ("reference/oauth2-providers.md", f"every {oauth2_asking.NEW_KEYS_SECONDS:g} seconds at most"),
        ("reference/oauth2-providers.md", CLOSED),
        ("explanation/oauth2-links.md", f"remembers for {attempts.WINDOW_SECONDS // 60} minutes"),
        ("explanation/oauth2-links.md", f"take {oauth2_asking.REQUEST_SECONDS:g} seconds"),
        ("../CHANGELOG.md", f"{len(PROVIDERS)} providers as data"),
    ],
)
def test_a_number_on_a_page_is_the_one_in_the_code(name: str, words: str) -> None:
    assert words in " ".join((DOCS / name).read_text("utf-8").split())


def code_for(provider: OidcProvider, auth_url: str) -> str:
    """What somebody's browser brings who has logged in at the provider."""
    page = "https%3A%2F%2Fapp.example%2Fin"
    assert auth_url.endswith(page)
    return provider.log_in(auth_url.removesuffix(page), "ann", "https://app.example/in")["code"]


@pytest.mark.slow
def test_the_shell_of_the_page_runs_as_written(served: Served, openid: OidcProvider) -> None:
    blocks = FENCE.findall((DOCS / "how-to" / "oauth2.md").read_text("utf-8"))
    shell = subprocess.Popen(
        ["bash", "-eu", "-o", "pipefail"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert shell.stdin is not None
    assert shell.stdout is not None
    openid.person("ann", email="ann.lee@example.com", email_verified=True, name="Ann Lee")
    shell.stdin.write(f"URL={served.url} EMAIL={served.email} PASSWORD='{served.password}' ISSUER={openid.url}\n")
    for block in blocks:
        if "$CODE" in block:
            shell.stdin.write('echo; echo "at $LOGIN"\n')
            shell.stdin.flush()
            line = next(line for line in shell.stdout if line.startswith("at "))
            shell.stdin.write(f"CODE={code_for(openid, line.removeprefix('at ').strip())}\n")
        shell.stdin.write(block)
    said, _ = shell.communicate(timeout=60)
    headers = {"Authorization": token(served)}
    found = httpx.get(f"{served.url}/api/collections/visitors/records", headers=headers).json()["items"]
    gone = httpx.delete(f"{served.url}/api/collections/visitors", headers=headers)
    assert shell.returncode == 0, said
    assert '"providerId":"ann"' in said
    assert [(one["name"], one["email"], one["emailVisibility"], one["verified"]) for one in found] == [
        ("Ann Lee", "ann.lee@example.com", True, True)
    ]
    assert gone.status_code == 204


def token(served: Served) -> str:
    body = {"identity": served.email, "password": served.password}
    return httpx.post(f"{served.url}/api/collections/_superusers/auth-with-password", json=body).json()["token"]
