"""Makes the synchronous client of the asynchronous one: `python -m holdfast_sdk.unasync`.

A token for a token: `await` goes, `async with` becomes `with`, and names become those of their twins.
"""

import io
import re
import shutil
import subprocess
import sys
import tokenize
from collections.abc import Mapping
from pathlib import Path
from typing import Final

RUNTIME: Final = Path(__file__).with_name("runtime")
BY_HAND: Final = frozenset(("__init__.py", "lines.py"))
TWINS: Final[Mapping[str, str]] = {
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "aclose": "close",
    "aread": "read",
    "aiter_bytes": "iter_bytes",
    "aiter_raw": "iter_raw",
    "asynccontextmanager": "contextmanager",
}
PREFIX: Final = re.compile(r"^(_?)Async(?=[A-Z])")
HEADER: Final = "# Made of ../aio by `python -m holdfast_sdk.unasync`: change it there.\n\n"


def twin(name: str) -> str:
    """The synchronous name of something."""
    return TWINS.get(name) or PREFIX.sub(r"\1", name)


def synchronous(source: str) -> str:
    """The twin of a file."""
    lines = [list(line) for line in source.splitlines(keepends=True)]
    edits: list[tuple[int, int, int, str]] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        (row, start), (_, end) = token.start, token.end
        if token.type == tokenize.NAME:
            if token.string in ("async", "await"):
                edits.append((row - 1, start, end + 1, ""))
            elif token.string == "asyncio":
                edits.append((row - 1, start, end, "threading" if _next_is(lines, row, end, ".Lock") else "time"))
            elif twin(token.string) != token.string:
                edits.append((row - 1, start, end, twin(token.string)))
    for row, start, end, text in reversed(edits):
        lines[row][start:end] = list(text)
    return _imports("".join("".join(line) for line in lines))


def _next_is(lines: list[list[str]], row: int, column: int, text: str) -> bool:
    return "".join(lines[row - 1][column : column + len(text)]) == text


def _imports(source: str) -> str:
    """The modules that the twin needs in place of asyncio, and no type that comes twice."""
    source = source.replace("Iterable[CreateT] | Iterable[CreateT]", "Iterable[CreateT]")
    source = re.sub(r"(\bGenerator\[.*, None)\]", r"\1, None]", source)
    source = source.replace("import Iterable, Iterable\n", "import Iterable\n")
    source = re.sub(r"^import time\n(?=import time$)", "", source, flags=re.M)
    if "threading." in source:
        source = re.sub(r"^import time$", "import threading\nimport time", source, count=1, flags=re.M)
    head, _, rest = source.partition("\n\n")
    return f"{head}\n\n{HEADER}{rest}"


def formatted(source: str, name: str) -> str:
    """The source as the project's formatter writes it."""
    ruff = shutil.which("ruff") or str(Path(sys.executable).with_name("ruff"))
    for command in (["check", "--fix", "--unsafe-fixes", "--quiet"], ["format", "--quiet"]):
        done = subprocess.run(
            [ruff, *command, f"--stdin-filename={RUNTIME / 'sync' / name}", "-"],
            input=source,
            capture_output=True,
            text=True,
            check=False,
        )
        if not done.stdout:
            raise RuntimeError(done.stderr)
        source = done.stdout
    return source


def twins() -> dict[str, str]:
    """Every file of the synchronous client that is made, by its name."""
    files = sorted(path for path in (RUNTIME / "aio").glob("*.py") if path.name not in BY_HAND)
    return {path.name: formatted(synchronous(path.read_text("utf-8")), path.name) for path in files}


def main() -> None:
    """Write them."""
    for name, source in twins().items():
        (RUNTIME / "sync" / name).write_text(source, "utf-8")


if __name__ == "__main__":
    main()
