"""Where files are kept: in the data directory, unless the operator says otherwise."""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from holdfast.config import Settings
from holdfast.schema.app_options import S3, AppOptions

FOLDER: Final = "storage"  # in the data directory
BACKUPS: Final = "backups"  # in the data directory
UPLOADS: Final = "uploads"  # in the data directory: what has come of resumable ones
SPOOL: Final = "spool"  # beside it, so that a file can move from one to the other


class Place(msgspec.Struct, frozen=True):
    """A back end: `url` if there is one, else the bucket `s3`, else the folder."""

    folder: Path
    s3: S3 | None = None
    url: str = msgspec.field(default="")

    @property
    def shown(self) -> str:
        """Where that is, for people: without secrets."""
        if self.url:
            parts = urlsplit(self.url)
            return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
        return str(self.folder) if self.s3 is None else f"s3://{self.s3.bucket} at {self.s3.endpoint}"


def place_of(options: AppOptions, settings: Settings) -> Place:
    """Where this server keeps files. The environment wins over `/api/settings`."""
    folder = settings.data / FOLDER
    if settings.storage_url:
        return Place(folder, url=settings.storage_url)
    return Place(folder, options.s3 if options.s3.enabled else None)


def backup_place_of(options: AppOptions, settings: Settings) -> Place:
    """Where this server keeps backups: in a bucket of their own if there is one."""
    s3 = options.backups.s3
    return Place(settings.data / BACKUPS, s3 if s3.enabled else None)


def spool_of(settings: Settings) -> Path:
    """Where files wait until they are whole."""
    return settings.data / SPOOL


def uploads_of(settings: Settings) -> Path:
    """Where uploads that come in pieces wait until they are complete, and a record takes them."""
    return settings.data / UPLOADS


def is_same(one: Place, other: Place) -> bool:
    """Whether both are the same place, by what is said of them."""
    if one.url or other.url:
        return one.url == other.url or (_folder(one) is not None and _folder(one) == _folder(other))
    if one.s3 is None or other.s3 is None:
        return one.s3 is other.s3 and one.folder == other.folder
    return (one.s3.endpoint, one.s3.bucket) == (other.s3.endpoint, other.s3.bucket)


def _folder(place: Place) -> str | None:
    if place.url:
        parts = urlsplit(place.url)
        return parts.path.rstrip("/") if parts.scheme == "file" else None
    return str(place.folder) if place.s3 is None else None
