"""The routes of plugins: what is under `/api/x/PLUGIN/`, as an application of its own that is made anew with them."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from functools import partial
from typing import Any, Final

import litestar
import structlog
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.exceptions import HTTPException, NotFoundException
from litestar.handlers.base import BaseRouteHandler
from litestar.types import ControllerRouterHandler

from holdfast.db.cannot_start import CannotStart
from holdfast.errors import ApiError
from holdfast.hooks.calling import failed
from holdfast.hooks.origin import Origin
from holdfast.http.front import Application, Receive, Scope, Send
from holdfast.http.litestar import Connection, answer_exception, control_plane, our_request
from holdfast.identity import Principal
from holdfast.plugin import Context
from holdfast.plugins.hosting import Plugins
from holdfast.plugins.loading import Loaded, NotLoaded
from holdfast.rules.facts import Facts

PREFIX: Final = "/api/x"
_log: Final = structlog.get_logger("holdfast.plugins")


def _who(request: Connection) -> Principal:
    return our_request(request).principal


def plugin_router(plugins: Plugins, loaded: Loaded) -> litestar.Router | None:
    """The routes of one plugin; None if it has none. Raises what it raises, and what Litestar says of its handlers."""
    plugin = loaded.plugin
    handlers = list(plugin.routes())
    if not handlers:
        return None

    async def ctx(request: Connection) -> AsyncGenerator[Context, None]:
        ours = our_request(request)
        origin = Origin(who=ours.principal, request_id=ours.id, facts=partial(Facts.of, ours))
        made = plugins.context(loaded, origin)
        try:
            yield made
        finally:
            made.leave()
            await made.undo()

    def is_on(_: ASGIConnection[Any, Any, Any, Any], __: BaseRouteHandler) -> None:
        if all(one.loaded is not loaded for one in plugins.active):
            raise NotFoundException

    def answer(request: Connection, failure: Exception) -> litestar.Response[bytes]:
        if not isinstance(failure, HTTPException | ApiError):
            told = failed(plugin.name, our_request(request).path, failure)
            told.__cause__ = failure
            failure = told
        return answer_exception(request, failure)

    return litestar.Router(
        f"{PREFIX}/{plugin.name}",
        route_handlers=handlers,
        dependencies={"who": Provide(_who, sync_to_thread=False), "ctx": Provide(ctx)},
        guards=[is_on],
        exception_handlers={Exception: answer},
        tags=[plugin.name],
    )


def plugin_routers(plugins: Plugins, *, active: bool = False) -> list[ControllerRouterHandler]:
    """The routes of all plugins, or of those that are on, each tried on its own. Raises NotLoaded.

    Bundled ones cost nothing before they are on.
    """
    found: list[ControllerRouterHandler] = []
    on = [one.loaded for one in plugins.active]
    for loaded in on if active else [one for one in plugins.loaded if one.is_on or one in on]:
        try:
            router = plugin_router(plugins, loaded)
            if router is not None:
                control_plane([router])
                _check_clashes(router)
                found.append(router)
        except Exception as failure:
            reason = f"its routes: {type(failure).__name__}: {failure}"
            raise NotLoaded(loaded.plugin.name, loaded.source, reason) from failure
    return found


def _check_clashes(router: litestar.Router) -> None:
    """Raise ValueError for two handlers of one method and path, of which Litestar would take the last."""
    for route in router.routes:
        methods = Counter[str]()
        for handler in getattr(route, "route_handlers", ()):
            methods.update(set(handler.http_methods) - {"OPTIONS"})
        twice = [method for method, count in methods.items() if count > 1]
        if twice:
            raise ValueError(f"two handlers for {twice[0]} {route.path}")


def _is_cancelled(failure: BaseException) -> bool:
    """Whether it is this very request that was cancelled."""
    task = asyncio.current_task()
    return isinstance(failure, asyncio.CancelledError) and task is not None and task.cancelling() > 0


class PluginPlane:
    """What is under `/api/x/` is for the routes of plugins, all else for `control`.

    Raises CannotStart for routes that cannot be.
    """

    def __init__(self, plugins: Plugins, control: Application) -> None:
        self._plugins = plugins
        self.control = control
        self._of = (plugins.loaded, plugins.active)
        try:
            self._application = control_plane(plugin_routers(plugins))
        except NotLoaded as failure:
            raise CannotStart(f"{failure} Repair it, or start with --skip-plugin {failure.plugin}.") from failure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX + "/"):
            await self.control(scope, receive, send)
            return
        try:
            await self._now()(scope, receive, send)
        except BaseException as failure:
            if isinstance(failure, Exception) or _is_cancelled(failure):
                raise
            # What would end the server, and what only says that something of the plugin's own was cancelled.
            raise failed(scope["path"].split("/")[3], scope["path"], failure) from failure

    def described(self) -> tuple[ControllerRouterHandler, ...]:
        """The routes of plugins that are on, for OpenAPI."""
        return tuple(plugin_routers(self._plugins, active=True))

    def _now(self) -> litestar.Litestar:
        plugins = self._plugins
        if self._of[0] is not plugins.loaded or self._of[1] is not plugins.active:
            self._of = (plugins.loaded, plugins.active)
            try:
                self._application = control_plane(plugin_routers(self._plugins))
            except NotLoaded as failure:
                _log.error("the routes of a plugin cannot be made anew", plugin=failure.plugin, reason=str(failure))
        return self._application
