"""What the console's types are made of is what the server says of itself: a change that breaks it breaks its build."""

import json
import os
import re
from pathlib import Path
from typing import Any

from client import Api

ADMIN = Path(__file__).parents[3] / "admin"
FILE = ADMIN / "api.json"
WRITE = "HOLDFAST_WRITE_CONSOLE_API"
CALL = re.compile(r"""call\('(get|post|put|patch|delete)', '(/api/[^']+)'|Answer<'(/api/[^']+)', '(\w+)'>""")


def called() -> set[tuple[str, str]]:
    """The operations that the console's source names, as path and method."""
    found: set[tuple[str, str]] = set()
    for file in sorted((ADMIN / "src").rglob("*.*")):
        if file.suffix in (".ts", ".svelte"):
            for method, path, answer, of in CALL.findall(file.read_text("utf-8")):
                found.add((path, method) if path else (answer, of))
    return found


def reduced(document: dict[str, Any]) -> dict[str, Any]:
    """The part of the document that the console calls."""
    operations = called()
    missing = {(path, method) for path, method in operations if method not in document["paths"].get(path, {})}
    assert missing == set(), "the console calls what the server does not have"
    paths = {
        path: {
            key: content
            for key, content in sorted(document["paths"][path].items())
            if key == "parameters" or (path, key) in operations
        }
        for path in sorted({path for path, _ in operations})
    }
    # Refusals have one shape, which the client has by hand.
    for item in paths.values():
        for operation in item.values():
            if isinstance(operation, dict):
                answers = operation["responses"]
                operation["responses"] = {status: answers[status] for status in answers if status < "400"}
    schemas = document["components"]["schemas"]
    used: dict[str, Any] = {}
    waiting = [paths]
    while waiting:
        for name in re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(waiting.pop())):
            if name not in used:
                used[name] = schemas[name]
                waiting.append(schemas[name])
    about = {"title": "What the console calls", "version": "1"}
    return {"openapi": "3.1.0", "info": about, "paths": paths, "components": {"schemas": dict(sorted(used.items()))}}


async def test_the_console_is_built_for_the_api_that_there_is(api: Api) -> None:
    found = json.dumps(reduced((await api.root.get("/api/openapi.json")).json()), indent=1) + "\n"
    if os.environ.get(WRITE):
        FILE.write_text(found, "utf-8")
    assert FILE.read_text("utf-8") == found, "the API of the console has changed: run ./dev console"
