"""Several writes that are done together: what each of them will answer is known when all are done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec

from .asking import Expands, shape_query
from .bodies import Body, body_of
from .calls import Answer, Call, address, write
from .decoding import read
from .uploads import Part
from .values import Input, Record

RecordT = TypeVar("RecordT", bound=Record)
CreateT = TypeVar("CreateT", bound=Input)
UpdateT = TypeVar("UpdateT", bound=Input)
PATH: Final = "/api/batch"


class Planned(Generic[RecordT]):
    """A write of a batch. `record` is there once the batch is done."""

    __slots__ = ("_kind", "_record")

    def __init__(self, kind: type[RecordT]) -> None:
        self._kind = kind
        self._record: RecordT | None = None

    @property
    def record(self) -> RecordT:
        """The record as it is now. Raises RuntimeError before the batch is done, and for a delete."""
        if self._record is None:
            raise RuntimeError("There is no record: the batch is not done yet, or this was a delete.")
        return self._record

    def hf_done(self, body: bytes) -> None:
        """Take what the server has answered."""
        if body != b"null":
            self._record = read(body, self._kind)


class _Request(msgspec.Struct):
    method: str
    url: str
    body: dict[str, Any] | None = None
    headers: dict[str, str] = {}


class _Response(msgspec.Struct):
    body: msgspec.Raw = msgspec.Raw(b"null")


class Plan:
    """The writes of one batch, in order."""

    def __init__(self, key: str = "") -> None:
        self._key = key
        self._requests: list[_Request] = []
        self._files: list[Part] = []
        self._planned: list[Planned[Any]] = []

    def __len__(self) -> int:
        """How many there are."""
        return len(self._requests)

    @property
    def prefix(self) -> str:
        """What goes before the names of files of the next write."""
        return f"requests.{len(self._requests)}."

    def add(self, planned: Planned[Any], method: str, path: str, body: Body | None, if_match: str) -> None:
        """One more."""
        headers = {"If-Match": if_match} if if_match else {}
        self._requests.append(_Request(method, path, None if body is None else body.fields, headers))
        self._files += [] if body is None else body.files
        self._planned.append(planned)

    def call(self) -> Call:
        """The call that does them all."""
        body = Body({"requests": self._requests}, self._files)
        return write("POST", PATH, body, key=self._key)

    def done(self, answer: Answer) -> None:
        """Give each write its answer."""
        answers: Sequence[_Response] = read(answer.body, list[_Response])
        for planned, one in zip(self._planned, answers, strict=True):
            planned.hf_done(bytes(one.body))


class BatchTable(Generic[RecordT, CreateT, UpdateT]):
    """The records of a collection in a batch. Nothing is sent before the end of its block."""

    def __init__(self, plan: Plan, name: str, record: type[RecordT]) -> None:
        self._plan = plan
        self._name = name
        self._record = record

    def create(self, values: CreateT, *, expand: Expands | None = None) -> Planned[RecordT]:
        """Make a record."""
        return self._add("POST", (), values, expand)

    def update(
        self, id: str, values: UpdateT, *, expand: Expands | None = None, if_unchanged: RecordT | None = None
    ) -> Planned[RecordT]:
        """Change the fields that are given."""
        return self._add("PATCH", (id,), values, expand, if_unchanged)

    def upsert(self, id: str, values: CreateT | UpdateT, *, expand: Expands | None = None) -> Planned[RecordT]:
        """Change the record of this id, or make it."""
        return self._add("PUT", (id,), values, expand)

    def delete(self, id: str, *, if_unchanged: RecordT | None = None) -> None:
        """Delete a record."""
        self._add("DELETE", (id,), None, None, if_unchanged)

    def _add(
        self,
        method: str,
        segments: tuple[str, ...],
        values: Input | None,
        expand: Expands | None,
        if_unchanged: RecordT | None = None,
    ) -> Planned[RecordT]:
        planned = Planned(self._record)
        body = None if values is None else body_of(values, self._plan.prefix)
        path = address("collections", self._name, "records", *segments, query=shape_query(expand))
        self._plan.add(planned, method, path, body, tag_of(if_unchanged))
        return planned


def tag_of(record: Record | None) -> str:
    """The version of a record. Raises ValueError for one of a list, which does not know its version."""
    if record is None:
        return ""
    if not record.hf_etag:
        raise ValueError("This record does not know its version: read it by `get`.")
    return record.hf_etag
