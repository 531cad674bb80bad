"""The console's built files: which there are, under which address, and their smaller twins."""

import gzip
from functools import cached_property
from pathlib import Path
from typing import Final

import msgspec

from holdfast.errors import NotFound

DIST: Final = Path(__file__).with_name("dist")
TYPES: Final = {
    ".js": b"text/javascript; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".woff2": b"font/woff2",
    ".svg": b"image/svg+xml",
    ".md": b"text/plain; charset=utf-8",
}
_PACKED: Final = frozenset((".woff2",))  # are compressed already
NOT_BUILT: Final = (
    "<!doctype html><html lang=en><title>Holdfast</title><p>This installation was packaged without the console's files."
)


class Build(msgspec.Struct, frozen=True):
    """What the build wrote down of itself: digests (SHA-256) of what it was made of, and of what it made."""

    sources: str
    assets: str


class Assets:
    """The files of one build. Nothing is read before somebody asks for it."""

    def __init__(self, folder: Path = DIST) -> None:
        self.folder = folder
        self._packed: dict[str, bytes] = {}

    @cached_property
    def digest(self) -> str:
        """What stands in the address of every file, so that a browser may keep them for ever; empty without a build."""
        try:
            build = msgspec.json.decode((self.folder / "BUILD.json").read_bytes(), type=Build)
        except (OSError, msgspec.DecodeError):
            return ""
        return build.assets[:16]

    @cached_property
    def page(self) -> str:
        """The page that the files run in, with `{{nonce}}` where its scripts need one."""
        if not self.digest:
            return NOT_BUILT
        text = (self.folder / "index.html").read_text("utf-8")
        return text.replace("./assets/", f"/_/a/{self.digest}/")

    @cached_property
    def names(self) -> frozenset[str]:
        """The files that are there: nothing else is ever opened."""
        return frozenset(path.name for path in (self.folder / "assets").glob("*") if path.suffix in TYPES)

    def path(self, digest: str, name: str) -> Path:
        """Where a file is. Raises NotFound for any other name, and for one of another build."""
        if digest != self.digest or name not in self.names:
            raise NotFound
        return self.folder / "assets" / name

    def packed(self, name: str) -> bytes:
        """The file as gzip; empty where that would gain nothing. About 50 ms for the largest, once."""
        if Path(name).suffix in _PACKED:
            return b""
        found = self._packed.get(name)
        if found is None:
            found = gzip.compress((self.folder / "assets" / name).read_bytes(), 9, mtime=0)
            self._packed[name] = found
        return found
