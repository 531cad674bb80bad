"""Puts the parts of a server process together: what answers which path, and what runs beside it."""

import asyncio
import base64
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final

import litestar
from litestar.types import ControllerRouterHandler

from holdfast import health
from holdfast.access import permission_routes
from holdfast.access import routes as access
from holdfast.access import rule_test_routes as rule_tests
from holdfast.access.rule_test_service import refuse_failing
from holdfast.accounts.routes import ACCOUNTS_ROUTES
from holdfast.audit.routes import AUDIT_ROUTES
from holdfast.audit.sweep import SweepAudit
from holdfast.audit.tally import Tally
from holdfast.auth import link_page, setup_routes
from holdfast.auth.account_routes import ACCOUNT_ROUTES
from holdfast.auth.attempts import sweep_attempts
from holdfast.auth.key_count import sweep_key_uses
from holdfast.auth.key_routes import KEY_ROUTES
from holdfast.auth.left_behind import sweep_left_behind
from holdfast.auth.letter_job import LETTERS
from holdfast.auth.letter_limit import sweep_letters
from holdfast.auth.link_routes import LINK_ROUTES
from holdfast.auth.oauth2_guard import refuse_closed_addresses
from holdfast.auth.oauth2_routes import OAUTH2_ROUTES
from holdfast.auth.oauth2_trial_routes import TRIAL_ROUTES
from holdfast.auth.otp import sweep_otps
from holdfast.auth.otp_routes import OTP_ROUTES
from holdfast.auth.passkey_routes import PASSKEY_ROUTES
from holdfast.auth.passkeys import sweep_challenges
from holdfast.auth.principals import Principals
from holdfast.auth.role_routes import ROLE_ROUTES
from holdfast.auth.routes import LOGIN_ROUTES
from holdfast.auth.second_factor import sweep_mfas
from holdfast.auth.session_routes import SESSION_ROUTES
from holdfast.auth.sessions import sweep_sessions
from holdfast.auth.totp_routes import TOTP_ROUTES
from holdfast.background.cron_routes import cron_routes
from holdfast.background.job_routes import JOB_ROUTES
from holdfast.background.scheduling import run_schedules
from holdfast.background.sweep_job import sweep_job
from holdfast.background.worker_routes import WORKER_ROUTES
from holdfast.background.worker_service import sweep_processes
from holdfast.backups.first_run import first_run_routes
from holdfast.backups.routes import backup_routes
from holdfast.backups.schedule import BACKUP
from holdfast.backups.turns import in_turns
from holdfast.backups.works import Works
from holdfast.catalog.live import LiveCatalog
from holdfast.classic.plane import ClassicPlane
from holdfast.collections import routes as collections
from holdfast.collections.trash import sweep_trash
from holdfast.config import Settings
from holdfast.console.assets import Assets
from holdfast.console.bootstrap import BOOTSTRAP_ROUTES
from holdfast.console.folder_routes import FOLDER_ROUTES
from holdfast.console.layout_routes import LAYOUT_ROUTES
from holdfast.console.libraries import LIBRARY_ROUTES
from holdfast.console.pages import console_handlers
from holdfast.console.preferences import PREFERENCE_ROUTES
from holdfast.console.presence import PRESENCE_ROUTES
from holdfast.console.saved_query_routes import QUERY_ROUTES
from holdfast.console.saved_view_routes import VIEW_ROUTES
from holdfast.console.session import SESSION_ROUTES as CONSOLE_SESSION_ROUTES
from holdfast.db.pool import Pool
from holdfast.db.session import session_settings
from holdfast.db.sql import Statement, raw
from holdfast.engine import Engine
from holdfast.events.relay import Relay
from holdfast.files.routes import file_routes
from holdfast.files.sweep import SweepFiles
from holdfast.files.thumbs import Thumbs
from holdfast.files.token import holder_of
from holdfast.history.routes import HISTORY_ROUTES
from holdfast.history.sweep import sweep_history
from holdfast.http.buckets import Buckets
from holdfast.http.front import Front, Parts
from holdfast.http.idempotency import sweep_idempotency
from holdfast.http.litestar import control_plane
from holdfast.http.peer import read_networks
from holdfast.http.rate_limits import RateLimiter
from holdfast.http.routing import Routes
from holdfast.jobs.job import JobKind
from holdfast.jobs.queue import sweep_dead_jobs, sweep_done_jobs
from holdfast.jobs.worker import Worker
from holdfast.logbook.logbook import Logbook
from holdfast.logbook.routes import logbook_routes
from holdfast.logbook.sweep import SweepLogs
from holdfast.logs import Logs, start_logs
from holdfast.mail.sending import MAIL
from holdfast.metrics.gathering import Gathering
from holdfast.metrics.history import SweepMeasures
from holdfast.metrics.history_routes import history_routes
from holdfast.metrics.keeping import keeping
from holdfast.metrics.requests import RequestCounts
from holdfast.metrics.routes import metrics_handlers
from holdfast.observe import ALONE, NoObserver, Observer, Place
from holdfast.openapi.routes import openapi_handlers
from holdfast.options.routes import ROUTES as OPTIONS_ROUTES
from holdfast.outbound.client import Outbound
from holdfast.plugins.hosting import Plugins
from holdfast.plugins.loading import load_plugins
from holdfast.plugins.page_routes import page_routes
from holdfast.plugins.plane import PluginPlane
from holdfast.plugins.routes import plugin_routes
from holdfast.plugins.tasks import plugin_tasks
from holdfast.realtime.broker import Broker
from holdfast.realtime.redirect import redirect_handlers
from holdfast.realtime.routes import realtime_routes
from holdfast.realtime.socket import realtime_sockets
from holdfast.records import routes as records
from holdfast.records.action_routes import ACTION_ROUTES
from holdfast.records.batch_route import BATCH
from holdfast.records.bulk_job import BULK as BULK_JOB
from holdfast.records.bulk_job_routes import BULK_JOB_ROUTES
from holdfast.records.bulk_route import BULK
from holdfast.records.bulk_store import sweep_bulk_changes
from holdfast.sdk.breaking import BREAKING_ROUTES
from holdfast.sdk.packages import Packages
from holdfast.sdk.routes import sdk_routes
from holdfast.sql_console.routes import sql_routes
from holdfast.start import prepare_schema
from holdfast.storage.own_spool import clear_spool
from holdfast.storage.place import spool_of
from holdfast.sweeps import Sweep, sweep_forever
from holdfast.transfer.routes import transfer_routes
from holdfast.transfer.store import sweep_imports
from holdfast.upgrades.routes import MIGRATION_ROUTES
from holdfast.webhooks.deliverer import Deliverer
from holdfast.webhooks.delivery_routes import DELIVERY_ROUTES
from holdfast.webhooks.filter_guard import refuse_broken_filters
from holdfast.webhooks.queue import sweep_attempts_made, sweep_deliveries, sweep_outlived
from holdfast.webhooks.router import Router
from holdfast.webhooks.routes import ENDPOINT_ROUTES
from holdfast.webhooks.standing_routes import STANDING_ROUTES

