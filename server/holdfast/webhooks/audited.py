"""What the audit log says of endpoints: without their secrets, and without the values of their headers."""

from collections.abc import Mapping
from typing import Any, Final

from holdfast.audit.actions import Action
from holdfast.audit.author import Author
from holdfast.audit.entry import Entry, Parts, Target, changed
from holdfast.audit.write import write
from holdfast.db.pool import Transaction

KIND: Final = "webhook"
_APART: Final = frozenset(("circuit", "error", "oldSecretUntil", "created", "updated"))


async def write_endpoint(
    tx: Transaction,
    author: Author,
    action: Action,
    before: Parts | None = None,
    after: Parts | None = None,
    details: Parts | None = None,
) -> None:
    """Write what was done to an endpoint, which is given as the API writes it, before and after."""
    known = after or before or {}
    target = Target(KIND, known["id"], known["url"])
    if before is not None and after is not None:
        before, after = changed(before, after, apart=_APART)
    entry = Entry(action=action, target=target, before=_masked(before), after=_masked(after), details=details)
    await write(tx, author, entry)


def _masked(parts: Parts | None) -> Parts | None:
    if parts is None or "headers" not in parts:
        return parts
    headers: Mapping[str, Any] = parts["headers"]
    return {**parts, "headers": dict.fromkeys(headers, "hidden")}
