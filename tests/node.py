"""Node.js with packages from their lock files: PocketBase's official JavaScript client, and others."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import pytest

FOLDER = Path(__file__).parent / "clients" / "javascript"


def missing(what: str) -> NoReturn:
    """Skip by name on a developer's machine; fail where everything has to be there."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="module")
def node() -> str:
    """The path of node."""
    return install(FOLDER)


def install(folder: Path) -> str:
    """Install what the lock file of a folder names, if it is not there; gives the path of node."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        missing(f"Node.js is not installed: what needs tests/{folder.name} is not tried")
    lock, installed = folder / "package-lock.json", folder / "node_modules" / ".package-lock.json"
    with (folder / ".installing").open("w") as turn:  # two test processes may come at once
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
            done = subprocess.run([npm, "ci"], cwd=folder, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                missing(f"the packages of tests/{folder.name} cannot be installed: {done.stderr[-500:]}")
    return found


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
