"""The pages about logging in: every request and number is the code's, and the shell runs as it is written."""

import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from holdfast.auth import attempts, letter_limit, origins, otp
from holdfast.auth.link_routes import LINK_ROUTES
from holdfast.auth.oauth2_routes import OAUTH2_ROUTES
from holdfast.auth.otp_routes import OTP_ROUTES
from holdfast.auth.routes import LOGIN_ROUTES
from holdfast.schema.auth_options import AuthOptions
from served import EMAIL, PASSWORD, Server

DOCS = Path(__file__).parents[2] / "docs"
PREFIX = "/api/collections/{collection}/"
FENCE = re.compile(r"^```sh\n(.*?)^```$", re.M | re.S)
OPTIONS = AuthOptions()


def page(name: str) -> str:
    """A page as one line: where its own break is no matter."""
    return " ".join((DOCS / name).read_text("utf-8").split())


def test_every_request_is_on_its_page() -> None:
    text = (DOCS / "reference" / "auth.md").read_text("utf-8")
    listed = re.findall(r"^\| `([A-Z]+ [^`]+)` \|", text, re.M)
    routes: Any = (*LOGIN_ROUTES, *OAUTH2_ROUTES, *OTP_ROUTES, *LINK_ROUTES)
    assert sorted(listed) == sorted(f"{route.method} {route.path.removeprefix(PREFIX)}" for route in routes)


@pytest.mark.parametrize(
    "words",
    [
        f"After {attempts.PER_ACCOUNT} failures on one account, or {attempts.PER_ADDRESS} from one address",
        f"for the rest of {attempts.WINDOW_SECONDS // 60} minutes",
        f"can be tried {otp.TRIES} times",
        f"After {otp.TRIES_OF_ACCOUNT} wrong tries",
        f"at most {otp.MOST_ALIVE} that are good at once",
        f"one link of a sort in {letter_limit.AGAIN_AFTER_SECONDS // 60} minutes",
        f"The last {origins.MOST_KEPT} places",
        f"`verificationToken.duration`, {OPTIONS.verification_token.duration // 86_400} days",
        f"`passwordResetToken.duration`, {OPTIONS.password_reset_token.duration // 60} minutes",
        f"`emailChangeToken.duration`, {OPTIONS.email_change_token.duration // 60} minutes",
    ],
)
def test_a_number_on_the_page_is_the_one_in_the_code(words: str) -> None:
    assert words in page("reference/auth.md")


def mail(server: Server, subject: str) -> str:
    """The text of the newest mail in the log."""
    for _ in range(1000):
        found = [line for line in list(server.lines) if str(line.get("subject", "")).startswith(subject)]
        if found:
            return str(found[-1]["mail"])
        time.sleep(0.01)
    raise AssertionError(f"no mail {subject!r}: {server.lines}")


@pytest.mark.slow
def test_the_shell_of_the_page_runs_as_written(anywhere: Path) -> None:
    blocks = FENCE.findall((DOCS / "how-to" / "log-in.md").read_text("utf-8"))
    superuser = {"HOLDFAST_SUPERUSER_EMAIL": EMAIL, "HOLDFAST_SUPERUSER_PASSWORD": PASSWORD}
    server = Server(anywhere / "data", "--port", "0", environment=superuser)
    url = server.started()
    shell = subprocess.Popen(
        ["bash", "-eu", "-o", "pipefail"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert shell.stdin is not None
    shell.stdin.write(f"URL={url} EMAIL={EMAIL} PASSWORD='{PASSWORD}'\n")
    for block in blocks:
        if "$LINK" in block:
            link = re.search(r"confirm-verification/([\w.-]+)", mail(server, "Confirm your email"))
            assert link is not None
            shell.stdin.write(f"LINK={link[1]}\n")
        if "$CODE" in block:
            code = re.search(r"\b\d{8}\b", mail(server, "Your one-time password"))
            assert code is not None
            shell.stdin.write(f"CODE={code[0]}\n")
        shell.stdin.write(block)
        shell.stdin.flush()
    said, _ = shell.communicate(timeout=60)
    assert shell.returncode == 0, said
    assert said.count('"email":"ann@example.com"') == 3, said
    assert said.count('"verified":true') == 2, said
    assert server.stop() == 0
