"""Log lines: for people on a terminal, JSON elsewhere; without secrets, and cheap enough for every request."""

import atexit
import logging
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import IO, Any, Final, Literal, TypeAlias

import msgspec
import structlog

from holdfast.log_redaction import Readable, Redaction
from holdfast.log_writer import LogWriter
from holdfast.observe import RequestSeen

LogFormat: TypeAlias = Literal["text", "json"]

_RESET: Final = "\x1b[0m"
_DIM: Final = "\x1b[2m"
_COLOURS: Final = {
    "debug": _DIM,
    "info": "\x1b[32m",
    "warning": "\x1b[33m",
    "error": "\x1b[31m",
    "critical": "\x1b[31m",
}
_CONTROL: Final = {code: f"\\x{code:02x}" for code in (*range(32), 127, *range(128, 160))}
_FIRST: Final = ("time", "level", "event")
_OF_MANY_LINES: Final = ("exception", "mail")
_encode: Final = msgspec.json.Encoder(enc_hook=str).encode


class _RequestLine(msgspec.Struct):
    """The line of one request, in the order it is written as JSON."""

    time: str
    level: str
    event: str
    id: str
    method: str
    route: str
    path: str
    status: int
    ms: float
    principal: str
    collection: str
    bytes: int


class Logs:
    """Where a process's log lines go, and in which form."""

    def __init__(self, writer: LogWriter, form: LogFormat, *, colours: bool, level: int, redaction: Redaction) -> None:
        self._writer = writer
        self._json = form == "json"
        self._colours = colours
        self._redaction = redaction
        self._requests = level <= logging.INFO
        self._second = 0
        self._second_text = ""
        self._also: Callable[[Mapping[str, Any]], None] = _nowhere

    def request(self, seen: RequestSeen) -> None:
        """Write the line of one request."""
        if not self._requests and seen.status < 500:
            return
        try:
            line = self._request_json(seen) if self._json else self._request_text(seen).encode()
        except UnicodeEncodeError:  # a lone surrogate in the path
            plain = seen.path.encode("utf-8", "replace").decode()
            self.request(msgspec.structs.replace(seen, path=plain))
            return
        self._writer.write(line)

    def tell(self, also: Callable[[Mapping[str, Any]], None]) -> None:
        """Give `also` the lines that are no requests, without secrets, whatever thread they come from."""
        self._also = also

    def event(self, fields: MutableMapping[str, Any]) -> None:
        """Write a line that has at least `time`, `level` and `event`."""
        clean = self._redaction.fields(fields)
        # What is only meant for a developer's terminal, with its links, is kept nowhere.
        self._also({name: clean[name] for name, content in fields.items() if not isinstance(content, Readable)})
        line = _event_json(clean) if self._json else self._event_text(clean).encode("utf-8", "replace")
        self._writer.write(line)

    def close(self) -> None:
        """Write what waits and stop."""
        self._writer.close()

    def _request_json(self, seen: RequestSeen) -> bytes:
        return _encode(
            _RequestLine(
                self._stamp(seen.time),
                "info" if seen.status < 500 else "error",
                "request",
                seen.id,
                seen.method,
                seen.route,
                self._redaction.path(seen.path),
                seen.status,
                round(seen.ms, 2),
                seen.principal,
                seen.collection,
                seen.bytes,
            )
        )

    def _request_text(self, seen: RequestSeen) -> str:
        colour = _COLOURS["error" if seen.status >= 500 else "warning" if seen.status >= 400 else "info"]
        path = self._redaction.path(seen.path).translate(_CONTROL)
        return (
            f"{self._dim(self._stamp(seen.time)[11:23])} {self._paint(colour, str(seen.status))} "
            f"{seen.method:<6} {path} {seen.ms:.1f} ms {self._dim(f'{seen.principal} {seen.id}')}"
        )

    def _event_text(self, fields: Mapping[str, Any]) -> str:
        level = str(fields["level"])
        rest = " ".join(
            f"{name}={_plain(content)}" for name, content in fields.items() if name not in (*_FIRST, *_OF_MANY_LINES)
        )
        head = (
            f"{self._dim(str(fields['time'])[11:23])} {self._paint(_COLOURS.get(level, ''), level)} "
            f"{_plain(fields['event'], quoted=False)}"
        )
        # The lines of a traceback or a mail stay lines; all else that could move the cursor is spelled out.
        lines = [line for name in _OF_MANY_LINES for line in str(fields.get(name, "")).splitlines()]
        told = "".join("\n    " + line.translate(_CONTROL) for line in lines)
        return head + (f" {self._dim(rest)}" if rest else "") + told

    def _stamp(self, seconds: float) -> str:
        """UTC with milliseconds; the part up to the second is made once a second."""
        whole = int(seconds)
        if whole != self._second:
            self._second_text = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(whole))
            self._second = whole
        return f"{self._second_text}{int((seconds - whole) * 1000):03d}Z"

    def _paint(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_RESET}" if self._colours and colour else text

    def _dim(self, text: str) -> str:
        return self._paint(_DIM, text)


