"""What is asked of the staged rows all at once, before any is written: do they name records that are there? Pure."""

from collections.abc import Iterator
from typing import Final

from holdfast.db.sql import EMPTY, Sql, join, literal, name, number, qualified, raw
from holdfast.errors import Problem
from holdfast.records.list import BASE
from holdfast.records.permit import new_row, permit_create
from holdfast.records.violations import MISSING
from holdfast.rules.access import ways_in
from holdfast.rules.scope import holds
from holdfast.schema.collection import Collection
from holdfast.schema.relation import RelationField
from holdfast.transfer.columns import FileColumn, is_folded
from holdfast.transfer.encoding import needed
from holdfast.transfer.job import ImportJob
from holdfast.transfer.layout import STAGED, Layout, is_given, staged, table
from holdfast.transfer.values import ImportValues, keys_table

BAD: Final = raw("pg_temp.hf_bad")
"""The lines that cannot be written: line, column, value, code, message."""
MATCHES: Final = raw("pg_temp.hf_matches")
"""The lines of which the record is there already: line, id."""
NOT_THERE: Final = Problem("not_found", "There is no such record, or none that you may change.")
_TWICE: Final = Problem("validation_not_unique", "An earlier line of the file is about the same record.")
_NO_KEY: Final = Problem("validation_required", "This must not be empty: it tells which record is meant.")
_REFUSED: Final = Problem("rule_failed", "The rule of this collection refuses the record.")
_TARGET: Final = raw("target")

PREPARE: Final = (
    raw("CREATE TEMP TABLE hf_bad (line bigint, label text, value text, code text, message text) ON COMMIT DROP"),
    raw("CREATE INDEX ON ") + BAD + raw(" (line)"),
    raw("CREATE TEMP TABLE hf_matches (line bigint PRIMARY KEY, id text) ON COMMIT DROP"),
)


def rows(import_id: str) -> Sql:
    """The staged rows, for FROM."""
    return table(import_id) + raw(" AS ") + STAGED


def is_bad() -> Sql:
    """Whether a staged row cannot be written."""
    return raw("EXISTS (SELECT FROM ") + BAD + raw(" AS bad WHERE bad.line = ") + STAGED + raw(".line)")


def is_matched() -> Sql:
    """Whether the record of a staged row is there already."""
    return raw("EXISTS (SELECT FROM ") + MATCHES + raw(" AS m WHERE m.line = ") + STAGED + raw(".line)")


def mark(job: ImportJob, problem: Problem, label: str, where: Sql, value: Sql = EMPTY) -> Sql:
    """Mark the staged rows for which a condition holds."""
    told = value or raw("''")
    columns = [STAGED + raw(".line"), literal(label), told, literal(problem.code), literal(problem.message)]
    return (
        raw("INSERT INTO ")
        + BAD
        + raw(" SELECT ")
        + join(", ", columns)
        + raw(" FROM ")
        + rows(job.id)
        + (raw(" WHERE ") + where)
    )


def collect_keys(job: ImportJob, layout: Layout, at: int) -> Iterator[Sql]:
    """Find the records that the natural keys of a column name: of what is there, then of the file itself."""
    column = layout.columns[at]
    if column.natural is None or not isinstance(column.field, RelationField):
        return
    target = job.catalog.target(column.field)
    keys = keys_table(at)
    yield raw("CREATE TEMP TABLE ") + name(f"hf_keys_{at}") + raw(" (key text PRIMARY KEY, id text) ON COMMIT DROP")
    wanted = raw("SELECT DISTINCT ") + _each(column, at) + raw(" AS key FROM ") + rows(job.id)
    key = _TARGET + raw(".") + name(column.natural.name)
    key = raw("lower(") + key + raw(")") if column.folded else key
    yield (
        raw("INSERT INTO ")
        + keys
        + raw(" SELECT wanted.key, ")
        + _TARGET
        + raw(".id FROM (")
        + wanted
        + raw(") AS wanted JOIN ")
        + qualified("public", target.name)
        + raw(" AS ")
        + _TARGET
        + raw(" ON ")
        + key
        + raw(" = wanted.key WHERE ")
        + _may_list(job, target)
        + raw(" ON CONFLICT DO NOTHING")
    )
    own = layout.find(column.natural.name)
    if target.id == job.collection.id and own is not None and job.asked.creates:
        yield (
            raw("INSERT INTO ")
            + keys
            + raw(" SELECT ")
            + staged(own)
            + raw(", ")
            + ImportValues(job, layout).id()
            + raw(" FROM ")
            + rows(job.id)
            + raw(" WHERE ")
            + staged(own)
            + raw(" <> '' AND NOT ")
            + is_matched()
            + raw(" AND NOT ")
            + is_bad()
            + raw(" ON CONFLICT DO NOTHING")
        )


