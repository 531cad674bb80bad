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
from holdfast.plugins.hosting import Plugins, is_enabled
from holdfast.plugins.loading import Loaded
from holdfast.plugins.states import change_settings, change_state, state_of

PATH: Final = "/api/plugins"
ONE: Final = PATH + "/{plugin}"
SETTINGS: Final = ONE + "/settings"
PLUGIN: Final[Schema] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "description": {"type": "string"},
        "source": {"type": "string", "description": "Where it was loaded from; bundled ones are part of Holdfast."},
        "enabled": {"type": "boolean"},
        "active": {"type": "boolean", "description": "Whether it has started in the process that answers."},
        "priority": {"type": "integer", "description": "The lowest comes first."},
        "hooks": {"type": "array", "items": {"type": "string"}},
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
        _route("GET", PATH, list_plugins, "List the plugins", {**OBJECT, "properties": {"items": {"type": "array"}}}),
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
    return {
        "name": plugin.name,
        "description": plugin.description,
        "source": loaded.source,
        "enabled": is_enabled(loaded, state),
        "active": any(one.loaded is loaded for one in plugins.active),
        "priority": plugin.priority if state.priority is None else state.priority,
        "hooks": overridden(plugin),
        "settings": plugins.settings_of(loaded),
        "settingsSchema": msgspec.json.schema(plugin.Settings),
    }


def _answer(content: object) -> Response:
    return Response(body=msgspec.json.encode(content))
