"""A data directory for each test, without making each from scratch."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.db.embedded import Embedded


@pytest.fixture(scope="session")
def made_data() -> Iterator[Path]:
    """A data directory after its first start, to be copied: making one takes a second, and more on a busy disk."""
    home = Path(tempfile.mkdtemp(prefix="hf-test-"))
    home.chmod(0o711)
    embedded = Embedded(home / "data")
    embedded.start()
    embedded.stop()
    yield home / "data"
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def data(anywhere: Path, made_data: Path) -> Path:
    """A data directory with a database in it that nobody has used."""
    subprocess.run(["cp", "-a", made_data, anywhere / "data"], check=True)
    return anywhere / "data"
