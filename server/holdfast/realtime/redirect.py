"""Where a login at a provider ends: the code goes to the page that began it, over its open line."""

from pathlib import Path
from typing import Final

import litestar
import msgspec
from litestar.di import NamedDependency
from litestar.enums import MediaType
from litestar.types import ControllerRouterHandler

from holdfast.engine import Engine
from holdfast.errors import ApiError
from holdfast.http.litestar import as_litestar
from holdfast.http.pages import page
from holdfast.http.request import Request
from holdfast.realtime.broker import Broker

PAGE: Final = Path(__file__).with_name("redirect.html")
TOPIC: Final = "@oauth2"
MOST_CHARS: Final = 4096  # of a code or an error; providers stay far below


class Arrived(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a provider sends a person back with, and what the page that waits is told."""

    state: str = ""
    code: str = ""
    error: str = ""


def redirect_handlers(broker: Broker) -> tuple[ControllerRouterHandler, ...]:
    """The handlers of a process that serves its clients with `broker`."""

    @litestar.get(
        "/api/oauth2-redirect", summary="Where a login at a provider ends", tags=["auth"], media_type=MediaType.HTML
    )
    async def oauth2_redirect(
        engine: NamedDependency[Engine], incoming: NamedDependency[Request]
    ) -> litestar.Response[bytes]:
        """Pass `code` or `error` on to the client that `state` names, if it waits for it; then the page closes."""
        return await _answer(engine, broker, _read(dict(incoming.query)))

    @litestar.post(
        "/api/oauth2-redirect",
        status_code=200,
        summary="The same for providers that send a form",
        tags=["auth"],
        media_type=MediaType.HTML,
    )
    async def oauth2_redirect_form(
        engine: NamedDependency[Engine], incoming: NamedDependency[Request]
    ) -> litestar.Response[bytes]:
        """Pass the same on from a form, as Apple sends it."""
        return await _answer(engine, broker, _read(await incoming.object()))

    return (oauth2_redirect, oauth2_redirect_form)


def _read(given: dict[str, object]) -> Arrived:
    texts = {name: text for name in ("state", "code", "error") if isinstance(text := given.get(name), str)}
    return Arrived(**{name: text for name, text in texts.items() if len(text) <= MOST_CHARS})


async def _answer(engine: Engine, broker: Broker, arrived: Arrived) -> litestar.Response[bytes]:
    passed = False
    if arrived.state and (arrived.code or arrived.error):
        try:
            data = msgspec.json.encode(
                {"state": arrived.state, "code": arrived.code, **({"error": arrived.error} if arrived.error else {})}
            )
            passed = await broker.send_to(engine, arrived.state, TOPIC, data, once=True)
        except ApiError as failure:
            if failure.status < 500:
                raise
    done = passed and not arrived.error
    return as_litestar(page(PAGE, words={"outcome": "success" if done else "failure"}))
