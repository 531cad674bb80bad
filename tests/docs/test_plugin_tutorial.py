"""The tutorial that builds a plugin, done exactly as it is written, and what `holdfast plugin new` makes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from holdfast.cli import main
from holdfast.testing import Cluster

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial" / "plugin.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
PLACE = re.compile(r"# (plugins/[\w/]+\.py)\n")


def in_project(folder: Path, tmp_path_factory: pytest.TempPathFactory, *command: str) -> str:
    """Run something in the directory of a project, with the PostgreSQL of this test run; what it said."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    paths = [str(Path(sys.executable).parent), plain.get("PATH", "")]
    environment = plain | {"HOLDFAST_TEST_POSTGRES": str(shared), "PATH": os.pathsep.join(paths)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_tutorial_works_as_it_is_written(
    holdfast_cluster: Cluster, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
):
    said: list[str] = []
    for language, text in FENCE.findall(PAGE.read_text("utf-8")):
        if language == "sh":
            said.append(in_project(tmp_path, tmp_path_factory, "sh", "-euc", text))
            continue
        place = PLACE.match(text)
        assert place is not None, text
        (tmp_path / place[1]).write_text(text)
    assert [line.split(" in ")[0] for one in said for line in one.splitlines() if "passed" in line] == [
        "1 passed",
        "4 passed",
    ]


@pytest.mark.slow
def test_a_new_plugin_passes_its_own_test_and_the_strictest_checks_of_types(
    holdfast_cluster: Cluster, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
):
    made = CliRunner().invoke(main, ["plugin", "new", "my_words", "--plugins", str(tmp_path / "plugins")])
    assert made.exit_code == 0, made.output
    assert sorted(path.name for path in (tmp_path / "plugins" / "my_words").iterdir()) == [
        "README.md",
        "__init__.py",
        "test_my_words.py",
    ]
    assert "2 passed" in in_project(tmp_path, tmp_path_factory, sys.executable, "-m", "pytest", "-q", "plugins")
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    checker = str(Path(sys.executable).with_name("basedpyright"))
    in_project(tmp_path, tmp_path_factory, checker, "--level", "error", "--pythonpath", sys.executable, "plugins")
    in_project(tmp_path, tmp_path_factory, str(Path(sys.executable).with_name("ruff")), "check", "plugins")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("My-Words", "a name is small letters"),
        ("json", "Python has a word or a module of that name"),
        ("class", "Python has a word or a module of that name"),
        ("auth", "events of the server are called so"),
        ("slugs", "a plugin that comes with Holdfast is called so"),
        ("there", "already: nothing was changed"),
        ("also", "already: nothing was changed"),
    ],
)
def test_a_plugin_that_cannot_be_made_is_refused(tmp_path: Path, name: str, reason: str):
    (tmp_path / "there").mkdir()
    (tmp_path / "also.py").write_text("")
    made = CliRunner().invoke(main, ["plugin", "new", name, "--plugins", str(tmp_path)])
    assert made.exit_code == 1
    assert reason in made.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["also.py", "there"]
