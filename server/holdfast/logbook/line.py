"""One line of the log as it is kept: of a request that was answered, or of anything else that was logged. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias, cast

import msgspec

from holdfast.observe import RequestSeen
from holdfast.schema.app_options import Logs

INFO: Final = 0
WARNING: Final = 4
ERROR: Final = 8
LEVELS: Final[Mapping[str, int]] = {"debug": -4, "info": INFO, "warning": WARNING, "error": ERROR, "critical": ERROR}
"""The numbers of levels, which are PocketBase's."""
QUIET: Final = frozenset(("/api/health", "/api/ready", "/metrics"))
"""What machines ask all day long. Unless it fails, it is not kept, and neither are the console's files."""
CONSOLE: Final = "/_/"
PAGE: Final = "/api/console/"
"""What only a page of the console asks for, with a session or before it has one."""
MOST_MESSAGE_CHARS: Final = 1000
MOST_TEXT_CHARS: Final = 8000
MOST_DATA_BYTES: Final = 32 * 1024
MOST_DEPTH: Final = 6
_APART: Final = frozenset(("time", "level", "event"))
_encode: Final = msgspec.json.Encoder(enc_hook=str).encode

Line: TypeAlias = tuple[str, datetime, int, str, str, str]
"""A row: id, created, level, message, the id of the request, and the rest as JSON."""
COLUMNS: Final = ("id", "created", "level", "message", "request", "data")


def is_quiet(seen: RequestSeen) -> bool:
    """Whether a request is not worth a line."""
    return seen.status < 400 and (seen.path in QUIET or seen.path.startswith(CONSOLE))


def level_of(status: int) -> int:
    """How severe an answer is."""
    return ERROR if status >= 500 else WARNING if status >= 400 else INFO


def request_line(id: str, seen: RequestSeen, path: str, options: Logs) -> Line:
    """The line of a request; `path` is what may be shown of its path."""
    kind, _, record = seen.principal.partition("/")
    data: dict[str, Any] = {
        "type": "request",
        "method": seen.method,
        "url": path,
        "route": seen.route,
        "status": seen.status,
        "execTime": round(seen.ms, 3),
        "dbTime": round(seen.database_ms, 3),
        "auth": "" if kind == "guest" else kind,
        "collection": seen.collection,
        "bytes": seen.bytes,
        "userAgent": seen.agent.decode("latin-1")[:MOST_MESSAGE_CHARS],
    }
    if options.log_auth_id:
        data["authId"] = record
    if options.log_ip:
        data["userIP"] = seen.address
    if seen.is_console or (seen.method == "GET" and path.startswith(PAGE)):
        data["console"] = True
    message = f"{seen.method} {path}"[:MOST_MESSAGE_CHARS]
    return (id, moment(seen.time), level_of(seen.status), _text(message), seen.id, _json(data))


def event_line(id: str, seconds: float, fields: Mapping[str, Any]) -> Line:
    """The line of anything else: `event` says what happened, and whatever is beside it is the data."""
    data: dict[str, Any] = {"type": "event"}
    data |= {str(name): content for name, content in fields.items() if name not in _APART}
    level = LEVELS.get(str(fields.get("level")), INFO)
    request = fields.get("request_id")
    message = _text(str(fields.get("event", "")))[:MOST_MESSAGE_CHARS]
    return (id, moment(seconds), level, message, _text(str(request))[:128] if request else "", _json(data))


def moment(seconds: float) -> datetime:
    """The time, cut to milliseconds: so it goes out, and a filter with what went out finds it again."""
    return datetime.fromtimestamp(int(seconds * 1000) / 1000, UTC)


def _json(data: Mapping[str, Any]) -> str:
    text = _fast(data)
    if text is not None:
        return text
    text = _encode(_plain(data, MOST_DEPTH))
    if len(text) > MOST_DATA_BYTES:
        names = [_text(str(name))[:100] for name in list(data)[:100]]
        text = _encode({"type": data.get("type"), "tooLarge": len(text), "keys": names})
    return text.decode()


def _fast(data: Mapping[str, Any]) -> str | None:
    """The same for what needs no mending, which is nearly everything; None for the rest."""
    try:
        text = _encode(data)
    except (UnicodeEncodeError, TypeError, ValueError, RecursionError):
        return None
    return None if len(text) > MOST_TEXT_CHARS or b"\\u0000" in text else text.decode()


def _plain(content: Any, depth: int) -> Any:
    """A value that JSON and PostgreSQL take: without NUL and half characters, cut where it is long or deep."""
    if content is None or isinstance(content, bool | int | float):
        return content
    if isinstance(content, str):
        return _text(content)
    if depth > 0 and isinstance(content, Mapping):
        named = cast("Mapping[Any, Any]", content)
        return {_text(str(name)): _plain(inner, depth - 1) for name, inner in named.items()}
    if depth > 0 and isinstance(content, list | tuple):
        return [_plain(inner, depth - 1) for inner in cast("list[Any]", content)]
    return _text(str(content))


def _text(text: str) -> str:
    # Of a traceback the end says what happened.
    if len(text) > MOST_TEXT_CHARS:
        text = f"{text[: MOST_TEXT_CHARS // 4]} … {text[-MOST_TEXT_CHARS * 3 // 4 :]}"
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
