"""What holds for every source file, read from its syntax tree."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("server", "sdk", "migrations", "plugins")
SOURCES = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
FILES = sorted(path for path in SOURCES if not path.name.startswith("test_"))  # plugins have theirs beside them
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "base", "misc", "tools"}
MUTABLE_DISPLAYS = (ast.List, ast.Set, ast.ListComp, ast.SetComp)
MUTABLE_CALLS = {"list", "set", "dict", "defaultdict", "deque", "Counter", "OrderedDict", "WeakValueDictionary"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def trees() -> tuple[tuple[str, ast.Module], ...]:
    return tuple((str(path.relative_to(ROOT)), ast.parse(path.read_text("utf-8"))) for path in FILES)


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def called_name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def test_there_are_source_files_to_look_at():
    assert len(FILES) > 20


def test_no_file_is_longer_than_one_noun_needs():
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in FILES}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FILE_LINES} == {}


def test_no_function_is_longer_than_a_screen():
    long = {
        f"{name}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, Function) and (node.end_lineno or 0) - node.lineno + 1 > MAX_FUNCTION_LINES
    }
    assert long == {}


def test_every_module_says_what_it_is_for():
    assert [name for name, tree in trees() if ast.get_docstring(tree) is None] == []


def test_every_public_class_and_function_says_what_its_caller_must_know():
    silent = [
        f"{name}:{node.name}"
        for name, tree in trees()
        for node in tree.body
        if isinstance(node, Function | ast.ClassDef)
        and not node.name.startswith("_")
        and ast.get_docstring(node) is None
    ]
    assert silent == []


def test_no_module_has_a_name_that_holds_anything():
    assert [str(path.relative_to(ROOT)) for path in FILES if path.stem in VAGUE_NAMES] == []


def is_mutable(value: ast.expr | None, annotation: ast.expr | None) -> bool:
    """A table that is declared Final is a constant by agreement; a list or a set has a frozen twin instead."""
    if isinstance(value, MUTABLE_DISPLAYS):
        return True
    if isinstance(value, ast.Call) and called_name(value) in MUTABLE_CALLS:
        return True
    return isinstance(value, ast.Dict | ast.DictComp) and "Final" not in ast.unparse(annotation or ast.Name(""))


def test_no_module_holds_state_that_can_change():
    found: list[str] = []
    for name, tree in trees():
        for node in tree.body:
            if isinstance(node, ast.AnnAssign) and is_mutable(node.value, node.annotation):
                found.append(f"{name}:{node.lineno}")
            # `__all__` is a list by custom, and nobody changes it.
            if isinstance(node, ast.Assign) and is_mutable(node.value, None) and "__all__" not in ast.unparse(node):
                found.append(f"{name}:{node.lineno}")
        found += [f"{name}:{node.lineno}" for node in ast.walk(tree) if isinstance(node, ast.Global)]
    assert found == []


@pytest.mark.parametrize("constructor", ["Sql", "Statement", "Bind"])
def test_only_one_file_makes_sql_from_text(constructor: str):
    makers = {name for name, tree in trees() for call in calls(tree) if called_name(call) == constructor and call.args}
    assert makers <= {"server/holdfast/db/sql.py"}


def test_nothing_prints_but_through_click_and_the_log():
    printers = [name for name, tree in trees() for call in calls(tree) if called_name(call) == "print"]
    assert printers == []


def test_test_files_have_names_of_their_own():
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py") if "node_modules" not in path.parts]
    assert sorted(names) == sorted(set(names))


def test_no_pattern_is_possessive_or_atomic():
    """Python before 3.11.5 matches them wrongly, and 3.11.2 is Debian 12's."""
    found = [
        f"{name}:{node.lineno}"
        for name, tree in trees()
        for node in calls(tree)
        if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name) and node.func.value.id == "re"
        for pattern in node.args[:1]
        if isinstance(pattern, ast.Constant) and isinstance(pattern.value, str | bytes) and is_possessive(pattern.value)
    ]
    assert found == []


def is_possessive(pattern: str | bytes) -> bool:
    parsed = repr(re._parser.parse(pattern))  # type: ignore[attr-defined]
    return "POSSESSIVE_REPEAT" in parsed or "ATOMIC_GROUP" in parsed


@pytest.mark.parametrize("pattern", [r"a*+", r"a++b", rb"[^']*+", r"(?>a)b", r"x(?:a|b)?+", r"a{2}+"])
def test_such_patterns_are_seen(pattern: str | bytes):
    assert is_possessive(pattern)
