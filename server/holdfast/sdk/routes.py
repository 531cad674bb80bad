"""`/api/sdk/python/`: the client of this server, for pip, uv and the command line."""

import base64
import binascii
import re
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import msgspec

from holdfast.engine import Engine
from holdfast.errors import NotFound, Unauthenticated
from holdfast.http.local import is_local
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import OBJECT, Route, require_superuser
from holdfast.identity import Principal
from holdfast.sdk.index import HTML, JSON, project, projects, wants_json
from holdfast.sdk.packages import Packages
from holdfast_sdk.generator.package import package
from holdfast_sdk.schema import project_name
from holdfast_sdk.wheel import wheel_name, zipped

Authenticate: TypeAlias = Callable[[Engine, Request], Awaitable[Principal]]
BASE: Final = "/api/sdk/python/"
METADATA: Final = ".metadata"
_KEEP: Final = ((b"cache-control", b"private, no-cache"), (b"vary", b"Authorization, Accept"))
_ASK: Final = {"WWW-Authenticate": 'Basic realm="API key as the password"'}
_SIGNS: Final = re.compile(r"[-_.]+")


class Index:
    """The answers of a process that keeps these packages."""

    def __init__(self, packages: Packages, authenticate: Authenticate) -> None:
        self._packages = packages
        self._authenticate = authenticate

    async def list_projects(self, engine: Engine, request: Request) -> Response:
        """The packages that there are."""
        superuser = await admit(engine, request, self._authenticate)
        name = project_name(self._packages.schema(engine, superuser=superuser).name)
        json = wants_json(request.header(b"accept"))
        return Response(body=projects(name, json=json), headers=_KEEP, content_type=JSON if json else HTML)

    async def list_files(self, engine: Engine, request: Request) -> Response:
        """The files of the package."""
        superuser = await admit(engine, request, self._authenticate)
        schema = self._packages.schema(engine, superuser=superuser)
        name = project_name(schema.name)
        if _SIGNS.sub("-", request.params["project"]).lower() != name:
            raise NotFound(f"This index holds one package: {name}.")
        json = wants_json(request.header(b"accept"))
        wheel = await self._packages.wheel(engine, superuser=superuser)
        body = project(name, schema.version, wheel, json=json)
        return Response(body=body, headers=_KEEP, content_type=JSON if json else HTML)

    async def send_file(self, engine: Engine, request: Request) -> Response:
        """A wheel, or its metadata."""
        superuser = await admit(engine, request, self._authenticate)
        asked = request.params["file"]
        name = asked.removesuffix(METADATA)
        wheel = self._packages.kept(name, superuser=superuser)
        if wheel is None and name == wheel_name(self._packages.schema(engine, superuser=superuser)):
            wheel = await self._packages.wheel(engine, superuser=superuser)
        if wheel is None:
            raise NotFound("There is no such file any more: the collections have changed, so ask the index again.")
        if asked != name:
            return Response(body=wheel.metadata, headers=_KEEP, content_type=b"text/plain; charset=utf-8")
        return Response(body=wheel.body, headers=_KEEP, content_type=b"application/octet-stream")

    async def send_source(self, engine: Engine, request: Request) -> Response:
        """The package as files."""
        superuser = await admit(engine, request, self._authenticate)
        files = package(self._packages.schema(engine, superuser=superuser))
        body = zipped({name: text.encode() for name, text in files.items()})
        return Response(body=body, headers=_KEEP, content_type=b"application/zip")

    async def send_schema(self, engine: Engine, request: Request) -> Response:
        """What the package is made of."""
        superuser = await admit(engine, request, self._authenticate)
        return Response(body=msgspec.json.encode(self._packages.schema(engine, superuser=superuser)), headers=_KEEP)


def sdk_routes(packages: Packages, authenticate: Authenticate) -> tuple[Route, ...]:
    """The routes of a process that keeps these packages."""
    index = Index(packages, authenticate)
    return (
        _route("simple/", index.list_projects, "The index of packages, for pip: there is one"),
        _route("simple/{project}/", index.list_files, "The files of the Python client, for pip"),
        _route("files/{file}", index.send_file, "The Python client as a wheel"),
        _route("source.zip", index.send_source, "The Python client as files"),
        _route("schema.json", index.send_schema, "What the Python client is made of", json=True),
    )


def _route(
    path: str, handler: Callable[[Engine, Request], Awaitable[Response]], summary: str, *, json: bool = False
) -> Route:
    return Route(
        method="GET",
        path=BASE + path,
        handler=handler,
        summary=summary,
        tag="sdk",
        access="anyone",
        answer=OBJECT if json else None,
        errors=(401, 403, 404),
    )


async def admit(engine: Engine, request: Request, authenticate: Authenticate) -> bool:
    """Whether a superuser asks, who is given all. Raises Unauthenticated or Forbidden for who may not have the client.

    Installers say who they are by HTTP basic: the password is an API key or a superuser's token.
    """
    secret = _basic(request.header(b"authorization"))
    if secret:
        request.headers[b"authorization"] = b"Bearer " + secret.encode("latin-1", "replace")
        request.principal = await authenticate(engine, request)
    who = request.principal
    role = engine.catalog.role(engine.settings.sdk_role) if engine.settings.sdk_role else None
    may = who.kind == "key" and role is not None and role.id in who.roles
    if may or engine.settings.docs == "public" or who.is_superuser or is_local(request):
        return who.is_superuser
    try:
        require_superuser(who)
    except Unauthenticated as refused:
        raise Unauthenticated(refused.message, headers=_ASK) from refused
    return True


def _basic(header: str) -> str:
    """The secret of an `Authorization: Basic` header: its password, or its name where there is no password."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        name, _, password = base64.b64decode(encoded.strip(), validate=True).decode("latin-1").partition(":")
    except (binascii.Error, ValueError):
        return ""
    return password or name
