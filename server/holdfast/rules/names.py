"""What the names that begin with `@` in a rule lead to: the request, the row before a change, any collection."""

from collections.abc import Callable, Mapping
from typing import Final, LiteralString

import msgspec
from typing_extensions import override

from holdfast.catalog.leaf import lowered
from holdfast.catalog.path import Hop, Route, every_field, find_route
from holdfast.catalog.row import Apart, Frame, Row, Rows
from holdfast.catalog.sight import Knows
from holdfast.catalog.snapshot import Catalog
from holdfast.catalog.term import Asked, Found, Given
from holdfast.db.sql import EMPTY, Sql, bind, join, literal, name, qualified, raw
from holdfast.expressions.kind import Kind
from holdfast.expressions.parse import meant
from holdfast.expressions.tree import Constant, Path, Unreadable
from holdfast.expressions.value import NEVER, Value
from holdfast.rules.access import Audience
from holdfast.rules.facts import CALLER_ID, Context, Facts, facts_of
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.relation import RelationField
from holdfast.schema.select import SelectField

REQUEST: Final = ("auth", "body", "query", "headers", "method", "context")
OF_AUTH: Final = ("collectionId", "collectionName", "roles")
"""What @request.auth has beside the fields of the auth collection."""

_AUTH: Final = "@request.auth"
_BODY: Final = "@request.body"
_SENT: Final = "@request.body as sent"
PREVIOUS: Final = "@previous"
_MANY: Final = 2**31
_ROLES: Final = SelectField(id="roles", name="roles", max_select=_MANY)


class Spoken(msgspec.Struct, frozen=True):
    """What a rule may speak of besides the row that it is about.

    `body` has the typed new value, as SQL of the column's type, for every field that the write is going to set from
    what was sent; a field that is not in it counts as it was sent. `previous` is the alias of the row as it was, when
    one is changed. `context` is given where it differs from that of the request.
    """

    body: Mapping[str, Sql] = {}
    previous: Sql | None = None
    context: Context | None = None


NOTHING_SPOKEN: Final = Spoken()


class Caller(Apart):
    """The caller's own record, as it is now. Its id and its roles are known without looking."""

    def __init__(self, table: Sql, alias: Sql, roles: Sql) -> None:
        super().__init__(table, alias, alias + raw(".id = ") + CALLER_ID)
        self._known = {"id": CALLER_ID, "roles": roles}

    @override
    def column(self, column: str) -> Sql:
        return self._known.get(column) or super().column(column)

    @override
    def may_lack(self, column: str) -> bool:
        return column not in self._known


class Told(Apart):
    """A row that is not in the database: its columns are what the request gives."""

    def __init__(self, columns: Callable[[str], Sql]) -> None:
        Row.__init__(self, EMPTY, Frame())
        self._columns = columns

    @override
    def column(self, column: str) -> Sql:
        return self._columns(column)


