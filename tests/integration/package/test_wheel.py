"""The wheel: built from this checkout, unpacked, and working without the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from holdfast import __version__
from served import clean_environment

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's contents."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    built = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    assert wheel.name == f"holdfast-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_the_wheel_has_both_packages_the_migrations_and_the_plugins(unpacked: Path):
    found = files(unpacked)
    migrations = {f"holdfast/_migrations/{path.name}" for path in (ROOT / "migrations").glob("m*.py")}
    assert migrations
    assert migrations <= found
    assert {
        "holdfast/_plugins/README.md",
        "holdfast/py.typed",
        "holdfast_sdk/py.typed",
        "holdfast/cli/serve.py",
    } <= found


def test_the_wheel_has_every_file_of_the_packages_and_nothing_else(unpacked: Path):
    listed = subprocess.run(["git", "ls-files", "server", "sdk"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is no git checkout")
    wanted = {
        name.removeprefix("server/").removeprefix("sdk/")
        for name in listed.stdout.splitlines()
        if name.startswith(("server/holdfast/", "sdk/holdfast_sdk/")) and (ROOT / name).exists()
    }
    found = {name for name in files(unpacked) if name.startswith(("holdfast/", "holdfast_sdk/"))}
    assert wanted <= found
    assert not [name for name in found if "__pycache__" in name or name.endswith((".md.orig", ".rej"))]


def test_the_unpacked_wheel_migrates_a_database(unpacked: Path, tmp_path: Path, empty_database: str):
    environment = clean_environment() | {"PYTHONPATH": str(unpacked), "DATABASE_URL": empty_database}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"  # another test looks at what the wheel holds
    done = subprocess.run(
        [sys.executable, "-m", "holdfast", "migrate"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("applied 0001_")
    where = subprocess.run(
        [sys.executable, "-c", "import holdfast.paths as p; print(p.migrations())"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.strip() == os.fspath(unpacked / "holdfast" / "_migrations")
