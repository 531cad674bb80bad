"""The whole OpenAPI document, kept for as long as the collections stay what they are."""

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final, TypeAlias

import msgspec
from litestar.types import ControllerRouterHandler

from holdfast import __version__
from holdfast.catalog.snapshot import Catalog
from holdfast.http.routing import Routes
from holdfast.openapi.operations import control_part, login_schemas, route_paths
from holdfast.openapi.parts import components
from holdfast.openapi.records import record_paths, record_schemas
from holdfast.rules.access import Audience

More: TypeAlias = Callable[[], tuple[ControllerRouterHandler, ...]]
"""The handlers that may be others from time to time: those of plugins."""
ABOUT: Final = (
    "Declare a collection, get an API. Errors, limits and headers are the same everywhere: an error has `code`, "
    "`message`, `data` by field and the `requestId` that the log knows it by."
)


class Document(msgspec.Struct, frozen=True):
    """The document as JSON, and its tag."""

    body: bytes
    etag: bytes


class Documents:
    """The documents of one process: one for superusers, one for everybody else, of the newest catalog."""

    def __init__(self, routes: Routes, handlers: Iterable[ControllerRouterHandler], more: More) -> None:
        self._routes = routes
        self._handlers = tuple(handlers)
        self._more = more
        self._control: Mapping[str, Any] | None = None
        self._of: object = None
        self._kept: dict[bool, tuple[int, object, Document]] = {}

    def get(self, catalog: Catalog, plugins: object, *, superuser: bool) -> Document:
        """The document for this catalog and these plugins; made at most once for each version of them."""
        kept = self._kept.get(superuser)
        if kept is not None and kept[0] == catalog.version and kept[1] is plugins:
            return kept[2]
        if self._control is None or self._of is not plugins:
            self._control, self._of = control_part((*self._handlers, *self._more())), plugins
        found = describe(catalog, self._routes, self._control, Audience(superuser=superuser))
        body = msgspec.json.encode(found)
        document = Document(body, b'"%b"' % blake2b(body, digest_size=12).hexdigest().encode())
        self._kept[superuser] = (catalog.version, plugins, document)
        return document


def describe(catalog: Catalog, routes: Routes, control: Mapping[str, Any], who: Audience) -> dict[str, Any]:
    """The document: system collections and hidden fields are for superusers. Pure."""
    shown = [collection for collection in catalog.collections if who.superuser or not collection.system]
    parts = components()
    parts["schemas"].update(control.get("components", {}).get("schemas", {}))
    paths: dict[str, Any] = {}
    for collection in shown:
        parts["schemas"].update(record_schemas(catalog, collection, who))
        paths.update(record_paths(collection))
    accounts = [collection for collection in shown if collection.is_auth]
    for collection in accounts:
        parts["schemas"].update(login_schemas(routes, collection))
    paths.update(route_paths(routes, accounts))
    paths.update(control["paths"])
    return {
        "openapi": "3.1.0",
        "info": {"title": "Holdfast", "version": __version__, "description": ABOUT},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": parts,
    }
