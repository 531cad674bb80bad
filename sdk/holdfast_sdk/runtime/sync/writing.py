"""Writing the records of one collection."""

# Made of ../aio by `python -m holdfast_sdk.unasync`: change it there.

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

import msgspec

from ..answers import ImportReport
from ..asking import Expands, shape_query
from ..batches import tag_of
from ..bodies import body_of
from ..calls import address, post, write
from ..decoding import read
from ..errors import NotFound, PreconditionFailed, VersionConflict
from .lines import lines_of
from .reading import RecordT, View

if TYPE_CHECKING:
    from ..values import Input

CreateT = TypeVar("CreateT", bound="Input")
UpdateT = TypeVar("UpdateT", bound="Input")


class Table(View[RecordT], Generic[RecordT, CreateT, UpdateT]):
    """The records of a collection, to read and to write.

    However often a write is tried, it is done once. `key` is an Idempotency-Key of your own: a program that was
    killed and does the same again with the same key gets the first answer.
    """

    def create(self, values: CreateT, *, expand: Expands | None = None, key: str = "") -> RecordT:
        """Make a record. Raises ValidationFailed, RuleFailed, Forbidden."""
        path = address("collections", self.hf_name, "records", query=shape_query(expand))
        return self.hf_read(self.hf_core.call(write("POST", path, body_of(values), key=key)))

    def update(
        self,
        id: str,
        values: UpdateT,
        *,
        expand: Expands | None = None,
        if_unchanged: RecordT | None = None,
        key: str = "",
    ) -> RecordT:
        """Change the fields that are given. With `if_unchanged`, only if the record is still as it was read.

        Raises VersionConflict, with both versions, when somebody else was faster; NotFound, ValidationFailed.
        """
        path = address("collections", self.hf_name, "records", id, query=shape_query(expand))
        call = write("PATCH", path, body_of(values), tag_of(if_unchanged), key)
        try:
            return self.hf_read(self.hf_core.call(call))
        except PreconditionFailed as refused:
            if if_unchanged is None:
                raise
            raise self._conflict(id, refused, if_unchanged) from refused

    def delete(self, id: str, *, if_unchanged: RecordT | None = None, key: str = "") -> None:
        """Delete a record. Raises NotFound, and VersionConflict as `update` does."""
        path = address("collections", self.hf_name, "records", id)
        try:
            self.hf_core.call(write("DELETE", path, None, tag_of(if_unchanged), key))
        except PreconditionFailed as refused:
            if if_unchanged is None:
                raise
            raise self._conflict(id, refused, if_unchanged) from refused

    def upsert(self, id: str, values: CreateT | UpdateT, *, expand: Expands | None = None, key: str = "") -> RecordT:
        """Change the record of this id, or make it."""
        path = address("collections", self.hf_name, "records", id, query=shape_query(expand))
        return self.hf_read(self.hf_core.call(write("PUT", path, body_of(values), key=key)))

    def revert(self, id: str, version: int, *, key: str = "") -> RecordT:
        """Write a version of its history back."""
        path = address("collections", self.hf_name, "records", id, "revert")
        call = post(path, {"version": version})
        keyed = write("POST", path, key=key).headers
        call = msgspec.structs.replace(call, headers={**call.headers, **keyed}, repeatable="always")
        return self.hf_read(self.hf_core.call(call))

    def import_records(
        self,
        records: Iterable[CreateT],
        *,
        mode: Literal["insert", "update", "upsert", "skip"] = "insert",
        by: str = "id",
        on_error: Literal["stop", "skip"] = "stop",
        dry_run: bool = False,
    ) -> ImportReport:
        """Send very many records as one stream. What was wrong with which line is in the report."""
        query = {"mode": mode, "key": by, "onError": on_error, **({"dryRun": "true"} if dry_run else {})}
        path = address("collections", self.hf_name, "records", "import", query=query)
        answer = self.hf_core.pour("POST", path, "application/x-ndjson", lines_of(records))
        return read(answer.body, ImportReport)

    def _conflict(self, id: str, refused: PreconditionFailed, yours: RecordT) -> VersionConflict:
        try:
            theirs: RecordT | None = self.get(id)
        except NotFound:
            theirs = None
        return VersionConflict(refused, yours, theirs)