class ForeignNames:
    """Finds what is not of the row itself, for rules about the rows of one collection, asked by one audience."""

    def __init__(
        self,
        catalog: Catalog,
        collection: Collection,
        who: Audience,
        spoken: Spoken,
        rows: Rows,
        base: Row,
        knows: Knows = every_field,
    ) -> None:
        self._knows = knows
        self._catalog = catalog
        self._collection = collection
        self._who = who
        self._spoken = spoken
        self._rows = rows
        self._base = base
        self._callers = catalog.by_id.get(who.collection_id)

    def origins(self) -> dict[str, Row]:
        """The rows that paths can begin at."""
        found = {"": self._base, _BODY: Told(self._spoken.body.__getitem__), _SENT: Told(_sent_items)}
        if self._spoken.previous is not None:
            found[PREVIOUS] = self._rows.row(self._collection, self._spoken.previous, self._base.frame)
        if self._callers is not None:
            alias = self._rows.alias()
            table = qualified("public", self._callers.name) + raw(" AS ") + alias
            found[_AUTH] = Caller(table, alias, self._roles())
        return found

    def find(self, path: Path) -> Asked:
        """What the path leads to. Raises Unreadable."""
        if path.names[0] == "@collection":
            return self._any(path)
        if path.names[0] == PREVIOUS:
            return self._previous(path)
        part = path.names[1] if len(path.names) > 1 else ""
        if part not in REQUEST:
            raise Unreadable(path.at, f'There is no "@request.{part}"{meant(part, REQUEST)}')
        if part in ("method", "context"):
            return self._plain(path, part)
        if len(path.names) < 3:
            raise Unreadable(path.at, f"@request.{part} needs the name of a field after it")
        if path.modifier == "changed" and part != "body":
            raise Unreadable(path.at + len(path.text), ":changed is for @request.body")
        if part == "auth":
            return self._auth(path)
        return self._body(path) if part == "body" else _parameter(path, part)

    def _any(self, path: Path) -> Asked:
        """All records of another collection. Under `?` those of one name and alias are one and the same record."""
        if len(path.names) < 3:
            raise Unreadable(path.at, "@collection needs the name of a collection and a field: @collection.news.title")
        found = self._catalog.find(path.names[1])
        if found is None:
            near = meant(path.names[1], tuple(self._catalog.by_name))
            raise Unreadable(path.at_name(1), f'There is no collection "{path.names[1]}"{near}')
        route = find_route(self._catalog, found, _rest(path, 2))
        hop = Hop(f"@collection.{found.id}:{path.alias}", found, None, back=False)
        return Found(Route((hop, *route.hops), route.leaf), self._collection)

    def _previous(self, path: Path) -> Asked:
        if len(path.names) < 2:
            raise Unreadable(path.at, "@previous needs the name of a field after it")
        route = find_route(self._catalog, self._collection, _rest(path, 1), self._knows)
        return _absent(path) if self._spoken.previous is None else Found(route, self._collection, PREVIOUS)

    def _plain(self, path: Path, part: str) -> Asked:
        if len(path.names) > 2:
            raise Unreadable(path.at_name(2), f"@request.{part} has no parts")
        if path.modifier not in ("", "lower"):
            raise Unreadable(path.at + len(path.text), f"@request.{part} has no :{path.modifier}")
        fixed = self._spoken.context
        if part == "context" and fixed is not None:
            return _given(path, literal(fixed))
        if part == "context":
            return _given(path, _fact(lambda facts: facts.context, "text"))
        return _given(path, _fact(lambda facts: facts.method, "text"))

    def _auth(self, path: Path) -> Asked:
        """Null for those who are not logged in, and for what their collection has not: another one may."""
        own = path.names[2] if len(path.names) == 3 else ""
        if self._callers is None:
            return _absent(path)
        if own in ("collectionId", "collectionName") and path.modifier in ("", "lower"):
            return _given(path, literal(self._callers.id if own == "collectionId" else self._callers.name))
        try:
            route = find_auth(self._catalog, self._callers, path)
        except Unreadable:
            return _absent(path)
        if path.modifier == "isset":
            return Constant(True, path.at)
        return Found(route, self._callers, _AUTH)

    def _roles(self) -> Sql:
        found = self._catalog.roles_by_id
        names = [literal(found[id].name) for id in self._who.roles if id in found]
        return raw("ARRAY[") + join(", ", names) + raw("]::text[]")

    def _body(self, path: Path) -> Asked:
        names = path.names[2:]
        field = self._collection.by_name.get(names[0])
        if path.modifier == "isset":
            return Given(Value(_fact(lambda facts: facts.is_set(names), "boolean"), Kind.BOOL))
        if path.modifier == "changed":
            return Given(Value(self._changed(path, field), Kind.BOOL))
        if field is None or not field.readable:
            return self._sent(path, names)
        follows = isinstance(field, RelationField) and len(names) > 1
        if not follows and field.name not in self._spoken.body:
            return self._sent(path, names)
        route = find_route(self._catalog, self._collection, _rest(path, 2))
        return Found(route, self._collection, _BODY) if field.name in self._spoken.body else _absent(path)

    def _sent(self, path: Path, names: tuple[str, ...]) -> Asked:
        """What was sent for a key that is no field, as JSON."""
        if path.modifier == "length":
            count = _fact(lambda facts: len(facts.sent_items(names)), "bigint")
            return Given(Value(count, Kind.NUMBER, whole=True))
        if path.modifier == "each":
            items = SelectField(id="", name=".".join(names), max_select=_MANY)
            bearer = Collection(id="", name="", fields=(items,))
            return Found(find_route(self._catalog, bearer, Path((items.name,), "each", path.at)), bearer, _SENT)
        value = Value(_fact(lambda facts: facts.sent(names), "jsonb"), Kind.JSON, nullable=True)
        return Given(lowered(value) if path.modifier == "lower" else value)

    def _changed(self, path: Path, field: Field | None) -> Sql:
        """That a field was sent and is not as it was; on create nothing was, so nothing is changed."""
        if field is None or len(path.names) > 3:
            raise Unreadable(path.at + len(path.text), ":changed needs a field of this collection before it")
        is_set = _fact(lambda facts: facts.is_set((field.name,)), "boolean")
        new = self._spoken.body.get(field.name)
        if new is None:
            return is_set if field.settable else NEVER
        before = self._base.alias if self._spoken.previous is None else self._spoken.previous
        old = before + raw(".") + name(field.name)
        if field.kind is Kind.POINT:
            same = new + raw(" ~= ") + old + raw(", ") + new + raw(" IS NULL AND ") + old + raw(" IS NULL")
            return raw("(") + is_set + raw(" AND NOT coalesce(") + same + raw("))")
        return raw("(") + is_set + raw(" AND ") + new + raw(" IS DISTINCT FROM ") + old + raw(")")


