"""A receiver inside of a web framework. Each is imported when it is asked for, and none is needed otherwise."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from importlib import import_module
from typing import Any, Final, TypeAlias

from holdfast_sdk.webhooks.receiver import MOST_BYTES, TOO_LARGE, Answer, Receiver

PATH: Final = "/webhooks/holdfast"
_ONLY_POST: Final = Answer(405, b"POST it.", {"Allow": "POST"})

Scope: TypeAlias = Mapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Mapping[str, Any]]]
Send: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]


def litestar_handler(receiver: Receiver, path: str = PATH) -> Any:
    """A route handler for `Litestar(route_handlers=[...])`."""
    litestar: Any = import_module("litestar")

    async def receive_webhook(request: Any) -> Any:
        answer = await receiver.areceive(await request.body(), dict(request.headers))
        return litestar.Response(answer.body, status_code=answer.status, headers=dict(answer.headers))

    receive_webhook.__annotations__ = {"request": litestar.Request, "return": litestar.Response}
    return litestar.post(path, status_code=200, include_in_schema=False)(receive_webhook)


def fastapi_router(receiver: Receiver, path: str = PATH) -> Any:
    """A router for `app.include_router(...)`."""
    fastapi: Any = import_module("fastapi")

    async def receive_webhook(request: Any) -> Any:
        answer = await receiver.areceive(await request.body(), dict(request.headers))
        return fastapi.Response(answer.body, status_code=answer.status, headers=dict(answer.headers))

    receive_webhook.__annotations__ = {"request": fastapi.Request}
    router = fastapi.APIRouter()
    router.add_api_route(path, receive_webhook, methods=["POST"], include_in_schema=False, response_model=None)
    return router


def flask_blueprint(receiver: Receiver, path: str = PATH, name: str = "holdfast_webhooks") -> Any:
    """A blueprint for `app.register_blueprint(...)`."""
    flask: Any = import_module("flask")

    def receive_webhook() -> Any:
        answer = receiver.receive(flask.request.get_data(), dict(flask.request.headers))
        return flask.Response(answer.body, status=answer.status, headers=dict(answer.headers))

    blueprint = flask.Blueprint(name, __name__)
    blueprint.add_url_rule(path, view_func=receive_webhook, methods=["POST"])
    return blueprint


def django_view(receiver: Receiver) -> Callable[[Any], Any]:
    """A view for `path("webhooks/holdfast", ...)`. The signature stands for the token against forged forms."""
    http: Any = import_module("django.http")

    def receive_webhook(request: Any) -> Any:
        answer = receiver.receive(request.body, dict(request.headers)) if request.method == "POST" else _ONLY_POST
        return http.HttpResponse(answer.body, status=answer.status, headers=dict(answer.headers))

    marked: Any = receive_webhook
    marked.csrf_exempt = True
    return receive_webhook


def asgi_app(receiver: Receiver) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """An application for any ASGI server or framework that mounts one."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise ValueError("This application speaks HTTP alone.")
        answer = _ONLY_POST
        if scope["method"] == "POST":
            body = await _read(receive)
            headers = [(name.decode("latin-1"), content.decode("latin-1")) for name, content in scope["headers"]]
            answer = TOO_LARGE if body is None else await receiver.areceive(body, headers)
        sent = {"content-length": str(len(answer.body)), **answer.headers}
        pairs = [(name.lower().encode(), content.encode()) for name, content in sent.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
        await send({"type": "http.response.body", "body": answer.body})

    return app


def wsgi_app(receiver: Receiver) -> Callable[[dict[str, Any], Callable[..., object]], Iterable[bytes]]:
    """An application for any WSGI server or framework that mounts one."""

    def app(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        answer = _ONLY_POST
        if environ["REQUEST_METHOD"] == "POST":
            given = str(environ.get("CONTENT_LENGTH") or "0")
            length = int(given) if given.isdecimal() else 0
            headers = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
            large = length > MOST_BYTES
            answer = TOO_LARGE if large else receiver.receive(environ["wsgi.input"].read(length), headers)
        pairs = [("Content-Length", str(len(answer.body))), *answer.headers.items()]
        start_response(f"{answer.status} {_PHRASES.get(answer.status, 'Answer')}", pairs)
        return [answer.body]

    return app


_PHRASES: Final[Mapping[int, str]] = {200: "OK", 401: "Unauthorized", 405: "Method Not Allowed", 409: "Conflict"}


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None when it is too large."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("The sender has hung up.")
        body += message.get("body", b"")
        if len(body) > MOST_BYTES:
            return None
        if not message.get("more_body"):
            return bytes(body)
