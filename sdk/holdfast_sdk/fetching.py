"""Reads a schema over HTTP, and writes the package of it as files. Needs the standard library and msgspec."""

import shutil
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

import msgspec

from holdfast_sdk.generator.package import package
from holdfast_sdk.schema import Schema, package_name, read_schema

PATH: Final = "/api/sdk/python/schema.json"
MARK: Final = "_made_by_holdfast"
TIMEOUT_SECONDS: Final = 30


class CannotFetch(Exception):
    """The schema is not to be had: one sentence that says why."""


def fetch_schema(url: str, key: str = "") -> Schema:
    """The schema of a server. Raises CannotFetch."""
    headers = {"X-API-Key": key} if key else {}
    request = urllib.request.Request(url.rstrip("/") + PATH, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            return read_schema(answer.read())
    except urllib.error.HTTPError as refused:
        with refused:
            raise CannotFetch(f"{url} answered {refused.code}: {_message(refused.read())}") from refused
    except (OSError, ValueError) as failure:
        raise CannotFetch(f"{url} cannot be asked: {failure}") from failure


def _message(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body)["message"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return "no reason given"


def write_package(schema: Schema, folder: Path) -> Path:
    """Write the package into a folder, in place of what was written there before; the package's directory.

    It is made beside and moved, so nobody imports a half of it. Raises CannotFetch for a directory of that name which
    is none of ours.
    """
    name = package_name(schema.name)
    target = folder / name
    if target.exists() and not (target / MARK).exists():
        raise CannotFetch(f"{target} is there already, and was not written by this command: choose another directory.")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=f".{name}") as beside:
        for path, text in package(schema).items():
            file = Path(beside) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        (Path(beside) / name / MARK).write_text(f"{schema.version}\n", "utf-8")
        if target.exists():
            target.rename(Path(beside) / "before")
        shutil.move(Path(beside) / name, target)
    return target
