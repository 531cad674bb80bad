"""Backups that are made by themselves: when, by which job, and how many of them are kept."""

from collections.abc import Mapping
from typing import Final

import structlog

from holdfast.audit.author import SERVER
from holdfast.backups import service, shelf
from holdfast.backups.making import Wanted
from holdfast.backups.works import Works
from holdfast.db.failures import end_if_cancelled
from holdfast.engine import Engine
from holdfast.errors import ApiError, Conflict
from holdfast.jobs.cron import Recurring
from holdfast.jobs.job import Job, JobKind, TryLater

ID: Final = "__hf_backup__"  # as PocketBase calls what is its own
BUSY_SECONDS: Final = 60.0  # before it is tried again where other work on backups runs
MOST_SECONDS: Final = 12 * 3600.0
_DAY: Final = 86_400.0
_log: Final = structlog.get_logger("holdfast.backups")


def recurring(engine: Engine) -> Mapping[str, Recurring]:
    """The schedule of backups; empty where there is none. A time that was missed is made up for."""
    cron = engine.options.backups.cron
    return {ID: Recurring(ID, "", cron)} if cron else {}


async def _run(engine: Engine, _: Job) -> None:
    works = Works()
    try:
        begun = await works.create(engine, SERVER, Wanted(kind="scheduled", by="schedule"))
        await begun.done()
    except Conflict as failure:
        raise TryLater(BUSY_SECONDS, failure.message) from failure
    finally:
        await works.close()
    await prune(engine)


BACKUP: Final = JobKind(
    name=ID, run=_run, attempts=5, seconds=MOST_SECONDS, at_once=1, pause_seconds=60.0, kept_seconds=_DAY
)


async def prune(engine: Engine) -> None:
    """Delete scheduled backups of this server beyond those that are kept: the oldest ones. Raises nothing.

    The backup is made by then: a failure here must not have its job tried again, and a second one made.
    """
    try:
        await _prune(engine)
    except Exception as failure:  # whatever it is, the next backup tries again
        end_if_cancelled()
        _log.warning("old backups could not be deleted", reason=str(failure), exc_info=failure)


async def _prune(engine: Engine) -> None:
    most = engine.options.backups.cron_max_keep
    origin = shelf.fingerprint(engine)
    ours = [
        one
        for one in await shelf.list_known(engine)
        if one.manifest is not None and one.manifest.kind == "scheduled" and one.manifest.origin == origin
    ]
    ours.sort(key=lambda one: one.manifest.made if one.manifest is not None else "", reverse=True)
    for one in ours[most:] if most else ():
        try:
            await service.delete_backup(engine, SERVER, one.stored.key)
        except ApiError as failure:  # the next one tries again
            _log.warning("an old backup could not be deleted", backup=one.stored.key, reason=failure.message)
