"""HTML pages of our own: their scripts and styles run by a nonce, and nothing else does."""

import secrets
from functools import cache
from pathlib import Path
from typing import Final

from holdfast.http.response import Response

HTML: Final = b"text/html; charset=utf-8"
_MARK: Final = "{{nonce}}"


def page(file: Path, *, styles: str = "", scripts: str = "") -> Response:
    """The page in a file, with a new nonce wherever it says {{nonce}}.

    `styles` and `scripts` are further sources for the Content-Security-Policy, such as `'self'`.
    """
    nonce = secrets.token_urlsafe(16)
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}' {scripts}; style-src 'nonce-{nonce}' {styles}; "
        "connect-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return Response(
        body=_read(file).replace(_MARK, nonce).encode(),
        headers=((b"content-security-policy", policy.encode()), (b"cache-control", b"no-store")),
        content_type=HTML,
    )


@cache
def _read(file: Path) -> str:
    return file.read_text("utf-8")
