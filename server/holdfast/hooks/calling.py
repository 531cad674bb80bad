"""How a hook is called: within its time, with its faults kept apart from everybody else's and under its name."""

import asyncio
import time
from functools import cache
from typing import Any, Final, TypeGuard, get_origin, get_type_hints

import asyncpg
import msgspec
import structlog

from holdfast.db.failures import api_error
from holdfast.errors import ApiError, PluginFailed, Unavailable
from holdfast.hooks.beginning import Ended, begin, how_it_ended
from holdfast.hooks.origin import Origin
from holdfast.hooks.table import Called, Calls
from holdfast.plugin import Answer, GiveUp, TryLater

LIMIT_SECONDS: Final = 5.0  # for one hook: a transaction that is open for longer holds up others
GRACE_SECONDS: Final = 1.0  # for one that is ended, to tidy up
_log: Final = structlog.get_logger("holdfast.plugins")


async def call(calls: Calls, origin: Origin, *given: object) -> None:
    """Call hooks, one after the other, with what they are given.

    Raises the ApiError that a hook refuses with, and PluginFailed for any other fault of it.
    """
    for called in calls:
        _check(called, await _within_bounds(called, origin, given), given)


async def call_quietly(calls: Calls, origin: Origin, *given: object) -> None:
    """The same for hooks that can refuse nothing any more: what they raise is logged, and the others are called."""
    for called in calls:
        try:
            await call_one(called, origin, *given)
        except Exception as failure:
            tell(called, failure, request_id=origin.request_id)


def tell(called: Called, failure: Exception, **more: object) -> None:
    """Log what a hook has failed with."""
    reason = failure.reason if isinstance(failure, PluginFailed) else str(failure)
    _log.error("a plugin failed", plugin=called.plugin, place=called.hook, reason=reason, exc_info=failure, **more)


async def call_one(called: Called, origin: Origin, *given: object) -> None:
    """Call one hook. Raises what `call` raises."""
    _check(called, await _within_bounds(called, origin, given), given)


def _check(called: Called, found: object, given: tuple[object, ...]) -> None:
    """Raises PluginFailed for what a hook gives back, or has put where it does not belong."""
    if found is not None:
        raise PluginFailed(called.plugin, called.hook, f"it gave back {_kind(found)}, where nothing is expected")
    for one in given:
        wrong = _wrong(one)
        if wrong:
            raise PluginFailed(called.plugin, called.hook, wrong)


async def call_job(called: Called, origin: Origin, *given: object) -> None:
    """Call what does a job. Raises what `call` raises, GiveUp and TryLater."""
    try:
        await _within_bounds(called, origin, given)
    except PluginFailed as failure:
        if isinstance(failure.__cause__, GiveUp | TryLater):
            raise failure.__cause__ from None
        raise


async def _within_bounds(called: Called, origin: Origin, given: tuple[object, ...]) -> object:
    """What a hook gives back. It is a task of its own: one that does not end when it is told to holds up nobody."""
    context = called.context(origin)
    seconds = called.seconds or LIMIT_SECONDS
    started = time.monotonic()
    try:
        ended = begin(called.run(context, *given))
        if not isinstance(ended, Ended):
            ended = await _waited(called, ended, seconds, started)
    finally:
        left = context.leave()
        if left:
            await context.undo()
    if ended.failure is not None:
        raise _as_told(called, ended.failure)
    if left:
        raise PluginFailed(called.plugin, called.hook, left)
    if time.monotonic() - started > seconds:  # it never let go of the event loop, so no time limit could end it
        raise PluginFailed(called.plugin, called.hook, f"it blocked the event loop for more than {seconds:g} s")
    return ended.value


async def _waited(called: Called, task: asyncio.Task[object], seconds: float, started: float) -> Ended:
    """How a hook has ended. Raises PluginFailed for one that took too long."""
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()

    def wake(_: object = None) -> None:
        if not waiter.done():
            waiter.set_result(None)

    # By hand: asyncio.wait takes 10 us more.
    task.add_done_callback(wake)
    limit = loop.call_later(seconds - (time.monotonic() - started), wake)
    try:
        await waiter
    except asyncio.CancelledError:  # whoever asked is gone, or the server stops
        await _end(called, task)
        raise
    finally:
        limit.cancel()
    if not task.done():
        ended = await _end(called, task)
        reason = f"it took longer than {seconds:g} s" + ("" if ended else ", and goes on though it was ended")
        raise PluginFailed(called.plugin, called.hook, reason)
    return how_it_ended(task)


async def _end(called: Called, task: asyncio.Task[object]) -> bool:
    """End a hook; whether it has ended. One that catches its end goes on, and what it is given works no more."""
    task.cancel()
    await asyncio.wait((task,), timeout=GRACE_SECONDS)
    if task.done():
        return True
    _log.error("a plugin goes on though it was ended", plugin=called.plugin, place=called.hook)
    task.add_done_callback(lambda done: None if done.cancelled() else done.exception())  # seen
    return False


def _as_told(called: Called, failure: BaseException) -> Exception:
    """What to raise for what a hook has raised."""
    if isinstance(failure, asyncio.CancelledError):
        return PluginFailed(called.plugin, called.hook, "CancelledError, though nobody has cancelled it")
    if isinstance(failure, ApiError) or _is_of_the_moment(failure):
        return failure
    found = failed(called.plugin, called.hook, failure)
    found.__cause__ = failure
    return found


def failed(plugin: str, place: str, failure: BaseException) -> PluginFailed:
    """What to raise for whatever a plugin has raised that is no ApiError."""
    return PluginFailed(plugin, place, _said(failure))


def _is_of_the_moment(failure: BaseException) -> TypeGuard[Exception]:
    """Whether it met another transaction, or the database is away: no fault of the plugin, and trying again helps."""
    return isinstance(failure, asyncpg.PostgresError) and isinstance(api_error(failure), Unavailable)


def _said(failure: BaseException) -> str:
    # Half of a surrogate pair can be in a text of Python, and in no answer.
    text = " ".join(str(failure).encode("utf-8", "backslashreplace").decode().split())
    return f"{type(failure).__name__}: {text[:300]}" if text else type(failure).__name__


def _kind(value: object) -> str:
    return f"a value of type {type(value).__name__}"


def _wrong(given: object) -> str:
    """What a hook has put where it does not belong, as a sentence; empty if nothing."""
    if isinstance(given, Answer):
        try:
            given.settle()
        except (TypeError, ValueError) as failure:
            return f"it changed the answer into something that is no JSON: {failure}"
        return ""
    for name, kind in _changeable(type(given)):
        if not isinstance(getattr(given, name), kind):
            return f"it set {name} to {_kind(getattr(given, name))}, where {kind.__name__} is expected"
    return ""


@cache
def _changeable(kind: type) -> tuple[tuple[str, type], ...]:
    """The attributes of an argument that a hook may set, and what they have to be."""
    if not issubclass(kind, msgspec.Struct) or kind.__struct_config__.frozen:
        return ()
    hints: dict[str, Any] = get_type_hints(kind)
    plain = {name: get_origin(hint) or hint for name, hint in hints.items()}
    return tuple((name, hint) for name, hint in plain.items() if isinstance(hint, type))
