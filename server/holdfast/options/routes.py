"""`/api/settings`, for superusers."""

import time
from typing import Any, Final, cast

import msgspec

from holdfast.audit.author import Author
from holdfast.auth.account import auth_collection
from holdfast.engine import Engine
from holdfast.http.request import Request
from holdfast.http.response import NO_CONTENT, Response
from holdfast.http.routing import Route, Schema
from holdfast.options import service
from holdfast.options.apple import ID_CHARS, MAX_SECONDS, client_secret
from holdfast.options.mail_preview import TEMPLATES, preview
from holdfast.options.sources import option_sources, startup_settings
from holdfast.schema.app_options import AppOptions, TrustedProxy

_encode: Final = msgspec.json.encode


async def show_settings(engine: Engine, request: Request) -> Response:
    """All options, without secrets."""
    return Response(body=_encode(service.shown(engine)))


async def show_sources(engine: Engine, _: Request) -> Response:
    """Where every value comes from."""
    found = {
        "options": option_sources(engine.catalog.options, engine.settings),
        "startup": startup_settings(engine.settings),
    }
    return Response(body=_encode(found))


async def change_settings(engine: Engine, request: Request) -> Response:
    """Change some options; the answer has all."""
    await service.change_options(engine, Author.of(request), await request.object())
    return Response(body=_encode(service.shown(engine)))


async def send_test_email(engine: Engine, request: Request) -> Response:
    """Send a test mail."""
    await service.send_test(engine, await request.object())
    return NO_CONTENT


async def preview_mail(engine: Engine, request: Request) -> Response:
    """A mail of an auth collection, with made-up contents."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    return Response(body=_encode(preview(engine, collection, await request.object())))


async def test_s3(engine: Engine, request: Request) -> Response:
    """Try the bucket."""
    await service.test_s3(engine, await request.object())
    return NO_CONTENT


async def make_apple_secret(_: Engine, request: Request) -> Response:
    """The client secret that Apple wants. Nothing is kept."""
    return Response(body=_encode({"secret": client_secret(await request.object(), time.time())}))


def _schema(*, secrets: bool) -> Schema:
    """The options as a JSON schema with everything in its place, since a document of its own has no definitions."""
    (root, proxy), parts = msgspec.json.schema_components((AppOptions, TrustedProxy), ref_template="{name}")
    found = _whole(root, parts)
    found["properties"]["trustedProxy"] = _whole(proxy, parts)
    if not secrets:
        del found["properties"]["smtp"]["properties"]["password"]
        del found["properties"]["s3"]["properties"]["secret"]
        del found["properties"]["backups"]["properties"]["s3"]["properties"]["secret"]
    return found


def _whole(node: Any, parts: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_whole(item, parts) for item in cast(list[Any], node)]
    if not isinstance(node, dict):
        return node
    named = cast(dict[str, Any], node)
    if "$ref" in named:
        return _whole(parts[named["$ref"]], parts)
    return {key: _whole(item, parts) for key, item in named.items() if key not in ("default", "required")}


_TEST: Final[Schema] = {
    "type": "object",
    "required": ["email", "template"],
    "properties": {
        "email": {"type": "string", "format": "email"},
        "template": {"type": "string", "enum": list(TEMPLATES)},
        "collection": {"type": "string", "description": "An auth collection; _superusers if absent."},
    },
}

_SOURCED: Final[Schema] = {
    "type": "object",
    "required": ["name", "source"],
    "properties": {
        "name": {"type": "string"},
        "source": {"type": "string", "description": "In words, such as: the environment variable HOLDFAST_PORT."},
    },
}
_STARTUP: Final[Schema] = {
    "type": "object",
    "required": ["name", "source", "variable", "value", "help"],
    "properties": {
        **_SOURCED["properties"],
        "variable": {"type": "string"},
        "value": {"description": "Of a secret only that there is one."},
        "help": {"type": "string"},
    },
}
_SOURCES: Final[Schema] = {
    "type": "object",
    "required": ["options", "startup"],
    "properties": {
        "options": {"type": "array", "items": _SOURCED},
        "startup": {"type": "array", "items": _STARTUP},
    },
}
_PREVIEW: Final[Schema] = {
    "type": "object",
    "required": ["template"],
    "properties": {
        "template": {"type": "string", "enum": list(TEMPLATES)},
        "subject": {"type": "string", "description": "In place of the saved one."},
        "body": {"type": "string", "description": "In place of the saved one."},
    },
}
_MAIL: Final[Schema] = {
    "type": "object",
    "required": ["subject", "html", "text"],
    "properties": {"subject": {"type": "string"}, "html": {"type": "string"}, "text": {"type": "string"}},
}
_APPLE: Final[Schema] = {
    "type": "object",
    "required": ["clientId", "teamId", "keyId", "privateKey", "duration"],
    "properties": {
        "clientId": {"type": "string", "description": "The id of the service at Apple."},
        "teamId": {"type": "string", "minLength": ID_CHARS, "maxLength": ID_CHARS},
        "keyId": {"type": "string", "minLength": ID_CHARS, "maxLength": ID_CHARS},
        "privateKey": {"type": "string", "description": "The text of the .p8 file of that key."},
        "duration": {"type": "integer", "minimum": 1, "maximum": MAX_SECONDS, "description": "In seconds."},
    },
}
_SECRET: Final[Schema] = {"type": "object", "required": ["secret"], "properties": {"secret": {"type": "string"}}}

ROUTES: Final = (
    Route(
        method="GET",
        path="/api/settings",
        handler=show_settings,
        summary="What the operator has set",
        tag="settings",
        answer=_schema(secrets=False),
    ),
    Route(
        method="PATCH",
        path="/api/settings",
        handler=change_settings,
        summary="Change some settings and leave the rest",
        tag="settings",
        body=_schema(secrets=True),
        answer=_schema(secrets=False),
        errors=(413, 415, 503),
    ),
    Route(
        method="GET",
        path="/api/settings/sources",
        handler=show_sources,
        summary="Where the value of every setting comes from",
        tag="settings",
        answer=_SOURCES,
    ),
    Route(
        method="POST",
        path="/api/settings/test/email",
        handler=send_test_email,
        summary="Send a test mail and wait for the mail server",
        tag="settings",
        body=_TEST,
        status=204,
        errors=(413, 415, 503),
    ),
    Route(
        method="POST",
        path="/api/collections/{collection}/mails/preview",
        handler=preview_mail,
        summary="See a mail of an auth collection with made-up contents",
        tag="accounts",
        body=_PREVIEW,
        answer=_MAIL,
        errors=(413, 415),
    ),
    Route(
        method="POST",
        path="/api/settings/test/s3",
        handler=test_s3,
        summary="Try to write, read and delete in the bucket where files, or backups, are kept",
        tag="settings",
        body={
            "type": "object",
            "required": ["filesystem"],
            "properties": {"filesystem": {"type": "string", "enum": list(service.FILESYSTEMS)}},
        },
        status=204,
        errors=(413, 415, 503),
    ),
    Route(
        method="POST",
        path="/api/settings/apple/generate-client-secret",
        handler=make_apple_secret,
        summary="Make the client secret that Apple wants",
        tag="settings",
        body=_APPLE,
        answer=_SECRET,
        errors=(413, 415),
    ),
)
