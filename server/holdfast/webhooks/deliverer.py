"""Sends deliveries, as the one process of all that leads in this.

Every endpoint has a lane of its own: its claims, its circuit, its requests under way. So a receiver that is slow or
gone costs the others nothing. What was done is written down together for all lanes, a few times a second.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import asyncpg
import msgspec
import structlog

from holdfast.db.failures import end_if_cancelled
from holdfast.db.leader import Lock, lead
from holdfast.db.sql import Inputs, Statement, named, raw
from holdfast.engine import Engine
from holdfast.errors import ApiError
from holdfast.outbound.client import MOST_CONNECTIONS, Outbound
from holdfast.webhooks import queue, store
from holdfast.webhooks.disabling import disable
from holdfast.webhooks.endpoint import UNREADABLE, Endpoint
from holdfast.webhooks.heads import claim_heads
from holdfast.webhooks.lane import Lane
from holdfast.webhooks.outcome import GONE, Attempt, Outcome, outcome
from holdfast.webhooks.queue import Claimed, Done
from holdfast.webhooks.selecting import barred_by_now
from holdfast.webhooks.sending import send
from holdfast.webhooks.service import allowed
from holdfast.webhooks.warning import warn

LOCK: Final[Lock] = (0x48460000, 11)  # "HF", advisory lock of the process that sends
LOOK_SECONDS: Final = 0.05  # between two looks for what is due
IDLE_SECONDS: Final = 0.2  # the same while nothing is
PER_HOST: Final = 32  # connections to one host, shared by all endpoints there
FLUSH_SECONDS: Final = 0.02
FLUSH_AT: Final = 100  # attempts that are written down together
READ_SECONDS: Final = 1.0  # until a change of an endpoint is heeded
REAP_SECONDS: Final = 3.0
ELECTION_SECONDS: Final = 2.0
BARRED: Final = "Its role may not see this record any more."
STOP_SECONDS: Final = 5.0  # for requests that are under way when the process stops
_FAILURES: Final = (ApiError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
_CIRCUIT: Final = Statement.of(
    raw("UPDATE holdfast.webhooks AS w SET circuit = ")
    + named("circuit", "jsonb")
    + raw(" WHERE w.id = ")
    + named("id", "text")
)
_RELEASE: Final = Statement.of(
    raw("UPDATE holdfast.deliveries AS d SET next_at = now() WHERE d.state = 0 AND d.next_at > now()")
    + raw(" AND d.webhook_id = ")
    + named("id", "text")
)
_log: Final = structlog.get_logger("holdfast.webhooks")


class Deliverer:
    """Sends whenever no other process does."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._away = False

    async def run(self) -> None:
        """Send, or wait to, until cancelled."""
        while True:
            try:
                await lead(self._engine.pool, LOCK, Sender(self._engine).run)
                self._away = False
            except _FAILURES as failure:
                end_if_cancelled()
                if not self._away:
                    _log.warning("no webhooks are sent while the database is away", reason=str(failure))
                self._away = True
            except Exception as failure:  # whatever it was, the next try begins with nothing in memory
                _log.error("sending webhooks failed", exc_info=failure)
            await asyncio.sleep(ELECTION_SECONDS)


