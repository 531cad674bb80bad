"""Staged rows become records: one transaction for all of them, a range of lines at a time."""

from collections.abc import Sequence
from typing import Final

import asyncpg

from holdfast.db.failures import api_error
from holdfast.db.pool import Row, Transaction
from holdfast.db.sql import Inputs, Sql, Statement, raw
from holdfast.engine import Engine
from holdfast.errors import ApiError, BadRequest, Problem
from holdfast.records.violations import refusal_of
from holdfast.rules.facts import FACTS
from holdfast.transfer import checks, store
from holdfast.transfer.checks import NOT_THERE
from holdfast.transfer.columns import PASSWORD, PASSWORD_HASH
from holdfast.transfer.job import ImportJob
from holdfast.transfer.layout import Layout
from holdfast.transfer.report import Findings, LineProblem, line_problem, problems_of
from holdfast.transfer.statements import AFTER, UNTIL, WRITTEN, Statements
from holdfast.transfer.store import Progress
from holdfast.transfer.values import ImportValues

LINES_AT_ONCE: Final = 10_000
_UNIQUE: Final = "23505"
_SECRET: Final = frozenset((PASSWORD, PASSWORD_HASH, "tokenKey"))
_DATA: Final = ("22", "23", "54")  # classes of SQLSTATE that are about what is written, and not about the moment


class StopImport(Exception):
    """A line is wrong, and the import is to stop at the first one."""


