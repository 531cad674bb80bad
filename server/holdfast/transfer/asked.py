"""What an import is asked to do, read from the parameters of its request. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias, TypeVar

import msgspec

from holdfast.errors import BadRequest, Problem, UnsupportedMediaType, ValidationFailed
from holdfast.expressions.parse import meant
from holdfast.transfer.csv_reading import DELIMITERS
from holdfast.transfer.dates import DATES, Dates

Format: TypeAlias = Literal["csv", "ndjson", "json"]
Mode: TypeAlias = Literal["insert", "update", "upsert", "skip"]
OnError: TypeAlias = Literal["stop", "skip"]

_T = TypeVar("_T")
FORMATS: Final[tuple[Format, ...]] = ("csv", "ndjson", "json")
MODES: Final[tuple[Mode, ...]] = ("insert", "update", "upsert", "skip")
ON_ERROR: Final[tuple[OnError, ...]] = ("stop", "skip")
MEDIA_TYPES: Final[Mapping[str, Format]] = {
    "text/csv": "csv",
    "application/csv": "csv",
    "text/tab-separated-values": "csv",
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "application/x-jsonlines": "ndjson",
    "application/json": "json",
}
_NULL_TEXT: Final = re.compile(r"[A-Za-z\\<(#][^\x00-\x1f\x7f\"']{0,19}|-")
_WORDS: Final = ("t", "f", "true", "false")  # that stand for values
_TRUE: Final = ("1", "true")
_FALSE: Final = ("", "0", "false")
_DELIMITERS: Final = {"comma": ",", "semicolon": ";", "tab": "\t", **{one: one for one in DELIMITERS}}
_KNOWN: Final = (
    "format", "mode", "key", "onError", "dryRun", "ignoreUnknown", "delimiter", "guard", "null", "hooks", "upload",
    "dates",
)  # fmt: skip


class ImportAsked(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is asked for. `key` is the field by which records are told that are there already, `delimiter` empty where
    the file shall tell it. With `guard` the apostrophes that an export has put before formulas are taken off.
    `null` is the text that stands for null in cells of CSV, and empty where an empty cell does. `dates` is how dates
    are written.
    """

    format: Format = "csv"
    mode: Mode = "insert"
    key: str = "id"
    on_error: OnError = "stop"
    dry_run: bool = False
    ignore_unknown: bool = False
    delimiter: str = ""
    guard: bool = True
    null: str = ""
    hooks: bool = True
    dates: Dates = "iso"

    @property
    def creates(self) -> bool:
        """Whether records may come of it that are not there yet."""
        return self.mode != "update"

    @property
    def updates(self) -> bool:
        """Whether records may be changed that are there."""
        return self.mode in ("update", "upsert")


def read_asked(query: Mapping[str, str], media_type: str = "") -> ImportAsked:
    """What the parameters ask for.

    Raises ValidationFailed for a parameter that is not known (a `dryRun` that is mistyped must not write) or has no
    such value, and UnsupportedMediaType where nothing says what the file is.
    """
    problems = {name: unknown(name, _KNOWN) for name in query if name not in _KNOWN}
    if problems:
        raise ValidationFailed(problems, "The import has a parameter that is not known: see data.")
    format: Format | None = _one_of(query, "format", FORMATS, MEDIA_TYPES.get(media_type))
    if format is None:
        raise UnsupportedMediaType(
            "Send text/csv, application/x-ndjson or application/json, or say which it is: format=csv."
        )
    is_tab = media_type == "text/tab-separated-values"
    mode: Mode | None = _one_of(query, "mode", MODES, None)
    on_error: OnError | None = _one_of(query, "onError", ON_ERROR, None)
    dates: Dates | None = _one_of(query, "dates", DATES, None)
    return ImportAsked(
        format=format,
        mode=mode or "insert",
        key=query.get("key") or "id",
        on_error=on_error or "stop",
        dry_run=read_flag(query, "dryRun", default=False),
        ignore_unknown=read_flag(query, "ignoreUnknown", default=False),
        delimiter=read_delimiter(query) or ("\t" if is_tab else ""),
        guard=read_flag(query, "guard", default=True),
        null=read_null(query, format),
        hooks=read_flag(query, "hooks", default=True),
        dates=dates or "iso",
    )


def refused(name: str, message: str) -> BadRequest:
    """The error for a parameter, or a column, that cannot be used."""
    problem = Problem("validation_invalid_value", message)
    return ValidationFailed({name: problem}, f"{name} cannot be used: see data.")


def read_flag(query: Mapping[str, str], name: str, *, default: bool) -> bool:
    """A parameter that is true or false."""
    given = query.get(name)
    if given is None:
        return default
    if given.lower() in _TRUE:
        return True
    if given.lower() in _FALSE:
        return False
    raise refused(name, "It has to be true or false.")


def read_delimiter(query: Mapping[str, str]) -> str:
    """The parameter `delimiter`; empty where it is not given."""
    given = query.get("delimiter", "")
    found = _DELIMITERS.get(given, "") if given else ""
    if given and not found:
        raise refused("delimiter", "It has to be a comma, a semicolon or a tab (comma, semicolon, tab).")
    return found


def read_null(query: Mapping[str, str], format: Format) -> str:
    """The parameter `null`; empty where it is not given.

    It is one that no number, date, list or object looks like, and that no spreadsheet runs.
    """
    given = query.get("null", "")
    if given and format != "csv":
        raise refused("null", "Only CSV needs a text for null: JSON has one.")
    if given and (not _NULL_TEXT.fullmatch(given) or given.lower() in _WORDS):
        raise refused("null", "It has to be a word such as NULL or \\N: at most 20 characters, and no number.")
    return given


def read_format(query: Mapping[str, str]) -> Format:
    """The parameter `format` of an export: csv if it is not given."""
    found: Format | None = _one_of(query, "format", FORMATS, None)
    return found or "csv"


def unknown(name: str, known: tuple[str, ...]) -> Problem:
    """What is said of a parameter that is not there."""
    return Problem("validation_unknown_parameter", not_there(f"There is no parameter {name[:100]!r}", name, known))


def not_there(said: str, name: str, known: Sequence[str]) -> str:
    """A sentence about a name that is not there, with the one that may have been meant."""
    return said + (meant(name, tuple(known)) or ".")


def _one_of(query: Mapping[str, str], name: str, choices: tuple[_T, ...], default: _T | None) -> _T | None:
    given = query.get(name, "")
    if not given:
        return default
    for choice in choices:
        if choice == given:
            return choice
    raise refused(name, f"It has to be one of {', '.join(map(str, choices))}.")
