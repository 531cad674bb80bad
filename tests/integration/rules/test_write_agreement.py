"""PostgreSQL and plain Python agree about who may write what, for any rules, roles, callers and rows."""

import os
from random import Random
from typing import Any, Final

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.catalog.snapshot import Catalog
from holdfast.db.plans import Plans
from holdfast.db.sql import Inputs, Statement, inline, name, qualified, raw
from holdfast.errors import InvalidFilter
from holdfast.expressions.read import read_filter
from holdfast.identity import Principal
from holdfast.records.permit import Attempt
from holdfast.records.view import RECORD_ID
from holdfast.records.write_plan import Wanted, plan_create, plan_delete, plan_update
from holdfast.records.writing import value_name, values_of_insert
from holdfast.rules.access import Access, Grant, audience, ways_in
from holdfast.rules.facts import FACTS, Facts
from holdfast.rules.names import Spoken
from holdfast.rules.scope import RuleScope
from holdfast.schema.autodate import AutodateField
from holdfast.schema.collection import Collection
from holdfast.schema.role import Action, Permission, PermissionFields, Role
from integration.filters.worlds import NOW, bound
from integration.rules.rule_texts import rules
from integration.rules.test_rule_agreement import SENT, Ground, ground
from unit.expressions.asker import Asker, Record
from unit.expressions.evaluate import World, evaluate

__all__ = ["ground"]

EXAMPLES: Final = int(os.environ.get("HOLDFAST_RULE_EXAMPLES", "200"))
WORLDS: Final = 16
ACTIONS: Final[tuple[Action, ...]] = ("create", "update", "update", "delete")
TRUSTED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)


class Case(msgspec.Struct):
    """A write: who does what to which record, and what the fields become that they give."""

    world: World
    collection: Collection
    action: Action
    who: Principal
    access: Access
    old: Record | None
    given: Record
    rest: Record

    @property
    def attempt(self) -> Attempt:
        names = tuple(sorted(self.given))
        who = audience(self.who)
        return Attempt(catalog=self.world.catalog, collection=self.collection, who=who, access=self.access, given=names)

    @property
    def statement(self) -> Statement:
        plain = ("id", "")
        if self.action == "create":
            return plan_create(Plans(), self.attempt, Wanted(shape=plain)).write
        if self.action == "update":
            return plan_update(Plans(), self.attempt, Wanted(names=tuple(sorted(self.given)), shape=plain)).write
        return plan_delete(Plans(), self.attempt, versioned=False)

    @property
    def inputs(self) -> Inputs:
        asker = self.world.asker
        facts = Facts(
            who=self.who,
            method=asker.method,
            query=lambda: asker.query,
            headers={one.replace("_", "-").encode(): content.encode() for one, content in asker.headers.items()},
            body={**dict.fromkeys(self.given, "as sent"), **SENT},
        )
        fields = self.collection.by_name
        values = {value_name(one): bound(fields[one], held) for one, held in {**self.rest, **self.given}.items()}
        return Inputs(named={FACTS: facts, RECORD_ID: self.old["id"] if self.old else "", **values}, now=NOW)

    @property
    def defaults(self) -> list[str]:
        """What gives the columns the defaults that the world's tables have not."""
        head = raw("ALTER TABLE ") + qualified("public", self.collection.name) + raw(" ALTER ")
        return [
            inline(head + name(field.name) + raw(" SET DEFAULT ") + default)
            for field in self.collection.fields
            if self.action == "create" and isinstance(field, AutodateField) and (default := field.column().default)
        ]

    def new(self, now: Any) -> Record:
        """The record as it would be, at this time."""
        times = [field for field in self.collection.fields if isinstance(field, AutodateField)]
        if self.old is None:
            return {**self.rest, **self.given, **{field.name: now if field.on_create else None for field in times}}
        return {**self.old, **self.given, **{field.name: now for field in times if field.on_update}}

    def expected(self, now: Any) -> bool:
        """Whether each row that the rules are about passes, and each field that is given is covered in it."""
        rows = [] if self.old is None else [self.old]
        if self.action != "delete":
            rows.append(self.new(now))
        return all(self._passes(row) for row in rows)

    def _passes(self, row: Record) -> bool:
        held = [grant for grant in self.access.grants if self._holds(grant, row)]
        names = [] if self.action == "delete" else list(self.given)
        return bool(held) and all(any(_writes(grant, one) for grant in held) for one in names)

    def _holds(self, grant: Grant, row: Record) -> bool:
        if not grant.rule:
            return True
        try:
            self._compiled(grant.rule)
        except InvalidFilter:
            return False
        reading = read_filter(grant.rule)
        world = msgspec.structs.replace(self.world, literals=reading.literals)
        return evaluate(world, self.collection, row, reading.tree.root)

    def _compiled(self, rule: str) -> None:
        sent = values_of_insert(self.collection)
        spoken = Spoken({one: sent[one] for one in self.given}, raw("before") if self.old else None)
        RuleScope(self.world.catalog, self.collection, raw("record"), audience(self.who), spoken).condition(rule)


