"""The package as text: formatted, the same each time, and made quickly."""

import ast
import subprocess
import sys
import time
from pathlib import Path

from generated import write
from holdfast_sdk import unasync
from holdfast_sdk.generator.package import package
from holdfast_sdk.wheel import build_wheel
from schemas import MANY, NASTY, SHOP


def test_the_synchronous_client_is_made_of_the_asynchronous_one():
    made = unasync.twins()
    there = {name: (unasync.RUNTIME / "sync" / name).read_text("utf-8") for name in made}
    assert there == made, "run `python -m holdfast_sdk.unasync`"


def test_every_file_has_a_twin():
    names = [{path.name for path in (unasync.RUNTIME / folder).glob("*.py")} for folder in ("aio", "sync")]
    assert names[0] == names[1]


def test_the_package_is_formatted(tmp_path: Path):
    folder = write(SHOP, tmp_path)
    ruff = str(Path(sys.executable).with_name("ruff"))
    arguments = [ruff, "format", "--check", "--isolated", "--line-length", "120", folder]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_whatever_names_and_texts_there_are_it_is_python():
    for name, text in package(NASTY).items():
        if name.endswith(".py"):
            ast.parse(text, name)


def test_the_same_schema_makes_the_same_bytes():
    assert build_wheel(SHOP) == build_wheel(SHOP)


def test_200_collections_are_made_in_two_seconds():
    began = time.perf_counter()
    build_wheel(MANY)
    assert time.perf_counter() - began < 2


def test_a_package_imports_nothing_but_itself_httpx_and_msgspec():
    known = {*sys.stdlib_module_names, "httpx", "msgspec", "litestar", "fastapi", "flask", "django"}
    found = set[str]()
    for name, text in package(SHOP).items():
        if name.endswith(".py"):
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Import):
                    found |= {alias.name.partition(".")[0] for alias in node.names}
                if isinstance(node, ast.ImportFrom) and not node.level:
                    found.add((node.module or "").partition(".")[0])
    assert found - known == {"holdfast_client_shop"}
