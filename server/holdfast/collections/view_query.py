"""A view's query, resolved: every table a collection, every column a field, written anew for PostgreSQL.

Nothing of the text that came in is ever run. PocketBase's views are written for SQLite, where names have no case, so
an unquoted name finds the field that it means in whatever case it is.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, LiteralString

import msgspec
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

from holdfast.collections.convert import Shape, shape
from holdfast.collections.view_lineage import Origin, origin, touches, uses
from holdfast.collections.view_syntax import InvalidView, parse
from holdfast.db.sql import Sql, rebuilt
from holdfast.schema.collection import Collection
from holdfast.schema.names import field_name_problem

_DIALECT: Final = "postgres,normalization_strategy=case_sensitive"
MAX_COLUMNS: Final = 500
_TYPES: Final[Mapping[Shape, str]] = {
    Shape.NUMBER: "double precision",
    Shape.WHOLE: "bigint",
    Shape.DECIMAL: "numeric",
    Shape.BOOL: "boolean",
    Shape.MOMENT: "timestamptz",
    Shape.LIST: "text[]",
    Shape.JSON: "jsonb",
}


class Output(msgspec.Struct, frozen=True):
    """A column of the view. `touches` are all fields (collection, field) that its value is made of."""

    name: str
    origin: Origin | None
    touches: frozenset[tuple[str, str]]


class ViewQuery(msgspec.Struct, frozen=True):
    """A query that was resolved. `tables` are the collections that it reads, `uses` the (collection, field) of them."""

    tree: exp.Query
    tables: frozenset[str]
    outputs: tuple[Output, ...]
    uses: frozenset[tuple[str, str]]

    @property
    def one_row_each(self) -> bool:
        """Whether each row is one of a single collection, under its own id: ids are unique then."""
        tree = self.tree
        first = tree.args.get("from_")
        if not isinstance(first, exp.From) or tree.args.get("joins") or tree.args.get("with_"):
            return False
        id = next(output for output in self.outputs if output.name == "id")
        return isinstance(first.this, exp.Table) and id.origin is not None and id.origin.field == "id"

    def select(self, schema: LiteralString = "public") -> Sql:
        """The SELECT over the tables of a schema."""
        tree = self.tree.copy()
        for table in _collections(tree):
            table.set("db", exp.to_identifier(schema, quoted=True))
        return rebuilt(tree)


def tables_of(query: str) -> frozenset[str]:
    """The names, in lower case, of the tables that a query reads. Raises InvalidView."""
    return frozenset(table.name.lower() for table in _collections(parse(query)))


def read_view(query: str, collections: Mapping[str, Collection]) -> ViewQuery:
    """Resolve a query over the collections (by name) that there are. Raises InvalidView."""
    tree = parse(query)
    used = _resolve_tables(tree, collections)
    _spell(tree, used)
    # Secrets are no columns here: a * leaves them out, and their names are not found.
    schema: dict[str, object] = {
        one.name: {field.name: _TYPES.get(shape(field), "text") for field in one.fields if not one.is_secret(field)}
        for one in used.values()
    }
    try:
        resolved = qualify(tree, schema=schema, dialect=_DIALECT, quote_identifiers=True)
    except (SqlglotError, RecursionError) as failure:
        raise InvalidView(_plain(str(failure))) from failure
    _refuse_rows(resolved)
    root = build_scope(resolved)
    if root is None:
        raise InvalidView("The query cannot be resolved.")
    return ViewQuery(resolved, frozenset(used), _outputs(resolved, root), uses(root))


def _plain(message: str) -> str:
    """The message without sqlglot's pointers into the text."""
    return message.partition("\n")[0].partition(" Line:")[0].rstrip(". ")[:300] + "."


def _collections(tree: exp.Query) -> Iterator[exp.Table]:
    """The tables that are no names of a WITH."""
    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier):
            continue
        if table.name not in _with_names(table):
            yield table


