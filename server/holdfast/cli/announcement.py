"""What `holdfast serve` says: for people on a terminal, as JSON lines elsewhere.

Not through the log, which takes every secret out: the setup link is one, and it is meant for who reads this.
"""

import sys
from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from holdfast import __version__
from holdfast.config import Settings


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """That the server takes requests, and where. `setup_link` is empty once there is a superuser."""

    address: str
    data: str
    database: str
    workers: int
    setup_link: str = ""
    messages: tuple[str, ...] = ()


class Reporter(msgspec.Struct, frozen=True):
    """Says what happens, in the form that the log has."""

    as_json: bool

    @classmethod
    def of(cls, settings: Settings) -> "Reporter":
        """The one for this run: JSON unless asked otherwise or on a terminal."""
        form = settings.log_format
        return cls(form == "json" or (form == "auto" and not sys.stdout.isatty()))

    def progress(self, message: str) -> None:
        """One sentence about what is being done."""
        if self.as_json:
            self._line({"event": message})
        else:
            click.echo(message)

    def started(self, announcement: Announcement) -> None:
        """The server takes requests."""
        if self.as_json:
            self._line({"event": "started", "version": __version__, **msgspec.structs.asdict(announcement)})
        else:
            click.echo(text(announcement))

    def _line(self, fields: dict[str, Any]) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        click.echo(msgspec.json.encode({"time": now, "level": "info", **fields}).decode())


def text(announcement: Announcement) -> str:
    """The announcement for a terminal."""
    workers = f", {announcement.workers} workers" if announcement.workers > 1 else ""
    lines = [
        "",
        click.style(f"  Holdfast {__version__} is running at {announcement.address}", bold=True) + workers,
        "",
        f"  Database    {announcement.database}",
        f"  Data        {announcement.data}",
        f"  API         {announcement.address}/api/docs",
    ]
    lines.extend(f"  Note        {message}" for message in announcement.messages)
    if announcement.setup_link:
        lines += [
            "",
            "  There is no superuser yet. Make the first one with this link, which works once:",
            f"  {click.style(announcement.setup_link, fg='cyan')}",
        ]
    return "\n".join([*lines, ""])
