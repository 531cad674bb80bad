"""How JSON of a request becomes a struct of options: key by key, with a problem for each that does not fit."""

from collections.abc import Mapping
from decimal import Decimal
from types import NoneType
from typing import Any, Final, TypeVar, cast, get_args

import msgspec

from holdfast.errors import Problem, Problems
from holdfast.schema.field import FieldError
from holdfast.schema.json import encode_json

INVALID: Final = "validation_invalid_value"
_Options = TypeVar("_Options", bound=msgspec.Struct)
_WORDS: Final[dict[Any, str]] = {
    str: "a string",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    Decimal: 'a number as a string, such as "12.50"',
}


def read_struct(
    given: Mapping[str, Any],
    current: _Options,
    *,
    without: frozenset[str] = frozenset(),
) -> tuple[_Options, dict[str, Problem | Problems]]:
    """`current` with the keys that are given, and what is wrong with them. Unknown keys are ignored, as in PocketBase.

    Null where the option has no null leaves it as it is.
    """
    changes: dict[str, Any] = {}
    problems: dict[str, Problem | Problems] = {}
    for option in msgspec.structs.fields(current):
        key = option.encode_name
        if key not in given or key in without:
            continue
        now: Any = getattr(current, option.name)
        try:
            if isinstance(now, msgspec.Struct):
                inner, wrong = read_struct(read_object(given[key]), now)
                changes[option.name] = inner
                problems |= {key: wrong} if wrong else {}
            elif given[key] is not None or takes_null(option.type):
                changes[option.name] = read_option(given[key], option.type)
        except FieldError as failure:
            problems[key] = failure.problem
    return msgspec.structs.replace(current, **changes), problems


def read_option(value: Any, type: Any) -> Any:
    """The value as this type. Raises FieldError for any other, for NUL characters and lone surrogates."""
    encode_json(value)
    try:
        return msgspec.convert(value, type)
    except (msgspec.ValidationError, ValueError) as failure:
        raise FieldError(INVALID, f"Must be {_words(type, failure)}.") from failure


def read_object(value: Any) -> Mapping[str, Any]:
    """A JSON object; null is an empty one. Raises FieldError for anything else."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise FieldError(INVALID, "Must be an object.")
    return cast(Mapping[str, Any], value)


def takes_null(type: Any) -> bool:
    """Whether null is a value of the type."""
    return type is Any or NoneType in get_args(type)


def _words(type: Any, failure: Exception) -> str:
    if type in _WORDS:
        return _WORDS[type]
    inner = [part for part in get_args(type) if part not in (NoneType, ...)]
    if len(inner) == 1 and inner[0] in _WORDS:
        return f"{_WORDS[inner[0]]}, or null" if takes_null(type) else f"a list, each of them {_WORDS[inner[0]]}"
    if inner and all(isinstance(part, str) for part in inner):
        return "one of " + ", ".join(part or '""' for part in inner)
    return f"of another form: {failure}"
