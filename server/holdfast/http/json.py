"""JSON from outside, read so that nothing of it can hurt later."""

import json
import re
from collections.abc import Iterable
from typing import Any, Final, cast

import msgspec

from holdfast.errors import BadRequest

MAX_DEPTH: Final = 64  # levels; msgspec raises RecursionError only near 1,000
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_HALF: Final = re.compile(rb"\\u[dD][89abAB]")
_decoder: Final = msgspec.json.Decoder()


def read_json(body: bytes) -> Any:
    """The value of a JSON text.

    Raises BadRequest for anything but UTF-8 JSON of at most MAX_DEPTH levels, and for NUL characters and
    lone surrogates, which PostgreSQL cannot hold. Of a key that comes twice the last counts.
    """
    try:
        found = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as failure:
        raise BadRequest(f"The body is not valid JSON: {_reason(failure, body)}.") from failure
    if _NUL.search(body) is not None:
        raise BadRequest("The body holds a NUL character (\\u0000), which no field can hold.")
    if b"[" in body or body.count(b"{") > 1:
        _check_depth(found, MAX_DEPTH)
    if b"\\u" in body:
        _check_surrogates(found)
    return found


def refuse_repeated_keys(body: bytes) -> None:
    """Raise BadRequest when a key comes twice in one object, for bodies that two programs must not read differently.

    Of anything that is no JSON nothing is said: the body has been read before, and may be a form, in which a name that
    comes twice is a list.
    """
    try:
        json.loads(body, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadRequest("A key comes twice in the body.")
    return found


def _reason(failure: Exception, body: bytes) -> str:
    if isinstance(failure, UnicodeDecodeError):
        return "it is not UTF-8"
    if isinstance(failure, RecursionError):
        return "it is nested too deeply"
    text = str(failure)
    # Half a pair at the end of a text reads to msgspec as if the text were cut there.
    if "surrogate" in text or (text == "Input data was truncated" and _HALF.search(body)):
        return "it holds half of a surrogate pair, which is no character"
    if text.startswith("Number out of range"):
        return "a number is larger than any that can be kept"
    return text.removeprefix("JSON is malformed: ").rstrip(".")


def _inner(found: Any) -> Iterable[Any]:
    """The values inside an object or a list; nothing for all else."""
    if isinstance(found, dict):
        return cast(dict[str, Any], found).values()
    return cast(list[Any], found) if isinstance(found, list) else ()


def _check_depth(found: Any, left: int) -> None:
    if left == 0:
        raise BadRequest(f"The body is nested deeper than {MAX_DEPTH} levels.")
    for inner in _inner(found):
        if isinstance(inner, dict | list):
            _check_depth(inner, left - 1)


def _check_surrogates(found: Any) -> None:
    if isinstance(found, str) and _SURROGATE.search(found):
        raise BadRequest("The body holds a lone surrogate, which is no character.")
    if isinstance(found, dict):
        for key in cast(dict[str, Any], found):
            _check_surrogates(key)
    for inner in _inner(found):
        _check_surrogates(inner)
