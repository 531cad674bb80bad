"""Piccolo Admin on the catalog as it stands: a table is made when somebody opens it, and anew with the catalog."""

from collections.abc import Sequence
from typing import Any, Final

import asyncpg
from piccolo.table import Table
from piccolo_admin.endpoints import create_admin
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response
from typing_extensions import override

from holdfast.catalog.snapshot import Catalog
from holdfast.classic.crud import Reader, Records, failed_read
from holdfast.classic.database import Reading
from holdfast.classic.forms import FORMS
from holdfast.classic.system_tables import COLUMNS, PREFIX, system_table
from holdfast.classic.tables import make_table
from holdfast.engine import Engine
from holdfast.http.front import Application, Receive, Scope, Send
from holdfast.http.litestar import SCOPE_ENGINE, SCOPE_REQUEST
from holdfast.schema.collection import Collection

TABLES: Final = "/tables/"
HEAD: Final = (  # after its own styles; without an icon of its own a browser asks for /favicon.ico
    '<link rel="icon" href="data:,"><script src="./holdfast.js"></script>'
    '<link rel="stylesheet" href="./holdfast.css"></head>'
)


class Admin:
    """One for the process. `serve` is given the engine and the request in the scope, as the control plane is."""

    def __init__(self, dsn: str, name: str) -> None:
        self._database = Reading(dsn)
        # Whose page asks is looked at before (require_own_page): more strictly, and without a list of hosts.
        made = create_admin(
            [],
            forms=list(FORMS),
            site_name=f"{name}: tables",
            auto_include_related=False,
            allowed_hosts=_AnyHost(),
            sidebar_links={"Back to the console": "/_/"},
        )
        made.template = made.template.replace("</head>", HEAD).replace("Piccolo Admin", f"{name}: tables")
        api: Any = next(route for route in made.routes if getattr(route, "path", "") == "/api")
        api.app.backend = _Console()
        api.app.app = LiveTables(api.app.app, self._database)
        self._application: Application = made

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await self._database.open()
        await self._application(scope, receive, send)

    async def close(self) -> None:
        """Close its connections."""
        await self._database.close()


class _AnyHost(Sequence[str]):
    """Holds every host."""

    @override
    def __contains__(self, _: object) -> bool:
        return True

    @override
    def __getitem__(self, at: Any) -> Any:
        raise IndexError(at)

    @override
    def __len__(self) -> int:
        return 0


class _Superuser(SimpleUser):
    """Whoever is signed in, as Piccolo Admin asks for it: they may do everything."""

    superuser = True

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.user_id = id
        self.user = self


class _Console(AuthenticationBackend):
    """Who is asking was found out before: nobody comes this far who is no superuser."""

    @override
    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, _Superuser]:
        return AuthCredentials(["authenticated"]), _Superuser(conn.scope[SCOPE_REQUEST].principal.record_id)


class LiveTables:
    """The tables of the API of Piccolo Admin, in place of those that it would be made with; the rest is `others`."""

    def __init__(self, others: Application, database: Reading) -> None:
        self._others = others
        self._database = database
        self._version = -1
        self._tables: dict[str, type[Table]] = {}
        self._routers: dict[str, Application] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"].removeprefix(scope.get("root_path", ""))
        if not path.startswith(TABLES):
            await self._others(scope, receive, send)
            return
        engine: Engine = scope[SCOPE_ENGINE]
        catalog = self._now(engine)
        name, _, rest = path.removeprefix(TABLES).partition("/")
        if name in ("", "grouped"):
            answer = JSONResponse(_grouped(catalog) if name else _names(catalog))
            await answer(scope, receive, send)
            return
        router = self._router(catalog, name)
        if router is None:
            await Response("There is no such table.", status_code=404)(scope, receive, send)
            return
        below = f"{scope.get('root_path', '')}{TABLES}{name}"
        try:
            await router({**scope, "root_path": below, "path": f"{below}/{rest}"}, receive, send)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError, OverflowError) as failure:
            await failed_read(failure)(scope, receive, send)

    def _now(self, engine: Engine) -> Catalog:
        catalog = engine.catalog
        if catalog.version != self._version:
            self._version, self._tables, self._routers = catalog.version, {}, {}
        return catalog

    def _router(self, catalog: Catalog, name: str) -> Application | None:
        found = self._routers.get(name)
        if found is None:
            found = self._make(catalog, name)
            if found is not None:
                self._routers[name] = found
        return found

    def _make(self, catalog: Catalog, name: str) -> Application | None:
        if name.startswith(PREFIX):
            bare = name.removeprefix(PREFIX)
            return Reader(system_table(bare, self._database)) if bare in COLUMNS else None
        collection = catalog.find(name)
        if collection is None or collection.name != name:
            return None
        return Records(self._table(catalog, collection), collection)

    def _table(self, catalog: Catalog, collection: Collection) -> type[Table]:
        found = self._tables.get(collection.id)
        if found is None:
            found = make_table(catalog, collection, self._database, lambda id: self._table(catalog, catalog.by_id[id]))
            self._tables[collection.id] = found
        return found


def _names(catalog: Catalog) -> list[str]:
    return [*(one.name for one in catalog.collections), *(PREFIX + name for name in COLUMNS)]


def _grouped(catalog: Catalog) -> dict[str, Any]:
    """The tables as the sidebar shows them."""
    sorts = {"Collections": "base", "Identity": "auth", "Views": "view"}
    found = {
        title: [one.name for one in catalog.collections if one.type == sort and not one.system]
        for title, sort in sorts.items()
    }
    found["System collections"] = [one.name for one in catalog.collections if one.system]
    found["Server, read only"] = [PREFIX + name for name in COLUMNS]
    return {"grouped": {title: names for title, names in found.items() if names}, "ungrouped": []}
