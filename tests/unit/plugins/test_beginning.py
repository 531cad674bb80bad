"""Work begins at once, in a task of its own, whether it ends in its first step or later."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import pytest

from holdfast.hooks.beginning import Ended, begin, how_it_ended

seen: ContextVar[str] = ContextVar("seen", default="nothing")


async def ended(work: Any) -> Ended:
    begun = begin(work)
    if isinstance(begun, Ended):
        return begun
    await asyncio.wait((begun,))
    return how_it_ended(begun)


async def warm() -> None:
    """The first work of a loop begins as tasks always do; from then on one waits."""
    await ended(at_once())
    await asyncio.sleep(0)


async def at_once() -> str:
    return "at once"


async def later() -> str:
    await asyncio.sleep(0.001)
    return "later"


async def in_two_turns() -> str:
    await asyncio.sleep(0)
    return "in two turns"


async def ends_the_process() -> None:
    raise SystemExit(3)


async def ends_the_process_later() -> None:
    await asyncio.sleep(0)
    raise SystemExit(3)


async def fails() -> None:
    raise KeyError("at once")


async def fails_later() -> None:
    await asyncio.sleep(0)
    raise KeyError("later")


async def cancels_itself() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(60)


async def cancels_itself_and_passes() -> str:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        await asyncio.sleep(0)
    return "passed"


async def cancels_itself_at_the_end() -> str:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    return "ended"


async def times_out() -> str:
    try:
        async with asyncio.timeout(0.001):
            await asyncio.sleep(60)
    except TimeoutError:
        return "timed out"
    return "did not"


async def has_children() -> str:
    with pytest.raises(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(fails())
            await asyncio.sleep(60)
    return "without children"


VALUES: list[tuple[Callable[[], Awaitable[object]], object]] = [
    (at_once, "at once"),
    (later, "later"),
    (in_two_turns, "in two turns"),
    (cancels_itself_and_passes, "passed"),
    (times_out, "timed out"),
    (has_children, "without children"),
]
FAILURES: list[tuple[Callable[[], Awaitable[object]], type[BaseException]]] = [
    (fails, KeyError),
    (fails_later, KeyError),
    (ends_the_process, SystemExit),
    (ends_the_process_later, SystemExit),
    (cancels_itself, asyncio.CancelledError),
    (cancels_itself_at_the_end, asyncio.CancelledError),
]


@pytest.mark.parametrize("is_first", [True, False], ids=["first of its loop", "not the first"])
@pytest.mark.parametrize(("work", "value"), VALUES, ids=[work.__name__ for work, _ in VALUES])
async def test_what_work_gives_back_is_told(work: Callable[[], Any], value: object, is_first: bool):
    if not is_first:
        await warm()
    assert await ended(work()) == Ended(value)
    assert await ended(at_once()) == Ended("at once")  # it has left nothing behind


@pytest.mark.parametrize("is_first", [True, False], ids=["first of its loop", "not the first"])
@pytest.mark.parametrize(("work", "kind"), FAILURES, ids=[work.__name__ for work, _ in FAILURES])
async def test_what_work_raises_is_told(work: Callable[[], Any], kind: type[BaseException], is_first: bool):
    if not is_first:
        await warm()
    failure = (await ended(work())).failure
    assert type(failure) is kind
    assert await ended(at_once()) == Ended("at once")


async def test_work_that_ends_in_its_first_step_is_not_waited_for():
    await warm()
    assert begin(at_once()) == Ended("at once")
    assert begin(at_once()) == Ended("at once")


async def test_work_is_one_task_from_its_first_step_to_its_last():
    await warm()
    tasks: list[Any] = []

    async def work() -> None:
        tasks.append(asyncio.current_task())
        await asyncio.sleep(0)
        tasks.append(asyncio.current_task())

    outer = asyncio.current_task()
    begun = begin(work())
    assert asyncio.current_task() is outer
    assert isinstance(begun, asyncio.Task)
    await begun
    assert tasks == [begun, begun]
    assert begun is not outer


async def test_what_work_sets_in_its_context_stays_there():
    await warm()
    found: list[str] = []

    async def work() -> None:
        token = seen.set("by work")
        await asyncio.sleep(0)
        found.append(seen.get())
        seen.reset(token)
        found.append(seen.get())

    outer = seen.set("by who began it")
    await ended(work())
    assert found == ["by work", "by who began it"]
    assert seen.get() == "by who began it"
    seen.reset(outer)


async def test_a_task_that_is_ended_from_outside_ends_what_it_waits_for():
    await warm()
    waits_for = asyncio.get_running_loop().create_future()

    async def work() -> None:
        await waits_for

    begun = begin(work())
    assert isinstance(begun, asyncio.Task)
    begun.cancel()
    await asyncio.wait((begun,))
    assert begun.cancelled()
    assert waits_for.cancelled()
