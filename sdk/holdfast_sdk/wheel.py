"""A wheel in memory: the same files, the same bytes."""

import base64
import hashlib
import io
import zipfile
from collections.abc import Mapping
from typing import Final

import msgspec

from holdfast_sdk.generator.package import package
from holdfast_sdk.schema import Schema, package_name, project_name

REQUIRES: Final = ("httpx>=0.27,<1", "msgspec>=0.19,<1")
PYTHON: Final = ">=3.11"
_BEGAN: Final = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip file knows
_WHEEL: Final = "Wheel-Version: 1.0\nGenerator: holdfast\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


class Wheel(msgspec.Struct, frozen=True):
    """A wheel: its file name, its bytes, the SHA-256 of them, and its metadata as a file beside it."""

    name: str
    body: bytes
    sha256: str
    metadata: bytes

    @property
    def is_whole(self) -> bool:
        """Whether it knows what is for superusers: its version has a part of its own for that."""
        return "+" in self.name


def wheel_name(schema: Schema) -> str:
    """The file name of the wheel of a schema."""
    return f"{package_name(schema.name)}-{schema.version}-py3-none-any.whl"


def build_wheel(schema: Schema) -> Wheel:
    """The package of a schema as a wheel."""
    folder = f"{package_name(schema.name)}-{schema.version}.dist-info"
    metadata = _metadata(schema)
    files = {name: text.encode() for name, text in package(schema).items()}
    files[f"{folder}/METADATA"] = metadata
    files[f"{folder}/WHEEL"] = _WHEEL.encode()
    files[f"{folder}/RECORD"] = _record(files, f"{folder}/RECORD")
    body = zipped(files)
    return Wheel(wheel_name(schema), body, hashlib.sha256(body).hexdigest(), metadata)


def zipped(files: Mapping[str, bytes]) -> bytes:
    """The files as a zip, in the order that is given, without anything of this machine or this moment."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, body in files.items():
            entry = zipfile.ZipInfo(name, _BEGAN)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, on whatever system this runs
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, body)
    return out.getvalue()


def _metadata(schema: Schema) -> bytes:
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {project_name(schema.name)}",
        f"Version: {schema.version}",
        "Summary: The client of a Holdfast server, typed for its collections.",
        f"Requires-Python: {PYTHON}",
        *(f"Requires-Dist: {requirement}" for requirement in REQUIRES),
        "License: MIT",
        "Classifier: Typing :: Typed",
        f"Keywords: holdfast,schema-{schema.schema}",
    ]
    return ("\n".join(lines) + "\n").encode()


def _record(files: Mapping[str, bytes], own: str) -> bytes:
    lines: list[str] = []
    for name, body in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(body)}\n")
    return ("".join(lines) + f"{own},,\n").encode()
