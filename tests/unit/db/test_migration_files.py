"""Which migrations are to be applied, and what their files look like."""

import re

import pytest

from holdfast import paths
from holdfast.db.migrate import MigrationError, pending


def test_what_is_not_applied_yet_is_pending_in_order():
    assert pending(["0003_c", "0001_a", "0002_b"], ["0001_a"]) == ["0002_b", "0003_c"]


def test_nothing_is_pending_when_all_is_applied():
    assert pending(["0001_a"], ["0001_a"]) == []


def test_a_database_with_migrations_that_are_not_known_is_newer():
    with pytest.raises(MigrationError, match=r"newer Holdfast \(it has 0002_b, 0003_c\)"):
        pending(["0001_a"], ["0001_a", "0003_c", "0002_b"])


def test_the_files_are_numbered_without_gaps_and_say_their_own_name():
    files = sorted(paths.migrations().glob("*.py"))
    assert files
    for number, file in enumerate(files, start=1):
        assert re.fullmatch(rf"m{number:04d}_system_[a-z_]+", file.stem)
        assert f'ID = "{file.stem[1:]}"' in file.read_text()


def test_the_shipped_folders_are_found():
    assert paths.migrations().is_dir()
    assert paths.plugins().is_dir()
