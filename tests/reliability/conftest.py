"""Runs the tests in order, gives each its figures and a server of its own, and prints a line for each."""

import time
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from receiver import Receiver, receiving
from reliability import page
from reliability.figures import FIGURES, Figures
from reliability.site import Site

GATE_SECONDS = 360  # for all tests of the gate, on two busy cores
_LINES: pytest.StashKey[dict[str, list[str]]] = pytest.StashKey()
_BEGAN: pytest.StashKey[float] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """What `./dev reliability` says; without it the sizes are those of the gate, and nothing is written."""
    group = parser.getgroup("reliability")
    group.addoption("--sizes", choices=("gate", "full"), default="gate", help="how much is done")
    group.addoption("--only", default="", help="the numbers of the tests to run, with commas")
    group.addoption("--report", action="store_true", help="print one line for each test, and nothing else that is well")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In the order of their numbers, and only those that are asked for."""
    only = {name for name in str(config.getoption("--only", "")).split(",") if name}
    unwanted = [item for item in items if only and number(item) not in only]
    items[:] = [item for item in items if item not in unwanted]
    if unwanted:
        config.hook.pytest_deselected(items=unwanted)
    if config.getoption("--report", False):
        items.sort(key=lambda item: int(number(item)[1:] or 0))


def number(item: pytest.Item) -> str:
    """The number of a test; empty if it is no reliability test."""
    mark = item.get_closest_marker("reliability")
    return str(mark.args[0]) if mark else ""


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Iterator[Figures]:
    """What the test measures."""
    found = Figures(full=request.config.getoption("--sizes", "gate") == "full")
    request.node.stash[FIGURES] = found
    yield found


@pytest.fixture
async def site(anywhere: Path) -> AsyncIterator[Site]:
    """A server with its embedded PostgreSQL and a superuser, which can be killed and started again."""
    async with Site(anywhere / "data") as made:
        yield made


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver of webhooks in the test's process, which outlives every kill of the server."""
    async with receiving() as made:
        yield made


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> None:
    """Remember when the test itself began."""
    pyfuncitem.stash[_BEGAN] = time.monotonic()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that has passed has to have said what it measured; then its line is printed."""
    report = yield
    figures = item.stash.get(FIGURES, None)
    if figures is None or not (call.when == "call" or report.failed):
        return report
    if report.passed:
        try:
            figures.complete()
        except AssertionError as failure:
            report.outcome = "failed"
            report.longrepr = str(failure)
    if item.config.getoption("--report", False):
        say(item, figures, report)
    return report


def say(item: pytest.Item, figures: Figures, report: pytest.TestReport) -> None:
    """Print the line of a test, and keep its row."""
    (test,) = [one for one in page.tests() if one.number == number(item)]
    result = "pass" if report.passed else "FAIL"
    seconds = time.monotonic() - item.stash.get(_BEGAN, time.monotonic())
    cells = [", ".join(figures.sizes), "; ".join(figures.measured), "; ".join(figures.controls)]
    item.config.stash.setdefault(_LINES, {})[test.number] = [
        *map(page.cell, cells),
        result,
        f"{seconds:.0f} s",
    ]
    line = f"{test.number:<4}{result}  {test.title} | {cells[0]} | {cells[1]} | control: {cells[2]} | {seconds:.1f} s"
    terminal(item.config).write_line(line, green=report.passed, red=report.failed)


def terminal(config: pytest.Config) -> pytest.TerminalReporter:
    """Where lines are printed."""
    found = config.pluginmanager.get_plugin("terminalreporter")
    assert isinstance(found, pytest.TerminalReporter)
    return found


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: Any, config: pytest.Config) -> tuple[str, str, str] | None:
    """No dots between the lines."""
    if config.getoption("--report", False) and isinstance(report, pytest.TestReport):
        return report.outcome if report.when == "call" or report.failed else "", "", ""
    return None


def pytest_sessionstart(session: pytest.Session) -> None:
    """Remember when the run began."""
    session.config.stash[_BEGAN] = time.monotonic()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the page after a run in full sizes; say how long the gate took."""
    config = session.config
    if not config.getoption("--report", False):
        return
    if config.getoption("--sizes", "") == "full":
        page.write(config.stash.get(_LINES, {}))
    else:
        took = time.monotonic() - config.stash[_BEGAN]
        terminal(config).write_line(f"the gate took {took:.0f} s (at most {GATE_SECONDS} s)", red=took > GATE_SECONDS)
