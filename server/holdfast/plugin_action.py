"""Record actions as a plugin declares them: what somebody at the console does to records that they have chosen."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:  # it has a word for what it does them with
    from holdfast.plugin import Context


class RecordAction(msgspec.Struct, frozen=True, kw_only=True):
    """Something to do to records: `RecordAction(name="publish", label="Publish", run=self.publish)`.

    `run` is called for one record after the other, with a context in a transaction of that record's own and with the
    record as it is then: nobody else changes it before `run` is over. What `run` raises undoes what it did to this
    record, and is told of it; the other records keep what was done to them. It has 5 seconds: what takes longer, or
    asks another service, is a job that it enqueues.

    `collections` are the names of those whose records it is for, or a function that gives them for the plugin's
    settings: `lambda settings: [one.collection for one in settings.slugs]`. None is every one but views and those of
    the server itself.
    """

    name: str
    """Small letters, digits and underscores; no other action of the plugin has it."""
    label: str
    """What it is called in a menu: `Publish`."""
    run: Callable[["Context", Mapping[str, Any]], Coroutine[Any, Any, None]]
    collections: Sequence[str] | Callable[[Any], Sequence[str]] | None = None
    description: str = ""
    """What it does, in a sentence that stands where somebody is asked whether they mean it."""
    confirm: str = ""
    """What somebody has to think of before they mean it: shown as a warning."""
    many: bool = True
    """Whether it can be done to more than one record at a time."""
