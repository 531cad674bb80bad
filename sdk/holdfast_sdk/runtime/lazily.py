"""Names of a package whose files are read when somebody asks for one of them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazily(package: str, files: Mapping[str, str], otherwise: str = "") -> Callable[[str], Any]:
    """The `__getattr__` of a package. `files` has the file of each name, `otherwise` is that of all others."""

    def found(name: str) -> Any:
        """What has this name. Raises AttributeError."""
        file = files.get(name, otherwise)
        if not file or name.startswith("__"):
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(file, package), name)
        setattr(sys.modules[package], name, value)  # the next time nobody asks here
        return value

    return found
