"""What can be said about a rule without its collection: null, empty, or an expression that can be read."""

from holdfast.errors import InvalidFilter, Problem
from holdfast.expressions.read import read_filter


def rule_problem(rule: str | None) -> Problem | None:
    """What is wrong with a rule, which has the grammar and the limits of filters."""
    if not rule:
        return None
    try:
        read_filter(rule)
    except InvalidFilter as failure:
        return Problem("validation_invalid_rule", failure.message)
    return None
