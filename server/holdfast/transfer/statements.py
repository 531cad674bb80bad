"""The statements that write staged rows into the collection, a range of lines at a time. Pure."""

from collections.abc import Mapping
from typing import Final

from holdfast.db.sql import EMPTY, Sql, Statement, join, name, named, qualified, raw
from holdfast.expressions.value import ALWAYS
from holdfast.records.list import BASE
from holdfast.records.permit import permit_update
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.transfer.checks import MATCHES, is_bad, is_matched, rows
from holdfast.transfer.job import ImportJob
from holdfast.transfer.layout import STAGED, undo_table
from holdfast.transfer.values import ImportValues

AFTER: Final = "after line"
UNTIL: Final = "until line"
WRITTEN: Final = "written"
BETWEEN: Final = (
    STAGED
    + raw(".line > ")
    + named(AFTER, "bigint")
    + raw(" AND ")
    + STAGED
    + raw(".line <= ")
    + named(UNTIL, "bigint")
)
_VERSION: Final = BASE + raw(".xmin::text AS version")


class Statements:
    """The statements of one import. `bad` and `matches` say whether there are such rows at all."""

    def __init__(self, job: ImportJob, values: ImportValues, *, bad: bool, matches: bool) -> None:
        self._job = job
        self._values = values
        self._bad = bad
        self._matches = matches
        self._keeps = not job.asked.dry_run
        self.insert = Statement.of(self._insert())
        self.keep = self._keep() if self._keeps else None
        self.insert_some = self._insert_some()
        self.left = self._left()
        self.update = self._update()
        self.unchanged = self._unchanged()

    @property
    def old(self) -> tuple[Field, ...]:
        """The fields whose old values are kept."""
        return tuple(self._job.collection.by_name[one] for one in self._values.of_update)

    def _fresh(self) -> Sql:
        """The rows of a range of which new records are made."""
        where = BETWEEN
        if self._bad:
            where += raw(" AND NOT ") + is_bad()
        if self._matches:
            where += raw(" AND NOT ") + is_matched()
        return where

    def _insert(self) -> Sql:
        values = self._values.of_insert
        fields = join(", ", [name(one) for one in values])
        insert = raw("INSERT INTO ") + _target(self._job.collection) + raw(" (") + fields + raw(") SELECT ")
        insert += join(", ", list(values.values())) + raw(" FROM ") + rows(self._job.id) + raw(" WHERE ")
        return insert + self._fresh() + raw(" ORDER BY ") + STAGED + raw(".line")

    def _keep(self) -> Statement:
        """Keep what is needed to undo a range of which all records were made.

        They have one version, because one statement made them. It is asked for once: for a statement that returns its
        rows and keeps them PostgreSQL took half as long again (version 18, 235,000 rows).
        """
        version = raw("(SELECT ") + BASE + raw(".xmin::text FROM ") + _target(self._job.collection) + raw(" WHERE ")
        version += BASE + raw('."id" = (SELECT ') + self._values.id() + raw(" FROM ") + rows(self._job.id)
        version += raw(" WHERE ") + self._fresh() + raw(" LIMIT 1))")
        keep = raw("INSERT INTO ") + undo_table(self._job.id) + raw(" (id, version) SELECT ") + self._values.id()
        keep += raw(", ") + version + raw(" FROM ") + rows(self._job.id) + raw(" WHERE ") + self._fresh()
        return Statement.of(keep)

    def _insert_some(self) -> Statement:
        """The same, but for records that would take what others have alone; the answer are the ids of those made."""
        insert = self._insert() + raw(' ON CONFLICT DO NOTHING RETURNING base."id", ') + _VERSION
        written = raw("WITH written AS (") + insert + raw(") ")
        return Statement.of(written + self._kept(raw("NULL::text[]"), raw("array_agg(id) AS ids")))

    def _kept(self, old: Sql, answer: Sql) -> Sql:
        """Tell what was written; keep what is needed to undo it, but for a dry run."""
        told = raw("SELECT ") + answer + raw(" FROM written")
        if not self._keeps:
            return told
        keep = raw(", kept AS (INSERT INTO ") + undo_table(self._job.id) + raw(" (id, version, old)")
        return keep + raw(" SELECT id, version, ") + old + raw(" FROM written) ") + told

    def _left(self) -> Statement:
        """The lines of a range of which new records were to be made, and none of these ids was."""
        left = raw("SELECT ") + STAGED + raw(".line FROM ") + rows(self._job.id) + raw(" WHERE ") + self._fresh()
        left += raw(" AND ") + self._values.id() + raw(" <> ALL (") + named(WRITTEN, "text[]") + raw(")")
        return Statement.of(left + raw(" ORDER BY ") + STAGED + raw(".line"))

    def _update(self) -> Statement | None:
        """Change the rows that are there: the answer are the lines that were heeded."""
        settings = self._values.of_update
        if not self._job.asked.updates:
            return None
        permit = permit_update(self._job.attempt("update", self._values.given), settings).whole
        old = raw("WITH old AS MATERIALIZED (SELECT ") + STAGED + raw(".line, ") + BASE + raw('."id", ARRAY[')
        old += join(", ", [BASE + raw(".") + name(one) + raw("::text") for one in settings]) + raw(
            "]::text[] AS old FROM "
        )
        old += rows(self._job.id) + raw(" JOIN ") + MATCHES + raw(" AS m ON m.line = ") + STAGED + raw(".line JOIN ")
        old += _target(self._job.collection) + raw(" ON ") + BASE + raw('."id" = m.id WHERE ') + BETWEEN
        old += (raw(" AND NOT ") + is_bad() if self._bad else EMPTY) + raw(" FOR NO KEY UPDATE OF ") + BASE
        update = raw("), written AS (UPDATE ") + _target(self._job.collection) + raw(" SET ") + _settings(settings)
        update += raw(" FROM old JOIN ") + rows(self._job.id) + raw(" ON ") + STAGED + raw(".line = old.line WHERE ")
        update += BASE + raw('."id" = old."id"')
        if permit is not ALWAYS:
            update += raw(" AND (") + permit + raw(") IS TRUE")
        update += raw(" RETURNING ") + STAGED + raw(".line, ") + BASE + raw('."id", old.old, ') + _VERSION + raw(") ")
        return Statement.of(old + update + self._kept(raw("old"), raw("array_agg(line) AS lines")))

    def _unchanged(self) -> Statement:
        """The lines of a range that are about records which are there, but for those that were heeded."""
        where = BETWEEN + raw(" AND ") + is_matched() + raw(" AND NOT ") + is_bad()
        where += raw(" AND ") + STAGED + raw(".line <> ALL (") + named(WRITTEN, "bigint[]") + raw(")")
        return Statement.of(raw("SELECT ") + STAGED + raw(".line FROM ") + rows(self._job.id) + raw(" WHERE ") + where)


