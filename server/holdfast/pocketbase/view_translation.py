"""The queries of PocketBase's views, written for SQLite, in PostgreSQL's words as far as both can say the same. Pure.

It costs the import of sqlglot: import it where a view is at hand. What comes out is checked like the query of any
other view.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError

from holdfast.pocketbase.source_collection import SourceCollection
from holdfast.pocketbase.view_kinds import EMPTY_IS_NULL, MOMENTS, CannotTranslate, Kinds
from holdfast.pocketbase.view_moments import moment, refuse_dates, written
from holdfast.schema.names import field_name_problem

MAX_QUERY_CHARS: Final = 100_000
_COMPARISONS: Final = (exp.EQ, exp.NEQ)
_RENAMED: Final = {
    "json_group_array": "jsonb_agg",
    "json_array": "jsonb_build_array",
    "json_object": "jsonb_build_object",
}
_CASTS: Final = {
    "number": "CAST(0 AS double precision)",
    "bool": "CAST(false AS boolean)",
    "date": "CAST(NULL AS timestamptz)",
    "autodate": "CAST(NULL AS timestamptz)",
    "json": "CAST(NULL AS jsonb)",
}


class Translator:
    """Translates the views of one directory."""

    def __init__(self, sources: Iterable[SourceCollection]) -> None:
        self._kinds = Kinds(sources)

    def translated(self, query: str) -> str:
        """The query for PostgreSQL: as it is where it means the same there. Raises CannotTranslate."""
        try:
            tree = Dialect.get_or_raise("sqlite").parser().parse(Dialect.get_or_raise("sqlite").tokenize(query), query)
        except (SqlglotError, RecursionError, ValueError) as failure:
            raise CannotTranslate("It cannot be read as SQL of SQLite.") from failure
        found = [one for one in tree if one is not None]
        if len(found) != 1 or not isinstance(found[0], exp.Query):
            raise CannotTranslate("It is not exactly one SELECT.")
        tree = found[0]
        kinds = self._kinds.of_query(tree)
        try:
            # What is inside first: who is replaced takes what was made of it along.
            for node in reversed(list(tree.walk(bfs=False))):
                made = _translated(node, kinds)
                if made is not node:
                    node.replace(made)
            written = tree.sql("postgres", comments=False)
            return query if _is_same(query, written) else written
        except (SqlglotError, RecursionError, ValueError) as failure:
            raise CannotTranslate("It cannot be written for PostgreSQL.") from failure


def _is_same(query: str, written: str) -> bool:
    """Whether the query means in PostgreSQL what it was translated to."""
    try:
        reader = Dialect.get_or_raise("postgres")
        found = reader.parser().parse(reader.tokenize(query), query)
    except (SqlglotError, RecursionError, ValueError):
        return False
    return [one.sql("postgres", comments=False) for one in found if one is not None] == [written]


def _translated(node: exp.Expr, kinds: Kinds) -> exp.Expr:
    for translate in _STEPS:
        found = translate(node, kinds)
        if found is not node:
            return found
    return node


def _text(node: exp.Expr, kinds: Kinds) -> exp.Expr:
    """A text in double quotes, which SQLite takes where nothing is called so."""
    if isinstance(node, exp.Column) and not node.table and isinstance(node.this, exp.Identifier):
        if node.this.quoted and not kinds.is_name(node.name):
            return exp.Literal.string(node.name)
    return node


def _like(node: exp.Expr, _: Kinds) -> exp.Expr:
    """LIKE looks at no case in SQLite."""
    if isinstance(node, exp.Like):
        return exp.ILike(this=node.this, expression=node.expression)
    return node


def _compared(node: exp.Expr, kinds: Kinds) -> exp.Expr:
    """Comparisons with 0, 1 and an empty text, which have other forms here."""
    if not isinstance(node, _COMPARISONS):
        return node
    column, constant = node.this, node.expression
    if isinstance(column, exp.Literal):
        column, constant = constant, column
    kind = kinds.kind(column)
    if not isinstance(constant, exp.Literal) or not kind:
        return node
    is_equal = isinstance(node, exp.EQ)
    if kind == "bool" and not constant.is_string and constant.name in ("0", "1"):
        return column.copy() if (constant.name == "1") is is_equal else exp.Not(this=column.copy())
    if kind in EMPTY_IS_NULL and constant.is_string and constant.name == "":
        empty = exp.Is(this=column.copy(), expression=exp.Null())
        return empty if is_equal else exp.Not(this=empty)
    if kind == "list" and constant.is_string and constant.name in ("", "[]"):
        size = exp.Anonymous(this="cardinality", expressions=[column.copy()])
        return (exp.EQ if is_equal else exp.GT)(this=size, expression=exp.Literal.number(0))
    return node


def _counted(node: exp.Expr, kinds: Kinds) -> exp.Expr:
    """Sums of what is true, rounding to digits, and texts that are put together: PostgreSQL wants the types said."""
    if isinstance(node, exp.Sum | exp.Avg):
        inner = node.this
        is_bool = kinds.kind(inner) == "bool" or isinstance(inner, exp.Predicate | exp.And | exp.Or | exp.Not)
        return type(node)(this=exp.cast(inner.copy(), "int")) if is_bool else node
    if isinstance(node, exp.Round) and node.args.get("decimals") is not None and not isinstance(node.this, exp.Cast):
        return exp.Round(this=exp.cast(node.this.copy(), "decimal"), decimals=node.args["decimals"].copy())
    if isinstance(node, exp.GroupConcat) and not isinstance(node.this, exp.Cast | exp.Distinct | exp.Order):
        separator = node.args.get("separator") or exp.Literal.string(",")
        return exp.GroupConcat(this=exp.cast(node.this.copy(), "text"), separator=separator.copy())
    return node


def _called(node: exp.Expr, kinds: Kinds) -> exp.Expr:
    """Functions of SQLite under their names here."""
    if not isinstance(node, exp.Anonymous):
        return node
    name, given = str(node.this).lower(), [one.copy() for one in node.expressions]
    if name == "json_array_length" and len(given) == 1:
        return exp.Anonymous(
            this="cardinality" if kinds.kind(given[0]) == "list" else "jsonb_array_length", expressions=given
        )
    if name == "total" and len(given) == 1:
        return exp.Coalesce(this=exp.Sum(this=given[0]), expressions=[exp.Literal.number(0)])
    return exp.Anonymous(this=_RENAMED[name], expressions=given) if name in _RENAMED else node


def _extracted(node: exp.Expr, kinds: Kinds) -> exp.Expr:
    """`json_extract(data, '$.a.b')`: what is in a json field is jsonb here."""
    if not isinstance(node, exp.JSONExtract | exp.JSONExtractScalar) or node.args.get("only_json_types"):
        return node
    if kinds.kind(node.this) == "list":
        raise CannotTranslate("It takes a list apart as JSON, and lists of fields are none here.")
    path = node.expression
    steps: list[exp.Expr] = path.expressions if isinstance(path, exp.JSONPath) else [path]
    keys = [exp.Literal.string(step.name) for step in steps if not isinstance(step, exp.JSONPathRoot)]
    return exp.Anonymous(this="jsonb_extract_path_text", expressions=[node.this.copy(), *keys])


def _each(node: exp.Expr, kinds: Kinds) -> exp.Expr:
    """`json_each(list)` as a table."""
    if not isinstance(node, exp.Table) or not isinstance(node.this, exp.Anonymous):
        return node
    if str(node.this.this).lower() != "json_each" or len(node.this.expressions) != 1:
        return node
    given = node.this.expressions[0].copy()
    alias = exp.TableAlias(this=exp.to_identifier(node.alias or "json_each"), columns=[exp.to_identifier("value")])
    if kinds.kind(given) == "list":
        return exp.Unnest(expressions=[given], alias=alias)
    call = exp.Anonymous(this="jsonb_array_elements_text", expressions=[given])
    return exp.Table(this=call, alias=alias)


def _dated(node: exp.Expr, kinds: Kinds) -> exp.Expr:
    """Functions of dates: a moment beside a column that holds moments, else the text that SQLite gives."""
    found = moment(node, kinds)
    if found is None:
        refuse_dates(node)
        return node
    around: Any = node.parent
    others = [around.this, around.expression] if isinstance(around, exp.Binary) else []
    if any(other is not node and kinds.kind(other) in MOMENTS for other in others):
        return found
    return written(node, found)


_STEPS: Final[tuple[Callable[[exp.Expr, Kinds], exp.Expr], ...]] = (
    _text,
    _like,
    _compared,
    _counted,
    _called,
    _extracted,
    _each,
    _dated,
)


def empty_view(query: str, reason: str, fields: Iterable[Mapping[str, Any]]) -> str:
    """A query that shows nothing, in the columns that the view had, and holds the old one for whoever mends it."""
    shown: dict[str, str] = {"id": "''"}
    for field in fields:
        type = str(field.get("type", ""))
        shown.setdefault(str(field.get("name", "")), _CASTS.get(type, "CAST('' AS text)"))
    columns = ", ".join(f'{content} AS "{name}"' for name, content in shown.items() if field_name_problem(name) is None)
    old = query.replace("*/", "* /")[: MAX_QUERY_CHARS // 2]
    return f"/* {reason.replace('*/', '* /')} PocketBase's query was:\n{old}\n*/\nSELECT {columns} WHERE false"
