"""Filters evaluated in plain Python, as docs/reference/filters.md has it: what the SQL is held against.

Written from the page and not from the compiler: it tries every choice of records where the compiler nests EXISTS.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from itertools import product
from typing import Any

import msgspec

from holdfast.catalog.path import Route
from holdfast.catalog.snapshot import Catalog
from holdfast.expressions.kind import Kind
from holdfast.expressions.moment import MOMENTS, PARTS, read_moment
from holdfast.expressions.tree import (
    Call,
    Constant,
    Group,
    Macro,
    Node,
    Operand,
    Operator,
    Path,
    Slot,
    Term,
    terms,
)
from holdfast.schema.collection import Collection
from holdfast.schema.relation import RelationField
from unit.expressions.asker import Asker, Origin, Record, inside, is_followed, is_sent, origin_of, route_of

Choice = Mapping[tuple[str, ...], Any]
EMAIL = "@email"  # the key under which a record may say whether its email is shown to whoever asks
NUMERAL = re.compile(r"[ \t\r\n]*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?[ \t\r\n]*")


class World(msgspec.Struct):
    """All records of all collections, and whose they are to see."""

    catalog: Catalog
    records: dict[str, list[Record]]
    now: datetime
    literals: tuple[str, ...] = ()
    closed: frozenset[str] = frozenset()
    sees_emails: bool = True
    asker: Asker = Asker()

    def visible(self, collection: Collection) -> list[Record]:
        return [] if collection.name in self.closed else self.records[collection.name]


class Known(msgspec.Struct):
    """A value: `content` is None for null. `literal` values were written in the filter."""

    kind: Kind
    content: Any
    literal: bool = False
    computed: bool = False
    whole: bool = False


class Items(msgspec.Struct):
    """A list as a whole; `blank` is what it counts as when it has no items."""

    items: list[str]
    blank: str | None


def evaluate(world: World, collection: Collection, record: Record, node: Node) -> bool:
    """Whether the record fulfils the filter: for some choice of one record on each way that a `?` goes."""
    ways: dict[tuple[str, ...], Path] = {}
    for term in terms(node):
        if is_some(term):
            for path in paths(term):
                ways.update(dict.fromkeys(manys(world, collection, path), path))
    return any(holds(world, collection, record, node, choice) for choice in choices(world, collection, record, ways))


def is_some(term: Term) -> bool:
    return term.some or isinstance(term.left, Call) or isinstance(term.right, Call)


def paths(term: Term) -> list[Path]:
    sides = [*operands(term.left), *operands(term.right)]
    return [side for side in sides if isinstance(side, Path)]


def operands(operand: Operand) -> list[Operand]:
    return (
        [operand]
        if not isinstance(operand, Call)
        else [inner for part in operand.arguments for inner in operands(part)]
    )


def found_at(world: World, collection: Collection, path: Path) -> tuple[Route | None, Origin | None]:
    """Where a path leads, and where it begins."""
    asker, catalog = world.asker, world.catalog
    return route_of(asker, catalog, collection, path), origin_of(asker, catalog, collection, path)


def manys(world: World, collection: Collection, path: Path) -> list[tuple[str, ...]]:
    """The ways of a path that lead to many, outermost first."""
    route, origin = (
        route_of(world.asker, world.catalog, collection, path),
        origin_of(world.asker, world.catalog, collection, path),
    )
    if route is None or origin is None:
        return []
    names = (*origin.names, *(hop.name for hop in route.hops))
    start = len(origin.names)
    found = [names[: start + at + 1] for at, hop in enumerate(route.hops) if hop.many]
    if path.names[0] == "@collection":
        found.insert(0, origin.names)
    return [*found, (*names, route.leaf.field.name, ":each")] if route.leaf.is_each else found


def choices(
    world: World, collection: Collection, record: Record, ways: Mapping[tuple[str, ...], Path]
) -> Iterator[Choice]:
    """Every way to choose one record (or item) on each way; None where there is none."""
    partial: list[dict[tuple[str, ...], Any]] = [{}]
    for way in sorted(ways, key=len):
        partial = [
            {**choice, way: option}
            for choice in partial
            for option in options(world, collection, record, ways[way], way, choice)
        ]
    yield from partial


def options(
    world: World, collection: Collection, record: Record, path: Path, way: tuple[str, ...], choice: Choice
) -> list[Any]:
    route, origin = (
        route_of(world.asker, world.catalog, collection, path),
        origin_of(world.asker, world.catalog, collection, path),
    )
    assert route is not None and origin is not None  # it has ways
    if way == origin.names:
        return list(world.visible(origin.collection)) or [None]
    if way[-1] == ":each":
        owner = walk(world, record, origin, route, len(route.hops), choice)
        return list((owner or {}).get(route.leaf.field.name) or []) or [None]
    steps = len(way) - len(origin.names) - 1
    return along(world, walk(world, record, origin, route, steps, choice), route, steps) or [None]


def walk(world: World, record: Record, origin: Origin, route: Route, steps: int, choice: Choice) -> Record | None:
    """The record after some steps of a path."""
    here = record if not origin.names else choice[origin.names] if origin.names in choice else origin.record
    names = (*origin.names, *(hop.name for hop in route.hops))
    for at in range(steps):
        if route.hops[at].many:
            here = choice[names[: len(origin.names) + at + 1]]
        else:
            here = next(iter(along(world, here, route, at)), None)
    return here


def along(world: World, record: Record | None, route: Route, at: int) -> list[Record]:
    if record is None:
        return []
    hop = route.hops[at]
    if hop.back:
        return [other for other in world.visible(hop.collection) if record["id"] in ids(other, hop.field)]
    return [other for other in world.visible(hop.collection) if other["id"] in ids(record, hop.field)]


def ids(record: Record, field: RelationField | None) -> list[str]:
    assert field is not None
    held = record[field.name]
    return list(held or []) if field.many else [held] if held else []


def holds(world: World, collection: Collection, record: Record, node: Node, choice: Choice) -> bool:
    if isinstance(node, Group):
        results = (holds(world, collection, record, part, choice) for part in node.parts)
        return any(results) if node.either else all(results)
    if is_some(node):
        left = value(world, collection, record, node.left, choice)
        right = value(world, collection, record, node.right, choice)
        return meets(world, left, node.operator, right, some=True)
    lefts = [path for path in operands(node.left) if isinstance(path, Path)]
    rights = [path for path in operands(node.right) if isinstance(path, Path)]
    pairs = product(each(world, collection, record, lefts), each(world, collection, record, rights))
    return all(
        meets(
            world,
            value(world, collection, record, node.left, here),
            node.operator,
            value(world, collection, record, node.right, there),
            some=False,
        )
        for here, there in pairs
    )


def each(world: World, collection: Collection, record: Record, sides: list[Path]) -> list[Choice]:
    ways = {way: path for path in sides for way in manys(world, collection, path)}
    return list(choices(world, collection, record, ways))


def value(world: World, collection: Collection, record: Record, operand: Operand, choice: Choice) -> Known | Items:
    if isinstance(operand, Slot):
        text = world.literals[operand.number]
        return Known(Kind.TEXT if operand.form.quoted else Kind.DECIMAL, text, literal=True)
    if isinstance(operand, Constant):
        return Known(Kind.BOOL if isinstance(operand.value, bool) else Kind.TEXT, operand.value, literal=True)
    if isinstance(operand, Macro):
        if operand.name in MOMENTS:
            return Known(Kind.DATE, MOMENTS[operand.name](world.now))
        return Known(Kind.NUMBER, PARTS[operand.name](world.now), whole=True)
    assert isinstance(operand, Path), "functions have tests of their own"
    return at_path(world, collection, record, operand, choice)


def at_path(world: World, collection: Collection, record: Record, path: Path, choice: Choice) -> Known | Items:
    asked = of_request(world, collection, record, path) if path.names[0] == "@request" else None
    if asked is not None:
        return asked
    route, origin = (
        route_of(world.asker, world.catalog, collection, path),
        origin_of(world.asker, world.catalog, collection, path),
    )
    if route is None or origin is None:
        return Known(Kind.NUMBER, 0, whole=True) if path.modifier == "length" else Known(Kind.TEXT, None)
    leaf, field = route.leaf, route.leaf.field
    if leaf.is_each:
        item = choice[*origin.names, *(hop.name for hop in route.hops), field.name, ":each"]
        return Known(Kind.TEXT, item)
    owner = walk(world, record, origin, route, len(route.hops), choice)
    content = None if owner is None else shown(world, leaf.collection, owner, field.name)
    if leaf.modifier == "length":
        return Known(Kind.NUMBER, len(content or []) if field.many else int(bool(content)), whole=True)
    if leaf.is_list:
        blank = None if content is None else ""
        return Items([lower(item) if leaf.modifier else item for item in content or []], blank)
    if field.kind is Kind.POINT and leaf.inner:
        return Known(Kind.NUMBER, None if content is None else content[0 if leaf.inner == ("lon",) else 1])
    if field.kind is Kind.JSON:
        content = inside(content, leaf.inner)
    elif content is None and owner is not None and not field.nullable and blank_type(field.kind, field):
        content = ""
    return lowered(path, Known(field.kind, content, whole=field.kind is Kind.NUMBER and isinstance(content, int)))


def of_request(world: World, collection: Collection, record: Record, path: Path) -> Known | None:
    """What a rule asks of the request itself; None where the path goes on in a record."""
    asker, names = world.asker, path.names
    part, key = names[1], ".".join(names[2:])
    if part in ("method", "context"):
        return lowered(path, Known(Kind.TEXT, asker.method if part == "method" else asker.context))
    if part in ("query", "headers"):
        content = (asker.query if part == "query" else asker.headers).get(key)
        if path.modifier == "isset":
            return Known(Kind.BOOL, content is not None)
        return lowered(path, Known(Kind.TEXT, content, computed=True))
    if part == "body":
        return of_body(asker, collection, record, path)
    if path.modifier == "isset":
        plain = Path(names, "", path.at)
        return Known(Kind.BOOL, route_of(asker, world.catalog, collection, plain) is not None)
    return None


def of_body(asker: Asker, collection: Collection, record: Record, path: Path) -> Known | None:
    names = path.names
    given = names[2] in asker.body
    if path.modifier == "isset":
        return Known(Kind.BOOL, (len(names) == 3 and given) or is_sent(asker, names))
    if path.modifier == "changed":
        before = record if asker.previous is None else asker.previous
        return Known(Kind.BOOL, given and asker.body[names[2]] != before[names[2]])
    if given or path.modifier == "each" or is_followed(collection, names):
        return None
    content = inside(asker.sent, names[2:])
    if path.modifier == "length":
        return Known(Kind.NUMBER, len(content) if isinstance(content, list) else 0, whole=True)
    return lowered(path, Known(Kind.JSON, content))


def lowered(path: Path, found: Known) -> Known:
    if path.modifier != "lower":
        return found
    text = as_text(found)
    return Known(Kind.TEXT, None if text is None else lower(text), computed=found.computed)


def blank_type(kind: Kind, field: Any) -> bool:
    return kind is Kind.DATE or isinstance(field, RelationField)


def shown(world: World, collection: Collection, record: Record, name: str) -> Any:
    if (
        name == "email"
        and collection.is_auth
        and not world.sees_emails
        and not record.get(EMAIL, record["emailVisibility"])
    ):
        return ""
    return record[name]


# Comparing -----------------------------------------------------------------------------------------------------


def meets(world: World, left: Known | Items, operator: Operator, right: Known | Items, *, some: bool) -> bool:
    one = some or operator is Operator.LIKE
    if isinstance(left, Items):
        results = [meets(world, item, operator, right, some=some) for item in items_of(left)]
        return any(results) if one else all(results)
    if isinstance(right, Items):
        results = [meets(world, left, operator, item, some=some) for item in items_of(right)]
        return any(results) if one else all(results)
    return compare(left, operator, right)


def items_of(listed: Items) -> list[Known]:
    return [Known(Kind.TEXT, item) for item in listed.items] or [Known(Kind.TEXT, listed.blank)]


def compare(left: Known, operator: Operator, right: Known) -> bool:
    if operator in (Operator.EQ, Operator.NE):
        return equal(left, right) is (operator is Operator.EQ)
    if left.content is None or right.content is None:
        return False
    if operator.is_like:
        return contains(left, right) is (operator is Operator.LIKE)
    if operator in (Operator.GT, Operator.GE):
        left, right = right, left
    or_same = operator in (Operator.LE, Operator.GE)
    if left.content == "" or right.content == "":
        return (left.content == "" and right.content != "") or (left.content == right.content and or_same)
    pair = common(left, right)
    if pair is None:
        return False
    return pair[0] < pair[1] or (pair[0] == pair[1] and or_same)


def equal(left: Known, right: Known) -> bool:
    empty = (left.content in (None, ""), right.content in (None, ""))
    if any(empty):
        return all(empty)
    pair = common(left, right)
    return pair is not None and pair[0] == pair[1]


def contains(left: Known, right: Known) -> bool:
    text, sought = as_text(left), as_text(right)
    assert text is not None and sought is not None
    if right.literal and not isinstance(right.content, bool):
        return like(text, sought)
    return lower(sought) in lower(text)


def like(text: str, sought: str) -> bool:
    """The documented meaning of a literal after ~, as a regular expression."""
    parts = re.findall(r"\\[%_\\]|.", sought, re.DOTALL)
    patterned = "%" in parts
    expression = "".join(
        ".*" if part == "%" and patterned else "." if part == "_" and patterned else re.escape(lower(unescaped(part)))
        for part in parts
    )
    found = re.fullmatch if patterned else re.search
    return found(expression, lower(text), re.DOTALL) is not None


def unescaped(part: str) -> str:
    return part[1] if len(part) == 2 else part


def lower(text: str) -> str:
    """Lower case character by character, as PostgreSQL has it: none becomes two."""
    return "".join(char.lower() if len(char.lower()) == 1 else char for char in text)


def common(left: Known, right: Known) -> tuple[Any, Any] | None:
    """Two values that are not empty as two of one type, or None if they cannot be compared."""
    if left.literal and (not right.literal or weight(left) < weight(right)):
        pair = common_with(right, left)
        return None if pair is None else (pair[1], pair[0])
    return common_with(left, right)


def weight(literal: Known) -> int:
    return {Kind.DECIMAL: 3, Kind.BOOL: 2, Kind.TEXT: 1}[literal.kind]


def common_with(found: Known, other: Known) -> tuple[Any, Any] | None:
    if {found.kind, other.kind} == {Kind.DATE, Kind.JSON}:
        return as_text(found), as_text(other)
    exactly = Kind.JSON in (found.kind, other.kind) and {found.kind, other.kind} <= {Kind.TEXT, Kind.BOOL, Kind.JSON}
    found = typed(found)
    if not other.literal:
        return common_found(found, typed(other), exactly=exactly)
    if isinstance(other.content, bool):
        return common_truth(found, other.content)
    text = other.content
    numeric = NUMERAL.fullmatch(text) is not None
    if found.kind is Kind.TEXT:
        if found.computed and other.kind is Kind.DECIMAL:
            number = numeral(found.content)
            return None if number is None else (number, float(text))
        return found.content, text
    if found.kind is Kind.DATE:
        moment = read_moment(text) if other.kind is Kind.TEXT else None
        return None if moment is None else (found.content, moment)
    if numeric:
        return common_numeral(found, text)
    return as_text(found), text


def common_numeral(found: Known, text: str) -> tuple[Any, Any]:
    if found.kind is Kind.NUMBER and not found.whole and not found.computed:
        return found.content, float(text)
    return exact(found), Decimal(text.strip())


def common_truth(found: Known, truth: bool) -> tuple[Any, Any] | None:
    if found.kind is Kind.DATE:
        return None
    if found.kind is Kind.TEXT:
        return found.content, "true" if truth else "false"
    return exact(found), Decimal(int(truth))


def common_found(left: Known, right: Known, *, exactly: bool) -> tuple[Any, Any] | None:
    kinds = {left.kind, right.kind}
    numbers = {Kind.NUMBER, Kind.DECIMAL, Kind.BOOL}
    if kinds == {Kind.DATE}:
        return left.content, right.content
    if left.whole is right.whole and kinds == {Kind.NUMBER}:
        return left.content, right.content
    if kinds <= numbers:
        return exact(left), exact(right)
    if kinds & numbers and Kind.DATE in kinds:
        return None
    if kinds & numbers and kinds != {Kind.TEXT, Kind.BOOL}:
        return common_with_number(left, right, exactly=exactly)
    return as_text(left), as_text(right)


def common_with_number(left: Known, right: Known, *, exactly: bool) -> tuple[Any, Any] | None:
    """A text beside a number, with all its digits if it is to be compared exactly."""
    pair: list[Any] = []
    for side, beside in ((left, right), (right, left)):
        if side.kind is not Kind.TEXT:
            plain = side.kind is Kind.NUMBER and not side.whole
            pair.append(side.content if plain else exact(side))
            continue
        number = numeral(side.content)
        if number is None:
            return None
        plain = beside.kind is Kind.NUMBER and not beside.whole
        pair.append(Decimal(side.content.strip()) if exactly else number if plain else rounded(number))
    return pair[0], pair[1]


def typed(found: Known) -> Known:
    """A json value as one of the type that it has; lists and objects are texts."""
    if found.kind is not Kind.JSON:
        return found
    content = found.content
    if isinstance(content, bool):
        return Known(Kind.BOOL, content)
    if isinstance(content, int | float | Decimal):
        return Known(Kind.DECIMAL, Decimal(str(content)))
    return Known(Kind.TEXT, as_text(found))


def numeral(text: str) -> float | None:
    if len(text) > 1000 or NUMERAL.fullmatch(text) is None:
        return None
    number = float(text)
    return None if number in (float("inf"), float("-inf")) else number


def rounded(number: float) -> Decimal:
    """A double as PostgreSQL makes a numeric of it: 15 digits."""
    return Decimal(f"{number:.15g}")


def exact(found: Known) -> Decimal:
    content = found.content
    if isinstance(content, bool | int):
        return Decimal(int(content))
    return rounded(content) if isinstance(content, float) else Decimal(content)


def as_text(found: Known) -> str | None:
    content = found.content
    if content is None or isinstance(content, str):
        return content
    if isinstance(content, bool):
        return "true" if content else "false"
    if isinstance(content, datetime):
        at = content.astimezone(UTC)
        return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}Z"
    if isinstance(content, float) and found.kind is Kind.NUMBER:
        return float_text(content)
    if isinstance(content, dict | list):
        return json.dumps(content, ensure_ascii=False)
    return str(content)


def float_text(number: float) -> str:
    """The shortest text of a double, as PostgreSQL writes it: with an exponent from 1e15 on, and below 1e-4."""
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    assert isinstance(exponent, int)
    if number == 0:
        return "0"
    power = len(digits) + exponent - 1
    text = "".join(map(str, digits))
    if -4 <= power < 15:
        return f"{Decimal(repr(number)).normalize():f}"
    return (
        ("-" if sign else "")
        + text[0]
        + ("." + text[1:] if len(text) > 1 else "")
        + f"e{'-' if power < 0 else '+'}{abs(power):02d}"
    )