def create_undo(import_id: str) -> Sql:
    """The table of what was written: ids, versions, and for changed records what they were."""
    return raw("CREATE TABLE ") + undo_table(import_id) + raw(" (id text NOT NULL, version text NOT NULL, old text[])")


def staged_bodies(job: ImportJob, named_by: Mapping[int, Sql], id: Sql) -> Statement:
    """The rows of a range with what a body would hold, for records that are written one by one."""
    columns = [STAGED + raw(".line"), STAGED + raw(".body"), id + raw(" AS new_id"), raw("m.id AS old_id")]
    columns += [content + raw("::text[] AS ") + name(f"named {at}") for at, content in named_by.items()]
    source = rows(job.id) + raw(" LEFT JOIN ") + MATCHES + raw(" AS m ON m.line = ") + STAGED + raw(".line")
    where = BETWEEN + raw(" AND NOT ") + is_bad() + raw(" ORDER BY ") + STAGED + raw(".line")
    return Statement.of(raw("SELECT ") + join(", ", columns) + raw(" FROM ") + source + raw(" WHERE ") + where)


def _target(collection: Collection) -> Sql:
    return qualified("public", collection.name) + raw(" AS ") + BASE


def _settings(settings: Mapping[str, Sql]) -> Sql:
    if not settings:
        return raw('"id" = ') + BASE + raw('."id"')
    return join(", ", [name(one) + raw(" = ") + content for one, content in settings.items()])
