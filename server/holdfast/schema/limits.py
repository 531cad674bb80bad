"""The checks on length and range that several field types share."""

from typing import Final

from holdfast.errors import Problem
from holdfast.schema.field import FieldError
from holdfast.schema.words import MAX_WHOLE

MAX_TEXT_CHARS: Final = 100_000_000  # characters; PostgreSQL holds 1 GB in a value, a request far less


def check_length(text: str, least: int, most: int) -> None:
    """Check a number of characters. Raises FieldError."""
    if len(text) < least:
        raise FieldError("validation_min_text_constraint", f"Must have at least {least} characters.")
    if len(text) > most:
        raise FieldError("validation_max_text_constraint", f"Must have at most {most} characters.")


def bounds_problems(least: int, most: int, *, limit: int = MAX_TEXT_CHARS) -> dict[str, Problem]:
    """What is wrong with `min` and `max` that count characters; 0 is none."""
    found: dict[str, Problem] = {}
    if not 0 <= least <= limit:
        found["min"] = Problem("validation_out_of_range", f"Must be from 0 to {limit}.")
    if not 0 <= most <= limit:
        found["max"] = Problem("validation_out_of_range", f"Must be from 0 to {limit}.")
    elif most and most < least:
        found["max"] = Problem("validation_min_greater_equal_than_required", "Must not be less than min.")
    return found


def size_problem(size: int, *, option: str = "maxSize") -> dict[str, Problem]:
    """What is wrong with an option that counts bytes; 0 is the default."""
    if 0 <= size <= MAX_WHOLE:
        return {}
    return {option: Problem("validation_out_of_range", f"Must be from 0 to {MAX_WHOLE}.")}
