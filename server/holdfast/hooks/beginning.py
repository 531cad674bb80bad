"""Begin work as a task without waiting for the event loop: most hooks end in their first step.

A task that asyncio makes costs two turns of the loop before whoever waits for it goes on, which is 35 us of a request
(`python -m tests.bench.hooks`). Here the first step is taken at once, in the name of a task that waits for work
already, and that task goes on with what does not end in it. Python 3.12 has eager tasks; Holdfast runs on 3.11, too.
"""

import asyncio
import types
from asyncio.tasks import _enter_task, _leave_task  # pyright: ignore[reportPrivateUsage]  # documented: "Extending"
from collections.abc import Awaitable, Coroutine, Generator
from contextvars import Context, copy_context
from typing import Any, TypeAlias

import msgspec

Work: TypeAlias = Coroutine[Any, Any, object]


class Ended(msgspec.Struct, frozen=True):
    """What has come of it: its value, or what it has raised."""

    value: object = None
    failure: BaseException | None = None


class _Waiting:
    """A task that waits for work which somebody has begun in its name."""

    __slots__ = ("_begun", "_context", "_waits_for", "_work", "task")

    def __init__(self, loop: asyncio.AbstractEventLoop, all_waiting: "list[_Waiting]") -> None:
        self._work: Work | None = None
        self._waits_for: Any = None
        self._context = Context()
        self._begun = loop.create_future()
        self.task = loop.create_task(self._run(all_waiting))

    def begin(self, work: Work, loop: asyncio.AbstractEventLoop) -> Ended | None:
        """Take the first step; nothing, if it goes on."""
        outer = asyncio.current_task(loop)
        assert outer is not None  # whoever calls a hook is a task
        context = copy_context()
        _leave_task(loop, outer)
        _enter_task(loop, self.task)
        try:
            waits_for = context.run(work.send, None)
        except StopIteration as end:
            return Ended(end.value)
        except BaseException as failure:
            return Ended(failure=failure)
        finally:
            _leave_task(loop, self.task)
            _enter_task(loop, outer)
        self._work, self._waits_for, self._context = work, waits_for, context
        if not self._begun.done():  # its first step may have ended its own task
            self._begun.set_result(None)
        return None

    async def _run(self, all_waiting: "list[_Waiting]") -> object:
        all_waiting.append(self)
        try:
            await self._begun
        except asyncio.CancelledError:
            if self._work is None:  # the loop ends
                raise
            if self._waits_for is not None:
                self._waits_for.cancel()
        assert self._work is not None
        return await _contained(_go_on(self._work, self._waits_for, self._context))


@types.coroutine
def _go_on(work: Work, waits_for: Any, context: Context) -> Generator[Any, Any, object]:
    """The steps of some work after its first one, as a task takes them."""
    try:
        while True:
            try:
                given = yield waits_for
            except BaseException as failure:
                waits_for = context.run(work.throw, failure)
            else:
                waits_for = context.run(work.send, given)
    except StopIteration as end:
        return end.value


class _Exit(Exception):
    """It wanted to end the process, which a task that raises it does: the event loop lets it through."""


async def _contained(work: Awaitable[object]) -> object:
    try:
        return await work
    except (SystemExit, KeyboardInterrupt) as failure:
        raise _Exit from failure


class _Idle:
    """The tasks that wait for work, of the event loop that there is."""

    loop: asyncio.AbstractEventLoop | None = None
    tasks: list[_Waiting]


def begin(work: Work) -> Ended | asyncio.Task[object]:
    """Begin some work in a task of its own: how it has ended, or that task."""
    loop = asyncio.get_running_loop()
    if _Idle.loop is not loop:
        _Idle.loop, _Idle.tasks = loop, []
    if not _Idle.tasks:  # the next one is quicker
        _Waiting(loop, _Idle.tasks)
        return loop.create_task(_contained(work))
    one = _Idle.tasks.pop()
    ended = one.begin(work, loop)
    if ended is None:
        return one.task
    if one.task.cancelling():  # as asyncio has it: a task that is to end does not end well
        return Ended(failure=asyncio.CancelledError())
    _Idle.tasks.append(one)
    return ended


def how_it_ended(task: asyncio.Task[object]) -> Ended:
    """How a task that has been begun and is done has ended."""
    if task.cancelled():
        return Ended(failure=asyncio.CancelledError())
    failure = task.exception()
    if failure is None:
        return Ended(task.result())
    return Ended(failure=failure.__cause__ if isinstance(failure, _Exit) else failure)
