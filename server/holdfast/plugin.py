"""The interface of plugins: every hook, what it works with, and what it may do. docs/reference/hooks.md lists them too.

What hooks are given is in holdfast.hook_arguments, what jobs and schedules are in holdfast.plugin_job, and record
actions in holdfast.plugin_action; all can be imported from here.

A plugin is a class that inherits from `Plugin`; what it overrides is called, the rest costs nothing. Whatever a hook
raises that is no ApiError, and whatever takes longer than 5 seconds, is a fault of the plugin: the request is answered
with 500 and rolled back, and the plugin is named in the log, and to superusers in the answer.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeAlias, TypeVar, runtime_checkable

import msgspec

from holdfast.db.sql import Sql
from holdfast.hook_arguments import (
    Action,
    AggregateQuery,
    Answer,
    FileServed,
    FileStored,
    FileUpload,
    Login,
    Mail,
    OAuth2Newcomer,
    RealtimeMessage,
    RealtimeSubscription,
    RecordDraft,
    RecordEvent,
    RecordQuery,
    RecordRemoval,
    RecordView,
    RecordWritten,
    SchemaChange,
    SettingsChange,
    TokenClaims,
)
from holdfast.identity import Principal
from holdfast.plugin_action import RecordAction
from holdfast.plugin_job import GiveUp, Job, JobRun, NoPayload, Priority, Schedule, TryLater
from holdfast.plugin_page import ConsolePage
from holdfast.schema.collection import Collection

if TYPE_CHECKING:
    import click
    from litestar.types import ControllerRouterHandler
    from structlog.stdlib import BoundLogger

__all__ = [
    "Action",
    "AggregateQuery",
    "Answer",
    "Audience",
    "CommandLine",
    "ConsolePage",
    "Context",
    "FileServed",
    "FileStored",
    "FileUpload",
    "GiveUp",
    "Job",
    "JobRun",
    "Login",
    "Mail",
    "NoPayload",
    "NoSettings",
    "OAuth2Newcomer",
    "Plugin",
    "Priority",
    "RealtimeMessage",
    "RealtimeSubscription",
    "RecordAction",
    "RecordDraft",
    "RecordEvent",
    "RecordQuery",
    "RecordRemoval",
    "RecordView",
    "RecordWritten",
    "Records",
    "Schedule",
    "SchemaChange",
    "SettingsChange",
    "TokenClaims",
    "TryLater",
]

Audience: TypeAlias = Literal["superusers", "users", "anyone"]
Found = TypeVar("Found")
SettingsOf = TypeVar("SettingsOf", bound=msgspec.Struct)


class Records(Protocol):
    """Records as one principal may see and change them, in the transaction of the hook if it has one.

    Names and parameters are those of the API, and so are the failures: ApiErrors, which refuse the request unless the
    plugin catches them; what a write that failed has done is undone then. Hooks run for these writes, too.
    """

    async def get(self, collection: str, id: str, *, fields: str = "", expand: str = "") -> dict[str, Any] | None:
        """A record; None if there is none that may be seen."""
        ...

    async def list(
        self,
        collection: str,
        *,
        filter: str = "",
        params: Mapping[str, Any] | None = None,
        sort: str = "",
        fields: str = "",
        expand: str = "",
        page: int = 1,
        per_page: int = 30,
    ) -> list[dict[str, Any]]:
        """A page of records. Values from outside belong into `params`: `filter="slug = {:slug}"`."""
        ...

    async def create(self, collection: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Make a record; as it is then."""
        ...

    async def update(self, collection: str, id: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Change the fields that `values` name; the record as it is then."""
        ...

    async def delete(self, collection: str, id: str) -> None:
        """Delete a record."""
        ...


@runtime_checkable
class Context(Protocol):
    """What a hook works with. It ends with the hook: keep nothing of it."""

    @property
    def who(self) -> Principal:
        """Who asks; the plugin itself where nobody does."""
        ...

    @property
    def roles(self) -> frozenset[str]:
        """The names of the roles of who asks."""
        ...

    @property
    def request_id(self) -> str:
        """The id of the request, as the log has it; empty outside of one."""
        ...

    @property
    def collection(self) -> Collection | None:
        """The collection that it is about."""
        ...

    @property
    def collections(self) -> Mapping[str, Collection]:
        """All collections, by name."""
        ...

    @property
    def records(self) -> Records:
        """Records as the plugin itself may use them: no rule holds it back."""
        ...

    def records_as(self, who: Principal) -> Records:
        """Records as somebody may use them by the rules: `ctx.records_as(ctx.who)`."""
        ...

    async def fetch(self, sql: Sql) -> list[dict[str, Any]]:
        """Run a statement and take its rows. See holdfast.db.sql: `raw` takes no text but what stands in the source."""
        ...

    async def execute(self, sql: Sql) -> str:
        """Run a statement for its effect; PostgreSQL's command tag, such as `UPDATE 3`."""
        ...

    async def query(self, query: Any) -> list[dict[str, Any]]:
        """Run a query of Piccolo, such as `Post.select().where(Post.title == "x")`, and take its rows."""
        ...

    def savepoint(self) -> AbstractAsyncContextManager[None]:
        """A block that can fail on its own: what it did is undone. Needed to go on after SQL has failed."""
        ...

    def transaction(self) -> "AbstractAsyncContextManager[Context]":
        """A context whose work is committed together at the end of the block, for where there is no transaction."""
        ...

    async def emit(self, name: str, data: Mapping[str, Any], *, to: Audience = "superusers") -> None:
        """Put an event of one's own into the log, if the transaction commits: `PLUGIN.NAME`.

        Webhooks can ask for it, and so can clients of realtime (the topic is the type) who belong to `to`.
        """
        ...

    async def mail(self, to: str, subject: str, html: str, text: str = "") -> None:
        """Promise a mail: it goes out after the commit, and is tried again. ApiError where mail is not set up."""
        ...

    async def enqueue(
        self,
        job: str,
        payload: msgspec.Struct | None = None,
        *,
        key: str | None = None,
        at: datetime | timedelta | None = None,
        priority: Priority | None = None,
    ) -> str:
        """Promise a job of this plugin, by the name that it has in `jobs()`; its id.

        In a transaction it is there if that commits, and starts within 0.1 s of it. `at` is when at the earliest: a
        time with its zone, or so long from now. While a job of this name waits with the same `key` no second one is
        made: that one takes the new payload and the earlier time; two transactions with one key wait for each other.
        `priority` is that of the job unless told. Raises ValueError and TypeError for what cannot be a job of it.
        """
        ...

    @property
    def job(self) -> JobRun | None:
        """The job that this is, where it is one."""
        ...

    def settings(self, kind: type[SettingsOf]) -> SettingsOf:
        """The plugin's settings: give the class that it has as `Settings`."""
        ...

    @property
    def log(self) -> "BoundLogger":
        """A log whose lines carry the plugin, the request and the collection."""
        ...


class CommandLine(Protocol):
    """What a command of a plugin is given by `click.pass_obj`."""

    def run(self, work: Callable[[Context], Awaitable[Found]]) -> Found:
        """Work with the database, as the plugin itself, in no transaction; what the work gives back."""
        ...


class NoSettings(msgspec.Struct, frozen=True):
    """The settings of a plugin that has none."""


class Plugin:
    """The base of every plugin. Hooks of one kind run by `priority` (the lowest first), then by name.

    One object per process lives from its start to its end; what it holds is not shared with other processes.
    """

    name: ClassVar[str]
    """Small letters, digits and underscores. Its events, routes and commands are called by it."""
    description: ClassVar[str] = ""
    priority: ClassVar[int] = 0
    Settings: ClassVar[type[msgspec.Struct]] = NoSettings
    """A msgspec struct of which every field has a default. What an operator sets is checked against it."""

    def routes(self) -> "Sequence[ControllerRouterHandler]":
        """Handlers of Litestar, at paths below `/api/x/NAME`; they may ask for `ctx: Context`, `who: Principal`."""
        return ()

    def commands(self) -> "Sequence[click.Command]":
        """Commands of click, for `holdfast x NAME`. `click.pass_obj` gives a CommandLine."""
        return ()

    def jobs(self) -> "Sequence[Job[Any]]":
        """The jobs that it can `ctx.enqueue`."""
        return ()

    def schedules(self) -> Sequence[Schedule]:
        """What it does at certain times."""
        return ()

    def actions(self) -> Sequence[RecordAction]:
        """What superusers can do with it to records that they choose, in the console and over the API."""
        return ()

    def pages(self) -> Sequence[ConsolePage]:
        """Pages of its own in the console."""
        return ()

    async def record_before_validate(self, ctx: Context, draft: RecordDraft) -> None:
        """In the transaction of a create or an update, before the body is checked: change `draft.body`, or refuse."""

    async def record_after_validate(self, ctx: Context, draft: RecordDraft) -> None:
        """In the transaction, when the body is found right: change `draft.values`, or refuse."""

    async def record_before_create(self, ctx: Context, draft: RecordDraft) -> None:
        """In the transaction, last before the INSERT: change `draft.values`, or refuse. The rule is asked with it."""

    async def record_after_create(self, ctx: Context, record: RecordWritten) -> None:
        """In the transaction, after the INSERT. What it raises undoes the create."""

    async def record_before_update(self, ctx: Context, draft: RecordDraft) -> None:
        """In the transaction, last before the UPDATE of a record that the caller may change: change `draft.values`."""

    async def record_after_update(self, ctx: Context, record: RecordWritten) -> None:
        """In the transaction, after the UPDATE. What it raises undoes the update."""

    async def record_before_delete(self, ctx: Context, removal: RecordRemoval) -> None:
        """In the transaction, before the DELETE of a record that the caller may delete. Raise to refuse."""

    async def record_after_delete(self, ctx: Context, removal: RecordRemoval) -> None:
        """In the transaction, after the DELETE. What it raises undoes the delete."""

    async def record_after_commit(self, ctx: Context, record: RecordWritten) -> None:
        """After the commit, before the answer; not when the process dies in between. What it raises is logged."""

    async def record_changed(self, ctx: Context, event: RecordEvent) -> None:
        """For each change of a record, also by SQL, at least once and in order, in one process of all.

        In a transaction of its own, in which the plugin's place in the log moves on: what is done in it is done once.
        After a fault it is offered again, later and later, and what came after it waits. The first is the first after
        the plugin was turned on first; later it goes on where it was, as far back as the log is kept.
        """

    async def record_before_list(self, ctx: Context, query: RecordQuery) -> None:
        """Before a list is read, in no transaction: change the query, or refuse."""

    async def record_after_list(self, ctx: Context, answer: Answer) -> None:
        """Before a list goes out, in no transaction: change `answer.content`, or refuse."""

    async def record_before_view(self, ctx: Context, view: RecordView) -> None:
        """Before a record is read, in no transaction: change `fields` and `expand`, or refuse."""

    async def record_after_view(self, ctx: Context, answer: Answer) -> None:
        """Before a record goes out, in no transaction: change `answer.content`, or refuse. Its ETag is made after."""

    async def record_before_aggregate(self, ctx: Context, query: AggregateQuery) -> None:
        """Before counts and sums are made, in no transaction: change the query, or refuse."""

    async def record_after_aggregate(self, ctx: Context, answer: Answer) -> None:
        """Before counts and sums go out, in no transaction: change `answer.content`, or refuse."""

    async def file_before_upload(self, ctx: Context, upload: FileUpload) -> None:
        """For each file that a write brings, before it is stored, in no transaction.

        Look into it, `replace` what is in it, call it otherwise, or refuse the write. The field checks it after that.
        """

    async def file_after_upload(self, ctx: Context, file: FileStored) -> None:
        """In the transaction, when a record has taken the file: after `record_after_create` or `_update`."""

    async def file_before_serve(self, ctx: Context, file: FileServed) -> None:
        """When somebody who may have a file asks for it, in no transaction: change how it goes out, or refuse."""

    async def auth_before_login(self, ctx: Context, login: Login) -> None:
        """When somebody has shown all that a login takes, before there is a token, in no transaction. May refuse."""

    async def auth_after_login(self, ctx: Context, login: Login) -> None:
        """When the login is written down, before the answer goes out. What it raises is logged, and changes nothing."""

    async def auth_before_sign_up(self, ctx: Context, draft: RecordDraft) -> None:
        """As `record_before_create`, and after it: when somebody who is no superuser makes an account."""

    async def auth_after_sign_up(self, ctx: Context, record: RecordWritten) -> None:
        """As `record_after_create`, and after it: when somebody who is no superuser has made an account."""

    async def auth_map_oauth2(self, ctx: Context, newcomer: OAuth2Newcomer) -> None:
        """In the transaction in which somebody new from a provider gets a record: change `values`, or refuse."""

    async def auth_token_claims(self, ctx: Context, claims: TokenClaims) -> None:
        """Whenever a login token is made: put into `extra` what it is to say, for services that read it."""

    async def realtime_before_subscribe(self, ctx: Context, subscription: RealtimeSubscription) -> None:
        """When a client says what it wants to hear: change `topics`, or refuse."""

    async def realtime_before_send(self, ctx: Context, message: RealtimeMessage) -> None:
        """For each message to each client (`ctx.who`): change `record`, or drop it. After a fault it is not sent."""

    async def mail_before_send(self, ctx: Context, mail: Mail) -> None:
        """In the job that hands a mail over: change it, or drop it. What it raises has the mail tried again later."""

    async def schema_before_change(self, ctx: Context, change: SchemaChange) -> None:
        """In the transaction of a change of the collections, when the tables are as they will be. May refuse."""

    async def schema_after_change(self, ctx: Context, change: SchemaChange) -> None:
        """After such a change, when every process works with it. What it raises is logged, and changes nothing."""

    async def settings_changed(self, ctx: Context, change: SettingsChange) -> None:
        """In each process, after the plugin's settings were changed. What it raises is logged."""

    async def startup(self, ctx: Context) -> None:
        """When a process starts, or the plugin is turned on, before its other hooks. What it raises stops the start."""

    async def shutdown(self, ctx: Context) -> None:
        """When a process stops, or the plugin is turned off or loaded anew. What it raises is logged."""
