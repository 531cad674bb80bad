"""Strategies for rules: texts that fit a catalog and speak of all that a rule can speak of."""

from hypothesis import strategies as st

from holdfast.catalog.snapshot import Catalog
from holdfast.expressions.kind import Kind
from holdfast.schema.collection import Collection
from holdfast.schema.relation import RelationField
from integration.filters.filter_texts import Walk, conditions, walk_from

SENT = (
    *("@request.method", "@request.context", "@request.query.q", "@request.query.n", "@request.query.none"),
    *("@request.query.q:lower", "@request.headers.x_token", "@request.headers.none", "@request.auth.collectionName"),
    *("@request.body.sent", "@request.body.sent.k", "@request.body.sent.k.z.0", "@request.body.list:length"),
    *("@request.body.list:each", "@request.body.none", "@request.auth.roles", "@request.auth.roles:each"),
    *("@request.auth.roles:length", "@request.auth.nothing", "@request.auth.collectionId:lower"),
)
TRUTHS = (
    *("@request.query.q:isset", "@request.query.none:isset", "@request.headers.x_token:isset"),
    *("@request.body.sent:isset", "@request.body.none:isset", "@request.body.sent.k:isset"),
    *("@request.auth.id:isset", "@request.auth.nothing:isset", "@request.auth.text:isset"),
)


@st.composite
def rules(draw: st.DrawFn, catalog: Catalog, collection: Collection, callers: Collection) -> str:
    """A rule whose names are all there; its comparisons may not make sense."""
    places: list[tuple[str, Collection]] = [
        ("", collection),
        ("@request.auth", callers),
        ("@previous", collection),
        ("@request.body", collection),
    ]
    places += [(f"@collection.{one.name}", one) for one in catalog.collections]
    places += [(f"@collection.{one.name}:other", one) for one in catalog.collections]
    found: list[Walk] = [draw(walk_from(catalog, collection))]
    for prefix, start in draw(st.lists(st.sampled_from(places), min_size=1, max_size=3)):
        names, end = draw(walk_from(catalog, start))
        if prefix == "@request.body" and names and not isinstance(start.by_name.get(names[0]), RelationField):
            continue  # nothing points at a record that is only sent
        found.append(((prefix, *names) if prefix else names, end))
    text = draw(conditions(found, 2))
    if draw(st.booleans()):
        text += draw(st.sampled_from((" && ", " || "))) + draw(_asked(collection))
    return text


@st.composite
def _asked(draw: st.DrawFn, collection: Collection) -> str:
    """A comparison with what the request brings."""
    operator = draw(st.sampled_from(("=", "!=", "?=", "?!=", "~", ">", "<=")))
    other = draw(st.sampled_from(("'a'", "'A'", "5", "'GET'", "''", "null", "'default'", "'editor'", "true")))
    if draw(st.integers(0, 3)) == 0:
        changeable = [f"@request.body.{field.name}:changed" for field in collection.fields if _is_plain(field.kind)]
        path = draw(st.sampled_from((*TRUTHS, *changeable)))
        return f"{path} {draw(st.sampled_from(('=', '!=')))} {draw(st.sampled_from(('true', 'false')))}"
    if draw(st.booleans()):
        field = draw(st.sampled_from([field.name for field in collection.fields if field.kind is not Kind.POINT]))
        other = field
    return f"{draw(st.sampled_from(SENT))} {operator} {other}"


def _is_plain(kind: Kind) -> bool:
    # Python and PostgreSQL differ in which numbers of JSON are the same.
    return kind is not Kind.JSON
