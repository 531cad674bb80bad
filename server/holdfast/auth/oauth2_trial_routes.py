"""Trying a provider over HTTP, for superusers."""

from typing import Any, Final

import msgspec

from holdfast.auth.account import auth_collection
from holdfast.auth.oauth2_providers import PROVIDERS
from holdfast.auth.oauth2_routes import COMING, read_coming
from holdfast.auth.oauth2_trial import begin_trial, finish_trial
from holdfast.auth.routes import PATH
from holdfast.auth.typed import read_typed
from holdfast.engine import Engine
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import Parameter, Route, Schema

TRIAL: Final = PATH + "oauth2-trial"
_TEXT: Final[Schema] = {"type": "string"}
_KEPT: Final = ("provider", "code", "codeVerifier", "redirectURL")
_START: Final[Schema] = {
    "type": "object",
    "required": ["authURL", "state", "codeVerifier"],
    "properties": {"authURL": _TEXT, "state": _TEXT, "codeVerifier": _TEXT},
}
_KNOWN: Final[Schema] = {
    "type": "object",
    "required": ["name", "displayName", "pkce", "generic"],
    "properties": {
        "name": _TEXT,
        "displayName": _TEXT,
        "pkce": {"type": "boolean"},
        "generic": {"type": "boolean", "description": "Whether everybody runs their own, and has to say where it is."},
    },
}
_TRIAL: Final[Schema] = {
    "type": "object",
    "required": ["id", "name", "username", "email", "avatarURL", "outcome", "record"],
    "properties": {
        **dict.fromkeys(("id", "name", "username", "email", "avatarURL", "record"), _TEXT),
        "outcome": {"enum": ["linked", "email", "new"]},
    },
}


async def get_providers(_: Engine, request: Request) -> Response:
    """Answer `{items}`: every provider that a collection can take."""
    items = [
        {"name": one.name, "displayName": one.display_name, "pkce": one.pkce, "generic": one.is_generic}
        for one in PROVIDERS.values()
    ]
    return _answer({"items": items})


async def get_trial(engine: Engine, request: Request) -> Response:
    """Answer `{authURL, state, codeVerifier}`, as `auth-methods` has them for providers that are turned on."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    return _answer(await begin_trial(engine, collection, request.query.get("provider", "")))


async def post_trial(engine: Engine, request: Request) -> Response:
    """Answer who the provider says that it is, and what would come of it."""
    collection = auth_collection(engine.catalog, request.params["collection"])
    coming, _ = read_coming(await read_typed(request))
    return _answer(await finish_trial(engine, collection, coming.provider, coming.code))


def _answer(content: Any) -> Response:
    return Response(body=msgspec.json.encode(content), headers=((b"cache-control", b"no-store"),))


TRIAL_ROUTES: Final = (
    Route(
        method="GET",
        path="/api/collections/meta/oauth2-providers",
        handler=get_providers,
        summary="List the OAuth2 providers that there are",
        tag="accounts",
        answer={"type": "object", "required": ["items"], "properties": {"items": {"type": "array", "items": _KNOWN}}},
    ),
    Route(
        method="GET",
        path=TRIAL,
        handler=get_trial,
        summary="Where a trial of an OAuth2 provider begins",
        tag="accounts",
        parameters=(Parameter("provider", "Its name.", required=True),),
        answer=_START,
    ),
    Route(
        method="POST",
        path=TRIAL,
        handler=post_trial,
        summary="Try an OAuth2 provider and log nobody in",
        tag="accounts",
        body={**COMING, "properties": {key: COMING["properties"][key] for key in _KEPT}},
        answer=_TRIAL,
    ),
)
