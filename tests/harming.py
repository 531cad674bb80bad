"""Archives that are broken in ways which the libraries tell of in words of their own."""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from typing import Any, Final

MANIFEST: Final = "backup.json"


def packed(content: bytes, method: int = zipfile.ZIP_STORED, **changes: Any) -> bytes:
    """An archive with its manifest alone, changed and packed by another method."""
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        manifest = json.loads(opened.read(MANIFEST))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as opened:
        opened.writestr(MANIFEST, json.dumps({**manifest, **changes}))
    return made.getvalue()


def encrypted(content: bytes) -> bytes:
    """An archive whose members say that they are encrypted."""
    made = bytearray(packed(content))
    made[made.index(b"PK\x03\x04") + 6] |= 1
    made[made.index(b"PK\x01\x02") + 8] |= 1
    return bytes(made)


def torn(content: bytes, method: int) -> bytes:
    """An archive that is compressed, and whose first compressed bytes are others."""
    made = bytearray(packed(content, method))
    begin = 30 + len(MANIFEST)  # of a local header: what it has before the name
    made[begin : begin + 8] = b"\xff" * 8
    return bytes(made)


def pointing_away(content: bytes) -> bytes:
    """An archive whose list says that a member is where no file system has anything."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        opened.writestr(MANIFEST, content[:100])
        opened.filelist[0].header_offset = 1 << 62
    return made.getvalue()


def deep(_: bytes) -> bytes:
    """An archive with a manifest that is nested too deep to be read."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        opened.writestr(MANIFEST, '{"other":' + "[" * 100_000 + "]" * 100_000 + ',"format":1}')
    return made.getvalue()


HARMS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "encrypted": encrypted,
    "deflated and torn": lambda content: torn(content, zipfile.ZIP_DEFLATED),
    "by bzip2 and torn": lambda content: torn(content, zipfile.ZIP_BZIP2),
    "by lzma": lambda content: torn(content, zipfile.ZIP_LZMA),
    "with NUL": lambda content: packed(content, note="a\0b"),
    "with NUL in what is refused": lambda content: packed(content, kind="a\0b"),
    "pointing away": pointing_away,
    "too deep": deep,
}
