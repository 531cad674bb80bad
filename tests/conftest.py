"""What all tests may use."""

import os
from asyncio import AbstractEventLoop
from collections.abc import Callable, Generator, Iterator

import pytest
import uvloop
from hypothesis import HealthCheck, settings

from client import api, shared_api, start_api
from holdfast.passwords import CHEAP, PROPER, hashing
from holdfast.testing import (
    holdfast_cluster,
    holdfast_plugins,
    holdfast_settings,
    project,
    shared_project,
    start_project,
)
from mail_sink import mail_api, mailbox
from oauth2_provider import openid
from plugged import start_plugged
from postgres import anywhere, cluster, database, empty_database, shared_database, unclaimed_database
from redis_server import redis_server
from served import no_server_left, served, server_of_all

if "CI" not in os.environ:  # where it is, hypothesis itself expects a busy machine, and draws the same each time
    settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("busy")


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], AbstractEventLoop]]:
    """The loop of tests is that of the server, which is also an eighth cheaper."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """A password costs next to nothing in the processes of the tests."""
    with hashing(CHEAP):
        yield


@pytest.fixture
def proper_passwords() -> Iterator[None]:
    """A password costs what it costs a server, for a test of just that."""
    with hashing(PROPER):
        yield


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Begin with what takes long, so that no process is left alone with it at the end."""
    yield
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


__all__ = [
    "anywhere",
    "api",
    "cluster",
    "database",
    "empty_database",
    "holdfast_cluster",
    "holdfast_plugins",
    "holdfast_settings",
    "mail_api",
    "mailbox",
    "no_server_left",
    "openid",
    "project",
    "redis_server",
    "served",
    "server_of_all",
    "shared_api",
    "shared_database",
    "shared_project",
    "start_api",
    "start_plugged",
    "start_project",
    "unclaimed_database",
]
