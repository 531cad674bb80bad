"""What a process keeps of itself: its signs of life, and the history of what it measures."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from holdfast.background.heartbeat import Heartbeat, Role
from holdfast.config import Settings
from holdfast.db.pool import Pool
from holdfast.engine import Engine
from holdfast.metrics.history import History, Report
from holdfast.metrics.process import process_state
from holdfast.metrics.worker_report import PoolState, WorkerReport
from holdfast.observe import ALONE, Place


@asynccontextmanager
async def keeping(
    engine: Engine, settings: Settings, pool: Pool, role: Role, *, report: Report, place: Place = ALONE
) -> AsyncGenerator[None]:
    """Keep both for the block, over connections of `pool`; what is counted is asked of `report`."""

    def measure(of: Engine) -> tuple[int | None, int]:
        return process_state().memory_bytes, report(of).connections

    heart = Heartbeat(role, place.worker, pool, measure)
    history = History(heart.process, pool, report, settings.metrics_days)
    async with heart.running(engine), history.running(engine):
        yield


def without_requests() -> Report:
    """What a process counts that answers none."""
    started = time.time()

    def report(engine: Engine) -> WorkerReport:
        pool = engine.pool
        return WorkerReport(
            worker=1,
            started=started,
            requests=(),
            pool=PoolState(pool.size, pool.open, pool.in_use, pool.waiting),
            caches=(),
            connections=0,
            topics=0,
            process=process_state(),
        )

    return report