GUARDS: Final = (refuse_closed_addresses, refuse_failing, refuse_broken_filters)
SWEEPS: Final[Mapping[str, Sweep]] = {
    "trash": sweep_trash,
    "kept answers": sweep_idempotency,
    "dead jobs": sweep_dead_jobs,
    "done jobs": sweep_done_jobs,
    "sessions": sweep_sessions,
    "challenges": sweep_challenges,
    "failed logins": sweep_attempts,
    "first factors": sweep_mfas,
    "one-time passwords": sweep_otps,
    "mails that were asked for": sweep_letters,
    "what accounts left behind": sweep_left_behind,
    "deliveries that outlived the log": sweep_outlived,
    "deliveries": sweep_deliveries,
    "attempts at deliveries": sweep_attempts_made,
    "versions of records": sweep_history,
    "imports": sweep_imports,
    "changes of many records": sweep_bulk_changes,
    "processes": sweep_processes,
    "uses of API keys": sweep_key_uses,
}


def sweeps_of(engine: Engine) -> Mapping[str, Sweep]:
    """What a server clears away, by name."""
    return {
        **SWEEPS,
        "audit log": SweepAudit(engine.settings.audit_days),
        "metrics": SweepMeasures(engine.settings.metrics_days),
        "log": SweepLogs(lambda: engine.options.logs.max_days),
        "files": SweepFiles(engine),
    }