class Sender:
    """The work of the process that leads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._outbound = Outbound(allowed(engine), per_host=PER_HOST)
        self._lanes: dict[str, Lane] = {}
        self._leaving: dict[str, Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._done: list[Done] = []
        self._places: dict[str, str] = {}
        self._news = asyncio.Event()
        self._mute = set[str]()
        self._read = self._reaped = -1e9

    async def run(self) -> None:
        """Send until cancelled; then what is under way may end, and is written down."""
        flushing = asyncio.create_task(self._flush_forever(), name="write down deliveries")
        try:
            while not flushing.done():
                claimed = await self._look()
                self._start()
                self._news.clear()
                try:
                    async with asyncio.timeout(LOOK_SECONDS if claimed else IDLE_SECONDS):
                        await self._news.wait()
                except TimeoutError:
                    pass
            flushing.result()
        finally:
            flushing.cancel()
            await asyncio.wait((flushing,), timeout=STOP_SECONDS)  # what it was about to write is to be written yet
            await self._stop()

    async def _look(self) -> int:
        """Claim what is due and can be sent soon; how much that was."""
        now = time.monotonic()
        for lane in [lane for lane in self._lanes.values() if lane.turned]:
            await self._turned(lane)
        for lane in [lane for lane in self._lanes.values() if lane.worrying]:
            await self._warn(lane)
        if now - self._read >= READ_SECONDS:
            await self._read_endpoints()
            await self._ask_again()
            self._read = now
        if now - self._reaped >= REAP_SECONDS:
            await queue.reap(self._engine.pool)
            self._reaped = now
        claims = await self._claim()
        for id in {one.webhook_id for one in claims}:
            await self._admit(self._lanes[id], [one for one in claims if one.webhook_id == id])
        for lane in self._lanes.values():
            await self._give_back(lane.stale(time.monotonic()))  # the database may have taken its time
        return len(claims)

    async def _claim(self) -> list[Claimed]:
        plain: dict[str, int] = {}
        ordered: dict[str, int] = {}
        for id, lane in self._lanes.items():
            most = lane.wanted(time.time())
            if most:
                (ordered if lane.endpoint.draft.ordered else plain)[id] = most
        claims = await queue.claim(self._engine.pool, plain) if plain else []
        return [*claims, *(await claim_heads(self._engine.pool, ordered, self._places) if ordered else ())]

    async def _admit(self, lane: Lane, claims: list[Claimed]) -> None:
        """Let claims wait in their lane, but for what the endpoint has lost the right to since they were queued."""
        lane.waiting += await self._seen(lane, claims, [one for one in claims if one.old])

    async def _ask_again(self) -> None:
        """Take out of the lanes what their endpoints have lost the right to while it waited there."""
        for lane in self._lanes.values():
            if lane.endpoint.draft.role and lane.waiting:
                lane.waiting = await self._seen(lane, lane.waiting, lane.waiting)

    async def _seen(self, lane: Lane, claims: Sequence[Claimed], asked: Sequence[Claimed]) -> list[Claimed]:
        """Those of the claims that may be sent. Who may see `asked` is looked at anew; what nobody may is over."""
        events = [one.event for one in asked if one.event is not None]
        barred = await barred_by_now(self._engine, lane.endpoint, events) if events else frozenset[int]()
        kept: list[Claimed] = []
        for one in claims:
            if one.event is None or one.event.seq not in barred:
                kept.append(one)
                continue
            over = Outcome("dead", lane.circuit, counts=False)
            attempt = Attempt(ms=0, error=BARRED)
            self._done.append(Done(claimed=one, attempt=attempt, outcome=over, url=lane.endpoint.draft.url, sent={}))
        return kept

    async def _read_endpoints(self) -> None:
        rows = await store.all_rows(self._engine.pool)
        endpoints = [store.endpoint_of(self._engine, row) for row in rows]
        wanted = {one.id: one for one in endpoints if one.draft.active and not one.disabled}
        live = {id: one for id, one in wanted.items() if one.secrets}
        self._tell_mute(wanted.keys() - live.keys())
        for id, endpoint in live.items():
            if id in self._lanes:
                self._lanes[id].changed(endpoint)
            elif id in self._leaving:
                self._lanes[id] = self._leaving.pop(id)
                self._lanes[id].resumed(endpoint)
            else:
                self._lanes[id] = Lane(endpoint)
        gone = {id: self._lanes.pop(id) for id in self._lanes.keys() - live.keys()}
        for lane in gone.values():
            await self._give_back(lane.waiting)
        # What is under way counts when the endpoint is turned on again.
        self._leaving = {id: lane for id, lane in {**self._leaving, **gone}.items() if lane.under_way}

    def _tell_mute(self, mute: set[str]) -> None:
        """Say once of each endpoint that nothing can be signed for it."""
        for id in mute - self._mute:
            _log.error("nothing is sent to a webhook", webhook=id, reason=UNREADABLE)
        self._mute = mute

    def _start(self) -> None:
        """Send what may be sent now. Of the connections that there are one share is left for who comes next."""
        busy = [lane for lane in self._lanes.values() if lane.is_busy]
        hosts = Counter(lane.host for lane in busy)
        for lane in busy:
            share = min(MOST_CONNECTIONS // (len(busy) + 1), PER_HOST // (hosts[lane.host] + 1))
            for claimed in lane.take(time.time(), max(share, 1)):
                task = asyncio.create_task(self._deliver(lane, claimed))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _deliver(self, lane: Lane, claimed: Claimed) -> None:
        endpoint = lane.endpoint
        attempt, sent = Attempt(ms=0, error=queue.GONE), dict[str, str]()
        if claimed.event is not None or claimed.body is not None:
            attempt, sent = await self._send(endpoint, claimed)
            found = outcome(attempt, claimed.attempts, lane.circuit, time.time(), random.random)
        else:
            found = Outcome("dead", lane.circuit, counts=False)
        lane.ended(found, time.time())
        self._done.append(Done(claimed=claimed, attempt=attempt, outcome=found, url=endpoint.draft.url, sent=sent))
        self._news.set()

    async def _send(self, endpoint: Endpoint, claimed: Claimed) -> tuple[Attempt, dict[str, str]]:
        try:
            return await send(self._outbound, self._engine.catalog, endpoint, claimed, datetime.now(UTC))
        except Exception as failure:  # what one event does must not stop the others
            _log.error("a delivery could not be sent", webhook=endpoint.id, event_id=claimed.event_id, exc_info=failure)
            return Attempt(ms=0, error=f"The server failed: {type(failure).__name__}."), {}

    async def _flush_forever(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self._flush()

    async def _flush(self) -> None:
        while self._done:
            some, self._done = self._done[:FLUSH_AT], self._done[FLUSH_AT:]
            try:
                async with self._engine.pool.transaction() as tx:
                    await queue.finish(tx, some)
            except BaseException:
                self._done = [*some, *self._done]
                raise
            for one in some:
                if lane := self._lanes.get(one.claimed.webhook_id):
                    lane.written()
            self._news.set()  # the next of a record may be sent now

    async def _turned(self, lane: Lane) -> None:
        """Write down that a circuit has opened or closed, or that an endpoint is turned off."""
        lane.turned = False
        pool, id, circuit = self._engine.pool, lane.endpoint.id, lane.circuit
        kept = msgspec.json.encode(circuit).decode()
        await pool.execute(_CIRCUIT, Inputs(named={"circuit": kept, "id": id}))
        if lane.gone or circuit.is_given_up(time.time()):
            reason = f"The receiver answered {GONE}." if lane.gone else "Nothing but failure for five days."
            await disable(self._engine, lane.endpoint, reason)
            self._read = -1e9  # it is not sent to any more
            return
        if circuit.is_open:
            _log.warning("a receiver fails: it gets probes only", webhook=id, failures=circuit.failures)
            await self._give_back(lane.waiting)
        else:
            _log.info("a receiver is back", webhook=id)
        # Whatever waits for its next try waits for a probe now, or for nothing any more.
        await pool.execute(_RELEASE, Inputs(named={"id": id}))

    async def _warn(self, lane: Lane) -> None:
        """Warn the superusers of what a lane has been through."""
        lane.worrying = False
        now = time.time()
        share = lane.circuit.warning(now)
        if share:
            lane.circuit = msgspec.structs.replace(lane.circuit, warned=share)
            await warn(self._engine, lane.endpoint, lane.circuit, now)

    async def _give_back(self, waiting: list[Claimed]) -> None:
        if waiting:
            await queue.give_back(self._engine.pool, list(waiting))
            waiting.clear()

    async def _stop(self) -> None:
        """Let what is under way end for a while, and write down what ended."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=STOP_SECONDS)
            for task in late:
                task.cancel()
        try:
            await self._flush()
            for lane in self._lanes.values():
                await self._give_back(lane.waiting)
        except _FAILURES as failure:  # the leases run out, and others try again
            _log.warning("what was delivered last was not written down", reason=str(failure))
        await self._outbound.close()
