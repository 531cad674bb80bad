"""The first run over HTTP: what the console's page of it calls."""

from typing import Final

import litestar
import msgspec
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import JSONBody

from holdfast.audit.author import Author
from holdfast.auth.account import account_by_id
from holdfast.auth.answer import logged_in
from holdfast.auth.setup import check_setup_token, set_up
from holdfast.engine import Engine
from holdfast.errors import NotFound
from holdfast.http.litestar import NO_STORE, as_litestar
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.schema.system import SUPERUSERS


class SetupState(msgspec.Struct, frozen=True):
    """That the setup is open."""

    setup: bool


class Setup(msgspec.Struct, frozen=True):
    """The token of the setup link, and who the first superuser is to be."""

    token: str
    email: str
    password: str


class SetupDone(msgspec.Struct, frozen=True):
    """The first superuser, logged in."""

    token: str
    record: dict[str, str | bool]


@litestar.get("/api/setup", summary="Whether a setup link still holds", tags=["server"])
async def setup_state(
    engine: NamedDependency[Engine], incoming: NamedDependency[Request]
) -> litestar.Response[SetupState]:
    """Answer 200 if the parameter `token` opens the setup, 404 once there is a superuser, 403 otherwise."""
    await check_setup_token(engine.pool, incoming.query.get("token", ""))
    return litestar.Response(SetupState(setup=True), headers=NO_STORE)


@litestar.post(
    "/api/setup",
    status_code=200,
    summary="Make the first superuser",
    tags=["server"],
    responses={200: ResponseSpec(SetupDone, generate_examples=False, description="The superuser is there.")},
)
async def setup(
    engine: NamedDependency[Engine], incoming: NamedDependency[Request], data: JSONBody[Setup]
) -> litestar.Response[bytes]:
    """Make the first superuser with the token of the setup link, and log it in. 404 once there is one."""
    superuser = await set_up(engine.pool, Author.of(incoming), data.token, data.email, data.password)
    collection = engine.catalog.get(SUPERUSERS)
    account = await account_by_id(engine, collection, superuser.id)
    if account is None:
        raise NotFound
    done = await logged_in(engine, collection, account)
    return as_litestar(Response(body=msgspec.json.encode(done), headers=((b"cache-control", b"no-store"),)))


HANDLERS: Final = (setup_state, setup)
