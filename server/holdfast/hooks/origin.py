"""What a hook is called for: who asks, in which request, about which collection, in which transaction."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from holdfast.db.pool import Transaction
from holdfast.identity import GUEST, Principal
from holdfast.plugin import Context, JobRun
from holdfast.schema.collection import Collection

if TYPE_CHECKING:  # lies in a layer above
    from holdfast.rules.facts import Facts

MOST_DEEP: Final = 8  # writes of hooks that lead to writes of hooks


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """What a hook is called for. `depth` counts the writes of plugins that led to it.

    `facts` gives what a rule may ask of the request: few hooks do anything that a rule has to allow.
    """

    who: Principal = GUEST
    request_id: str = ""
    collection: Collection | None = None
    tx: Transaction | None = None
    facts: "Callable[[], Facts] | None" = None
    depth: int = 0
    job: JobRun | None = None


NOWHERE: Final = Origin()


class HookContext(Context, Protocol):
    """A context as the caller of a hook has it."""

    def leave(self) -> str:
        """End it: nothing can be done with it any more.

        Gives what the hook has left behind that it should not have, as the end of a sentence, or nothing. If there is
        something, it has to be undone.
        """
        ...

    async def undo(self) -> None:
        """Undo what was left open."""
        ...
