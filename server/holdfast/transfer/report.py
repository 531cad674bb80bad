"""What came of an import, line by line and in numbers. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from holdfast.errors import ApiError, Problem, Problems

MOST_TOLD: Final = 100  # problems that are told; all are counted
MAX_VALUE_CHARS: Final = 200  # of a value that is told


class LineProblem(msgspec.Struct, frozen=True):
    """What is wrong with a line of the file. `column` is empty where it is the line as a whole."""

    line: int
    column: str
    value: str
    code: str
    message: str


class Report(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How many records were read, and what became of each: `read` is the sum of the four others.

    A record that was fine and was not written, because the import stopped at another one, was skipped, too.
    """

    read: int = 0
    inserted: int = 0
    updated: int = 0
    skipped: int = 0
    failed: int = 0
    errors: tuple[LineProblem, ...] = ()


class Findings:
    """Gathers what is wrong: counts the lines, and keeps the first MOST_TOLD problems."""

    def __init__(self) -> None:
        self.failed = 0  # lines
        self._told: list[LineProblem] = []

    @property
    def told(self) -> tuple[LineProblem, ...]:
        """The first problems, in the order of the lines."""
        return tuple(sorted(self._told, key=lambda one: one.line)[:MOST_TOLD])

    @property
    def room(self) -> int:
        """How many more of them are worth being found out."""
        return max(MOST_TOLD - len(self._told), 0)

    def fail(self, line: int, problems: Iterable[tuple[str, str, Problem]]) -> None:
        """Count a line, with columns, values and what is wrong with them."""
        self.failed += 1
        if len(self._told) < MOST_TOLD:
            self._told += [line_problem(line, column, value, problem) for column, value, problem in problems]

    def keep(self, told: Iterable[LineProblem]) -> None:
        """Forget all but these, which are about one line."""
        self._told = list(told)
        self.failed = 1

    def add(self, lines: int, told: Iterable[LineProblem]) -> None:
        """Count lines that were found elsewhere, with some of their problems."""
        self.failed += lines
        self._told += told


def line_problem(line: int, column: str, value: str, problem: Problem) -> LineProblem:
    """One entry of the report."""
    shown = value if len(value) <= MAX_VALUE_CHARS else value[: MAX_VALUE_CHARS - 1] + "…"
    return LineProblem(line, column, shown, problem.code, problem.message)


def problems_of(refusal: ApiError) -> list[tuple[str, str, Problem]]:
    """What a refusal of one record says, by column."""
    found = [(name, "", problem) for name, problem in refusal.data.items() if isinstance(problem, Problem)]
    return found or [("", "", Problem(refusal.code, refusal.message))]


def as_data(errors: Iterable[LineProblem]) -> Problems:
    """The problems as the `data` of an error: by line, then by column."""
    found: dict[str, dict[str, Problem]] = {}
    for error in errors:
        found.setdefault(str(error.line), {})[error.column or "line"] = Problem(error.code, error.message)
    lines: Mapping[str, Problems] = {line: dict(columns) for line, columns in found.items()}
    return {"lines": lines}


def sentence(error: LineProblem) -> str:
    """What is wrong, for people."""
    where = f", column {error.column}" if error.column else ""
    return f"Line {error.line}{where}: {error.message}"
