"""The first run over HTTP: a page for people, and what it calls."""

from pathlib import Path
from typing import Any, Final

import litestar
import msgspec
from litestar.di import NamedDependency

from holdfast.auth.answer import logged_in
from holdfast.auth.service import account_by_id
from holdfast.auth.setup import check_setup_token, set_up
from holdfast.engine import Engine
from holdfast.errors import NotFound, Problem, ValidationFailed
from holdfast.http.litestar import as_litestar
from holdfast.http.pages import page
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.schema.system import SUPERUSERS

PAGE: Final = Path(__file__).with_name("setup.html")
NO_STORE: Final = ((b"cache-control", b"no-store"),)


@litestar.get("/api/setup")
async def setup_state(engine: NamedDependency[Engine], incoming: NamedDependency[Request]) -> litestar.Response[bytes]:
    """Answer 200 if the token opens the setup, 404 once there is a superuser, 403 otherwise."""
    await check_setup_token(engine.pool, incoming.query.get("token", ""))
    return _answer({"setup": True})


@litestar.post("/api/setup", status_code=200)
async def setup(engine: NamedDependency[Engine], incoming: NamedDependency[Request]) -> litestar.Response[bytes]:
    """Make the first superuser and log it in: `{token, record}`."""
    texts = _texts(await incoming.object())
    superuser = await set_up(engine.pool, texts["token"], texts["email"], texts["password"])
    collection = engine.catalog.get(SUPERUSERS)
    account = await account_by_id(engine, collection, superuser.id)
    if account is None:
        raise NotFound
    return _answer(await logged_in(engine, collection, account))


@litestar.get("/_/setup")
async def setup_page() -> litestar.Response[bytes]:
    """Show the page. It holds nothing secret: the token is in the part of the address that browsers keep."""
    return as_litestar(page(PAGE))


HANDLERS: Final = (setup_state, setup, setup_page)


def _texts(body: dict[str, Any]) -> dict[str, str]:
    problems = {
        name: Problem("validation_required", "Cannot be blank.")
        for name in ("token", "email", "password")
        if not isinstance(body.get(name), str) or not body[name]
    }
    if problems:
        raise ValidationFailed(problems)
    return {name: body[name] for name in ("token", "email", "password")}


def _answer(content: object) -> litestar.Response[bytes]:
    return as_litestar(Response(body=msgspec.json.encode(content), headers=NO_STORE))
