"""The fixtures of the test kit."""

import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest
import pytest_asyncio

from holdfast.testing.postgres import Cluster, shared_cluster
from holdfast.testing.project import Project
from holdfast.testing.running import running_project

SHARED: Final = "HOLDFAST_TEST_POSTGRES"
StartProject: TypeAlias = Callable[..., AbstractAsyncContextManager[Project]]
in_one_loop: Final = pytest.mark.asyncio(loop_scope="module")
"""For tests that use `shared_project`: they run in the event loop in which it was started."""


@pytest.fixture(scope="session")
def holdfast_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """PostgreSQL, shared by all workers of this test run."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    # A test run inside of a test shares the cluster of that.
    with shared_cluster(Path(os.environ.get(SHARED, shared))) as found:
        yield found


@pytest.fixture(scope="session")
def holdfast_plugins() -> Sequence[Path | str]:
    """The plugins of `project` and `shared_project`: paths, and names of bundled ones. Override it, for a module."""
    return ()


@pytest.fixture(scope="session")
def holdfast_settings() -> Mapping[str, Any]:
    """The settings of `project` and `shared_project`, by name. Override it, for a module."""
    return {}


@pytest_asyncio.fixture
async def project(
    holdfast_cluster: Cluster,
    holdfast_plugins: Sequence[Path | str],
    holdfast_settings: Mapping[str, Any],
    tmp_path: Path,
) -> AsyncIterator[Project]:
    """A project for one test."""
    async with running_project(holdfast_cluster, tmp_path, plugins=holdfast_plugins, **holdfast_settings) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_project(
    holdfast_cluster: Cluster,
    holdfast_plugins: Sequence[Path | str],
    holdfast_settings: Mapping[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Project]:
    """One project for all tests of a module; mark them with `in_one_loop`."""
    data = tmp_path_factory.mktemp("project")
    async with running_project(holdfast_cluster, data, plugins=holdfast_plugins, **holdfast_settings) as made:
        yield made


@pytest.fixture
def start_project(holdfast_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> StartProject:
    """Starts projects as a test needs them: `async with start_project(plugins=["slugs"], body_bytes=2048) as one`."""

    def start(**changes: Any) -> AbstractAsyncContextManager[Project]:
        return running_project(holdfast_cluster, tmp_path_factory.mktemp("project"), **changes)

    return start
