"""Loads the application, without what its libraries bring along for nobody."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module


def load_application() -> None:
    """Import `holdfast.cli.application`. It takes as long as starting PostgreSQL, so do it beside that."""
    with _without("rich"):
        import_module("structlog")
    import_module("holdfast.cli.application")


@contextmanager
def _without(package: str) -> Generator[None]:
    """Let a package look as if it were not installed, unless it has been imported.

    structlog imports rich wherever it finds it, for tracebacks that we write ourselves: 4 MB and 0.06 s.
    """
    if package in sys.modules or "structlog" in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[package]
