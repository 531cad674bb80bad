"""When something is to be done that recurs: cron expressions, read in a time zone. Pure.

The expressions are evaluated by cronsim, which does at the change to summer time what cron does: a time that does not
exist comes when the clock goes on, one that is there twice comes once.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from cronsim import CronSim, CronSimError

FIELDS: Final = 5
NAMED: Final[Mapping[str, str]] = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


class Recurring(msgspec.Struct, frozen=True):
    """What recurs: `id` is PLUGIN.NAME, as is the name of the job that is made for each time."""

    id: str
    plugin: str
    cron: str
    timezone: str = "UTC"
    catches_up: bool = True


def next_time(cron: str, timezone: str, after: datetime) -> datetime:
    """The first time after another, in UTC. Raises ValueError for an expression or a zone that cannot be."""
    expression = NAMED.get(cron.strip().lower(), cron)
    if len(expression.split()) != FIELDS:
        raise ValueError(f"{cron!r} is no cron expression: it has five fields, as in '30 3 * * *'")
    try:
        found = next(CronSim(expression, after.astimezone(_zone(timezone))))
    except CronSimError as failure:
        raise ValueError(f"{cron!r} is no cron expression: {str(failure).lower()}") from failure
    except StopIteration:
        raise ValueError(f"{cron!r} names a time that never comes") from None
    return found.astimezone(UTC)


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as failure:  # what is not found is a KeyError
        raise ValueError(f"there is no time zone {name!r}") from failure
