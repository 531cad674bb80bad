"""The values of PocketBase's rows, as SQLite gives them, become those that PostgreSQL takes. Pure.

What a field would refuse from a client comes all the same: it was there. Only what PostgreSQL cannot hold becomes
something else, and that is told.
"""

import math
import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias, cast

import msgspec

from holdfast.schema.autodate import AutodateField
from holdfast.schema.bool import BoolField
from holdfast.schema.date import DateField, read_date
from holdfast.schema.email import EmailField
from holdfast.schema.field import Field, FieldError
from holdfast.schema.field_default import is_key
from holdfast.schema.file import FileField
from holdfast.schema.geo_point import GeoPointField
from holdfast.schema.json import JsonField, encode_json
from holdfast.schema.number import NumberField, read_number
from holdfast.schema.relation import MAX_RECORD_ID_CHARS, RelationField
from holdfast.schema.select import SelectField
from holdfast.schema.text import MAX_KEY_CHARS

Read: TypeAlias = Callable[[Any], object]
"""Makes the value of a field of what SQLite gave. Raises Unfit where it cannot be the same."""

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_NO_KEY: Final = re.compile(r"[/\\?#%]")
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,199}")
_LONG_NUMERAL: Final = re.compile(r"[0-9]{300}|[eE][+-]?[0-9]{3}")


class Unfit(Exception):
    """A value that cannot be as it was; `instead` is what stands for it."""

    def __init__(self, instead: object, what: str) -> None:
        super().__init__(what)
        self.instead = instead
        self.what = what


class NoKey(Exception):
    """A row without an id that can be one."""


def reader(field: Field) -> Read:
    """How the values of a field are read. The id raises NoKey."""
    if is_key(field):
        return read_key
    if isinstance(field, NumberField):
        return read_whole if field.only_int else read_double
    if isinstance(field, AutodateField):
        return read_stamp if field.on_create else read_moment
    if isinstance(field, SelectField | FileField | RelationField):
        return _choice_reader(field)
    return _READERS.get(type(field), read_text)


def read_text(value: Any) -> object:
    """A text; numbers and true or false as PocketBase shows them."""
    if type(value) is str:
        if "\0" not in value and (value.isascii() or _SURROGATE.search(value) is None):
            return value
        raise Unfit(_mended(value), "had bytes that are no text (invalid UTF-8, NUL): they are replaced or left out")
    if value is None:
        return ""
    if isinstance(value, bytes):
        return read_text(value.decode("utf-8", "surrogateescape"))
    return repr(value)


def _mended(text: str) -> str:
    bare = text.replace("\0", "")
    return bare.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def read_key(value: Any) -> object:
    """An id. Raises NoKey for what cannot be one."""
    try:
        id = str(read_text(value))
    except Unfit as failure:
        raise NoKey("its id holds bytes that are no text") from failure
    if not id:
        raise NoKey("it has no id")
    if len(id) > MAX_KEY_CHARS or not id.isprintable() or _NO_KEY.search(id) is not None:
        raise NoKey(f"its id is longer than {MAX_KEY_CHARS} characters, or holds / \\ ? # % or control characters")
    return id


def read_email(value: Any) -> object:
    """An address, in the one spelling in which logins look for it."""
    text = str(read_text(value))
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def read_double(value: Any) -> object:
    """A finite number; nothing is 0."""
    if type(value) is float and math.isfinite(value):
        return value
    if value is None or value == "":
        return 0.0
    try:
        return read_number(value)
    except FieldError as failure:
        raise Unfit(0.0, f"is no finite number ({str(value)[:40]!r}): 0 stands in its place") from failure


def read_whole(value: Any) -> object:
    """A whole number."""
    number = read_double(value)
    assert isinstance(number, float)
    if not number.is_integer():
        raise Unfit(int(number), "is no whole number: it is cut")
    return value if type(value) is int else int(number)


def read_bool(value: Any) -> object:
    """True or false."""
    if value in (0, 1):
        return value == 1
    if value is None or value in ("", "false", "f", "0"):
        return False
    if value in ("true", "t", "1"):
        return True
    raise Unfit(bool(value), f"is neither true nor false ({str(value)[:40]!r}): true stands in its place")


