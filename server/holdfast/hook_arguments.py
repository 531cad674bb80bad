"""What hooks are given: a struct for each sort, frozen where there is nothing to change."""

from collections.abc import Mapping
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

from holdfast.schema.collection import Collection

Action: TypeAlias = Literal["create", "update", "delete"]


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


class RecordEvent(msgspec.Struct, frozen=True):
    """A change of a record, from the log. `id` is the same however often the event comes.

    `record` is as it was after the change (a deleted one: as it was before), without hidden fields; None for a
    collection that was emptied, and the id alone for a record too large for the log. `previous` has what an update
    changed, as it was.
    """

    id: str
    seq: int
    type: str
    action: str
    timestamp: str
    collection: str
    record_id: str
    record: Mapping[str, Any] | None
    previous: Mapping[str, Any]
    request_id: str


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


class AggregateQuery(msgspec.Struct):
    """What is asked of an aggregate, as in its parameters: `group_by` and `select` are lists with commas."""

    group_by: str
    select: str
    filter: str
    sort: str
    limit: int
    params: dict[str, Any]


class FileUpload(Protocol):
    """A file that is about to be stored for a record. `filename` is what its sender calls it, and can be set.

    `media_type` is found in its bytes, and `size` is their number.
    """

    @property
    def filename(self) -> str:
        """What its sender calls it."""
        ...

    @filename.setter
    def filename(self, name: str) -> None: ...

    @property
    def record_id(self) -> str:
        """The record that it is for."""
        ...

    @property
    def field(self) -> str:
        """The name of the field that it is for."""
        ...

    @property
    def size(self) -> int:
        """How many bytes it has."""
        ...

    @property
    def media_type(self) -> str:
        """What it is, by its bytes: `image/png`."""
        ...

    async def read(self) -> bytes:
        """All of it."""
        ...

    def replace(self, content: bytes) -> None:
        """Put other bytes into it: a smaller picture, one without the place where it was taken."""
        ...


class FileStored(msgspec.Struct, frozen=True):
    """A file that a record has taken: stored and asked for as `name`, and called `filename` by its sender."""

    record_id: str
    field: str
    name: str
    filename: str
    size: int
    media_type: str


class FileServed(msgspec.Struct):
    """A file that is about to go out. With `download` a browser saves it, as `filename`, and does not show it.

    `name`, `size` and `media_type` are those of the file; a change of them is not heeded.
    """

    record_id: str
    field: str
    name: str
    size: int
    media_type: str
    filename: str
    download: bool


class Login(msgspec.Struct):
    """A login of somebody who has shown to be an account. What stands in `meta` goes out with the answer."""

    record_id: str
    email: str
    method: str
    address: str
    meta: dict[str, Any]


class OAuth2Newcomer(msgspec.Struct):
    """Somebody new, whom a provider vouches for; `values` are the body of the record that is made of them."""

    provider: str
    profile: dict[str, Any]
    values: dict[str, Any]


class TokenClaims(msgspec.Struct):
    """What a login token of a record will say beside what the server needs; names of the server's own are refused."""

    record_id: str
    extra: dict[str, Any]


class RealtimeSubscription(msgspec.Struct):
    """The topics that a client wants to hear, as it wrote them, in place of those before."""

    topics: list[str]


class RealtimeMessage(msgspec.Struct):
    """A message to one client. `record` is what the client may see of it; a message that is `dropped` is not sent."""

    topic: str
    type: str
    record: dict[str, Any]
    dropped: bool = False


class Mail(msgspec.Struct):
    """A mail that is about to be handed over; one that is `dropped` never is."""

    to: str
    to_name: str
    subject: str
    html: str
    text: str
    dropped: bool = False


class SchemaChange(msgspec.Struct, frozen=True):
    """All collections before and after a change, by name."""

    before: Mapping[str, Collection]
    after: Mapping[str, Collection]


class SettingsChange(msgspec.Struct, frozen=True):
    """The plugin's settings before and after."""

    before: msgspec.Struct
    after: msgspec.Struct


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
