"""The page of the reliability tests: what each shows, from its docstring, and what it measured last, from its run.

A run of some tests leaves the rows of the others as they are; wording and order never depend on a run.
"""

import ast
import inspect
import os
import platform
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "reference" / "reliability.md"
HEAD = "| | test | sizes | measured | control | result | time |\n|---|---|---|---|---|---|---|\n"
NOT_RUN = ("", "not run yet", "", "", "")
_ROW = re.compile(r"^\| (R\d+) \|(.*)\|$", re.M)
_CELLS = re.compile(r"(?<!\\)\|")
_MACHINE = re.compile(r"^The rows were last written on (.+)\.$", re.M)

INTRODUCTION = """\
# Reliability

What Holdfast promises about not losing anything, and what came out when it was tried.

- `./dev reliability` runs these tests against real servers with their embedded PostgreSQL, real receivers and real
  kills, and writes this page.
- `./dev reliability R2 R3` runs some of them.
- `./dev reliability --gate` runs those marked **G** in smaller sizes, in a few minutes.

Each test has a **control**: the same check with the protection taken away. The control has to find losses, or the
test fails, because a check that never finds anything proves nothing. "Lost" is what was acknowledged or committed and
is missing at the end.

SIGKILL is not a power failure: what the kernel has taken, it still has. Whether a disk keeps what it said it has
written is for `fsync` and the disk to say, and is not tested here.
"""


class Described(msgspec.Struct, frozen=True):
    """A test as its source describes it."""

    number: str
    title: str
    text: str
    in_gate: bool

    @property
    def order(self) -> int:
        """Where it stands."""
        return int(self.number[1:])


def tests() -> list[Described]:
    """The tests of this folder in the order of their numbers, without running anything.

    Raises ValueError for one that does not say what it is, and for a number that two have.
    """
    found = [described(path, node) for path in sorted(HERE.glob("test_r*.py")) for node in _functions(path)]
    numbers = [one.number for one in found]
    if len(numbers) != len(set(numbers)):
        raise ValueError(f"two tests have one number: {sorted(numbers)}")
    return sorted(found, key=lambda one: one.order)


def _functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    body = ast.parse(path.read_text("utf-8")).body
    functions = [node for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [node for node in functions if node.name.startswith("test_")]


def described(path: Path, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Described:
    """What a test says of itself: `@pytest.mark.reliability("R1", "Capture is exact")`, and its docstring."""
    marks = [ast.unparse(mark) for mark in node.decorator_list]
    said = [mark for mark in node.decorator_list if ast.unparse(mark).startswith("pytest.mark.reliability(")]
    text = ast.get_docstring(node)
    if len(said) != 1 or not isinstance(said[0], ast.Call) or not text:
        raise ValueError(f"{path.name}: {node.name} needs a number, a title and a docstring")
    number, title = (ast.literal_eval(argument) for argument in said[0].args)
    if re.fullmatch(r"R[1-9]\d?", number) is None:
        raise ValueError(f"{path.name}: {number!r} is no number of a test")
    return Described(number, title, inspect.cleandoc(text), "pytest.mark.reliability_gate" in marks)


def rows(page: str) -> dict[str, list[str]]:
    """What a page says of the last run of each test: sizes, measured, control, result, time."""
    return {match[1]: [cell.strip() for cell in _CELLS.split(match[2])][1:] for match in _ROW.finditer(page)}


def row(test: Described, cells: Sequence[str]) -> str:
    """A row of the table."""
    title = test.title + (" **G**" if test.in_gate else "")
    return f"| {' | '.join([test.number, title, *cells])} |"


def cell(text: str) -> str:
    """A text that stays one cell."""
    return " ".join(text.replace("|", "\\|").split())


def machine() -> str:
    """The machine of a run, in the words of the page."""
    return f"a machine with {os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}"


def machine_of(page: str) -> str:
    """The machine that a page names."""
    found = _MACHINE.search(page)
    return found[1] if found else machine()


def render(described: Sequence[Described], known: Mapping[str, Sequence[str]], where: str) -> str:
    """The page, with what is known of the last runs."""
    table = [row(one, known.get(one.number, NOT_RUN)) for one in described]
    texts = [f"## {one.number}: {one.title}\n\n{one.text}\n" for one in described]
    last = f"The rows were last written on {where}.\n"
    return "\n".join((INTRODUCTION, HEAD + "\n".join(table) + "\n", last, *texts))


def write(new: Mapping[str, Sequence[str]]) -> None:
    """Write the page with what these tests have just measured."""
    before = PAGE.read_text("utf-8") if PAGE.exists() else ""
    where = machine() if new else machine_of(before)
    PAGE.write_text(render(tests(), {**rows(before), **new}, where), "utf-8")
