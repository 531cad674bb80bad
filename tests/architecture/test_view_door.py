"""The one door through which somebody's own SQL comes, after it was taken apart and written anew."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def calls(name: str) -> set[str]:
    found: set[str] = set()
    for path in (ROOT / "server").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Name) and called.id == name:
                found.add(str(path.relative_to(ROOT)))
    return found


def test_only_a_view_that_was_checked_is_rebuilt_into_sql():
    assert calls("rebuilt") == {"server/holdfast/collections/view_query.py"}


def test_only_the_console_runs_sql_as_it_was_written():
    assert calls("as_written") == {"server/holdfast/sql_console/answering.py"}


def test_only_the_views_read_sql():
    """A query is parsed in one place, which refuses whatever is not on its list.

    What translates PocketBase's views makes text, which goes through that door like any other. What a field is filled
    with is one expression of such a query.
    """
    importers = {
        path.name
        for path in (ROOT / "server").rglob("*.py")
        if any(line.startswith(("import sqlglot", "from sqlglot")) for line in path.read_text("utf-8").splitlines())
    }
    translates = {"view_translation.py", "view_kinds.py", "view_moments.py"}
    assert importers - translates == {"view_syntax.py", "view_query.py", "view_lineage.py", "fill_syntax.py"}


def test_a_server_without_views_does_not_load_the_parser():
    code = "import sys, holdfast.app; print('sqlglot' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT / "server")
    assert run.stdout.strip() == "False"
