"""The interface of plugins: every hook, what it is given, and what it may do. docs/reference/hooks.md lists them too.

A plugin is a class that inherits from `Plugin`; what it overrides is called, the rest costs nothing. Whatever a hook
raises that is no ApiError, and whatever takes longer than 5 seconds, is a fault of the plugin: the request is answered
with 500 and rolled back, and the plugin is named in the log, and to superusers in the answer.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeAlias, TypeVar

import msgspec

from holdfast.db.sql import Sql
from holdfast.identity import Principal
from holdfast.schema.collection import Collection

if TYPE_CHECKING:  # a server without plugins imports neither for them
    from structlog.stdlib import BoundLogger

Action: TypeAlias = Literal["create", "update", "delete"]
Audience: TypeAlias = Literal["superusers", "users", "anyone"]
Found = TypeVar("Found")
SettingsOf = TypeVar("SettingsOf", bound=msgspec.Struct)


class RecordDraft(msgspec.Struct):
    """A record that is about to be written. `body` is what was sent, as it was sent.

    `values` are what will be written, by field, and empty before the body was checked: all fields of a new record, and
    those that an update sets; never a password. What a hook puts there is checked as if it came from a superuser.
    """

    action: Action
    id: str
    body: dict[str, Any]
    values: dict[str, Any]


class RecordWritten(msgspec.Struct, frozen=True):
    """A record that was written; `values` are what was set, without passwords, and empty for one that was deleted."""

    action: Action
    id: str
    values: Mapping[str, Any]


class RecordRemoval(msgspec.Struct, frozen=True):
    """A record that is deleted."""

    id: str


class RecordQuery(msgspec.Struct):
    """What is asked of a list, as in its parameters. The rules of the collection hold whatever stands here."""

    filter: str
    sort: str
    search: str
    fields: str
    expand: str
    page: int
    per_page: int
    params: dict[str, Any]


class RecordView(msgspec.Struct):
    """What is asked of one record, as in its parameters."""

    id: str
    fields: str
    expand: str


class Answer:
    """An answer that is about to go out: JSON, which is read when `content` is asked for first, and written anew then.

    Of a list it is `{"items": [...], ...}`, of a view the record.
    """

    __slots__ = ("_body", "_content")

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._content: dict[str, Any] | None = None

    @property
    def content(self) -> dict[str, Any]:
        """The answer; change it in place."""
        if self._content is None:
            self._content = msgspec.json.decode(self._body, type=dict[str, Any])
        return self._content

    @property
    def body(self) -> bytes:
        """What goes out, as it was when `settle` was called last."""
        return self._body

    def settle(self) -> None:
        """Take over what was changed; done after each hook. Raises TypeError for what is no JSON."""
        if self._content is not None:
            self._body = msgspec.json.encode(self._content)


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


class Context(Protocol):
    """What a hook works with. It ends with the hook: keep nothing of it."""

    @property
    def who(self) -> Principal:
        """Who asks; the plugin itself where nobody does."""
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

    def settings(self, kind: type[SettingsOf]) -> SettingsOf:
        """The plugin's settings: give the class that it has as `Settings`."""
        ...

    @property
    def log(self) -> "BoundLogger":
        """A log whose lines carry the plugin, the request and the collection."""
        ...


class NoSettings(msgspec.Struct, frozen=True):
    """The settings of a plugin that has none."""


class Plugin:
    """The base of every plugin. Hooks of one kind run by `priority` (the lowest first), then by name.

    One object per process lives from its start to its end; what it holds is not shared with other processes.
    """

    name: ClassVar[str]
    """Letters, digits and underscores, small, a letter first. Its events, routes and commands are called by it."""
    description: ClassVar[str] = ""
    priority: ClassVar[int] = 0
    Settings: ClassVar[type[msgspec.Struct]] = NoSettings
    """A msgspec struct of which every field has a default. What an operator sets is checked against it."""

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
        """After the commit, before the answer goes out; never when the process dies in between: see `record_changed`.

        What it raises is logged, and changes nothing.
        """

    async def record_before_list(self, ctx: Context, query: RecordQuery) -> None:
        """Before a list is read, in no transaction: change the query, or refuse."""

    async def record_after_list(self, ctx: Context, answer: Answer) -> None:
        """Before a list goes out, in no transaction: change `answer.content`, or refuse."""

    async def record_before_view(self, ctx: Context, view: RecordView) -> None:
        """Before a record is read, in no transaction: change `fields` and `expand`, or refuse."""

    async def record_after_view(self, ctx: Context, answer: Answer) -> None:
        """Before a record goes out, in no transaction: change `answer.content`, or refuse. Its ETag is made after."""

    async def startup(self, ctx: Context) -> None:
        """When a process starts, or the plugin is turned on, before its other hooks. What it raises stops the start."""

    async def shutdown(self, ctx: Context) -> None:
        """When a process stops, or the plugin is turned off or loaded anew. What it raises is logged."""