def _writes(grant: Grant, field: str) -> bool:
    return "*" in grant.write or field in grant.write


@st.composite
def cases(draw: st.DrawFn, plain: World) -> Case:
    """Any write in the world's collections, under any rules and roles; nobody gives fields that no way covers."""
    people = next(one for one in plain.catalog.collections if one.is_auth)
    collection = draw(st.sampled_from(plain.catalog.collections))
    action = draw(st.sampled_from(ACTIONS))
    own = draw(st.sampled_from((None, "", "rule", "rule")))
    texts = [draw(rules(plain.catalog, collection, people)) for _ in range(3)]
    names = [field.name for field in collection.fields]
    lists = [draw(st.one_of(st.just(["*"]), st.lists(st.sampled_from(names), min_size=1))) for _ in range(2)]
    roles = tuple(
        Role(id, id, permissions=(Permission(collection.id, (action,), text, PermissionFields(write=tuple(write))),))
        for id, text, write in zip(("r1", "r2"), texts[1:], lists, strict=True)
    )
    rule = texts[0] if own == "rule" else own
    changed: dict[str, Any] = {f"{action}_rule": rule}
    ruled = [msgspec.structs.replace(one, **changed) if one is collection else one for one in plain.catalog.collections]
    catalog = Catalog.of(1, ruled, roles)
    held = draw(st.sampled_from(((), ("r1",), ("r1", "r2"))))
    caller = draw(st.sampled_from([None, *plain.records[people.name]]))
    who = Principal("key", key_id="k", roles=held)
    if caller is not None:
        who = Principal("user", people.id, people.name, caller["id"], roles=held)
    found = catalog.by_id[collection.id]
    access = ways_in(catalog, found, action, audience(who))
    random = Random(draw(st.integers(0, 999)))
    records = plain.records[collection.name]
    donor = random.choice(records)
    settable = [field.name for field in found.fields if field.settable and field.readable and field.name != "id"]
    covered = [one for one in settable if any(_writes(grant, one) for grant in access.grants)]
    body = {one: donor[one] for one in covered if random.random() < 0.4 and action != "delete"}
    old = None if action == "create" else random.choice(records)
    rest = {field.name: random.choice(records)[field.name] for field in found.fields if field.settable}
    asker = Asker(
        collection=people if caller else None,
        record=caller,
        roles=held if caller else (),
        method="PATCH",
        query={"q": "aB", "n": "5"},
        headers={"x_token": "a"},
        body=body,
        sent=SENT,
        previous=old,
    )
    world = msgspec.structs.replace(plain, catalog=catalog, asker=asker)
    return Case(world, found, action, who, access, old, body, {**rest, "id": "fresh"})


@TRUSTED
@given(seed=st.integers(0, WORLDS - 1), data=st.data())
async def test_a_write_is_done_exactly_when_plain_python_says_so(
    ground: Ground, seed: int, data: st.DataObject
) -> None:
    case = data.draw(cases(await ground.world(seed)))
    if not case.access.is_open:
        return
    statement = case.statement
    transaction = ground.connection.transaction()
    await transaction.start()
    try:
        now = await ground.connection.fetchval("SELECT date_trunc('milliseconds', now())")
        for column in case.defaults:
            await ground.connection.execute(column)
        rows = await ground.connection.fetch(statement.text, *statement.args(case.inputs))
    finally:
        await transaction.rollback()
    wanted = case.expected(now)
    assert bool(rows) == wanted, (case.action, case.access, case.old, case.given)
