"""Where the files are that ship beside the package: in a checkout at the top, in a wheel inside the package."""

from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).resolve().parent
_CHECKOUT: Final = _PACKAGE.parents[1]


def migrations() -> Path:
    """The folder of the system migrations."""
    return _shipped("migrations")


def plugins() -> Path:
    """The folder of the bundled plugins."""
    return _shipped("plugins")


def _shipped(name: str) -> Path:
    for candidate in (_PACKAGE / f"_{name}", _CHECKOUT / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"This installation of Holdfast has no {name}: install it again.")