def _each(column: FileColumn, at: int) -> Sql:
    return raw("unnest(") + staged(at) + raw(")") if column.field.many else staged(at)


def _may_list(job: ImportJob, target: Collection) -> Sql:
    """A key leads nobody to records that they could not list: that it is not found is all that they are told."""
    if job.audience.superuser:
        return raw("true")
    way = ways_in(job.catalog, target, "list", job.audience)
    return holds(job.catalog, target, way.rules, _TARGET, job.audience)


def related(job: ImportJob, layout: Layout) -> Iterator[Sql]:
    """Mark the rows that point at records which are not there."""
    for at, column in enumerate(layout.columns):
        field = column.field
        if not isinstance(field, RelationField):
            continue
        there = _there(job, layout, at, raw("wanted.key"))
        if field.many:
            source = raw("unnest(") + staged(at) + raw(") AS wanted(key)")
            missing = raw("EXISTS (SELECT FROM ") + source + raw(" WHERE NOT ") + there + raw(")")
        else:
            missing = staged(at) + raw(" IS NOT NULL AND NOT ") + _there(job, layout, at, staged(at))
        yield mark(job, MISSING, column.label, missing + raw(" AND NOT ") + is_bad(), staged(at) + raw("::text"))


def forget_keys(job: ImportJob, layout: Layout) -> Iterator[Sql]:
    """Forget the natural keys of records that the file was to bring and cannot."""
    own = layout.find("id")
    for at, column in enumerate(layout.columns):
        field = column.field
        points_here = isinstance(field, RelationField) and field.collection_id == job.collection.id
        if column.natural is not None and points_here and own is not None:
            bad = raw("EXISTS (SELECT FROM ") + rows(job.id) + raw(" WHERE ") + staged(own) + raw(" = k.id AND ")
            bad += is_bad() + raw(" AND NOT ") + is_matched() + raw(")")
            yield raw("DELETE FROM ") + keys_table(at) + raw(" AS k WHERE ") + bad


def _there(job: ImportJob, layout: Layout, at: int, key: Sql) -> Sql:
    """Whether a record is there, or will be when the file is in."""
    column = layout.columns[at]
    if column.natural is not None:
        return raw("EXISTS (SELECT FROM ") + keys_table(at) + raw(" AS k WHERE k.key = ") + key + raw(")")
    if not isinstance(column.field, RelationField):
        return raw("true")
    target = job.catalog.target(column.field)
    found = raw("EXISTS (SELECT FROM ") + qualified("public", target.name) + raw(" AS ") + _TARGET + raw(" WHERE ")
    found += _TARGET + raw(".id = ") + key + raw(")")
    own = layout.find("id")
    if target.id != job.collection.id or own is None or not job.asked.creates:
        return found
    other = raw("other.") + name(f"c{own}")
    coming = raw("EXISTS (SELECT FROM ") + table(job.id) + raw(" AS other WHERE ") + other + raw(" = ") + key
    coming += raw(" AND NOT EXISTS (SELECT FROM ") + BAD + raw(" AS bad WHERE bad.line = other.line))")
    return raw("(") + found + raw(" OR ") + coming + raw(")")


