"""What a view's query may be made of. Everything that is not listed here is refused, by its name.

This file costs the import of sqlglot (about 40 MB): import it where a view is at hand, and not before.
"""

import re
from typing import Final

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError
from sqlglot.expressions.dml import DML
from sqlglot.tokenizer_core import TokenType

MAX_NODES: Final = 5000  # of the parsed query

_STRUCTURE: Final = (
    "Select Union Intersect Except Subquery With CTE From Join Lateral Where Group Having Order Ordered Limit Offset"
    " Distinct Table TableAlias Identifier Column Star Alias Aliases Literal Boolean Null Paren Tuple Window WindowSpec"
    " Case If Cast DataType DataTypeParam Var Interval Array Bracket Filter WithinGroup AtTimeZone Unnest Cube Rollup"
    " GroupingSets IgnoreNulls RespectNulls JSONKeyValue"
)
_OPERATORS: Final = (
    "And Or Not EQ NEQ GT GTE LT LTE Is In Between Like ILike Escape SimilarTo RegexpLike RegexpILike Add Sub Mul Div"
    " IntDiv Mod Neg Pow DPipe Concat ConcatWs NullSafeEQ NullSafeNEQ Exists Any All ArrayContainsAll ArrayOverlaps"
    " JSONExtract JSONExtractScalar JSONBExtract JSONBExtractScalar"
    " JSONBContains JSONBContainsTopKey JSONBContainsAllTopKeys JSONBContainsAnyTopKeys JSONPath JSONPathRoot"
    " JSONPathKey JSONPathSubscript BitwiseAnd BitwiseOr BitwiseNot BitwiseXor"
)
FUNCTIONS: Final = (
    "Count Sum Avg Min Max ArrayAgg GroupConcat LogicalAnd LogicalOr Stddev StddevPop StddevSamp Variance VariancePop"
    " PercentileCont PercentileDisc Median Mode JSONObjectAgg JSONArrayAgg JSONBObjectAgg"
    " RowNumber Rank DenseRank PercentRank CumeDist Ntile Lag Lead FirstValue LastValue NthValue"
    " Coalesce Nullif Greatest Least Lower Upper Length Trim Substring Left Right Replace SplitPart Initcap Reverse"
    " StrPosition Chr Ascii MD5 Abs Ceil Floor Round Sign Sqrt Exp Ln Log Trunc"
    " Extract Date Datetime DateTrunc TimestampTrunc CurrentDate CurrentTimestamp CurrentTime TimeToStr ToChar"
    " StrToDate StrToTime UnixToTime TsOrDsToTimestamp TsOrDsToDate ToNumber ArraySize ArrayToString StringToArray"
    " JSONObject JSONArray ArrayPosition ArrayRemove Corr RegrSlope StartsWith WidthBucket"
)
ALLOWED: Final = frozenset(f"{_STRUCTURE} {_OPERATORS} {FUNCTIONS}".split())
NAMED_FUNCTIONS: Final = frozenset(
    (
        "age array_agg array_length array_position array_remove array_to_string array_upper bool_and bool_or btrim"
        " cardinality concat concat_ws corr date_part every initcap json_agg json_array_length"
        " json_build_array json_build_object json_object_agg jsonb_agg jsonb_array_length jsonb_array_elements"
        " jsonb_array_elements_text jsonb_build_array jsonb_build_object jsonb_each_text jsonb_extract_path"
        " jsonb_extract_path_text jsonb_object_agg jsonb_object_keys jsonb_typeof left length ln log ltrim make_date"
        " mod now octet_length position power regr_slope replace reverse right round rtrim sign split_part sqrt"
        " starts_with strpos substr to_char to_json to_jsonb to_date to_number to_timestamp trunc width_bucket"
    ).split()
)
_TYPES: Final = frozenset(
    (
        "TEXT VARCHAR CHAR NVARCHAR NCHAR INT BIGINT SMALLINT TINYINT DOUBLE FLOAT DECIMAL BOOLEAN DATE TIME TIMESTAMP"
        " TIMESTAMPTZ TIMESTAMPNTZ DATETIME JSON JSONB INTERVAL UUID ARRAY"
    ).split()
)
# Words that are written into the query without quotes, so no other will do.
_WORD: Final = re.compile(
    r"(?:microsecond|millisecond|second|minute|hour|day|week|month|quarter|year|decade|century|epoch|dow|doy|isodow|"
    r"isoyear)s?|rows|range|groups|unbounded|preceding|following|current row",
    re.IGNORECASE,
)


_FIRST: Final = frozenset((TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN))


class InvalidView(Exception):
    """A view's query that is refused; the message says why, in a sentence."""


def parse(query: str) -> exp.Query:
    """Read a query: PostgreSQL's spelling, or else SQLite's, in which PocketBase's views are written.

    Raises InvalidView unless it is exactly one SELECT, made of what is allowed here.
    """
    try:
        return _with_paths(_parse(query, "postgres"))
    except InvalidView as failure:
        try:
            return _with_paths(_parse(query, "sqlite"))
        except InvalidView:
            raise failure from None


