"""What comes with Holdfast as plugins is what anybody could write: it uses the public interface and nothing else."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "plugins"
PLUGINS = sorted(path.parent for path in FOLDER.glob("*/__init__.py"))
PUBLIC = {"holdfast.plugin", "holdfast.db.sql", "holdfast.errors", "holdfast.identity"}
FOR_TESTS = {"holdfast.testing"}


def imported(path: Path) -> Iterator[str]:
    """The modules of Holdfast that a file imports."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names = [node.module]
        yield from (name for name in names if name.split(".")[0] in ("holdfast", "holdfast_sdk"))


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
def test_a_bundled_plugin_uses_the_public_interface_only(plugin: Path):
    for path in plugin.rglob("*.py"):
        allowed = PUBLIC | FOR_TESTS if path.name.startswith("test_") else PUBLIC
        assert set(imported(path)) - allowed == set(), path.name


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
def test_a_bundled_plugin_has_a_readme_and_a_test_and_a_line_in_the_list(plugin: Path):
    assert (plugin / "README.md").read_text("utf-8").startswith(f"# {plugin.name}\n")
    assert (plugin / f"test_{plugin.name}.py").is_file()
    assert f"({plugin.name}/README.md)" in (FOLDER / "README.md").read_text("utf-8")


def test_the_public_modules_are_those_that_the_how_to_names():
    page = (FOLDER.parent / "docs/how-to/plugins.md").read_text("utf-8")
    (listed,) = re.findall(r"^Import from (.+?);", page, re.M)
    assert set(re.findall(r"`([\w.]+)`", listed)) == PUBLIC


def test_there_are_bundled_plugins():
    assert [plugin.name for plugin in PLUGINS] == ["embeddings", "feeds", "retention", "slugs", "workflow"]
