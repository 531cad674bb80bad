"""What the machinery of plugins costs a read: `python -m tests.bench.hooks`.

One record is read over and over by calls of one running application, without a network. Four ways to read it take
turns, 160 reads at a time and each round in another order, so that what else the machine does hits all alike: with
the lines about plugins taken out of the handler's source, as it is without plugins, with a plugin that has no hook for
it, and with a hook that does nothing. Told are medians of the rounds' own ratios and differences.
"""

import asyncio
import inspect
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import click
import msgspec
import uvloop

from holdfast.app import running
from holdfast.config import Settings
from holdfast.engine import Engine
from holdfast.hooks.table import NO_HOOKS, Hooks
from holdfast.plugins.hosting import Plugins
from holdfast.plugins.loading import load_file
from holdfast.records import read_routes, routes
from tests.bench.operations import POSTS, request
from tests.bench.subject import FIRST_ID, Subject, fill, subject

READS: Final = 160  # in a turn
# As many readers: a processor that has to wake up for each read has forgotten the code of the last one.
AT_ONCE: Final = 8
BUSY: Final = """
from holdfast.plugin import Context, Job, NoPayload, Plugin, Schedule

class Busy(Plugin):
    name = "busy"

    def jobs(self):
        return (Job("small", NoPayload, self.small),)

    def schedules(self):
        return (Schedule("nightly", "30 3 * * *", self.nightly),)

    async def small(self, ctx: Context, _: NoPayload) -> None:
        pass

    async def nightly(self, ctx: Context) -> None:
        pass

    async def record_after_create(self, ctx, record) -> None:
        pass
"""
LOOKING: Final = """
from holdfast.plugin import Plugin

class Looking(Plugin):
    name = "looking"

    async def record_before_view(self, ctx, view) -> None:
        pass
"""
_LOOKS: Final = """    hooks = engine.hooks
    if hooks.record_before_view:
        shape = await before_view(engine, request, collection, record_id, shape)
"""
_CHANGES: Final = """    if hooks.record_after_view:
        body = await after_view(engine, request, collection, body)
"""
View = Callable[..., Any]


class Way(msgspec.Struct, frozen=True):
    """One way to read a record: the hooks of the one application that reads, and the handler that it uses."""

    name: str
    engine: Engine
    hooks: Hooks
    view: View


@click.command()
@click.option("--rounds", default=300, show_default=True, help="Turns of each.")
def main(rounds: int) -> None:
    """Measure what plugins cost a read on this machine."""
    with tempfile.TemporaryDirectory(prefix="holdfast-hooks-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)  # root's PostgreSQL runs as another user
        (folder / "busy.py").write_text(BUSY)
        (folder / "looking.py").write_text(LOOKING)
        with subject(folder) as it:
            uvloop.run(_measure(it, folder, rounds))  # as the server does


async def _measure(it: Subject, folder: Path, rounds: int) -> None:
    await fill(it, 2_000, 100)
    settings = Settings(data=folder / "other", background=False)
    as_it_is = read_routes.view_record
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(running(settings, it.dsn))
        hooks = [NO_HOOKS]
        for name in ("busy.py", "looking.py"):
            plugins = Plugins((load_file(folder / name),))
            await stack.enter_async_context(running(settings, it.dsn, plugins))
            hooks.append(plugins.hooks)
        ways = [
            Way("without the machinery", engine, NO_HOOKS, _without_hooks()),
            Way("without plugins", engine, hooks[0], as_it_is),
            Way("with a plugin that has no hook for it", engine, hooks[1], as_it_is),
            Way("with a hook that does nothing", engine, hooks[2], as_it_is),
        ]
        for way in ways:
            await _microseconds(way)
        found = [await _round(ways) for _ in range(rounds)]
    _tell(ways, found)


def _without_hooks() -> View:
    """The handler of a read as it would be if there were no plugins."""
    source = inspect.getsource(read_routes.view_record)
    for lines in (_LOOKS, _CHANGES):
        if lines not in source:
            raise SystemExit("the handler of a read is another by now: say here which of its lines are about plugins")
        source = source.replace(lines, "")
    found = dict(vars(read_routes))
    exec(compile(source, read_routes.__file__, "exec"), found)
    return found["view_record"]


async def _round(ways: list[Way]) -> list[float]:
    """What a read costs, of each way, which take turns in any order."""
    order = random.sample(range(len(ways)), len(ways))
    found = {at: await _microseconds(ways[at]) for at in order}
    return [found[at] for at in range(len(ways))]


async def _microseconds(way: Way) -> float:
    """The processor time of one read: others use this machine, too."""
    target = f"{POSTS}/{FIRST_ID}"
    read_routes.view_record, way.engine.host.hooks = way.view, way.hooks

    async def read() -> None:
        for _ in range(READS // AT_ONCE):
            answer = await routes.handle(way.engine, request("GET", target, b""))
            if answer.status != 200:
                raise SystemExit(f"the record cannot be read: {answer.status}")

    started = time.process_time()
    await asyncio.gather(*(read() for _ in range(AT_ONCE)))
    return (time.process_time() - started) / READS * 1e6


def _tell(ways: list[Way], found: list[list[float]]) -> None:
    bare = statistics.median(times[0] for times in found)
    click.echo(f"get one: {bare:.0f} us of processor time {ways[0].name}; medians of {len(found)} rounds")
    for at in (1, 2):
        ratios = statistics.quantiles((times[at] / times[0] for times in found), n=4)
        click.echo(f"{ways[at].name}: {ratios[1]:.3f} of that (half of the rounds {ratios[0]:.3f} to {ratios[2]:.3f})")
    added = statistics.median(times[3] - times[1] for times in found)
    click.echo(f"{ways[3].name}: {added:.0f} us more than without plugins")


if __name__ == "__main__":
    main()