def read_moment(value: Any) -> object:
    """A date, or none."""
    if not value:
        return None
    if type(value) is str and len(value) == 24 and value[10] == " ":  # as PocketBase writes it, ten times as fast
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            if moment.year > 1:
                return moment
    try:
        return read_date(value)
    except FieldError as failure:
        raise Unfit(None, f"is no date ({str(value)[:40]!r}): it is empty now") from failure


def read_stamp(value: Any) -> object:
    """The date at which a record was made, which it always has."""
    try:
        moment = read_moment(value)
    except Unfit as failure:
        raise Unfit(_now(), f"is no date ({str(value)[:40]!r}): the time of the move stands in its place") from failure
    if moment is None:
        raise Unfit(_now(), "was empty: the time of the move stands in its place")
    return moment


def _now() -> datetime:
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def read_json(value: Any) -> object:
    """The text of a JSON value; null is no value."""
    if value is None or value in ("", "null"):
        return None
    if type(value) is not str:
        return read_json(value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else repr(value))
    try:
        found = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError) as failure:
        instead = msgspec.json.encode(_mended(value)).decode()
        raise Unfit(instead, "is no valid JSON: it is kept as a text") from failure
    if found is None:
        return None
    try:
        # Checked as it would be written, kept as it is written: a number keeps its digits.
        if "\\u" in value:
            encode_json(found)
    except FieldError as failure:
        instead = msgspec.json.encode(_mended(value)).decode()
        raise Unfit(instead, "has characters that no text can have (NUL): it is kept as a text") from failure
    return value if _LONG_NUMERAL.search(value) is None else _with_numbers(value, found)


def _with_numbers(text: str, found: Any) -> str:
    """JSON with its numbers written anew: PostgreSQL fails on some that nobody can use."""
    try:
        return msgspec.json.encode(found).decode()
    except (OverflowError, ValueError) as failure:
        raise Unfit(
            msgspec.json.encode(text).decode(), "has a number that is too long: it is kept as a text"
        ) from failure


def read_point(value: Any) -> object:
    """A place, as (lon, lat)."""
    if not value:
        return (0.0, 0.0)
    try:
        found = msgspec.json.decode(value)
        return read_number(found.get("lon", 0)), read_number(found.get("lat", 0))
    except (msgspec.DecodeError, UnicodeError, AttributeError, TypeError, FieldError, ValueError) as failure:
        raise Unfit((0.0, 0.0), f"is no place ({str(value)[:40]!r}): 0, 0 stands for it") from failure


def read_list(value: Any) -> list[str]:
    """The texts of a list, each once; a bare text is a list of one."""
    if value is None or value in ("", "[]"):
        return []
    text = str(read_text(value))
    if text[:1] != "[":
        return [text]
    try:
        found = msgspec.json.decode(text, type=list[str])
    except (msgspec.DecodeError, UnicodeError, ValueError):
        found = _loose_list(text)
    return list(dict.fromkeys(item for item in found if item))


def _loose_list(text: str) -> list[str]:
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError):
        return [text]
    return [one if isinstance(one, str) else msgspec.json.encode(one).decode() for one in cast(list[Any], found)]


def _choice_reader(field: SelectField | FileField | RelationField) -> Read:
    """One text or many. A single field can still hold the list of the days when it held many: the last one counts."""
    fits = _fits(field)
    blank = field.zero()

    def read(value: Any) -> object:
        if not field.many and type(value) is str and value[:1] != "[" and fits(value):
            return value or blank
        if value is None or value == "":
            return field.zero()
        given = read_list(value)
        found = [one for one in given if fits(one)]
        taken: object = found if field.many else (found[-1] if found else blank)
        if len(found) < len(given):
            raise Unfit(taken, "held a name or an id that none can have: it is left out")
        return taken

    return read


def _fits(field: Field) -> Callable[[str], bool]:
    if isinstance(field, FileField):
        return lambda text: not text or is_file_name(text)
    if isinstance(field, RelationField):
        return lambda text: len(text) <= MAX_RECORD_ID_CHARS and _is_text(text)
    return _is_text


def is_file_name(text: str) -> bool:
    """Whether a file can be stored under a name."""
    return _FILE_NAME.fullmatch(text) is not None


def _is_text(text: str) -> bool:
    return "\0" not in text and (text.isascii() or _SURROGATE.search(text) is None)


_READERS: Final[dict[type[Field], Read]] = {
    BoolField: read_bool,
    DateField: read_moment,
    EmailField: read_email,
    GeoPointField: read_point,
    JsonField: read_json,
}
