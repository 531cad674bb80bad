"""The pages of the index, as PEP 503 (HTML), 691 (JSON), 658 (metadata) and 700 (sizes, times) have them. Pure."""

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC
from html import escape
from typing import Any, Final

import msgspec

from holdfast.sdk.shelf import Shelved
from holdfast_sdk.wheel import PYTHON

JSON: Final = "application/vnd.pypi.simple.v1+json"
HTML: Final = "application/vnd.pypi.simple.v1+html"
PLAIN_HTML: Final = "text/html"
KINDS: Final = (PLAIN_HTML, HTML, JSON)  # the first of those that are wanted as much
LATEST: Final = {
    "application/vnd.pypi.simple.latest+json": JSON,
    "application/vnd.pypi.simple.latest+html": HTML,
}
FILES: Final = "/api/sdk/python/files/"
_META: Final[dict[str, Any]] = {"api-version": "1.1"}
_PAGE: Final = (
    '<!DOCTYPE html>\n<html><head><meta name="pypi:repository-version" content="1.1"><title>{title}</title></head>'
    "<body>\n{links}</body></html>\n"
)
_SIGNS: Final = re.compile(r"[-_.]+")


def normal(name: str) -> str:
    """The name of a project as PEP 503 has it."""
    return _SIGNS.sub("-", name).lower()


def chosen(accept: str) -> str:
    """The type of a page for an `Accept` header: HTML where nothing is said, or nothing of ours is wanted."""
    wanted = {kind: 0.0 for kind in KINDS}
    for part in accept.split(","):
        name, quality = _wish(part)
        for kind in KINDS:
            if name in ("*/*", kind) or LATEST.get(name) == kind or name == f"{kind.partition('/')[0]}/*":
                wanted[kind] = max(wanted[kind], quality)
    return max(KINDS, key=lambda kind: wanted[kind])


def _wish(part: str) -> tuple[str, float]:
    """A type and how much it is wanted, from 0 to 1."""
    name, *more = [piece.strip().lower() for piece in part.split(";")]
    quality = next((piece[2:].strip() for piece in more if piece.startswith("q=")), "1")
    return name, min(1.0, float(quality)) if re.fullmatch(r"\d(\.\d{0,3})?", quality) else 0.0


def header(kind: str) -> bytes:
    """The `Content-Type` of a page."""
    return (kind if kind == JSON else f"{kind}; charset=utf-8").encode()


def projects(name: str, kind: str) -> bytes:
    """The list of packages: one."""
    if kind == JSON:
        return msgspec.json.encode({"meta": _META, "projects": [{"name": name}]})
    return _html("Packages", f'<a href="{name}/">{name}</a><br>\n')


def project(name: str, files: Sequence[Shelved], kind: str) -> bytes:
    """The files of a package."""
    if kind == JSON:
        versions = list(dict.fromkeys(file.version for file in files))
        listed = [_file(file) for file in files]
        return msgspec.json.encode({"meta": _META, "name": name, "versions": versions, "files": listed})
    return _html(f"Links for {name}", "".join(_link(file) for file in files))


def _file(file: Shelved) -> dict[str, Any]:
    digest = {"sha256": hashlib.sha256(file.metadata).hexdigest()}
    return {
        "filename": file.file,
        "url": FILES + file.file,
        "hashes": {"sha256": file.sha256},
        "requires-python": PYTHON,
        "core-metadata": digest,  # under the name before PEP 714, pip 22.3 to 23.0 (Debian 12's) fails over it
        "size": file.size,
        "upload-time": file.made.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "yanked": False,
    }


def _link(file: Shelved) -> str:
    digest = f"sha256={hashlib.sha256(file.metadata).hexdigest()}"
    attributes = f'data-requires-python="{escape(PYTHON)}" data-core-metadata="{digest}"'
    href = f"{FILES}{file.file}#sha256={file.sha256}"
    return f'<a href="{href}" {attributes} data-dist-info-metadata="{digest}">{file.file}</a><br>\n'


def _html(title: str, links: str) -> bytes:
    return _PAGE.format(title=title, links=links).encode()
