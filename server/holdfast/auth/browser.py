"""The login of a browser: a session of a superuser in a cookie that no script can read, and what makes it safe to send.

Browsers send a cookie along with whatever any page has them ask for. So this one counts only beside a header that no
other site can send (`X-CSRF-Token`, bound to the cookie), and only for a page of this very server.
"""

import hmac
from base64 import urlsafe_b64encode
from typing import Final

from holdfast.errors import Forbidden
from holdfast.http.exchange import COOKIE, CSRF
from holdfast.http.peer import is_in
from holdfast.http.request import Request

SECURE_COOKIE: Final = f"__Host-{COOKIE}"  # a browser takes it over TLS alone, and from no other host of the domain
_OWN: Final = (b"same-origin", b"none")  # what Sec-Fetch-Site says of our own pages, and of an address that was typed
_FOREIGN: Final = "This request comes from a page of another site."


def is_secure(request: Request) -> bool:
    """Whether the browser reached us by TLS; of a proxy that ends it, only one that is trusted may say so."""
    if request.scope.get("scheme") == "https":
        return True
    client = request.scope.get("client")
    told = request.headers.get(b"x-forwarded-proto", b"").strip().lower() == b"https"
    return told and bool(client) and is_in(client[0], request.trusted)


def cookie_of(request: Request) -> str:
    """The token in the cookie; empty when there is none."""
    wanted = SECURE_COOKIE if is_secure(request) else COOKIE
    for part in request.header(b"cookie").split(";"):
        name, _, content = part.strip().partition("=")
        if name == wanted:
            return content
    return ""


def set_cookie(request: Request, token: str, seconds: int) -> tuple[bytes, bytes]:
    """The header that gives the browser the cookie; an empty token takes it away."""
    secure = is_secure(request)
    name = SECURE_COOKIE if secure else COOKIE
    age = seconds if token else 0
    attributes = f"Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{'; Secure' if secure else ''}"
    return (b"set-cookie", f"{name}={token}; {attributes}".encode())


def csrf_token(secret: bytes, token: str) -> str:
    """What a page has to send beside the cookie that holds this token."""
    digest = hmac.digest(secret, b"holdfast csrf:" + token.encode(), "sha256")
    return urlsafe_b64encode(digest[:24]).decode()


def require_own_page(request: Request) -> None:
    """Raise Forbidden for a request that a page of another site has a browser send, a sister domain's included."""
    site = request.headers.get(b"sec-fetch-site")
    if site is not None and site not in _OWN:
        raise Forbidden(_FOREIGN)
    origin = request.headers.get(b"origin")
    if origin is not None and origin.partition(b"://")[2] != request.headers.get(b"host"):
        raise Forbidden(_FOREIGN)


def require_csrf(request: Request, secret: bytes, token: str) -> None:
    """Raise Forbidden unless a page of ours sends the cookie, with the header that goes with it."""
    require_own_page(request)
    given = request.headers.get(CSRF, b"")
    if not hmac.compare_digest(given, csrf_token(secret, token).encode()):
        raise Forbidden("The header X-CSRF-Token does not go with the cookie: load the page anew.")
