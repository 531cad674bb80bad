"""Runs one migration file with Piccolo, inside a transaction that is already open."""

import importlib.util
from collections.abc import Awaitable, Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from holdfast.db.adopt import adopt
from holdfast.db.pool import Connection


async def apply(connection: Connection, path: Path) -> None:
    """Run the migration and record it."""
    manager = await _run(connection, path, backwards=False)
    await connection.execute(
        "INSERT INTO holdfast.migration (name, app_name) VALUES ($1, $2)", manager.migration_id, manager.app_name
    )


async def undo(connection: Connection, path: Path) -> None:
    """Run the migration backwards and take its record away."""
    manager = await _run(connection, path, backwards=True)
    await connection.execute(
        "DELETE FROM holdfast.migration WHERE name = $1 AND app_name = $2", manager.migration_id, manager.app_name
    )


async def _run(connection: Connection, path: Path, *, backwards: bool) -> MigrationManager:
    with redirect_stdout(StringIO()):  # Piccolo prints each step
        async with adopt(connection):
            forwards = cast(Callable[[], Awaitable[Any]], _load(path).forwards)
            manager = await forwards()
            if not isinstance(manager, MigrationManager):
                raise TypeError(f"forwards() in {path.name} gave no MigrationManager")
            if f"m{manager.migration_id}" != path.stem:
                raise ValueError(f"the id {manager.migration_id} does not fit the file {path.name}")
            await manager.run(backwards=backwards)
    return manager


def _load(path: Path) -> ModuleType:
    """The migration as a module, loaded by its path: it does not get into sys.modules, where its bare name could clash.

    Raises ImportError when it is no Python file.
    """
    spec = importlib.util.spec_from_file_location(f"holdfast_migration_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
