"""Gathers what there is to tell: of this process, of the others of the same server, and of the database."""

import time
from typing import Final

from holdfast import __version__
from holdfast.auth.principals import Principals
from holdfast.engine import Engine
from holdfast.metrics.database_report import read_database
from holdfast.metrics.process import process_state
from holdfast.metrics.requests import RequestCounts
from holdfast.metrics.samples import Sample, samples
from holdfast.metrics.worker_report import CacheUse, PoolState, WorkerReport, packed, unpacked
from holdfast.observe import Place
from holdfast.realtime.broker import Broker

PLANS: Final = "plans"
CALLERS: Final = "callers"


class Gathering:
    """Answers for this process, and for the whole server when it is asked.

    What is not of one process lies in the database, so whoever is asked can tell it. Of the rest each process tells
    its own, and says which one it is.
    """

    def __init__(self, place: Place, counts: RequestCounts, broker: Broker, principals: Principals) -> None:
        self._place = place
        self._counts = counts
        self._broker = broker
        self._principals = principals
        self._started = time.time()
        broker.report = self._told

    async def samples(self, engine: Engine) -> tuple[Sample, ...]:
        """All samples now. A process that does not answer, or the database, is left out."""
        own = self.report(engine)
        others = await self._broker.reports(engine, self._place.server) if self._place.server else ()
        workers = sorted((own, *map(unpacked, others)), key=lambda one: one.worker)
        return tuple(samples(__version__, workers, await read_database(engine.pool, engine.host.kinds)))

    def _told(self, engine: Engine, server: str) -> bytes:
        """What another process is told that has been asked for the server of this name."""
        is_ours = bool(server) and server == self._place.server
        return packed(self.report(engine)) if is_ours else b""

    def report(self, engine: Engine) -> WorkerReport:
        """What this process has counted since it began."""
        pool, plans, streams = engine.pool, engine.plans, self._broker.streams
        return WorkerReport(
            worker=self._place.worker,
            started=self._started,
            requests=self._counts.now(),
            pool=PoolState(pool.size, pool.open, pool.in_use, pool.waiting),
            caches=(
                CacheUse(PLANS, plans.hits, plans.misses),
                CacheUse(CALLERS, self._principals.hits, self._principals.misses),
            ),
            connections=len(streams),
            topics=streams.topics,
            process=process_state(),
            messages=streams.messages,
        )
