"""How a hook is called: within its time, with its faults kept apart from everybody else's and under its name."""

import asyncio
import time
from functools import cache
from typing import Any, Final, get_origin, get_type_hints

import asyncpg
import msgspec
import structlog

from holdfast.db.failures import api_error
from holdfast.errors import ApiError, PluginFailed, Unavailable
from holdfast.hooks.origin import HookContext, Origin
from holdfast.hooks.table import Called, Calls
from holdfast.plugin import Answer, GiveUp, TryLater

LIMIT_SECONDS: Final = 5.0  # for one hook: a transaction that is open for longer holds up others
_log: Final = structlog.get_logger("holdfast.plugins")


async def call(calls: Calls, origin: Origin, *given: object) -> None:
    """Call hooks, one after the other, with what they are given.

    Raises the ApiError that a hook refuses with, and PluginFailed for any other fault of it.
    """
    for called in calls:
        await call_one(called, origin, *given)


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
    found = await _within_bounds(called, origin, given)
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
    context = called.context(origin)
    seconds = called.seconds or LIMIT_SECONDS
    started = time.monotonic()
    try:
        found = await _limited(called, context, given, seconds)
    finally:
        left = await context.leave()
    if left:
        raise PluginFailed(called.plugin, called.hook, left)
    if time.monotonic() - started > seconds:  # it never let go of the event loop, so no time limit could end it
        raise PluginFailed(called.plugin, called.hook, f"it blocked the event loop for more than {seconds:g} s")
    return found


async def _limited(called: Called, context: HookContext, given: tuple[object, ...], seconds: float) -> object:
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await called.run(context, *given)
    except ApiError:
        raise
    except TimeoutError as failure:
        reason = f"it took longer than {seconds:g} s" if limit.expired() else _said(failure)
        raise PluginFailed(called.plugin, called.hook, reason) from failure
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as failure:
        # Met another transaction, or the database is away: no fault of the plugin, and trying again helps.
        if isinstance(failure, asyncpg.PostgresError) and isinstance(api_error(failure), Unavailable):
            raise
        raise PluginFailed(called.plugin, called.hook, _said(failure)) from failure
    except (Exception, SystemExit, KeyboardInterrupt) as failure:  # the last two would end the server
        raise PluginFailed(called.plugin, called.hook, _said(failure)) from failure


def _said(failure: BaseException) -> str:
    text = " ".join(str(failure).split())
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
