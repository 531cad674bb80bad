"""Plugins are found in a folder and in installed packages; what cannot be loaded stops the start with its name."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.config import Settings
from holdfast.db.cannot_start import CannotStart
from holdfast.hooks.blocking import owner_of
from holdfast.plugin import Plugin
from holdfast.plugins import loading
from holdfast.plugins.loading import load_plugins
from holdfast.plugins.reloading import stamps
from plugged import plugin_source, write_plugins


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    yield
    loading.forget_modules(loading.PREFIX)


class Installed(Plugin):
    """One of an installed package."""

    name = "installed"


def settings(folder: Path, **more: Any) -> Settings:
    return Settings(plugins=str(folder), **more)


def names(chosen: Settings) -> list[str]:
    """The plugins that are on before an operator has said anything."""
    return [one.plugin.name for one in load_plugins(chosen) if one.is_on]


def test_modules_and_packages_of_the_folder_are_plugins(tmp_path: Path):
    write_plugins(tmp_path, words=plugin_source("", "words"), _draft="nonsense(")
    (tmp_path / "feeds").mkdir()
    (tmp_path / "feeds" / "__init__.py").write_text("from holdfast_plugins.feeds.inner import Feeds\n")
    (tmp_path / "feeds" / "inner.py").write_text(plugin_source("", "feeds").replace("Made", "Feeds"))
    (tmp_path / "notes.txt").write_text("no plugin")
    assert names(settings(tmp_path)) == ["feeds", "words"]


def test_without_a_setting_the_folder_beside_the_data_is_looked_at(tmp_path: Path):
    write_plugins(tmp_path / "plugins", words=plugin_source("", "words"))
    assert names(Settings(data=tmp_path / "hf_data")) == ["words"]
    assert names(Settings(data=tmp_path / "elsewhere" / "hf_data")) == []


def test_installed_packages_bring_plugins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    installed = tmp_path / "site" / "a_package-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: a-package\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text(f"[{loading.GROUP}]\ninstalled = a_package:Installed\n")
    monkeypatch.syspath_prepend(installed.parent)
    monkeypatch.setitem(sys.modules, "a_package", sys.modules[__name__])
    assert names(Settings(data=tmp_path / "hf_data")) == ["installed"]
    assert names(Settings(data=tmp_path / "hf_data", skip_plugins=("installed",))) == []


def test_bundled_plugins_are_there_and_off_unless_another_has_the_name(tmp_path: Path):
    bundled = {"embeddings", "feeds", "retention", "slugs", "workflow"}
    assert {one.plugin.name for one in load_plugins(settings(tmp_path)) if not one.is_on} == bundled
    write_plugins(tmp_path, slugs=plugin_source("", "slugs"))
    found = load_plugins(settings(tmp_path, skip_plugins=("feeds",)))
    assert {one.plugin.name for one in found if not one.is_on} == bundled - {"slugs", "feeds"}
    assert [one.source for one in found if one.is_on] == [str(tmp_path / "slugs.py")]


@pytest.mark.parametrize(
    ("sources", "reason"),
    [
        ({"words": "import nothing_of_this_name"}, "ModuleNotFoundError: No module named 'nothing_of_this_name'"),
        ({"words": "def broken("}, "SyntaxError"),
        ({"words": "raise SystemExit('no')"}, "SystemExit: no"),
        ({"words": "x = 1"}, "it has no class with a name that inherits from Plugin"),
        ({"words": plugin_source("") + plugin_source("", "other").replace("Made", "Two")}, "it has 2 classes"),
        ({"words": plugin_source("", "Words")}, "its `name` has to be small letters"),
        ({"words": plugin_source("def __init__(self): 1 / 0")}, "ZeroDivisionError"),
        ({"a": plugin_source("", "words"), "words": plugin_source("", "words")}, "another plugin has its name"),
    ],
    ids=["import", "syntax", "exit", "no class", "two classes", "name", "constructor", "clash"],
)
def test_what_cannot_be_loaded_stops_the_start_unless_it_is_skipped(
    tmp_path: Path, sources: dict[str, str], reason: str
):
    write_plugins(tmp_path, **sources)
    with pytest.raises(CannotStart) as failure:
        load_plugins(settings(tmp_path))
    assert str(failure.value).startswith("The plugin words cannot be loaded (")
    assert reason in str(failure.value)
    assert "--skip-plugin words" in str(failure.value)
    left = load_plugins(settings(tmp_path, skip_plugins=("words",)))
    assert all(one.plugin.name != "words" for one in left)


def test_a_folder_that_is_named_and_absent_stops_the_start(tmp_path: Path):
    with pytest.raises(CannotStart, match="There is no directory"):
        load_plugins(settings(tmp_path / "nowhere"))


def test_a_file_that_changes_has_another_stamp(tmp_path: Path):
    write_plugins(tmp_path, words="1")
    before = stamps(tmp_path)
    write_plugins(tmp_path, words="12")
    assert stamps(tmp_path) != before
    assert list(stamps(tmp_path)) == [tmp_path / "words.py"]


def test_the_plugin_that_runs_is_found_by_the_module_of_a_frame():
    frame = sys._getframe()
    assert owner_of(frame, {"elsewhere": "other"}) is None
    found = owner_of(frame, {__name__: "words"})
    assert found is not None
    assert found[0] == "words"
    assert __file__ in found[1]
