"""`/api/sdk/python/`: the client of this server, for pip, uv and the command line."""

import base64
import binascii
import hashlib
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias
from urllib.parse import quote

import msgspec

from holdfast.engine import Engine
from holdfast.errors import NotFound, Unauthenticated
from holdfast.http.local import is_local
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import OBJECT, Route, require_superuser
from holdfast.identity import Principal
from holdfast.sdk.index import chosen, header, normal, project, projects
from holdfast.sdk.packages import Packages
from holdfast_sdk.generator.package import package
from holdfast_sdk.schema import project_name
from holdfast_sdk.wheel import wheel_name, zipped

Authenticate: TypeAlias = Callable[[Engine, Request], Awaitable[Principal]]
BASE: Final = "/api/sdk/python/"
METADATA: Final = ".metadata"
_KEEP: Final = ((b"cache-control", b"private, no-cache"), (b"vary", b"Authorization, Accept"))
_ASK: Final = {"WWW-Authenticate": 'Basic realm="API key as the password"'}


class Index:
    """The answers of a process that keeps these packages."""

    def __init__(self, packages: Packages, authenticate: Authenticate) -> None:
        self._packages = packages
        self._authenticate = authenticate

    async def list_projects(self, engine: Engine, request: Request) -> Response:
        """The packages that there are."""
        superuser = await admit(engine, request, self._authenticate)
        name = project_name(self._packages.schema(engine, superuser=superuser).name)
        kind = chosen(request.header(b"accept"))
        return _answer(request, projects(name, kind), header(kind))

    async def list_files(self, engine: Engine, request: Request) -> Response:
        """The files of a package: those that were made of earlier collections, too."""
        superuser = await admit(engine, request, self._authenticate)
        name = normal(request.params["project"])
        files = await self._packages.files(engine, name, superuser=superuser)
        if not files:
            there = project_name(self._packages.schema(engine, superuser=superuser).name)
            raise NotFound(f"This index holds one package: {there}.")
        kind = chosen(request.header(b"accept"))
        return _answer(request, project(name, files, kind), header(kind))

    async def send_file(self, engine: Engine, request: Request) -> Response:
        """A wheel, or its metadata."""
        superuser = await admit(engine, request, self._authenticate)
        asked = request.params["file"]
        name = asked.removesuffix(METADATA)
        wheel = await self._packages.file(engine, name, superuser=superuser)
        if wheel is None and name == wheel_name(self._packages.schema(engine, superuser=superuser)):
            wheel = await self._packages.wheel(engine, superuser=superuser)
        if wheel is None:
            raise NotFound("There is no such file any more: the collections have changed, so ask the index again.")
        if asked != name:
            return _answer(request, wheel.metadata, b"text/plain; charset=utf-8")
        return _answer(request, wheel.body, b"application/octet-stream")

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
        _route("simple", _to_slash, "The index of packages, with its slash"),
        _route("simple/{project}", _to_slash, "The files of the Python client, with the slash"),
        _route("simple/", index.list_projects, "The index of packages, for pip: there is one"),
        _route("simple/{project}/", index.list_files, "The files of the Python client, for pip"),
        _route("files/{file}", index.send_file, "The Python client as a wheel"),
        _route("source.zip", index.send_source, "The Python client as files"),
        _route("schema.json", index.send_schema, "What the Python client is made of", json=True),
    )


async def _to_slash(_: Engine, request: Request) -> Response:
    """PEP 503 has the addresses of pages end in a slash."""
    last = request.params.get("project")
    place = "./simple/" if last is None else f"./{quote(last, safe='')}/"
    return Response(308, headers=((b"location", place.encode()),))


def _answer(request: Request, body: bytes, kind: bytes) -> Response:
    """A page or a file, or 304 for who has it already."""
    tag = b'"' + hashlib.sha256(body).hexdigest()[:32].encode() + b'"'
    headers = (*_KEEP, (b"etag", tag))
    if request.headers.get(b"if-none-match") == tag:
        return Response(304, headers=headers)
    return Response(body=body, headers=headers, content_type=kind)


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
