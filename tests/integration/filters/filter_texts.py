"""Strategies for filters: texts that fit a catalog, and texts that fit nothing."""

from typing import Any, TypeAlias

from hypothesis import strategies as st

from holdfast.catalog.path import back_name
from holdfast.catalog.snapshot import Catalog
from holdfast.expressions.kind import Kind
from holdfast.expressions.moment import MOMENTS, PARTS
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.relation import RelationField

OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "~", "!~")
LITERALS = (
    *(
        "''",
        "null",
        "true",
        "false",
        "0",
        "1",
        "5",
        "-1",
        "0.1",
        "1.5",
        "007",
        "2024",
        "1e20",
        "9007199254740991",
        "1e-7",
    ),
    *(
        "'a'",
        "'A'",
        "'b'",
        "'%'",
        "'a%'",
        "'%b'",
        "'a\\%b'",
        "'_'",
        "'\\_'",
        "'a_b'",
        "'%_%'",
        "'\\x'",
        "'\\\\%'",
    ),
    *(
        "'5'",
        "'05'",
        "'5.0'",
        "' 5 '",
        "'true'",
        "'false'",
        "'ä'",
        "'Ä'",
        "'ß'",
        "'ǆ'",
        "'it\\'s'",
        "'x y'",
        "'{'",
        "'日'",
    ),
    *(
        "'2024'",
        "'2024-05'",
        "'2024-05-01'",
        "'2024-05-01 10:00:00.000Z'",
        "'2024-05-01T12:00:00+02:00'",
        "'2024-13-45'",
    ),
    *(
        "'b0'",
        "'s0'",
        "'p1'",
        "'a@b.c'",
        "1.7e308",
        "99999999999999999999",
        "'9999999999999999.99'",
        "'99999999999999999999'",
    ),
)
NEAR = {
    Kind.TEXT: ("'a'", "'ab'", "'5'", "'b0'", "'s0'", "'p0'", "''", "'ä'", "5"),
    Kind.NUMBER: ("0", "1", "5", "1.5", "0.1", "'5'", "2024", "1e20"),
    Kind.DECIMAL: ("0", "1.5", "'1.50'", "5"),
    Kind.BOOL: ("true", "false", "1", "'true'"),
    Kind.DATE: ("'2024-05-01'", "'2024'", "''", "null", "@now", "@yearStart"),
    Kind.JSON: ("'a'", "5", "'5'", "true", "null", "''", "1.5"),
    Kind.POINT: ("0", "12.5"),
    Kind.OPAQUE: ("1",),
}
LISTS = ("select", "relation", "file")


Walk: TypeAlias = tuple[tuple[str, ...], Collection]
"""The steps of a path, and the collection at their end."""


@st.composite
def filters(draw: st.DrawFn, catalog: Catalog, collection: Collection) -> str:
    """A filter whose names are all there; its comparisons may not make sense.

    Its paths go few ways, so that comparisons often meet on one.
    """
    walks = [draw(walk_from(catalog, collection)) for _ in range(3)]
    return draw(conditions(walks, 2))


@st.composite
def conditions(draw: st.DrawFn, walks: list[Walk], depth: int) -> str:
    parts = [
        "(" + draw(conditions(walks, depth - 1)) + ")" if depth and draw(st.integers(0, 4)) == 0 else draw(_term(walks))
        for _ in range(draw(st.sampled_from((1, 1, 2, 2, 3))))
    ]
    text = parts[0]
    for part in parts[1:]:
        text += draw(st.sampled_from((" && ", " && ", " || "))) + part
    return text


@st.composite
def _term(draw: st.DrawFn, walks: list[Walk]) -> str:
    path, kind = draw(_path(walks))
    operator = draw(st.sampled_from(("", "?"))) + draw(st.sampled_from(OPERATORS))
    other = draw(st.integers(0, 9))
    if other < 6:
        right = draw(st.sampled_from(NEAR[kind]))
    elif other < 8:
        right = draw(st.sampled_from((*LITERALS, *MOMENTS, *PARTS)))
    else:
        right = draw(_path(walks))[0]
    return f"{path} {operator} {right}" if draw(st.integers(0, 9)) else f"{right} {operator} {path}"


@st.composite
def walk_from(draw: st.DrawFn, catalog: Catalog, collection: Collection) -> Walk:
    names: list[str] = []
    here = collection
    for _ in range(draw(st.sampled_from((0, 0, 1, 1, 2, 3)))):
        steps = [(field.name, catalog.target(field)) for field in here.fields if isinstance(field, RelationField)]
        steps += [(back_name(reference), reference.collection) for reference in catalog.references(here)]
        if not steps:
            break
        step, here = draw(st.sampled_from(steps))
        names.append(step)
    return tuple(names), here


@st.composite
def _path(draw: st.DrawFn, walks: list[Walk]) -> tuple[str, Kind]:
    names, here = draw(st.sampled_from(walks))
    field = draw(st.sampled_from(here.fields))
    ending, kind = draw(_ending(field))
    return ".".join((*names, field.name)) + ending, kind


@st.composite
def _ending(draw: st.DrawFn, field: Field) -> tuple[str, Kind]:
    if field.kind is Kind.JSON:
        inner = draw(st.lists(st.sampled_from(("k", "z", "0", "1")), max_size=3))
        return "".join("." + name for name in inner) + draw(st.sampled_from(("", "", "", ":lower"))), Kind.JSON
    if field.kind is Kind.POINT:
        return draw(st.sampled_from((".lon", ".lat", ".lon", ""))), Kind.POINT
    if field.type in LISTS:
        modifier = draw(st.sampled_from(("", "", "", ":each", ":length", ":lower")))
        return modifier, Kind.NUMBER if modifier == ":length" else Kind.TEXT
    return draw(st.sampled_from(("", "", "", "", ":lower"))) if field.kind is Kind.TEXT else "", field.kind


def noise(catalog: Catalog, collection: Collection) -> st.SearchStrategy[str]:
    """Anything that somebody may send: pieces of filters in any order, and texts of any characters."""
    names = st.sampled_from([*(field.name for field in collection.fields), "id", "nothing", "@now", "@request.auth.id"])
    pieces: list[Any] = [
        names,
        st.sampled_from(LITERALS),
        st.sampled_from(
            (*(operator for operator in OPERATORS), "?=", "?~", "&&", "||", "(", ")", ".", ":", ",", "{:p}", "//")
        ),
        st.sampled_from(
            ("geoDistance(", "strftime(", ":each", ":lower", ":length", "'%Y'", "'+1 month'", "'weekday 3'", "\n")
        ),
        st.text(max_size=3),
    ]
    mixed = st.lists(st.one_of(pieces), max_size=15).map(" ".join)
    return st.one_of(mixed, filters(catalog, collection), st.text(max_size=60))
