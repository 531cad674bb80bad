"""What is under /admin/tables: who may be there is seen here, and Piccolo Admin is loaded when somebody comes first."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from holdfast.auth.account import account_by_id
from holdfast.auth.browser import cookie_of, require_own_page
from holdfast.auth.principals import identify
from holdfast.auth.tokens import peek
from holdfast.console.session import delete_session
from holdfast.errors import ApiError, NotFound, Unauthenticated
from holdfast.http.front import Application, Receive, Scope, Send
from holdfast.http.litestar import SCOPE_ENGINE, SCOPE_REQUEST
from holdfast.http.recent import require_recent
from holdfast.http.refusal import answer_failure
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.identity import GUEST, Principal
from holdfast.schema.system import SUPERUSERS

if TYPE_CHECKING:  # 24 MB and a second: nobody waits for them who does not open it
    from holdfast.classic.admin import Admin
    from holdfast.engine import Engine

PREFIX: Final = "/admin/tables"
SIGN_IN: Final = b"/_/"
# Its own scripts and styles, which set styles in the page; nothing from elsewhere.
POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    b"font-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# What the console does better, and what would go round it.
CLOSED: Final = ("/public/login", "/public/docs", "/api/change-password", "/api/mfa-setup", "/api/media", "/api/docs")
USER: Final = "/api/user/"
LOG_OUT: Final = "/public/logout/"
OWN: Final = {"/holdfast.css": b"text/css; charset=utf-8", "/holdfast.js": b"text/javascript; charset=utf-8"}
_FOLDER: Final = Path(__file__).parent


class ClassicPlane:
    """What is under PREFIX is Piccolo Admin's, all else for `control`. `dsn` is where its own small pool connects."""

    def __init__(self, control: Application, dsn: str) -> None:
        self.control = control
        self._dsn = dsn
        self._loading = asyncio.Lock()
        self._admin: Admin | None = None

    async def close(self) -> None:
        """Close its connections."""
        if self._admin is not None:
            await self._admin.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        if scope["type"] != "http" or not (path == PREFIX or path.startswith(PREFIX + "/")):
            await self.control(scope, receive, send)
            return
        request: Request = scope[SCOPE_REQUEST]
        request.route = PREFIX
        try:
            answer = await self._answer(scope, receive, send)
        except ApiError as failure:
            answer = answer_failure(failure, request)
        if answer is not None:
            await _send(answer, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> Response | None:
        """The answer, or None when Piccolo Admin has given it."""
        engine: Engine = scope[SCOPE_ENGINE]
        request: Request = scope[SCOPE_REQUEST]
        path = request.path.removeprefix(PREFIX)
        request.principal = await _who(engine, request)
        if not request.principal.is_superuser:
            if path in ("", "/"):
                return Response(303, headers=((b"location", SIGN_IN), (b"cache-control", b"no-store")))
            raise Unauthenticated("Sign in to the console first.")
        if path == "":
            return Response(308, headers=((b"location", PREFIX.encode() + b"/"),))
        if path == LOG_OUT and request.method == "POST":
            return await delete_session(engine, request)
        if path.startswith(CLOSED):
            raise NotFound
        if path in OWN:
            body = await asyncio.to_thread((_FOLDER / path[1:]).read_bytes)
            return Response(body=body, content_type=OWN[path])
        if path == USER:
            return await _user(engine, request.principal)
        if request.method in ("POST", "PATCH", "PUT"):
            receive = await _checked(request, receive)
        admin = await self._ready(engine)
        await admin.serve({**scope, "root_path": PREFIX, "path": request.path}, receive, _with_policy(send))
        return None

    async def _ready(self, engine: "Engine") -> "Admin":
        async with self._loading:
            if self._admin is None:
                self._admin = await asyncio.to_thread(_load, self._dsn, engine.options.meta.app_name)
            return self._admin


def _load(dsn: str, name: str) -> "Admin":
    from holdfast.classic.admin import Admin

    return Admin(dsn, name)


async def _who(engine: "Engine", request: Request) -> Principal:
    """The superuser whose cookie of the console this is; a guest for any other login.

    Raises Forbidden for a change that a page of another site has a browser send, and RecentLoginNeeded for one of
    superusers by who has given their password long ago.
    """
    changes = request.method != "GET"
    if changes:
        require_own_page(request)
    token = cookie_of(request)
    claims = peek(token) if token else None
    if claims is None:
        return GUEST
    found = await identify(engine, token, claims)
    if found.collection != SUPERUSERS:
        return GUEST
    if changes and f"/{SUPERUSERS}/" in request.path:
        await require_recent(engine, found)
    return found


async def _checked(request: Request, receive: Receive) -> Receive:
    """The body again, once it was read under the server's limit and found to be an object.

    Raises TooLarge, UnsupportedMediaType and BadRequest.
    """
    await request.object()
    body = await request.body() or b"{}"
    parts = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receiving() -> Any:
        return next(parts, None) or await receive()

    return receiving


async def _user(engine: "Engine", who: Principal) -> Response:
    """Who is signed in, by the name that stands in the corner of the page."""
    account = await account_by_id(engine, engine.catalog.get(SUPERUSERS), who.record_id)
    told = {"username": account.email if account else who.record_id, "user_id": who.record_id}
    return Response(body=msgspec.json.encode(told))


async def _send(answer: Response, send: Send) -> None:
    headers = [(b"content-type", answer.content_type), *answer.headers]
    headers += [(b"content-length", b"%d" % len(answer.body))]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def _with_policy(send: Send) -> Send:
    async def sending(message: Any) -> None:
        if message["type"] == "http.response.start":
            kept = [pair for pair in message["headers"] if pair[0] != b"content-security-policy"]
            message = {**message, "headers": [*kept, (b"content-security-policy", POLICY)]}
        await send(message)

    return sending
