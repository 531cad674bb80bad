"""Writes the reference of the client out of its docstrings: `python -m holdfast_sdk.reference DOCS`."""

import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from holdfast_sdk.runtime import exported

RUNTIME: Final = Path(__file__).with_name("runtime")
PAGE: Final = "reference/python-client-api.md"
HEAD: Final = """# The Python client, name by name

Made of its docstrings by `python -m holdfast_sdk.reference docs`. [The Python client](python-client.md) says where it
comes from and how things are spelt.

`Client` is the same without `async` and `await`, and its parts have names without `Async`. `RecordT`, `CreateT` and
`UpdateT` are the classes of a collection: `PostRecord`, `PostCreate`, `PostUpdate`. What follows `*` is given by its
name.
"""
SECTIONS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("Clients", ("aio/client.py",)),
    ("Collections", ("asking.py", "aio/reading.py", "aio/writing.py")),
    ("Accounts", ("aio/accounts.py", "logins.py", "tokens.py")),
    ("Changes as they happen", ("aio/subscription.py",)),
    ("Files", ("aio/files.py", "uploads.py")),
    ("Batches", ("batches.py",)),
    ("Filters and sorts", ("paths.py", "filters.py")),
    ("Values", ("values.py",)),
    ("What is answered", ("answers.py",)),
    ("Webhooks", ("events.py",)),
    ("Tries", ("retrying.py",)),
    ("Errors", ("errors.py",)),
)
ALSO: Final = frozenset(
    (
        "AsyncAccounts",
        "AsyncBaseBatch",
        "AsyncBaseClient",
        "AsyncFiles",
        "AsyncSubscription",
        "AsyncTable",
        "AsyncView",
        "BatchTable",
        "Planned",
        "Which",
    )
)
Definition: TypeAlias = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


HIDDEN: Final = frozenset(("Exception", "Generic", "Protocol", "Struct", "TypedDict", "UserWarning"))
MADE: Final = frozenset(("AsyncBaseClient", "FileTokens", "Upload"))  # by programs, and no structs


def page() -> str:
    """The text of the page."""
    parts = [HEAD]
    for title, files in SECTIONS:
        parts.append(f"\n## {title}\n")
        for file in files:
            tree = ast.parse((RUNTIME / file).read_text("utf-8"))
            parts += (_described(one) for one in tree.body if isinstance(one, Definition) and _is_shown(one.name))
    text = "".join(parts)
    others = ", ".join(f"`{name}`" for name in exported.__all__ if f"`{name}`" not in text)
    return f"{text}\n## Constants and types\n\n{others}\n"


def _is_shown(name: str) -> bool:
    return name in exported.__all__ or name in ALSO


def _described(one: Definition) -> str:
    if isinstance(one, ast.ClassDef):
        return _class(one)
    return f"\n### `{one.name}`\n\n`{_signature(one)}`\n\n{_about(one)}\n"


def _class(one: ast.ClassDef) -> str:
    bases = [_short(base) for base in one.bases]
    above = f" It has all of `{_plain(bases[0])}`." if bases and bases[0] not in HIDDEN else ""
    parts = [f"\n### `{_plain(one.name)}`\n\n{_about(one)}{above}\n"]
    parts += [f"\n{line}\n" for line in _made_by(one)]
    fields = [f"- `{text}`\n" for text in _fields(one)]
    parts += ["\n", *fields] if fields else []
    parts += [_method(method) for method in _methods(one)]
    return "".join(parts)


def _made_by(one: ast.ClassDef) -> Iterator[str]:
    for method in one.body:
        if isinstance(method, ast.FunctionDef) and method.name == "__init__" and one.name in MADE:
            yield f"`{_plain(one.name)}({_arguments(method)})`"


def _fields(one: ast.ClassDef) -> Iterator[str]:
    for line in one.body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and not _is_own(line.target.id):
            default = "" if line.value is None else f" = {ast.unparse(line.value)}"
            yield f"{line.target.id}: {ast.unparse(line.annotation)}{default}"


def _methods(one: ast.ClassDef) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for method in one.body:
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) and not _is_own(method.name):
            if method.returns is None or not _is_own(ast.unparse(method.returns)):
                yield method


def _is_own(name: str) -> bool:
    return name.startswith(("_", "hf_"))


def _method(one: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    if any(_short(decorator) == "property" for decorator in one.decorator_list):
        kind = "" if one.returns is None else f": {_plain(ast.unparse(one.returns))}"
        return f"\n**`{one.name}{kind}`** {_about(one)}\n"
    return f"\n**`{_signature(one)}`** {_about(one)}\n"


def _signature(one: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    before = "await " if isinstance(one, ast.AsyncFunctionDef) and not _is_iterated(one) else ""
    after = "" if one.returns is None else f" -> {_plain(ast.unparse(one.returns))}"
    return f"{before}{one.name}({_arguments(one)}){after}"


def _is_iterated(one: ast.AsyncFunctionDef) -> bool:
    return any(isinstance(node, ast.Yield) for node in ast.walk(one))


def _arguments(one: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    text = ast.unparse(one.args)
    return _plain(text.removeprefix("self").removeprefix(", "))


def _about(one: Definition) -> str:
    return " ".join((ast.get_docstring(one) or "").split())


def _short(node: ast.expr) -> str:
    """The last name of what may be `msgspec.Struct` or `Value[str]`."""
    inner = node.value if isinstance(node, ast.Subscript) else node
    return inner.attr if isinstance(inner, ast.Attribute) else ast.unparse(inner)


def _plain(text: str) -> str:
    """As programs know it: what is generated stands on classes of nearly the same name."""
    return text.replace("AsyncBase", "Async").replace("builtins.", "").replace("FilePath", "Path")


def main(arguments: Sequence[str]) -> None:
    """Write the page."""
    (Path(arguments[0]) / PAGE).write_text(page(), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
