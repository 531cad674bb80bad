"""What an archive says of itself: `backup.json`, its last member. Pure."""

import re
from typing import Final, Literal, TypeAlias

import msgspec

Kind: TypeAlias = Literal["manual", "scheduled", "safety"]
FORMAT: Final = 1
MANIFEST: Final = "backup.json"
DATABASE: Final = "database.dump"
SUMS: Final = "SHA256SUMS"
FILES: Final = "files/"
"""What the names of members begin with that are files of records; their keys in the storage follow."""
MOST_BYTES: Final = 64 * 1024 * 1024  # of backup.json: collections and fields, no records
MOST_CHARS: Final = 300  # of what a library says about an archive
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # as it is written in JSON, and no \ that is itself escaped


class Member(msgspec.Struct, frozen=True):
    """A part of an archive; `size` is in bytes."""

    name: str
    size: int
    sha256: str


class FieldThen(msgspec.Struct, frozen=True):
    """A field as it was."""

    id: str
    name: str
    type: str


class CollectionThen(msgspec.Struct, frozen=True):
    """A collection as it was. `rows` is None for a view."""

    id: str
    name: str
    type: str
    system: bool
    rows: int | None
    fields: tuple[FieldThen, ...] = ()


class FilesThen(msgspec.Struct, frozen=True):
    """The files of records that are in the archive. `missing`: a record has them, and the storage had not."""

    count: int = 0
    bytes: int = 0
    missing: int = 0


class Manifest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Of which moment an archive is, of what, and by whom.

    `origin` tells the server by a fingerprint of its key, `migration` is the last one that the database had. `sums` is
    the member that lists the sums of all files.
    """

    format: int
    holdfast: str
    postgres: str
    migration: str
    project: str
    origin: str
    made: str
    by: str
    kind: Kind
    note: str
    collections: tuple[CollectionThen, ...]
    database: Member
    sums: Member
    files: FilesThen | None
    """None where they were not asked for."""

    @property
    def declared(self) -> int:
        """How many collections there were, without the server's own."""
        return sum(1 for one in self.collections if not one.system)

    @property
    def rows(self) -> int:
        """Records of all collections."""
        return sum(one.rows or 0 for one in self.collections)


def write_manifest(manifest: Manifest) -> bytes:
    """The manifest as it stands in the archive."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


class Format(msgspec.Struct, frozen=True):
    """The first look at a manifest: one of a later format need not be read any further."""

    format: int


class NotOurs(Exception):
    """A file that is no backup of Holdfast, or is broken: one sentence for people."""


class TooNew(NotOurs):
    """A backup whose format this server does not know yet."""


def read_manifest(text: bytes) -> Manifest:
    """A manifest. Raises NotOurs and TooNew."""
    try:
        if msgspec.json.decode(text, type=Format).format > FORMAT:
            raise TooNew("This backup was made by a newer Holdfast: restore it with that version.")
        manifest = msgspec.json.decode(text, type=Manifest)
    except msgspec.DecodeError as failure:
        raise NotOurs(f"Its {MANIFEST} cannot be read: {in_words(failure)}.") from failure
    if _NUL.search(msgspec.json.encode(manifest)):  # PostgreSQL keeps no such text: it would be refused there, by 22P05
        raise NotOurs(f"Its {MANIFEST} holds a character NUL, which nothing in Holdfast is called.")
    return manifest


def in_words(failure: Exception) -> str:
    """What a library says of a failure, which may quote what it has read: as a text that can be kept and shown."""
    return "".join(one if one.isprintable() else "?" for one in str(failure)[:MOST_CHARS])
