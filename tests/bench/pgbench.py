"""The first limit: the same SQL in pgbench, prepared, over the same unix socket and as many connections."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from holdfast.db.embedded.binaries import find_binaries
from tests.bench.operations import Operation
from tests.bench.subject import FIRST_ID

_NONE: Final[Mapping[str, str]] = MappingProxyType({})
NEW_IDS: Final = (300_000_000_000_000, 999_999_999_999_999)


def per_second(dsn: str, operation: Operation, posts: int, folder: Path, *, connections: int, seconds: float) -> float:
    """Transactions per second."""
    script = folder / "script.sql"
    text, variables = read_script(operation, posts)
    script.write_text(text)
    line, environment = command(dsn, script, connections, max(1, round(seconds)), variables)
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    found = re.search(r"^tps = ([\d.]+)", done.stdout, re.M)
    if found is None or "ERROR" in done.stderr:
        raise SystemExit(f"pgbench failed: {done.stdout}{done.stderr}\n{text}")
    return float(found[1])


def command(
    dsn: str, script: Path, connections: int, seconds: int, variables: Mapping[str, str] = _NONE
) -> tuple[list[str], dict[str, str]]:
    """The command line that runs a script, and its environment."""
    parts = urlsplit(dsn)
    options = parse_qs(parts.query)
    line = [
        str(find_binaries(None).program("pgbench")),
        *("--no-vacuum", "--protocol", "prepared", "--file", str(script)),
        *("--client", str(connections), "--jobs", "1", "--time", str(seconds)),
        *("--host", options["host"][0], "--port", options.get("port", ["5432"])[0]),
        *("--username", parts.username or ""),
        *(part for name, content in variables.items() for part in ("-D", f"{name}={content}")),
        parts.path.lstrip("/"),
    ]
    return line, os.environ | {"PGPASSWORD": unquote(parts.password or ""), "LC_ALL": "C"}


def read_script(operation: Operation, posts: int) -> tuple[str, dict[str, str]]:
    """The statement as a pgbench script, and the variables that stay the same in a run."""
    query = operation.query
    variables: dict[str, str] = {}
    draws: list[str] = []
    ids = _ids(operation)
    for number, argument in enumerate(query.args, 1):
        if isinstance(argument, str) and argument in ids:
            least, most = NEW_IDS if operation.method == "POST" else (FIRST_ID, FIRST_ID + posts - 1)
            # One draw for one record, however often the statement names it.
            draws = [f"\\set id random({least}, {most})"]
            variables[f"v{number}"] = ":id"
        else:
            variables[f"v{number}"] = _written(argument)
    # pgbench takes the :MI of a format of dates for a variable; what is quoted in a format means itself.
    plain = query.text.replace("HH24:MI:SS", 'HH24":"MI":"SS')
    text = re.sub(r"\$(\d+)", lambda found: _reference(variables, f"v{found[1]}"), plain)
    kept = {name: content for name, content in variables.items() if content != ":id"}
    return "\n".join([*draws, " ".join(text.split("\n")) + ";", ""]), kept


def _ids(operation: Operation) -> set[str]:
    target = operation.targets[0].rpartition("/")[2]
    if operation.method != "POST":
        return {target}
    found = re.search(rb'"id":"([^"]+)"', operation.query.answer)
    return {found[1].decode()} if found else set()


def _reference(variables: dict[str, str], name: str) -> str:
    return ":id" if variables[name] == ":id" else f":{name}"


def _written(argument: Any) -> str:
    """A value as text, which PostgreSQL reads as the parameter's type."""
    if isinstance(argument, bool):
        return str(argument).lower()
    if isinstance(argument, list | tuple):
        return "{" + ",".join(map(str, argument)) + "}"
    return str(argument)
