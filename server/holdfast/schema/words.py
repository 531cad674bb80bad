"""How a string of a request is read: what PostgreSQL's text can hold, and nothing else."""

import re
from typing import Final

from holdfast.schema.field import FieldError

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
MAX_WHOLE: Final = 2**53 - 1  # beyond it a JSON number means different things to different readers


def read_words(value: object) -> str:
    """A string as it is; a number or a bool as JSON writes it, because PocketBase casts them too.

    Raises FieldError for lists and objects, NUL characters and lone surrogates.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) <= MAX_WHOLE else repr(value)
    if not isinstance(value, str):
        raise FieldError("validation_invalid_value", "Must be a string.")
    if "\0" in value:
        raise FieldError("validation_invalid_value", "Must not hold a NUL character.")
    if _SURROGATE.search(value) is not None:
        raise FieldError("validation_invalid_value", "Must not hold half a surrogate pair: it is no character.")
    return value
