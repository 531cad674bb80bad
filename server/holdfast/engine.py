"""What every use case needs to work: settings, database, catalog, the server's own key."""

from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import TypeAlias

import msgspec

from holdfast.audit.tally import Tally
from holdfast.catalog.live import LiveCatalog
from holdfast.catalog.snapshot import Catalog
from holdfast.config import Settings
from holdfast.db.pace import Pace
from holdfast.db.plans import Plans
from holdfast.db.pool import Pool, Transaction
from holdfast.events.feed import Feed
from holdfast.hooks.host import Host
from holdfast.hooks.table import Hooks
from holdfast.http.buckets import Buckets
from holdfast.http.keeping import Keeping
from holdfast.http.rate_limits import RateLimiter
from holdfast.http.slowing import Slowing
from holdfast.jobs.doing import Doing
from holdfast.outbound.client import Outbound
from holdfast.schema.app_options import AppOptions, in_effect
from holdfast.storage.own_spool import OwnSpool
from holdfast.storage.place import backup_place_of, place_of, spool_of
from holdfast.storage.quota import Quota
from holdfast.storage.storage import Storage
from holdfast.storage.storages import Storages

Guard: TypeAlias = Callable[["Engine", Transaction, Catalog], Awaitable[None]]
"""Looks at a changed catalog in the transaction that has changed it. Raises ApiError to refuse the change."""


class Engine(msgspec.Struct, frozen=True, dict=True):
    """The parts of one server process. Passed as the first argument, never kept in a global."""

    settings: Settings
    pool: Pool
    live: LiveCatalog
    secret: bytes  # 32 bytes, the same in all processes of one database: signs cursors and links
    plans: Plans = msgspec.field(default_factory=Plans)
    pace: Pace = msgspec.field(default_factory=Pace)
    guards: tuple[Guard, ...] = ()
    slowing: Slowing = msgspec.field(default_factory=Slowing)
    limiter: RateLimiter = msgspec.field(default_factory=lambda: RateLimiter(Buckets()))
    outbound: Outbound = msgspec.field(default_factory=Outbound)
    keeping: Keeping = msgspec.field(default_factory=Keeping)
    tally: Tally = msgspec.field(default_factory=Tally)
    storages: Storages = msgspec.field(default_factory=Storages)
    backup_storages: Storages = msgspec.field(default_factory=Storages)
    host: Host = msgspec.field(default_factory=Host)
    doing: Doing = msgspec.field(default_factory=Doing)

    @property
    def hooks(self) -> Hooks:
        """The hooks of plugins as they stand now; empty ones cost no more than this look."""
        return self.host.hooks

    @property
    def catalog(self) -> Catalog:
        """The collections as they stand now. Take it once per request, so that one request sees one version."""
        return self.live.now

    @property
    def options(self) -> AppOptions:
        """What the operator has set, with what the environment sets in its place."""
        return in_effect(self.live.now.options, self.settings)

    @property
    def storage(self) -> Storage:
        """Where files are kept. Raises Unavailable when that cannot be opened."""
        return self.storages.at(place_of(self.live.now.options, self.settings))

    @property
    def backups(self) -> Storage:
        """Where backups are kept. Raises Unavailable when that cannot be opened."""
        return self.backup_storages.at(backup_place_of(self.live.now.options, self.settings))

    async def is_storage_reached(self) -> bool:
        """Whether files can be had now, as far as was seen a moment ago."""
        return await self.storages.is_reached(place_of(self.live.now.options, self.settings))

    @property
    def quota(self) -> Quota:
        """How many bytes files may have together."""
        files = self.live.now.options.files
        named = ((self.live.now.find(name), most) for name, most in files.max_bytes_of.items())
        return Quota(files.max_bytes, {one.id: most for one, most in named if one is not None})

    @cached_property
    def spool(self) -> OwnSpool:
        """Where files wait until they are whole."""
        return OwnSpool(spool_of(self.settings))

    @cached_property
    def feed(self) -> Feed:
        """The log of events, as this process reads it."""
        return Feed(self.pool)

    async def ask_guards(self, tx: Transaction, changed: Catalog) -> None:
        """Let all guards look at a change of the catalog before it is committed. Raises what they refuse it with."""
        for guard in self.guards:
            await guard(self, tx, changed)