def _nowhere(_: Mapping[str, Any]) -> None:
    """Nobody else wants the lines."""


def _plain(content: object, *, quoted: bool = True) -> str:
    """A value on one line, with everything that could move the cursor spelled out."""
    text = str(content).translate(_CONTROL)
    return f'"{text}"' if quoted and (" " in text or not text) else text


def _event_json(fields: Mapping[str, Any]) -> bytes:
    try:
        return _encode(dict(fields))
    except (TypeError, ValueError, UnicodeEncodeError, RecursionError):
        # A line about a fault must not fail for what it holds.
        plain = {str(name): str(content).encode("utf-8", "replace").decode() for name, content in fields.items()}
        return _encode(plain)


def start_logs(
    form: str, level: str, *, stream: IO[Any] | None = None, secrets: Iterable[str] = (), capture: bool = True
) -> Logs:
    """Make this process log to `stream` (standard output) and give what writes the lines of requests.

    `form` is auto, text or json; auto is text on a terminal. `secrets` are blotted out wherever they appear.
    With `capture`, structlog and the standard library's logging (uvicorn, asyncio, libraries) write there too.
    """
    out = stream or sys.stdout
    terminal = bool(getattr(out, "isatty", bool)())
    chosen: LogFormat = "text" if form == "text" or (form == "auto" and terminal) else "json"
    number = logging.getLevelNamesMapping()[level.upper()]
    logs = Logs(LogWriter(out), chosen, colours=terminal, level=number, redaction=Redaction(secrets))
    atexit.register(logs.close)
    if capture:
        _capture(logs, number)
    return logs


def _capture(logs: Logs, level: int) -> None:
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, _name_level, _render_exception, _Sink(logs)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.ReturnLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [_Handler(logs)]
    root.setLevel(max(level, logging.INFO))
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    logging.getLogger("uvicorn.access").disabled = True  # the front writes a better line
    logging.captureWarnings(capture=True)


def _name_level(_: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    level = {"exception": "error", "warn": "warning"}.get(method, method)
    return {"time": _now(), "level": level, "event": str(event.pop("event", "")), **event}


def _render_exception(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    given = event.pop("exc_info", None)
    found: object = sys.exc_info()[1] if given is True else given
    if isinstance(found, BaseException):
        event["exception"] = "".join(traceback.format_exception(found))
    return event


class _Sink:
    """The last of structlog's processors: the line goes to our writer, structlog itself writes nothing."""

    def __init__(self, logs: Logs) -> None:
        self._logs = logs

    def __call__(self, _: Any, __: str, event: MutableMapping[str, Any]) -> str:
        self._logs.event(event)
        raise structlog.DropEvent


class _Handler(logging.Handler):
    """Lines of the standard library's logging, in the same form as our own."""

    def __init__(self, logs: Logs) -> None:
        super().__init__()
        self._logs = logs

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        line: dict[str, Any] = {"time": _now(), "level": record.levelname.lower(), "event": _message(record)}
        line |= {"logger": record.name, **structlog.contextvars.get_contextvars()}
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = "".join(traceback.format_exception(record.exc_info[1]))
        self._logs.event(line)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):  # a library's format and arguments do not fit
        return str(record.msg)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
