"""The console's build is that of its source: known by digests, without Node."""

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[2]
ADMIN = ROOT / "admin"
DIST = ROOT / "server" / "holdfast" / "console" / "dist"


def digest(root: Path, paths: Iterable[str]) -> str:
    """The digest that admin/build.ts makes: over each file's name, size and bytes, in the order of the names."""
    files = [
        file for path in paths for file in ([root / path] if (root / path).is_file() else (root / path).rglob("*"))
    ]
    total = hashlib.sha256()
    for name in sorted(file.relative_to(root).as_posix() for file in files if file.is_file()):
        content = (root / name).read_bytes()
        total.update(f"{name}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()


def sources() -> list[str]:
    (listed,) = re.findall(r"const SOURCES = \[(.+?)\]", (ADMIN / "build.ts").read_text("utf-8"))
    return re.findall(r"'([^']+)'", listed)


def test_the_build_was_made_of_the_source_that_is_here():
    build = json.loads((DIST / "BUILD.json").read_text("utf-8"))
    assert build["sources"] == digest(ADMIN, sources()), "the console's source has changed: run ./dev console"


def test_the_built_files_are_those_of_the_build():
    build = json.loads((DIST / "BUILD.json").read_text("utf-8"))
    assert build["assets"] == digest(DIST, ["assets", "index.html"]), "the build was changed by hand: run ./dev console"


def test_no_file_of_the_console_names_a_registry():
    lock = (ADMIN / "package-lock.json").read_text("utf-8")
    assert '"resolved"' not in lock


def test_the_licences_are_those_of_the_versions_in_the_lock():
    lock = json.loads((ADMIN / "package-lock.json").read_text("utf-8"))["packages"]
    versions = {path.rpartition("node_modules/")[2]: found["version"] for path, found in lock.items() if path}
    told = re.findall(r"^## (\S+) - (\S+) \(", (DIST / "assets" / "licences.md").read_text("utf-8"), re.M)
    assert len(told) > 20
    assert [(name, version) for name, version in told if versions[name] != version] == []
