"""Routes as data: what a feature offers over HTTP, how a path finds it, and what OpenAPI says of it.

A feature exports `ROUTES: tuple[Route, ...]`; app.py puts them into one `Routes`, which the front asks.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import msgspec

from holdfast.errors import Forbidden, MethodNotAllowed, NotFound, Unauthenticated
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.identity import Principal
from holdfast.schema.role import Operation

if TYPE_CHECKING:  # a handler is given the engine, which lies in a layer above
    from holdfast.engine import Engine

Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
Handler: TypeAlias = Callable[["Engine", Request], Awaitable[Response]]
Schema: TypeAlias = Mapping[str, Any]
"""A JSON schema (2020-12), as OpenAPI 3.1 takes it."""

ANY: Final[Schema] = {}
OBJECT: Final[Schema] = {"type": "object"}


class Parameter(msgspec.Struct, frozen=True):
    """A query parameter or a header of a route, for OpenAPI. Parameters of the path follow from the path."""

    name: str
    description: str
    schema: Schema = msgspec.field(default_factory=lambda: {"type": "string"})
    place: Literal["query", "header"] = "query"
    required: bool = False


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one path.

    `path` names its parameters in braces, one whole segment each (`/api/collections/{collection}/truncate`);
    the handler finds them in `request.params`. `access` is checked before the handler runs: it is closed
    unless the route says that anyone may call it, or that it is an `operation` which roles let their holders do.
    What cannot be taken back says `recent`: a page of the console then has to come with a password of late.
    `body` and `answer` are JSON schemas, or None where there is none; `later` is what a 202 holds, where a client may
    ask for that.
    """

    method: Method
    path: str
    handler: Handler
    summary: str
    description: str = ""
    tag: str = ""
    access: Literal["superusers", "anyone"] = "superusers"
    operation: Operation | None = None
    recent: bool = False
    parameters: tuple[Parameter, ...] = ()
    body: Schema | None = None
    body_required: bool = True
    answer: Schema | None = None
    status: int = 200
    later: Schema | None = None
    errors: tuple[int, ...] = ()  # statuses beyond 400, 401, 403, 404 that the route can answer


class _Node:
    """A segment of the tree: what follows it, and the routes that end here by method."""

    __slots__ = ("any", "fixed", "routes")

    def __init__(self) -> None:
        self.fixed: dict[str, _Node] = {}
        self.any: _Node | None = None
        self.routes: dict[str, Route] = {}


class Routes:
    """A fixed set of routes, found by method and path. A fixed segment wins over a parameter."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        self._all: list[Route] = []
        for route in routes:
            self._add(route)

    def __iter__(self) -> Iterator[Route]:
        return iter(self._all)

    def _add(self, route: Route) -> None:
        node = self._root
        for segment in route.path.split("/")[1:]:
            if is_parameter(segment):
                node.any = node.any or _Node()
                node = node.any
            else:
                node = node.fixed.setdefault(segment, _Node())
        if route.method in node.routes:
            raise ValueError(f"two routes for {route.method} {route.path}")
        node.routes[route.method] = route
        self._all.append(route)

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route and the values of its path's parameters; None when no route has this path.

        Raises MethodNotAllowed with `Allow` when the path is there and the method is not.
        """
        segments = path.split("/")[1:]
        allowed: set[str] = set()
        for node in _matches(self._root, segments, 0):
            route = node.routes.get(method)
            if route is not None:
                return route, path_values(route.path, segments)
            allowed.update(node.routes)
        if allowed:
            raise MethodNotAllowed(headers={"Allow": allow(allowed)})
        return None

    def get(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The same, or NotFound."""
        found = self.find(method, path)
        if found is None:
            raise NotFound
        return found


def _matches(node: _Node, segments: list[str], at: int) -> Iterator[_Node]:
    """The nodes that the path leads to, those with fixed segments first."""
    if at == len(segments):
        if node.routes:
            yield node
        return
    fixed = node.fixed.get(segments[at])
    if fixed is not None:
        yield from _matches(fixed, segments, at + 1)
    if node.any is not None and segments[at]:
        yield from _matches(node.any, segments, at + 1)


def require_operation(engine: "Engine", who: Principal, operation: Operation | None) -> None:
    """Raise as `require_superuser` does for whom no role lets do this; None is for superusers alone."""
    roles = engine.catalog.roles_by_id
    if operation is not None and any(operation in roles[id].operations for id in who.roles if id in roles):
        return
    require_superuser(who)


def require_superuser(who: Principal) -> None:
    """Raise Unauthenticated for a guest, and Forbidden for anybody else who is no superuser."""
    if who.is_superuser:
        return
    if who.kind == "guest":
        raise Unauthenticated
    raise Forbidden


def is_parameter(segment: str) -> bool:
    """Whether a segment of a route's path is a parameter: `{collection}`."""
    return segment.startswith("{")


def path_values(pattern: str, segments: list[str]) -> dict[str, str]:
    """What the pattern's parameters are in these segments of a path."""
    return {
        name[1:-1]: segment
        for name, segment in zip(pattern.split("/")[1:], segments, strict=True)
        if is_parameter(name)
    }


def allow(methods: Iterable[str]) -> str:
    """The value of an `Allow` header: HEAD wherever GET is, OPTIONS everywhere."""
    offered = {*methods, "OPTIONS"}
    if "GET" in offered:
        offered.add("HEAD")
    return ", ".join(sorted(offered))


def with_options(methods: str) -> bytes:
    """The value of an `Allow` header as the answer to OPTIONS has it."""
    return allow(name.strip() for name in methods.split(",")).encode("latin-1")