JOBS: Final[tuple[JobKind, ...]] = (MAIL, LETTERS, BACKUP, BULK_JOB, sweep_job(sweeps_of))
ROUTES: Final = (
    *collections.ROUTES,
    *BREAKING_ROUTES,
    *access.ROUTES,
    *rule_tests.ROUTES,
    *permission_routes.ROUTES,
    *LOGIN_ROUTES,
    *ROLE_ROUTES,
    *KEY_ROUTES,
    *OTP_ROUTES,
    *OAUTH2_ROUTES,
    *TRIAL_ROUTES,
    *LINK_ROUTES,
    *SESSION_ROUTES,
    *TOTP_ROUTES,
    *PASSKEY_ROUTES,
    *ACCOUNT_ROUTES,
    *ACCOUNTS_ROUTES,
    BATCH,
    BULK,
    *ACTION_ROUTES,
    *BULK_JOB_ROUTES,
    *OPTIONS_ROUTES,
    *CONSOLE_SESSION_ROUTES,
    *BOOTSTRAP_ROUTES,
    *VIEW_ROUTES,
    *LAYOUT_ROUTES,
    *PREFERENCE_ROUTES,
    *FOLDER_ROUTES,
    *PRESENCE_ROUTES,
    *QUERY_ROUTES,
    *LIBRARY_ROUTES,
    *ENDPOINT_ROUTES,
    *DELIVERY_ROUTES,
    *STANDING_ROUTES,
    *AUDIT_ROUTES,
    *HISTORY_ROUTES,
    *JOB_ROUTES,
    *WORKER_ROUTES,
    *MIGRATION_ROUTES,
    *cron_routes(sweeps_of),
)
_SECRET: Final = Statement.of(raw("SELECT value #>> '{}' AS secret FROM holdfast.settings WHERE key = 'secret'"))


def create_app(settings: Settings, dsn: str, observer: Observer | None = None, place: Place = ALONE) -> Front:
    """The ASGI application of one server process, on a database that `start.prepare` has prepared.

    Nothing is opened before its lifespan begins, and everything is closed when it ends. Raises CannotStart for a plugin
    that cannot be loaded.
    """
    plugins = Plugins(load_plugins(settings))
    broker, principals, packages = Broker(), Principals(), Packages()
    book, counts = observers(settings, dsn, observer or NoObserver())
    own = [*plugin_routes(plugins), *page_routes(plugins), *sdk_routes(packages, principals.authenticate)]
    own += [*logbook_routes(book), *sql_routes(dsn), *history_routes(book.pool, settings.metrics_days)]
    thumbs, works = Thumbs(), Works()
    own += [*backup_routes(works, holder_of, prepare_schema), *first_run_routes(works, prepare_schema)]
    routes = Routes((*ROUTES, *file_routes(thumbs), *transfer_routes(), *realtime_routes(broker), *own))
    handlers = _handlers(broker, gathering := Gathering(place, counts, broker, principals))

    @asynccontextmanager
    async def serve() -> AsyncGenerator[Engine]:
        async with (
            running(settings, dsn, plugins) as engine,
            book.running(engine),
            keeping(engine, settings, book.pool, "serve", report=gathering.report, place=place),
            broker.running(engine),
        ):
            yield engine

    @asynccontextmanager
    async def lifespan(_: litestar.Litestar) -> AsyncGenerator[None]:
        async with in_turns(serve, front.open, lambda: front.drain(paused=True)):
            try:
                yield
            finally:
                front.drain()
                for part in (works, thumbs, classic, principals):
                    await part.close()

    described = openapi_handlers(routes, handlers, lambda: plane.described())
    plane = PluginPlane(plugins, control_plane((*handlers, *described), lifespan))
    classic = ClassicPlane(plane, dsn)
    parts = Parts(
        records=records.handle,
        routes=routes,
        control=classic,
        authenticate=principals.authenticate,
        observer=counts,
        sockets=realtime_sockets(broker, principals.authenticate),
        state=packages.state,
    )
    front = Front(settings, parts)
    return front


