"""Why a caller may do something, or may not: each way in, the verdict of its rule and the values that led to it."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from holdfast.access.question import Question
from holdfast.catalog.snapshot import Catalog
from holdfast.db.pool import Transaction
from holdfast.db.sql import Inputs, Sql, Statement, named, qualified, raw
from holdfast.errors import InvalidFilter
from holdfast.identity import Principal
from holdfast.records.imagine import Imagined
from holdfast.records.permit import NEW, new_row
from holdfast.rules.access import Access, Audience, Grant, audience, rule_of, ways_in
from holdfast.rules.explain import Part, RuleOutlines
from holdfast.rules.facts import FACTS, Facts
from holdfast.rules.names import NOTHING_SPOKEN, Spoken
from holdfast.rules.scope import holds
from holdfast.schema.collection import Collection

ROW: Final = raw("base")  # the record as it is
RECORD_ID: Final = "id"


class Check(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One way in that was looked at.

    `source` is `rule` or `role:NAME`; `rule` is None where it lets in nobody but superusers. `sql` is what the rule
    becomes, with what `parameters` stand for. A change is looked at twice: `when` is `before` and `after`. `read` and
    `write` are the fields that a role names. `reason` says what cannot be told by the verdict of a rule.
    """

    source: str
    rule: str | None
    result: bool
    sql: str = ""
    parameters: tuple[str, ...] = ()
    tree: Part | None = None
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    reason: str = ""
    when: str = ""


class Seen(msgspec.Struct, frozen=True):
    """How many records are seen, of how many there are."""

    rows: int
    of: int


class Asking(msgspec.Struct, frozen=True):
    """One question on its way to an answer: what was asked, by whom it is meant, of which collection."""

    catalog: Catalog
    collection: Collection
    question: Question
    who: Principal

    @property
    def facts(self) -> Facts:
        """The facts of the imagined request."""
        question = self.question
        return Facts(
            who=self.who,
            method=question.method,
            query=lambda: question.query,
            headers={name.encode("latin-1", "replace"): text.encode() for name, text in question.headers.items()},
            body=question.body,
            context=question.context,
        )

    @property
    def audience(self) -> Audience:
        """Whom a compiled rule has to serve."""
        return audience(self.who)

    @property
    def ways(self) -> Access:
        """The ways in that there are."""
        return ways_in(self.catalog, self.collection, self.question.action, self.audience)

    def inputs(self, named: Mapping[str, object] | None = None) -> Inputs:
        """What statements about this question are run with."""
        return Inputs(named={FACTS: self.facts, RECORD_ID: self.question.record_id, **(named or {})})


class Place(msgspec.Struct, frozen=True):
    """Where the row is that rules are asked about: what follows FROM, the alias of the row in it, and what else they
    name."""

    source: Sql
    condition: Sql
    row: Sql = ROW
    spoken: Spoken = NOTHING_SPOKEN
    named: Mapping[str, object] = {}


def place_of_record(collection: Collection) -> Place:
    """The record that the question names, as it is."""
    table = qualified("public", collection.name) + raw(" AS ") + ROW
    return Place(table, ROW + raw('."id" = ') + named(RECORD_ID, "text"))


def place_as_it_would_be(collection: Collection, imagined: Imagined, *, new: bool) -> Place:
    """The row that a write would lead to; with `new` there is none as yet, else it is the record that is changed."""
    sent = {field: imagined.settings[field] for field in imagined.sent if field in imagined.settings}
    would_be = new_row(collection, imagined.settings)
    if new:
        return Place(would_be, raw("true"), NEW, Spoken(body=sent), imagined.inputs)
    found = place_of_record(collection)
    source = found.source + raw(" CROSS JOIN LATERAL ") + would_be
    return Place(source, found.condition, NEW, Spoken(body=sent, previous=ROW), imagined.inputs)


def place_before(collection: Collection, imagined: Imagined) -> Place:
    """The record as it is, for rules that ask what a change would set."""
    found = place_of_record(collection)
    sent = {field: imagined.settings[field] for field in imagined.sent if field in imagined.settings}
    spoken = Spoken(body=sent, previous=ROW)
    return msgspec.structs.replace(found, spoken=spoken, named=imagined.inputs)


async def look_at_row(tx: Transaction, asking: Asking, place: Place) -> tuple[Check, ...]:
    """Every way in, with its verdict on the row; false for one that is not there."""
    return tuple([await _check_row(tx, asking, place, grant) for grant in asking.ways.grants] + _closed(asking))


