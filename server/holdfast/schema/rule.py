"""What can be said about a rule without its collection: null, empty, or an expression that can be read."""

from typing import Final

from holdfast.errors import Problem

MAX_RULE_CHARS: Final = 3500  # characters, as in filters


def rule_problem(rule: str | None) -> Problem | None:
    """What is wrong with a rule."""
    if not rule:
        return None
    if len(rule) > MAX_RULE_CHARS:
        return Problem("validation_length_out_of_range", f"Must have at most {MAX_RULE_CHARS} characters.")
    return None
