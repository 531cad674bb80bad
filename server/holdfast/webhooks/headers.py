"""The headers that an endpoint wants to be sent beside the signed ones. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final, cast

MOST: Final = 20
MAX_NAME_CHARS: Final = 100
MAX_VALUE_CHARS: Final = 2000
_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e]*")
# What makes the request, or speaks for the server.
_OWN: Final = frozenset(
    "accept-encoding connection content-encoding content-length content-type cookie expect forwarded host keep-alive"
    " proxy-authorization proxy-connection te trailer transfer-encoding upgrade user-agent via"
    " x-forwarded-for x-forwarded-host x-forwarded-proto x-holdfast-hops".split()
)
_OWN_BEGINNING: Final = "webhook-"


def wrong_headers(given: object) -> str | None:
    """What is wrong with the custom headers of an endpoint, as a sentence; None if nothing is."""
    if not isinstance(given, dict):
        return 'Must be an object of texts, such as {"X-Shop": "7"}.'
    headers = cast("Mapping[Any, Any]", given)
    if len(headers) > MOST:
        return f"At most {MOST} headers are sent."
    names = [str(name).lower() for name in headers]
    if len(set(names)) != len(names):
        return "Each header can be sent once."
    for name, content in headers.items():
        wrong = _wrong(name, content)
        if wrong is not None:
            return wrong
    return None


def _wrong(name: object, content: object) -> str | None:
    if not isinstance(name, str) or len(name) > MAX_NAME_CHARS or _NAME.fullmatch(name) is None:
        return f"{str(name)[:MAX_NAME_CHARS]!r} is no name of a header."
    if name.lower() in _OWN or name.lower().startswith(_OWN_BEGINNING):
        return f"The header {name} is set by the server."
    if not isinstance(content, str) or len(content) > MAX_VALUE_CHARS or _VALUE.fullmatch(content) is None:
        return f"The header {name} must be a text of at most {MAX_VALUE_CHARS} characters of ASCII, on one line."
    return None