class Writing:
    """One import as it is written. Counts in `progress`, tells in `findings`."""

    def __init__(self, engine: Engine, job: ImportJob, layout: Layout, findings: Findings, progress: Progress) -> None:
        self.engine = engine
        self.job = job
        self.layout = layout
        self.findings = findings
        self.progress = progress

    async def check(self, tx: Transaction) -> bool:
        """Look at all rows at once; whether some are wrong."""
        for statement in checks.PREPARE:
            await self._run(tx, statement)
        job, layout = self.job, self.layout
        for statement in checks.matched(job, layout):
            await self._run(tx, statement)
        for statement in checks.lacking(job, layout):
            await self._run(tx, statement)
        for at in range(len(layout.columns)):
            for statement in checks.collect_keys(job, layout, at):
                await self._run(tx, statement)
        await self._relate(tx)
        if not job.hooked:
            for statement in checks.refused(job, layout, raw("true")):
                await self._run(tx, statement)
            if layout.points_at_itself():
                await self._relate(tx)
        return await self._tell_bad(tx)

    async def _relate(self, tx: Transaction) -> None:
        """Mark rows that point nowhere; where rows point at each other, also those that point at marked ones."""
        while True:
            marked = 0
            for statement in checks.related(self.job, self.layout):
                marked += await self._run(tx, statement)
            if not marked or not self.layout.points_at_itself():
                return
            for statement in checks.forget_keys(self.job, self.layout):
                await self._run(tx, statement)

    async def _tell_bad(self, tx: Transaction) -> bool:
        counted = await tx.fetchrow(checks.COUNTED)
        lines = 0 if counted is None else int(counted["lines"])
        if not lines:
            return False
        self.findings.add(lines, [_told(row) for row in await tx.fetch(checks.TOLD)])
        return True

    async def matches(self, tx: Transaction) -> int:
        """How many rows are about records that are there already."""
        row = await tx.fetchrow(
            raw("SELECT count(*) AS matches FROM ")
            + checks.MATCHES
            + raw(" AS m WHERE NOT EXISTS (SELECT FROM ")
            + checks.BAD
            + raw(" AS bad WHERE bad.line = m.line)")
        )
        return 0 if row is None else int(row["matches"])

    async def write(self, tx: Transaction, values: ImportValues, last_line: int, *, bad: bool) -> Statements:
        """Write all rows that are not wrong."""
        matches = await self.matches(tx)
        statements = Statements(self.job, values, bad=bad, matches=matches > 0)
        if self.job.asked.mode == "skip":
            self.progress.skipped += matches
        after = 0
        while after < last_line:
            until = min(after + LINES_AT_ONCE, last_line)
            if statements.update is not None and matches:
                self.progress.updated += await self._update(tx, statements, statements.update, after, until)
            if self.job.asked.creates:
                self.progress.inserted += await self._insert(tx, statements, after, until)
            await self.advanced()
            after = until
        return statements

    async def advanced(self) -> None:
        """Say how far the import is, and stop where it has to. Raises StopImport and ImportCancelled."""
        self.progress.failed = self.findings.failed
        if self.findings.failed and self.job.asked.on_error == "stop":
            raise StopImport
        await store.advance(self.engine.pool, self.job.id, "writing", self.progress)

    async def _insert(self, tx: Transaction, statements: Statements, after: int, until: int) -> int:
        """Make the records of a range, all that can be made."""
        try:
            async with tx.savepoint():
                return await self._insert_all(tx, statements, after, until)
        except asyncpg.PostgresError as failure:
            if not _is_about_data(failure):
                raise
            if until - after == 1:
                self._fail(until, failure)
                return 0
            if failure.sqlstate == _UNIQUE:
                return await self._insert_some(tx, statements, after, until)
        middle = (after + until) // 2
        first = await self._insert(tx, statements, after, middle)
        return first + await self._insert(tx, statements, middle, until)

    async def _insert_some(self, tx: Transaction, statements: Statements, after: int, until: int) -> int:
        """Make those records of a range that take nobody else's values; find out about the others one by one."""
        try:
            async with tx.savepoint():
                row = await tx.fetchrow(statements.insert_some, self._range(after, until))
        except asyncpg.PostgresError as failure:
            if not _is_about_data(failure):
                raise
            middle = (after + until) // 2
            first = await self._insert_some(tx, statements, after, middle) if middle > after else 0
            return first + await self._insert(tx, statements, middle, until)
        ids: Sequence[str] = [] if row is None else row["ids"] or []
        written = len(ids)
        left = await tx.fetch(statements.left, self._range(after, until, ids))
        for place, line in enumerate(one["line"] for one in left):
            if not self.findings.room:
                self.findings.failed += len(left) - place
                break
            written += await self._insert(tx, statements, line - 1, line)
            if self.findings.failed and self.job.asked.on_error == "stop":
                break
        return written

    async def _update(self, tx: Transaction, statements: Statements, update: Statement, after: int, until: int) -> int:
        """Change the records of a range, all that can be changed."""
        try:
            async with tx.savepoint():
                row = await tx.fetchrow(update, self._range(after, until))
        except asyncpg.PostgresError as failure:
            if not _is_about_data(failure):
                raise
            if until - after == 1:
                self._fail(until, failure)
                return 0
            middle = (after + until) // 2
            first = await self._update(tx, statements, update, after, middle)
            return first + await self._update(tx, statements, update, middle, until)
        lines: Sequence[int] = [] if row is None else row["lines"] or []
        for left in await tx.fetch(statements.unchanged, self._range(after, until, lines)):
            self.findings.fail(left["line"], [(self.job.asked.key, "", NOT_THERE)])
        return len(lines)

    def _fail(self, line: int, failure: asyncpg.PostgresError) -> None:
        job = self.job
        seen = refusal_of(job.catalog, job.collection, job.who, "write", failure) or api_error(failure)
        self.fail(line, seen or BadRequest("The record cannot be written."))

    def fail(self, line: int, refusal: ApiError) -> None:
        """Count a line that was refused."""
        self.findings.fail(line, [(name, "", problem) for name, _, problem in problems_of(refusal)])

    async def _insert_all(self, tx: Transaction, statements: Statements, after: int, until: int) -> int:
        inputs = self._range(after, until)
        tag = await tx.execute(statements.insert, inputs)
        if statements.keep is not None:
            await tx.execute(statements.keep, inputs)
        return int(tag.rpartition(" ")[2])

    def _range(self, after: int, until: int, written: Sequence[object] = ()) -> Inputs:
        return Inputs(named={FACTS: self.job.facts, AFTER: after, UNTIL: until, WRITTEN: list(written)})

    async def _run(self, tx: Transaction, sql: Sql) -> int:
        """Run a statement; how many rows it has written."""
        statement = Statement.of(sql)
        tag = await tx.execute(statement, Inputs(named={FACTS: self.job.facts}))
        count = tag.rpartition(" ")[2]
        return int(count) if count.isdecimal() else 0


def _is_about_data(failure: asyncpg.PostgresError) -> bool:
    return (failure.sqlstate or "")[:2] in _DATA


def _told(row: Row) -> LineProblem:
    value = "" if row["label"] in _SECRET else row["value"] or ""
    return line_problem(row["line"], row["label"], value, Problem(row["code"], row["message"]))
