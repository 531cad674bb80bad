"""PocketBase's official JavaScript client, run with Node against a real server."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from served import Served

FOLDER = Path(__file__).with_name("javascript")
INSTALLED = FOLDER / "node_modules" / ".package-lock.json"


def missing(what: str) -> None:
    """Skip by name on a developer's machine; fail where everything has to be there."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="module")
def node() -> str:
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        missing("Node.js is not installed: the JavaScript client is not tried")
    if not INSTALLED.exists() or INSTALLED.stat().st_mtime < (FOLDER / "package-lock.json").stat().st_mtime:
        done = subprocess.run([str(npm), "ci"], cwd=FOLDER, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            missing(f"the JavaScript client cannot be installed: {done.stderr[-500:]}")
    return str(found)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_official_javascript_client_works(node: str, served: Served):
    environment = os.environ | {
        "HOLDFAST_TEST_URL": served.url,
        "HOLDFAST_TEST_EMAIL": served.email,
        "HOLDFAST_TEST_PASSWORD": served.password,
    }
    done = subprocess.run(
        [node, "--test", "--test-reporter=tap", "client.test.mjs"],
        cwd=FOLDER,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    assert done.returncode == 0, done.stdout + done.stderr
