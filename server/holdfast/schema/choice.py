"""How fields that hold one or many strings (select, relation, file) read them."""

from typing import cast

from holdfast.schema.field import FieldError
from holdfast.schema.words import read_words


def read_one(value: object) -> str:
    """One string: a bare one, or a list of at most one, as PocketBase's clients send either.

    Raises FieldError for anything else.
    """
    found = read_many(value)
    if len(found) > 1:
        raise FieldError("validation_too_many_values", "Takes one value.")
    return found[0] if found else ""


def read_many(value: object) -> list[str]:
    """The strings of a list, or a bare one, in order: without empty ones and without repetition.

    Raises FieldError for anything else.
    """
    given = cast(list[object], value) if isinstance(value, list) else [value]
    return list(dict.fromkeys(read_words(item) for item in given if item not in (None, "")))
