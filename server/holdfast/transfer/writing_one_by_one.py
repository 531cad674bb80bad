"""Staged rows become records one by one, as if each had come over HTTP: where plugins want to be asked about it."""

import secrets
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from holdfast.db.pool import Row, Transaction
from holdfast.db.sql import Inputs, Sql, Statement, join, name, named, qualified, raw
from holdfast.errors import ApiError
from holdfast.records.list import BASE
from holdfast.records.write import Write, Written
from holdfast.records.write_service import create, update
from holdfast.schema.field import Field
from holdfast.transfer.layout import undo_table
from holdfast.transfer.statements import AFTER, UNTIL, staged_bodies
from holdfast.transfer.values import ImportValues
from holdfast.transfer.writing import Writing

AT_ONCE: Final = 500  # rows that are read from staging
_ID: Final = "id"


class OneByOne:
    """Writes the rows of one import so."""

    def __init__(self, writing: Writing, values: ImportValues) -> None:
        self._writing = writing
        self._job = writing.job
        self._layout = writing.layout
        self.old = tuple(one for one in self._job.collection.fields if one.name != _ID and one.settable)
        columns = self._layout.columns
        self._named = {at: _listed(values, at) for at, one in enumerate(columns) if one.natural is not None}
        self._read = staged_bodies(self._job, self._named, values.id())
        self._look = self._compile_look(self.old)

    async def write(self, tx: Transaction, last_line: int) -> None:
        """Write all rows that are not wrong."""
        writing, after = self._writing, 0
        while after < last_line:
            until = min(after + AT_ONCE, last_line)
            for row in await tx.fetch(self._read, Inputs(named={AFTER: after, UNTIL: until})):
                await self._write(tx, row)
            await writing.advanced()
            after = until

    async def _write(self, tx: Transaction, row: Row) -> None:
        progress, asked = self._writing.progress, self._job.asked
        there: str | None = row["old_id"]
        if there is not None and asked.mode == "skip":
            progress.skipped += 1
            return
        try:
            async with tx.savepoint():
                if there is None:
                    await self._create(tx, row)
                else:
                    await self._update(tx, row, there)
        except ApiError as refusal:
            if refusal.status >= 500:
                raise
            self._writing.fail(row["line"], refusal)
            return
        if there is None:
            progress.inserted += 1
        else:
            progress.updated += 1

    async def _create(self, tx: Transaction, row: Row) -> None:
        body = self._body(row)
        body[_ID] = row["new_id"]
        if self._job.collection.is_auth:
            body["password"] = body["passwordConfirm"] = secrets.token_urlsafe(24)
        written = await create(self._writing.engine, self._of(body), tx)
        await self._keep(tx, written, None)

    async def _update(self, tx: Transaction, row: Row, id: str) -> None:
        body = self._body(row)
        body.pop(_ID, None)
        found = await tx.fetchrow(self._look, Inputs(named={_ID: id}))
        written = await update(self._writing.engine, msgspec.structs.replace(self._of(body), id=id), tx)
        await self._keep(tx, written, None if found is None else found["old"])

    def _of(self, body: Mapping[str, Any]) -> Write:
        job = self._job
        facts = msgspec.structs.replace(job.facts, body=body)
        return Write(catalog=job.catalog, collection=job.collection, who=job.who, body=body, request=facts)

    def _body(self, row: Row) -> dict[str, Any]:
        """What a body over HTTP would hold: with ids where the file names records."""
        body: dict[str, Any] = msgspec.json.decode(row["body"])
        for at in self._named:
            column = self._layout.columns[at]
            if column.label in body:
                del body[column.label]
                ids: list[str] = row[f"named {at}"] or []
                body[column.field.name] = ids if column.field.many else (ids[0] if ids else "")
        for label in [label for label in body if label != _ID and "." in label]:
            value = body.pop(label)  # `author.id` is the id itself
            body[label.partition(".")[0]] = value
        return body

    def _compile_look(self, fields: tuple[Field, ...]) -> Statement:
        old = join(", ", [BASE + raw(".") + name(field.name) + raw("::text") for field in fields])
        source = qualified("public", self._job.collection.name) + raw(" AS ") + BASE
        look = raw("SELECT ARRAY[") + old + raw("]::text[] AS old FROM ") + source + raw(" WHERE ")
        return Statement.of(look + BASE + raw('."id" = ') + named(_ID, "text") + raw(" FOR NO KEY UPDATE"))

    async def _keep(self, tx: Transaction, written: Written, old: list[str | None] | None) -> None:
        if self._job.asked.dry_run:
            return
        insert = raw("INSERT INTO ") + undo_table(self._job.id) + raw(" (id, version, old) VALUES (")
        insert += named(_ID, "text") + raw(", ") + named("version", "text") + raw(", ") + named("old", "text[]")
        inputs = Inputs(named={_ID: written.id, "version": written.version, "old": old})
        await tx.execute(Statement.of(insert + raw(")")), inputs)


def _listed(values: ImportValues, at: int) -> Sql:
    """The ids that a column names, as a list."""
    field = values.layout.columns[at].field
    found = values.content(field, at)
    return found if field.many else raw("CASE WHEN ") + found + raw(" IS NOT NULL THEN ARRAY[") + found + raw("] END")