def _with_names(table: exp.Table) -> set[str]:
    """The names that a WITH around the table defines."""
    names: set[str] = set()
    node: exp.Expr | None = table.parent
    while node is not None:
        found = node.args.get("with_")
        if isinstance(found, exp.With):
            names.update(cte.alias for cte in found.expressions)
        node = node.parent
    return names


def _resolve_tables(tree: exp.Query, collections: Mapping[str, Collection]) -> dict[str, Collection]:
    """Give every table the exact name of its collection, and an alias. Raises InvalidView for one that is none."""
    folded = {name.lower(): name for name in collections}
    used: dict[str, Collection] = {}
    for table in list(_collections(tree)):
        written = table.name
        name = written if written in collections else folded.get(written.lower())
        if name is None:
            raise InvalidView(f"There is no collection {written[:100]}.")
        used[name] = collections[name]
        table.set("db", None)
        table.set("this", exp.to_identifier(name, quoted=True))
        if not table.alias and name != written:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))
    return used


def _spell(tree: exp.Query, used: Mapping[str, Collection]) -> None:
    """Write every name as it is defined, where its case alone is another one: by a collection, or else by the query."""
    defined = (_folded(_schema_names(used)), _folded(_query_names(tree)))
    for identifier in tree.find_all(exp.Identifier):
        for names in () if identifier.quoted else defined:
            meant = names.get(identifier.name.lower(), frozenset())
            if identifier.name in meant:
                break
            if len(meant) == 1:
                identifier.set("this", next(iter(meant)))
                break
        identifier.set("quoted", True)


def _folded(names: Iterable[str]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for name in names:
        found[name.lower()] = found.get(name.lower(), frozenset()) | {name}
    return found


def _schema_names(used: Mapping[str, Collection]) -> Iterator[str]:
    for collection in used.values():
        yield collection.name
        yield from collection.by_name


def _query_names(tree: exp.Query) -> Iterator[str]:
    for node in tree.find_all(exp.Alias, exp.TableAlias):
        yield node.alias if isinstance(node, exp.Alias) else node.name
        yield from (column.name for column in node.args.get("columns") or ())


def _refuse_rows(resolved: exp.Query) -> None:
    """Raise InvalidView where a table stands for its whole row, or gives its columns names by their places.

    PostgreSQL would put everything that is in the table into either, secrets and hidden fields too, since it has never
    heard of the schema that the query was resolved with.
    """
    sources = {source.alias_or_name for source in resolved.find_all(exp.Table, exp.Subquery, exp.CTE, exp.Lateral)}
    for node in resolved.walk():
        is_star = isinstance(node, exp.Star) and not isinstance(node.parent, exp.Count)
        is_source = isinstance(node, exp.Column) and not node.table and node.name in sources
        if isinstance(node, exp.TableColumn) or is_star or is_source:
            raise InvalidView("A table cannot stand for its whole row: name the columns.")
    for table in _collections(resolved):
        if table.alias_column_names:
            raise InvalidView(f"The columns of {table.name} have their own names: write AS where they are selected.")


def _outputs(tree: exp.Query, root: Scope) -> tuple[Output, ...]:
    names = tree.named_selects
    if len(names) > MAX_COLUMNS:
        raise InvalidView(f"A view has at most {MAX_COLUMNS} columns.")
    seen: set[str] = set()
    for name in names:
        if name.startswith("_col_") or name == "*":
            raise InvalidView("Every column needs a name: write AS name after an expression.")
        problem = field_name_problem(name)
        if problem is not None:
            raise InvalidView(f"The column {name[:100]}: {problem.message}")
        if name.lower() in seen:
            raise InvalidView(f"There are two columns {name}.")
        seen.add(name.lower())
    if "id" not in names:
        raise InvalidView("A view needs a column id that is another one in each row.")
    return tuple(Output(name, origin(root, at), touches(root, at)) for at, name in enumerate(names))
