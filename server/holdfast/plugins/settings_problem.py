"""What msgspec says of settings that do not fit, put where it belongs: at the value that is wrong. Pure."""

import re
from typing import Final

from holdfast.errors import Problem, Problems

INVALID: Final = "validation_invalid_value"
REQUIRED: Final = "validation_required"
# "Expected `int`, got `str` - at `$.rules[0].days`"; a value of a mapping is `[...]`, and which one is not told.
_PLACED: Final = re.compile(r"(?P<said>.*) - at `(?:key` in `)?\$(?P<path>[^`]*)`", re.DOTALL)
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[([0-9]+)\]")
_MISSING: Final = re.compile(r"Object missing required field `([^`]+)`")


def settings_problem(name: str, said: str) -> Problem | Problems:
    """The problem of one setting, nested as the setting is."""
    placed = _PLACED.fullmatch(said)
    steps = [key or index for key, index in _STEP.findall(placed["path"].partition("[...]")[0])] if placed else []
    sentence = placed["said"] if placed else said
    missing = _MISSING.fullmatch(sentence)
    below = steps[1:] if steps[:1] == [name] else []
    if missing is not None:
        return _nested([*below, missing[1]], Problem(REQUIRED, "Must be given."))
    return _nested(below, Problem(INVALID, _as_sentence(sentence)))


def _nested(steps: list[str], problem: Problem) -> Problem | Problems:
    found: Problem | Problems = problem
    for step in reversed(steps):
        found = {step: found}
    return found


def _as_sentence(text: str) -> str:
    said = text.strip().rstrip(".") or "Cannot be used"
    return f"{said[0].upper()}{said[1:]}."
