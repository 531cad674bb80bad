"""The superusers are warned while an endpoint fails for days: it will be turned off."""

from typing import Final

import msgspec
import structlog

from holdfast.db.sql import Inputs, Statement, named, raw
from holdfast.engine import Engine
from holdfast.webhooks.circuit import DAY, DISABLED_AFTER, Circuit
from holdfast.webhooks.endpoint import Endpoint
from holdfast.webhooks.telling import tell_superusers

HAPPENED: Final = "a webhook fails and will be turned off"
_HOUR: Final = 3600.0
# Whoever leads later, or after a restart, reads from here what was told already.
_WARN: Final = Statement.of(
    raw("UPDATE holdfast.webhooks AS w SET circuit = ")
    + named("circuit", "jsonb")
    + raw(" WHERE w.disabled = '' AND coalesce((w.circuit->>'warned')::integer, 0) < ")
    + named("warned", "integer")
    + raw(" AND w.id = ")
    + named("id", "text")
    + raw(" RETURNING w.id")
)
_log: Final = structlog.get_logger("holdfast.webhooks")


async def warn(engine: Engine, endpoint: Endpoint, circuit: Circuit, now: float) -> None:
    """Warn once of the share that `circuit.warned` names. What is written down and the mails are one transaction."""
    kept = {"circuit": msgspec.json.encode(circuit).decode(), "warned": circuit.warned, "id": endpoint.id}
    failing = now - circuit.failing_since
    async with engine.pool.transaction() as tx:
        if await tx.fetchrow(_WARN, Inputs(named=kept)) is None:
            return
        await tell_superusers(engine, tx, endpoint, HAPPENED, sentences(endpoint, failing))
    _log.warning("a webhook fails and will be turned off", webhook=endpoint.id, hours=round(failing / _HOUR))


def sentences(endpoint: Endpoint, failing: float) -> tuple[str, ...]:
    """What the mail says of an endpoint that has failed for so many seconds."""
    left = max(DISABLED_AFTER - failing, 0.0)
    return (
        f"Nothing has reached it for {spoken(failing)}. If that goes on, it is turned off in {spoken(left)}.",
        f"GET /api/webhooks/{endpoint.id}/deliveries says what it answers. Until it is well everything waits for it.",
    )


def spoken(seconds: float) -> str:
    """A time in days and hours."""
    days, hours = divmod(round(seconds / _HOUR), round(DAY / _HOUR))
    parts = [f"{count} {word}{'' if count == 1 else 's'}" for count, word in ((days, "day"), (hours, "hour")) if count]
    return " and ".join(parts) or "less than an hour"
