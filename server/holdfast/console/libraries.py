"""`GET /api/console/libraries`: what the server is made of, and under which licences, for superusers."""

import asyncio
import re
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Final

import msgspec

from holdfast.engine import Engine
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import Route, Schema

PATH: Final = "/api/console/libraries"
OWN: Final = "holdfast"
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_EXTRA: Final = re.compile(r";.*\bextra\b")
_CLASSIFIED: Final = "License :: OSI Approved :: "
_TEXT: Final[Schema] = {"type": "string"}


class Library(msgspec.Struct, frozen=True):
    """One installed library, as it tells of itself. `licence` is empty where it says nothing."""

    name: str
    version: str
    licence: str


def libraries(own: str = OWN) -> tuple[Library, ...]:
    """All that an installed package needs, and what those need, by name. Reads files: about 50 ms.

    What is not installed is not needed here: packages for other systems and versions of Python.
    """
    found: dict[str, Library] = {}
    waiting = list(_needed(own))
    while waiting:
        name = waiting.pop()
        if _key(name) in found:
            continue
        try:
            one = distribution(name)
        except PackageNotFoundError:
            continue
        found[_key(name)] = Library(one.metadata["Name"], one.version, _licence(one))
        waiting += _needed(name)
    return tuple(found[key] for key in sorted(found))


def _needed(name: str) -> Iterator[str]:
    try:
        wanted = distribution(name).requires or []
    except PackageNotFoundError:
        return
    for requirement in wanted:
        matched = _NAME.match(requirement)
        if matched is not None and not _EXTRA.search(requirement):
            yield matched[0]


def _licence(one: Distribution) -> str:
    told = {name: one.metadata.get_all(name) or [] for name in ("License-Expression", "Classifier", "License")}
    if told["License-Expression"]:
        return str(told["License-Expression"][0])
    classified = [str(text) for text in told["Classifier"] if str(text).startswith("License :: ")]
    if classified:
        return ", ".join(text.removeprefix(_CLASSIFIED).rpartition(" :: ")[2] for text in classified)
    lines = [line for text in told["License"] for line in str(text).strip().splitlines()]
    return lines[0] if lines else ""


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


async def list_libraries(_: Engine, __: Request) -> Response:
    """The libraries of this installation."""
    found = await asyncio.to_thread(libraries)
    return Response(body=msgspec.json.encode({"items": found}))


LIBRARY_ROUTES: Final = (
    Route(
        method="GET",
        path=PATH,
        handler=list_libraries,
        summary="The libraries of the server, and their licences",
        tag="console",
        answer={
            "type": "object",
            "required": ["items"],
            "properties": {
                "items": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["name", "version", "licence"],
                        "properties": {"name": _TEXT, "version": _TEXT, "licence": _TEXT},
                    },
                }
            },
        },
    ),
)
