"""Tells of something that happened to the server itself: an event of `system.*`, behind all that came before it."""

from collections.abc import Mapping
from typing import Final

import msgspec

from holdfast.db.sql import Inputs, Statement, named, raw

WEBHOOK_DISABLED: Final = "system.webhook_disabled"
BACKUP_CREATED: Final = "system.backup_created"
BACKUP_FAILED: Final = "system.backup_failed"
BACKUP_RESTORED: Final = "system.backup_restored"
SYSTEM_EVENTS: Final = (WEBHOOK_DISABLED, BACKUP_CREATED, BACKUP_FAILED, BACKUP_RESTORED)
TELL: Final = Statement.of(
    raw("INSERT INTO holdfast.outbox (type, record) VALUES (")
    + named("type", "text")
    + raw(", ")
    + named("record", "text")
    + raw(")")
)
"""Run it in the transaction of what is told: then the event is there exactly if that is."""


def told(type: str, record: Mapping[str, object]) -> Inputs:
    """What TELL is run with."""
    return Inputs(named={"type": type, "record": msgspec.json.encode(record).decode()})
