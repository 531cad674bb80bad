"""What a failure of the database means where it comes in the place of something else."""

import asyncio

import pytest

from holdfast.db.failures import end_if_cancelled


async def _goes_on(echo: type[Exception]) -> None:
    """Work that goes on after failures, on a connection whose answer to a cancellation is a failure."""
    while True:
        try:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                raise echo from None
        except echo:
            end_if_cancelled()


async def test_a_cancelled_task_ends_though_a_failure_hides_that() -> None:
    task = asyncio.create_task(_goes_on(OSError))
    await asyncio.sleep(0)
    task.cancel()
    ended, _ = await asyncio.wait((task,), timeout=10)
    assert ended
    assert task.cancelled()


async def test_a_task_that_nobody_has_cancelled_goes_on() -> None:
    end_if_cancelled()
    with pytest.raises(TimeoutError):  # a time limit cancels, too, and takes that back
        async with asyncio.timeout(0.01):
            await asyncio.sleep(60)
    end_if_cancelled()
