"""HTML pages of our own: their scripts and styles run by a nonce, and nothing else does."""

import secrets
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from holdfast.http.response import Response

HTML: Final = b"text/html; charset=utf-8"
NOTHING: Final[Mapping[str, str]] = {}


def page(file: Path, *, styles: str = "", scripts: str = "", words: Mapping[str, str] = NOTHING) -> Response:
    """The page in a file, with a new nonce wherever it says {{nonce}}, and `words` where it says {{their name}}.

    `styles` and `scripts` are further sources for the Content-Security-Policy, such as `'self'`. The words are not
    escaped: only our own may be among them.
    """
    nonce = secrets.token_urlsafe(16)
    text = _read(file)
    for name, word in {**words, "nonce": nonce}.items():
        text = text.replace("{{" + name + "}}", word)
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}' {scripts}; style-src 'nonce-{nonce}' {styles}; "
        "connect-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return Response(
        body=text.encode(),
        headers=((b"content-security-policy", policy.encode()), (b"cache-control", b"no-store")),
        content_type=HTML,
    )


@cache
def _read(file: Path) -> str:
    return file.read_text("utf-8")
