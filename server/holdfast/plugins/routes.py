"""`/api/plugins`, for superusers: which there are, whether they are on, their settings."""

from typing import Any, Final

import msgspec

from holdfast.audit.author import Author
from holdfast.engine import Engine
from holdfast.errors import NotFound
from holdfast.hooks.table import overridden
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import OBJECT, Route, Schema
from holdfast.plugin import Plugin
from holdfast.plugins.hosting import Plugins, is_enabled
from holdfast.plugins.loading import Loaded
from holdfast.plugins.plane import plugin_router
from holdfast.plugins.states import change_settings, change_state, state_of
from holdfast.plugins.work import full_name

PATH: Final = "/api/plugins"
ONE: Final = PATH + "/{plugin}"
SETTINGS: Final = ONE + "/settings"
PLUGIN: Final[Schema] = {
    "type": "object",
    "required": [
        "name",
        "description",
        "source",
        "enabled",
        "active",
        "priority",
        "ownPriority",
        "error",
        "hooks",
        "jobs",
        "schedules",
        "actions",
        "routes",
        "settings",
        "settingsSchema",
    ],
    "properties": {
        "name": {"type": "string"},
        "description": {"type": "string"},
        "source": {"type": "string", "description": "Where it was loaded from; bundled ones are part of Holdfast."},
        "enabled": {"type": "boolean"},
        "active": {"type": "boolean", "description": "Whether it has started in the process that answers."},
        "priority": {"type": "integer", "description": "The lowest comes first."},
        "ownPriority": {"type": "integer", "description": "What it has where nobody has set one."},
        "error": {"type": "string", "description": "What is wrong with it in the process that answers."},
        "hooks": {"type": "array", "items": {"type": "string"}},
        "jobs": {"type": "array", "items": {"type": "string"}},
        "schedules": {"type": "array", "items": {"type": "string"}},
        "actions": {"type": "array", "items": {"type": "string"}, "description": "What it can do to records."},
        "routes": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Of one that is on: `GET /api/x/shop/orders`.",
        },
        "settings": {"type": "object"},
        "settingsSchema": {"type": "object", "description": "A JSON schema of the settings."},
    },
}
CHANGE: Final[Schema] = {
    "type": "object",
    "properties": {"enabled": {"type": "boolean"}, "priority": {"type": ["integer", "null"]}},
}


def plugin_routes(plugins: Plugins) -> tuple[Route, ...]:
    """The routes of a process with these plugins."""

    async def list_plugins(engine: Engine, _: Request) -> Response:
        return _answer({"items": [_shown(plugins, engine, one) for one in plugins.loaded]})

    async def view_plugin(engine: Engine, request: Request) -> Response:
        return _answer(_shown(plugins, engine, _find(plugins, request)))

    async def change_plugin(engine: Engine, request: Request) -> Response:
        loaded = _find(plugins, request)
        await change_state(engine, Author.of(request), loaded, await request.object())
        await plugins.settle()
        return _answer(_shown(plugins, engine, loaded))

    async def view_settings(_: Engine, request: Request) -> Response:
        return _answer(plugins.settings_of(_find(plugins, request)))

    async def change(engine: Engine, request: Request) -> Response:
        loaded = _find(plugins, request)
        await change_settings(engine, Author.of(request), loaded, await request.object())
        await plugins.settle()
        return _answer(plugins.settings_of(loaded))

    return (
        _route(
            "GET",
            PATH,
            list_plugins,
            "List the plugins",
            {**OBJECT, "properties": {"items": {"type": "array", "items": PLUGIN}}},
        ),
        _route("GET", ONE, view_plugin, "View a plugin", PLUGIN),
        _route("PATCH", ONE, change_plugin, "Turn a plugin on or off, or give it another place", PLUGIN, CHANGE),
        _route("GET", SETTINGS, view_settings, "View the settings of a plugin", OBJECT),
        _route("PATCH", SETTINGS, change, "Change some settings of a plugin and leave the rest", OBJECT, OBJECT),
    )


def _route(method: Any, path: str, handler: Any, summary: str, answer: Schema, body: Schema | None = None) -> Route:
    return Route(
        method=method, path=path, handler=handler, summary=summary, tag="plugins", body=body, answer=answer,
        errors=(413, 415, 503) if body is not None else (),
    )  # fmt: skip


def _find(plugins: Plugins, request: Request) -> Loaded:
    loaded = plugins.find(request.params["plugin"])
    if loaded is None:
        raise NotFound("There is no plugin of this name.")
    return loaded


def _shown(plugins: Plugins, engine: Engine, loaded: Loaded) -> dict[str, Any]:
    plugin, state = loaded.plugin, state_of(engine.catalog, loaded.plugin.name)
    active = any(one.loaded is loaded for one in plugins.active)
    return {
        "name": plugin.name,
        "description": described(plugin),
        "source": loaded.source,
        "enabled": is_enabled(loaded, state),
        "active": active,
        "priority": plugin.priority if state.priority is None else state.priority,
        "ownPriority": plugin.priority,
        "error": plugins.error_of(loaded),
        "hooks": overridden(plugin),
        "jobs": [full_name(plugin.name, job.name) for job in loaded.jobs],
        "schedules": [full_name(plugin.name, schedule.name) for schedule in loaded.schedules],
        "actions": [full_name(plugin.name, action.name) for action in loaded.actions],
        "routes": _routes(plugins, loaded) if active else [],
        "settings": plugins.settings_of(loaded),
        "settingsSchema": msgspec.json.schema(plugin.Settings),
    }


def described(plugin: Plugin) -> str:
    """What a plugin says of itself: its description, else the first line of its own docstring."""
    return plugin.description or (vars(type(plugin)).get("__doc__") or "").strip().partition("\n")[0]


def _routes(plugins: Plugins, loaded: Loaded) -> list[str]:
    try:
        router = plugin_router(plugins, loaded)
    except Exception:  # the plane has logged it, and this is only a look at it
        return []
    found = [] if router is None else router.routes
    return sorted(f"{method} {route.path}" for route in found for method in route.methods - {"OPTIONS"})


def _answer(content: object) -> Response:
    return Response(body=msgspec.json.encode(content))
