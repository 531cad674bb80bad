"""The pages of the index, as PEP 503 (HTML) and PEP 691 (JSON) have them. Pure."""

from html import escape
from typing import Any, Final

import msgspec

from holdfast_sdk.wheel import PYTHON, Wheel

JSON: Final = b"application/vnd.pypi.simple.v1+json"
HTML: Final = b"text/html; charset=utf-8"
FILES: Final = "/api/sdk/python/files/"
_META: Final[dict[str, Any]] = {"api-version": "1.1"}
_PAGE: Final = (
    '<!DOCTYPE html>\n<html><head><meta name="pypi:repository-version" content="1.1"><title>{title}</title></head>'
    "<body>\n{links}</body></html>\n"
)


def wants_json(accept: str) -> bool:
    """Whether JSON is asked for, and HTML at most if there were no JSON."""
    kinds = [part.partition(";")[0].strip() for part in accept.split(",")]
    return JSON.decode() in kinds or "application/vnd.pypi.simple.latest+json" in kinds


def projects(name: str, *, json: bool) -> bytes:
    """The list of packages: one."""
    if json:
        return msgspec.json.encode({"meta": _META, "projects": [{"name": name}]})
    return _html("Packages", f'<a href="{name}/">{name}</a><br>\n')


def project(name: str, version: str, wheel: Wheel, *, json: bool) -> bytes:
    """The files of the package: one."""
    digest = wheel.metadata_sha256
    if json:
        file: dict[str, Any] = {
            "filename": wheel.name,
            "url": FILES + wheel.name,
            "hashes": {"sha256": wheel.sha256},
            "requires-python": PYTHON,
            "core-metadata": {"sha256": digest},
            "size": len(wheel.body),
            "yanked": False,
        }
        return msgspec.json.encode({"meta": _META, "name": name, "versions": [version], "files": [file]})
    attributes = f'data-requires-python="{escape(PYTHON)}" data-dist-info-metadata="sha256={digest}"'
    href = f"{FILES}{wheel.name}#sha256={wheel.sha256}"
    return _html(f"Links for {name}", f'<a href="{href}" {attributes}>{wheel.name}</a><br>\n')


def _html(title: str, links: str) -> bytes:
    return _PAGE.format(title=title, links=links).encode()