async def look_at_all(tx: Transaction, asking: Asking) -> tuple[tuple[Check, ...], Seen]:
    """Every way in, with the number of records that it opens, and how many are seen by all of them together."""
    table = qualified("public", asking.collection.name) + raw(" AS ") + ROW
    checks = [await _count_rows(tx, asking, table, grant) for grant in asking.ways.grants]
    seen = holds(asking.catalog, asking.collection, asking.ways.rules, ROW, asking.audience)
    counted = raw("SELECT count(*) FILTER (WHERE ") + seen + raw(") AS rows, count(*) AS of FROM ") + table
    row = await tx.fetchrow(counted, asking.inputs())
    return tuple(checks + _closed(asking)), Seen(row["rows"], row["of"]) if row else Seen(0, 0)


def _closed(asking: Asking) -> list[Check]:
    """The ways that are no ways: a closed rule, and roles without a permission for this."""
    if asking.ways.everything:
        return []
    found: list[Check] = []
    rule = rule_of(asking.collection, asking.question.action)
    if rule is None:
        reason = "The rule is closed: it lets in superusers alone."
        found.append(Check(source="rule", rule=None, result=False, reason=reason))
    open_roles = {grant.source for grant in asking.ways.grants}
    for id in asking.who.roles:
        role = asking.catalog.roles_by_id.get(id)
        if role is not None and f"role:{role.name}" not in open_roles:
            reason = f"The role has no permission to {asking.question.action} here."
            found.append(Check(source=f"role:{role.name}", rule=None, result=False, reason=reason))
    return found


async def _check_row(tx: Transaction, asking: Asking, place: Place, grant: Grant) -> Check:
    scope = RuleOutlines(asking.catalog, asking.collection, place.row, asking.audience, place.spoken)
    try:
        outline = scope.outline(grant.rule) if grant.rule.strip() else None
    except InvalidFilter as failure:
        return _broken(grant, failure)
    columns = raw("NULL") if outline is None else outline.select()
    query = raw("SELECT ") + columns + raw(" AS found FROM ") + place.source + scope.joins()
    row = await tx.fetchrow(query + raw(" WHERE ") + place.condition, asking.inputs(place.named))
    shown = _shown(asking, grant, place)
    if row is None:
        return _check(grant, shown, result=False, reason="There is no such record.")
    tree = None if outline is None else outline.filled(row["found"])
    return _check(grant, shown, result=tree is None or bool(tree.result), tree=tree)


async def _count_rows(tx: Transaction, asking: Asking, table: Sql, grant: Grant) -> Check:
    shown = _shown(asking, grant, Place(table, ROW))
    if not grant.rule.strip():
        return _check(grant, shown, result=True)
    scope = RuleOutlines(asking.catalog, asking.collection, ROW, asking.audience)
    try:
        outline = scope.count(grant.rule)
    except InvalidFilter as failure:
        return _broken(grant, failure)
    query = raw("SELECT ") + outline.select() + raw(" AS found FROM ") + table + scope.joins()
    row = await tx.fetchrow(query, asking.inputs())
    tree = outline.filled(row["found"] if row else [])
    return _check(grant, shown, result=bool(tree.rows), tree=tree)


def _broken(grant: Grant, failure: InvalidFilter) -> Check:
    return _check(grant, ("", ()), result=False, reason=f"The rule cannot be used: {failure.message}")


def _shown(asking: Asking, grant: Grant, place: Place) -> tuple[str, tuple[str, ...]]:
    """The rule as SQL, and what its parameters are."""
    rules = (grant.rule,)
    condition = holds(asking.catalog, asking.collection, rules, place.row, asking.audience, place.spoken)
    statement = Statement.of(condition)
    return statement.text, tuple(_text(arg) for arg in statement.args(asking.inputs(place.named)))


def _text(arg: Any) -> str:
    return "null" if arg is None else arg if isinstance(arg, str) else msgspec.json.encode(arg, enc_hook=str).decode()


def _check(
    grant: Grant, shown: tuple[str, tuple[str, ...]], *, result: bool, tree: Part | None = None, reason: str = ""
) -> Check:
    by_role = grant.source != "rule"
    return Check(
        source=grant.source,
        rule=grant.rule,
        result=result,
        sql=shown[0],
        parameters=shown[1],
        tree=tree,
        read=grant.read if by_role else (),
        write=grant.write if by_role else (),
        reason=reason,
    )