def find_auth(catalog: Catalog, callers: Collection, path: Path) -> Route:
    """Where a path after `@request.auth` leads in one auth collection. Raises Unreadable."""
    modifier = "" if path.modifier == "isset" else path.modifier
    rest = Path(path.names[2:], modifier, path.at_name(2))
    if path.names[2:] in (("collectionId",), ("collectionName",)):
        callers = Collection(id="", name="", fields=(SelectField(id="", name=path.names[2]),))
    elif path.names[2] == "roles":
        callers = Collection(id=callers.id, name=callers.name, fields=(_ROLES,))
    return find_route(catalog, callers, rest)


def _rest(path: Path, skipped: int) -> Path:
    return Path(path.names[skipped:], path.modifier, path.at_name(skipped))


def _absent(path: Path) -> Asked:
    """What a path gives that leads to nothing."""
    if path.modifier == "length":
        return Given(Value(raw("0::bigint"), Kind.NUMBER, whole=True))
    return Constant(False if path.modifier == "isset" else None, path.at)


def _given(path: Path, text: Sql) -> Asked:
    value = Value(text + raw("::text"), Kind.TEXT, filled=True)
    return Given(lowered(value) if path.modifier == "lower" else value)


def _parameter(path: Path, part: str) -> Asked:
    """A parameter of the query string, or a header: a text, that counts as a number beside numbers."""
    key = ".".join(path.names[2:])

    def found(facts: Facts) -> Mapping[str, str]:
        return facts.query() if part == "query" else facts.header_texts

    if path.modifier == "isset":
        return Given(Value(_fact(lambda facts: key in found(facts), "boolean"), Kind.BOOL))
    if path.modifier not in ("", "lower"):
        raise Unreadable(path.at + len(path.text), f"@request.{part} has no :{path.modifier}")
    text = _fact(lambda facts: found(facts).get(key), "text")
    value = Value(text, Kind.TEXT, nullable=True, computed=True, fixed=True)
    return Given(lowered(value) if path.modifier == "lower" else value)


def _sent_items(names: str) -> Sql:
    return _fact(lambda facts: facts.sent_items(tuple(names.split("."))), "text[]")


def _fact(read: Callable[[Facts], object], cast: LiteralString) -> Sql:
    return bind(lambda inputs: read(facts_of(inputs)), cast)
