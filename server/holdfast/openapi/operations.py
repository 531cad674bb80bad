"""The routes of the table and the control plane's handlers as OpenAPI describes them."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import ControllerRouterHandler

from holdfast.http.litestar import DEPENDENCIES, Control
from holdfast.http.routing import Route, is_parameter
from holdfast.openapi.parts import TOKEN, as_json, as_openapi, path_parameter, refusals
from holdfast.schema.collection import Collection

AUTH: Final = "auth"  # the tag of routes that every auth collection has
LOGIN: Final = "Login"  # in the names of schemas
NOBODY: Final = (
    "/auth-with-",
    "/auth-methods",
    "/confirm-",
    "/passkeys/login",
    "/request-otp",
    "/request-password-reset",
    "/request-verification",
)
_COLLECTION: Final = "{collection}"


def route_paths(routes: Iterable[Route], auth_collections: Iterable[Collection]) -> dict[str, Any]:
    """The paths of the table. Those of logins stand there once for each auth collection, with its own name."""
    found: dict[str, Any] = {}
    named = tuple(auth_collections)
    for route in routes:
        if route.tag != AUTH:
            _put(found, route.path, route, _operation(route))
            continue
        for collection in named:
            _put(found, route.path.replace(_COLLECTION, collection.name), route, _login(route, collection))
    return found


def _put(paths: dict[str, Any], path: str, route: Route, operation: dict[str, Any]) -> None:
    item = paths.setdefault(path, {})
    parameters = [path_parameter(part[1:-1]) for part in path.split("/") if is_parameter(part)]
    if parameters:
        item["parameters"] = parameters
    item[route.method.lower()] = operation


def _operation(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "tags": [route.tag or "server"],
        "security": [{}, TOKEN] if route.access == "anyone" else [TOKEN],
        "responses": {str(route.status): _answer(route), **refusals(*_statuses(route))},
    }
    if route.later is not None:
        found["responses"]["202"] = {"description": "It goes on.", "content": as_json(dict(route.later))}
    told = [route.description] if route.description else []
    if route.operation is not None:
        told.append(f"Also for whom a role lets `{route.operation}`.")
    if told:
        found["description"] = " ".join(told)
    if route.parameters:
        found["parameters"] = [as_openapi(parameter) for parameter in route.parameters]
    if route.body is not None:
        found["requestBody"] = {"required": route.body_required, "content": as_json(dict(route.body))}
    return found


def _login(route: Route, collection: Collection) -> dict[str, Any]:
    operation = _operation(route)
    operation["operationId"] = f"{_login_id(route)}_{collection.name}"
    operation["tags"] = [collection.name]
    if _is_login(route):
        answer = {"$ref": f"#/components/schemas/{LOGIN}_{collection.name}"}
        operation["responses"][str(route.status)]["content"] = as_json(answer)
        operation["responses"]["401"] = {"$ref": "#/components/responses/SecondFactor"}
    if route.access == "anyone" and _needs_nobody(route):
        operation["security"] = []
    return operation


def _operation_id(route: Route) -> str:
    words = re.findall(r"\w+", route.path.removeprefix("/api/"))
    if route.path.endswith("/"):
        words.append("index")
    return "_".join([route.method.lower(), *words])


def login_schemas(routes: Iterable[Route], collection: Collection) -> dict[str, Any]:
    """What a login of the collection answers."""
    answer = next(route.answer for route in routes if _is_login(route))
    assert answer is not None
    properties = {**answer["properties"], "record": {"$ref": f"#/components/schemas/Record_{collection.name}"}}
    return {f"{LOGIN}_{collection.name}": {**answer, "properties": properties}}


def _is_login(route: Route) -> bool:
    return route.tag == AUTH and route.answer is not None and "record" in route.answer.get("properties", {})


def _needs_nobody(route: Route) -> bool:
    """Whether those who are logged in have no need of it: a client may ask without a token."""
    return route.path.partition(_COLLECTION)[2].startswith(NOBODY)


def _login_id(route: Route) -> str:
    """As people would call it: `auth_with_password`, `read_sessions`."""
    words = re.findall(r"\w+", route.path.partition(_COLLECTION)[2])
    first = {"POST": [], "GET": ["read"], "DELETE": ["remove"]}.get(route.method, [route.method.lower()])
    return "_".join([*first, *words])


def _answer(route: Route) -> dict[str, Any]:
    if route.answer is None:
        return {"description": "Done." if route.status == 204 else "The answer."}
    return {"description": "The answer.", "content": as_json(dict(route.answer))}


def _statuses(route: Route) -> set[int]:
    found = {400, *route.errors}
    if any(is_parameter(part) for part in route.path.split("/")):
        found.add(404)
    if route.access == "superusers":
        found |= {401, 403}
    if route.body is not None:
        found |= {413, 415}
    return found


def control_part(handlers: Iterable[ControllerRouterHandler]) -> Mapping[str, Any]:
    """What Litestar says of its handlers: `paths`, and `components` with their schemas.

    Made by an application that is never served, since one that serves OpenAPI serves pages of its own beside it.
    """
    described = Control(
        list(handlers),
        dependencies=DEPENDENCIES,
        openapi_config=OpenAPIConfig(
            title="", version="", use_handler_docstrings=True, render_plugins=[JsonRenderPlugin()]
        ),
        logging_config=None,
    )
    found = described.openapi_schema.to_schema()
    for path, item in found["paths"].items():
        for operation in item.values():
            _finish(path, operation)
    return found


def _finish(path: str, operation: dict[str, Any]) -> None:
    """Put our own refusals in the place of Litestar's, which our handlers never send."""
    told = {status: answer for status, answer in operation["responses"].items() if status < "400"}
    missing = {404} if is_parameter(path.rpartition("/")[2]) else set[int]()
    operation["responses"] = {**told, **refusals(400, 401, 403, *missing)}
    operation.setdefault("security", [{}, TOKEN])
