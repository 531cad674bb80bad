"""Pages of the console as a plugin declares them: files of its own, in a frame that reaches what it is granted."""

from collections.abc import Sequence
from pathlib import Path

import msgspec


class ConsolePage(msgspec.Struct, frozen=True, kw_only=True):
    """A page: `ConsolePage(name="board", label="Board", folder=Path(__file__).parent / "board")`.

    `folder` has an `index.html` and the files beside it that it loads. They are for anyone who knows their address, and
    hold no secrets. They run in a sandboxed frame of no origin: without the console's cookie, page and storage, and
    without the network but for these files. What it wants of the API it asks the console for, which sends it as who is
    signed in, where `may` has it.
    """

    name: str
    """Small letters, digits and underscores; no other page of the plugin has it."""
    label: str
    """What its tab is called: `Board`."""
    folder: Path
    may: Sequence[str] = ()
    """What it may ask of the API: `"GET /api/collections/posts/records"`; `*` stands for one segment of a path."""
    collections: Sequence[str] = ()
    """The collections beside whose records it is a tab; without any it is a tab of the plugin."""
