"""Starts a project, and ends it with all that it has."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final, cast

import asyncpg
import msgspec
import structlog

from holdfast.app import create_app
from holdfast.config import Settings
from holdfast.db.pool import Pool
from holdfast.db.session import session_settings
from holdfast.passwords import CHEAP, hashing
from holdfast.testing.clock import INSTALL, SEARCH_PATH
from holdfast.testing.lifespan import lifespan
from holdfast.testing.postgres import Cluster, drop_database, make_database
from holdfast.testing.postgres_host import PROJECT
from holdfast.testing.project import Project

THIS_MACHINE: Final = ("127.0.0.0/8",)


@asynccontextmanager
async def running_project(
    cluster: Cluster, data: Path, *, plugins: Iterable[Path | str] = (), **settings: Any
) -> AsyncGenerator[Project]:
    """A project for the block, on a database of its own, which is gone after it.

    `plugins` are files or folders of plugins, and names of bundled ones, which are turned on; `settings` are those of
    the server, by their names. `data` is an empty directory for its files.
    """
    dsn = await make_database(cluster, PROJECT)
    try:
        await _install_clock(dsn)
        given = tuple(plugins)
        folder = _folder(data / "plugins", [one for one in given if isinstance(one, Path)])
        async with _started(dsn, Settings(data=data / "hf_data", plugins=str(folder)), settings) as project:
            for bundled in given:
                if isinstance(bundled, str):
                    await project.enable(bundled)
            await project.begin()
            yield project
    finally:
        await drop_database(cluster, dsn)


@asynccontextmanager
async def _started(dsn: str, plain: Settings, changes: dict[str, Any]) -> AsyncGenerator[Project]:
    given = {"background": False, "webhook_allow": THIS_MACHINE, **changes}
    settings = msgspec.structs.replace(plain, **given)
    settings.data.mkdir(exist_ok=True)
    _plain_tracebacks()
    async with AsyncExitStack() as stack:
        stack.enter_context(hashing(CHEAP))
        pool = Pool(dsn, size=2, settings=session_settings(settings))
        stack.push_async_callback(pool.close)
        front = create_app(settings, dsn)
        await stack.enter_async_context(lifespan(front))
        project = Project(front, settings, pool, stack)
        stack.callback(project.clock.stop)
        yield project


def _plain_tracebacks() -> None:
    """Log failures as Python prints them: with all their variables, as structlog does, one takes seconds."""
    if not structlog.is_configured():
        before = structlog.get_config()["processors"][:-1]
        renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
        structlog.configure(processors=[*before, renderer])


async def _install_clock(dsn: str) -> None:
    connection = cast(Any, await asyncpg.connect(dsn))
    try:
        await connection.execute(INSTALL)
        database = await connection.fetchval("SELECT current_database()")
        await connection.execute(f'ALTER DATABASE "{database}" SET search_path = {SEARCH_PATH}')
    finally:
        await connection.close()


def _folder(folder: Path, paths: Iterable[Path]) -> Path:
    """A folder with these plugins and no others."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        (folder / path.name).symlink_to(path.resolve())
    return folder