def matched(job: ImportJob, layout: Layout) -> Iterator[Sql]:
    """Find the records that are there already, and mark the rows that are about none, or about one twice."""
    if job.asked.mode == "insert":
        return
    at = next((at for at, one in enumerate(layout.columns) if one.label == job.asked.key), None)
    if at is None or (at in layout.implicit and layout.is_csv):
        if job.asked.mode == "update":
            yield mark(job, _NO_KEY, job.asked.key, raw("NOT ") + is_bad())
        return
    field = job.key
    key = staged(at)
    theirs = BASE + raw(".") + name(field.name)
    if is_folded(job.collection, field):
        key, theirs = raw("lower(") + key + raw(")"), raw("lower(") + theirs + raw(")")
    filled = key + raw(" IS NOT NULL")
    if field.cast == "text":
        filled += raw(" AND ") + key + raw(" <> ''")
    if not layout.is_csv:
        filled += raw(" AND ") + is_given(at)
    if job.asked.mode == "update":
        yield mark(job, _NO_KEY, job.asked.key, raw("(") + filled + raw(") IS NOT TRUE AND NOT ") + is_bad())
    yield (
        raw("INSERT INTO ")
        + MATCHES
        + raw(" SELECT DISTINCT ON (staged.line) ")
        + STAGED
        + raw(".line, ")
        + BASE
        + raw(".id FROM ")
        + rows(job.id)
        + raw(" JOIN ")
        + qualified("public", job.collection.name)
        + raw(" AS ")
        + BASE
        + raw(" ON ")
        + theirs
        + raw(" = ")
        + key
        + raw(" WHERE ")
        + filled
        + raw(" AND NOT ")
        + is_bad()
    )
    yield from _again(job, key, filled, staged(at))
    if job.asked.mode == "update":
        absent = raw("NOT ") + is_matched() + raw(" AND NOT ") + is_bad()
        yield mark(job, NOT_THERE, job.asked.key, absent, staged(at) + raw("::text"))


def _again(job: ImportJob, key: Sql, filled: Sql, told: Sql) -> Iterator[Sql]:
    """Rows that are about the record of an earlier row: who skips what is there skips them, too."""
    numbered = raw("SELECT ") + STAGED + raw(".line, ") + told + raw("::text AS told, row_number() OVER (PARTITION BY ")
    numbered += key + raw(" ORDER BY ") + STAGED + raw(".line) AS place FROM ") + rows(job.id)
    numbered += raw(" WHERE ") + filled + raw(" AND NOT ") + is_bad()
    again = raw(" FROM (") + numbered + raw(") AS again WHERE again.place > 1")
    if job.asked.mode == "skip":
        yield raw("INSERT INTO ") + MATCHES + raw(" SELECT again.line, ''") + again + raw(" ON CONFLICT DO NOTHING")
        return
    columns = [raw("again.line"), literal(job.asked.key), raw("again.told"), literal(_TWICE.code)]
    columns.append(literal(_TWICE.message))
    yield raw("INSERT INTO ") + BAD + raw(" SELECT ") + join(", ", columns) + again


def lacking(job: ImportJob, layout: Layout) -> Iterator[Sql]:
    """Mark the rows of records that are not there yet and cannot be made of what the file has."""
    if not job.asked.creates:
        return
    fresh = raw(" AND NOT ") + is_matched() + raw(" AND NOT ") + is_bad()
    for label, problem in needed(job.into).items():
        given = [at for at in layout.of_field(label) if at not in layout.implicit]
        if not given:
            yield mark(job, problem, label, raw("true") + fresh)
        elif not layout.is_csv:
            none = join(" AND ", [raw("NOT coalesce(") + is_given(at) + raw(", false)") for at in given])
            yield mark(job, problem, label, none + fresh)
    if job.collection.is_auth and job.asked.updates:
        blank = Problem("validation_required", "A new account needs a password where the file has them.")
        for at in layout.of_field("password"):
            there = EMPTY if layout.is_csv else is_given(at) + raw(" AND ")
            yield mark(job, blank, layout.columns[at].label, there + staged(at) + raw(" IS NULL") + fresh)


def refused(job: ImportJob, layout: Layout, between: Sql) -> Iterator[Sql]:
    """Mark the rows of new records that the caller may not make."""
    if not job.asked.creates or job.audience.superuser:
        return
    values = ImportValues(job, layout)
    permit = permit_create(job.attempt("create", values.given), values.of_insert)
    source = raw("EXISTS (SELECT FROM ") + new_row(job.collection, values.of_insert) + raw(" WHERE ")
    fresh = between + raw(" AND NOT ") + is_matched() + raw(" AND NOT ") + is_bad() + raw(" AND NOT ")
    yield mark(job, _REFUSED, "", fresh + source + raw("(") + permit.row + raw(") IS TRUE)"))
    for demand in permit.demands:
        where = fresh + source + raw("(") + demand.condition + raw(") IS TRUE)")
        yield mark(job, demand.problem, demand.field, where)


TOLD: Final = (
    raw("SELECT line, label, left(value, 1000) AS value, code, message FROM ")
    + BAD
    + raw(" ORDER BY line, label LIMIT ")
    + number(100)
)
COUNTED: Final = raw("SELECT count(DISTINCT line) AS lines FROM ") + BAD