def _handlers(broker: Broker, gathering: Gathering) -> tuple[ControllerRouterHandler, ...]:
    """What Litestar answers, but for the description of it all."""
    return (
        *health.HANDLERS,
        *setup_routes.HANDLERS,
        *link_page.HANDLERS,
        *console_handlers(Assets()),
        *redirect_handlers(broker),
        *metrics_handlers(gathering),
    )


def observers(settings: Settings, dsn: str, observer: Observer) -> tuple[Logbook, RequestCounts]:
    """What keeps the log, and what is told of every request: it counts, and passes on to what is kept and written."""
    book = Logbook(settings, dsn, observer)
    if not settings.log_database:
        return book, RequestCounts(observer)
    if isinstance(observer, Logs):
        observer.tell(book.buffer.event)
    return book, RequestCounts(book.buffer)


@asynccontextmanager
async def running(settings: Settings, dsn: str, plugins: Plugins | None = None) -> AsyncGenerator[Engine]:
    """An engine for the block: its pool is open, its catalog followed, plugins started, and what recurs is running.

    Raises CannotStart for a plugin that does not start.
    """
    host = plugins or Plugins(())
    pool = Pool(dsn, size=settings.database_pool_size, settings=session_settings(settings))
    limiter = RateLimiter(Buckets(settings.redis_url, patience=settings.redis_timeout_ms / 1000))
    outbound = Outbound(read_networks(settings.outbound_allow))
    tally = Tally()
    tasks: list[asyncio.Task[None]] = []
    try:
        await asyncio.to_thread(clear_spool, spool_of(settings))
        live = await LiveCatalog.open(pool)
        secret = await _read_secret(pool)
        engine = Engine(
            settings=settings,
            pool=pool,
            live=live,
            secret=secret,
            guards=GUARDS,
            limiter=limiter,
            outbound=outbound,
            tally=tally,
            host=host,
        )
        tasks.append(asyncio.create_task(live.follow(), name="follow the catalog"))
        tasks.append(asyncio.create_task(engine.feed.follow(), name="follow the events"))
        await host.start(engine)
        tasks += plugin_tasks(host, settings)
        if settings.background:
            tasks += background_tasks(engine)
            tasks.append(asyncio.create_task(sweep_forever(pool, sweeps_of(engine)), name="sweep"))
            tasks.append(asyncio.create_task(run_schedules(engine), name="schedules"))
        try:
            yield engine
        finally:
            engine.spool.close()
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        await host.close()
        await tally.close()
        await limiter.buckets.close()
        await outbound.close()
        await pool.close()


def background_tasks(engine: Engine) -> list[asyncio.Task[None]]:
    """What follows from requests: events, webhooks and jobs, until it is cancelled."""
    return [
        asyncio.create_task(Relay(engine.pool, days=engine.settings.events_days).run(), name="relay the events"),
        asyncio.create_task(Router(engine).run(), name="route events to webhooks"),
        asyncio.create_task(Deliverer(engine).run(), name="send webhooks"),
        asyncio.create_task(Worker(engine, JOBS, lambda: engine.host.kinds).run(), name="jobs"),
    ]


async def _read_secret(pool: Pool) -> bytes:
    row = await pool.fetchrow(_SECRET)
    if row is None:
        raise RuntimeError("holdfast.settings has no secret: the system schema is damaged")
    return base64.b64decode(row["secret"])


def from_environment() -> Front:
    """The application for an ASGI server of one's own: `uvicorn --factory holdfast.app:from_environment`.

    Takes the settings from the environment, and needs DATABASE_URL: a database that `holdfast migrate` has prepared.
    """
    settings = Settings.load(os.environ)
    if not settings.database_url:
        raise RuntimeError("Set DATABASE_URL: only `holdfast serve` starts the embedded PostgreSQL.")
    hidden = (settings.database_url, settings.redis_url, settings.superuser_password)
    logs = start_logs(settings.log_format, settings.log_level, secrets=hidden)
    return create_app(settings, settings.database_url, logs)
