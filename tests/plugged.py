"""An application with plugins that a test writes."""

import textwrap
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from client import Api, running

HEAD = """
import asyncio, time, sys
import msgspec
from holdfast.db.sql import raw, value
from holdfast.errors import *
from holdfast.plugin import *
"""


def plugin_source(hooks: str, name: str = "words", *, head: str = "", attributes: str = "") -> str:
    """A module with a plugin of this name: `hooks` is the body of its class."""
    kind = f'class Made(Plugin):\n    name = "{name}"\n'
    body = textwrap.indent(textwrap.dedent(attributes).strip() + "\n" + textwrap.dedent(hooks).strip(), "    ")
    return HEAD + textwrap.dedent(head) + "\n" + kind + body + "\n"


def write_plugins(folder: Path, **sources: str) -> Path:
    """Plugins as files of these names; the folder."""
    folder.mkdir(exist_ok=True)
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source)
    return folder


@asynccontextmanager
async def plugged(
    database: str, data: Path, *hooks: str, head: str = "", attributes: str = "", **changes: Any
) -> AsyncGenerator[Api]:
    """The application with plugins of these hooks, called `words`, `words2`, …"""
    names = ["words", *(f"words{number}" for number in range(2, len(hooks) + 1))]
    sources = {
        name: plugin_source(one, name, head=head, attributes=attributes)
        for name, one in zip(names, hooks, strict=False)
    }
    folder = write_plugins(data / "plugins", **sources)
    async with running(database, data, plugins=str(folder), **changes) as api:
        yield api


@pytest.fixture
def start_plugged(database: str, tmp_path: Path) -> Callable[..., AbstractAsyncContextManager[Api]]:
    """Starts an application with plugins: `async with start_plugged("async def record_before_create…") as api`."""

    def start(*hooks: str, **changes: Any) -> AbstractAsyncContextManager[Api]:
        return plugged(database, tmp_path, *hooks, **changes)

    return start