def _parse(query: str, dialect: str) -> exp.Query:
    statements = _statements(query, dialect)
    if len(statements) != 1:
        raise InvalidView("A view is exactly one SELECT, without anything before or after it.")
    tree = statements[0]
    if not isinstance(tree, exp.Select | exp.SetOperation):
        raise InvalidView("A view is a SELECT, and nothing else.")
    for count, node in enumerate(tree.walk()):
        if count > MAX_NODES:
            raise InvalidView("The query is too long.")
        _check(node)
    return tree


def _statements(query: str, dialect: str) -> list[exp.Expr]:
    reader = Dialect.get_or_raise(dialect)
    try:
        tokens = reader.tokenize(query)
        # What does not begin like a SELECT would be read as a command, which sqlglot logs with its text.
        if not tokens or tokens[0].token_type not in _FIRST:
            raise InvalidView("A view is a SELECT, and nothing else.")
        return [statement for statement in reader.parser().parse(tokens, query) if statement is not None]
    except (SqlglotError, RecursionError, ValueError) as failure:
        raise InvalidView(f"This cannot be read as SQL{_where(failure)}.") from failure


def _where(failure: Exception) -> str:
    errors = getattr(failure, "errors", None)
    if not errors or not errors[0].get("line"):
        return ""
    return f": line {errors[0]['line']}, character {errors[0]['col']}"


def _check(node: exp.Expr) -> None:
    """Raise InvalidView for what a view must not hold."""
    kind = type(node).__name__
    if isinstance(node, exp.Anonymous):
        function = str(node.this)
        if function.lower() not in NAMED_FUNCTIONS:
            raise InvalidView(f"The function {function[:60]} is none that a view may call.")
        return
    if kind not in ALLOWED:
        raise InvalidView(_refusal(node, kind))
    if isinstance(node, exp.DataType) and node.this.name not in _TYPES:
        raise InvalidView("A view can cast to text, numbers, booleans, dates and JSON, and to nothing else.")
    if isinstance(node, exp.Var) and _WORD.fullmatch(node.name) is None:
        raise InvalidView(f"{node.name[:60]!r} is nothing that a view may hold.")
    _check_arguments(node)


def _check_arguments(node: exp.Expr) -> None:
    if isinstance(node, exp.Select):
        for part in ("hint", "sample", "match", "connect", "pivots", "settings", "format"):
            if node.args.get(part):
                raise InvalidView(f"A view cannot have {part.upper()} in it.")
    if isinstance(node, exp.Table):
        _check_table(node)
    if isinstance(node, exp.Identifier) and ("\0" in node.name or not node.name):
        raise InvalidView("A name is empty.")
    if isinstance(node, exp.Literal) and not node.is_string and re.fullmatch(r"[0-9.eE+-]+", node.name) is None:
        raise InvalidView("A number has a form that cannot be read.")


def _check_table(node: exp.Table) -> None:
    if node.args.get("catalog") or node.db.lower() not in ("", "public"):
        raise InvalidView("A view reads collections, and nothing of other schemas.")
    for part in ("sample", "pivots", "hints", "only", "version", "when", "rows_from", "changes", "format", "pattern"):
        if node.args.get(part):
            raise InvalidView(f"A table in a view cannot have {part.upper()}.")


def _refusal(node: exp.Expr, kind: str) -> str:
    if isinstance(node, exp.Lock):
        return "A view cannot lock rows: leave out FOR UPDATE and FOR SHARE."
    if isinstance(node, exp.Into):
        return "A view cannot write: leave out INTO."
    if isinstance(node, DML):
        return f"A view cannot write: leave out {kind.upper()}."
    if isinstance(node, exp.Parameter | exp.Placeholder):
        return "A view has no parameters."
    if isinstance(node, exp.Func):
        return f"The function {_spelled(node)} is none that a view may call."
    if isinstance(node, exp.ByteString | exp.RawString | exp.UnicodeString | exp.HexString | exp.BitString):
        return "Strings in a view are written in single quotes: 'text'."
    return f"{kind} is nothing that a view may hold."


def _spelled(node: exp.Func) -> str:
    """The name that the function has in PostgreSQL: sqlglot's own for it is no word that anybody wrote."""
    written = re.match(r"\w+", node.sql("postgres"))
    return (written[0] if written else node.sql_name()).lower()


def _with_paths(tree: exp.Query) -> exp.Query:
    """The same query with SQLite's `json_extract(data, '$.a.b')` in PostgreSQL's words."""
    for node in list(tree.find_all(exp.JSONExtract, exp.JSONExtractScalar)):
        if not node.args.get("only_json_types"):  # the arrows -> and ->> of PostgreSQL have it
            node.replace(_json_path(node))
    return tree


def _json_path(node: exp.Expr) -> exp.Expr:
    path = node.expression
    steps: list[exp.Expr] = path.expressions if isinstance(path, exp.JSONPath) else [path]
    keys = [exp.Literal.string(step.name) for step in steps if not isinstance(step, exp.JSONPathRoot)]
    return exp.Anonymous(this="jsonb_extract_path_text", expressions=[node.this, *keys])
