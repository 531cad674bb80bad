"""What was refused, in one sentence: for answers that hold a refusal and are none. Pure."""

from collections.abc import Iterator
from typing import Final

from holdfast.errors import ApiError, Problem, Problems

_SEE_DATA: Final = ": see data."


def sentence(failure: ApiError) -> str:
    """The message of a refusal, with what its `data` says of each field."""
    if not failure.data:
        return failure.message
    found = " ".join(f"{place}: {message}" for place, message in _lines(failure.data))
    return f"{failure.message.removesuffix(_SEE_DATA).rstrip('.')}: {found}"


def _lines(problems: Problems, place: str = "") -> Iterator[tuple[str, str]]:
    for name, problem in problems.items():
        if isinstance(problem, Problem):
            yield place + name, problem.message
        else:
            yield from _lines(problem, f"{place}{name}.")
