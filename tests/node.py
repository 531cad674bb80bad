"""Node.js with PocketBase's official JavaScript client, installed from its lock file."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "clients" / "javascript"
INSTALLED = FOLDER / "node_modules" / ".package-lock.json"


def missing(what: str) -> None:
    """Skip by name on a developer's machine; fail where everything has to be there."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="module")
def node() -> str:
    """The path of node."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        missing("Node.js is not installed: the JavaScript client is not tried")
    if not INSTALLED.exists() or INSTALLED.stat().st_mtime < (FOLDER / "package-lock.json").stat().st_mtime:
        done = subprocess.run([str(npm), "ci"], cwd=FOLDER, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            missing(f"the JavaScript client cannot be installed: {done.stderr[-500:]}")
    return str(found)


def run_tests(node: str, file: str, environment: Mapping[str, str]) -> None:
    """Run a file of tests in FOLDER; one that fails says what it said."""
    done = subprocess.run(
        [node, "--test", "--test-reporter=tap", file],
        cwd=FOLDER,
        env=os.environ | dict(environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    assert done.returncode == 0, done.stdout + done.stderr
