"""What a field takes, put into its column and read back, on a real PostgreSQL."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from holdfast.db.pool import Pool
from holdfast.db.sql import EMPTY, Sql, Statement, name, raw, value
from holdfast.schema.autodate import AutodateField
from holdfast.schema.bool import BoolField
from holdfast.schema.collection import Collection
from holdfast.schema.date import DateField
from holdfast.schema.decimal import DecimalField
from holdfast.schema.editor import EditorField
from holdfast.schema.email import EmailField
from holdfast.schema.field import Field
from holdfast.schema.file import FileField
from holdfast.schema.geo_point import GeoPointField
from holdfast.schema.index import index_sql
from holdfast.schema.index_reading import read_index
from holdfast.schema.json import JsonField
from holdfast.schema.number import NumberField
from holdfast.schema.relation import RelationField
from holdfast.schema.select import SelectField
from holdfast.schema.system_fields import id_field
from holdfast.schema.text import TextField
from holdfast.schema.url import UrlField
from holdfast.schema.vector import VectorField

NAMED: dict[str, Any] = {"id": "field1", "name": "value"}


@pytest.fixture
async def pool(shared_database: str) -> AsyncIterator[Pool]:
    made = Pool(shared_database, size=1, settings={})
    yield made
    await made.execute(Statement.of(raw("DROP TABLE IF EXISTS public.one, public.posts")))
    await made.close()


def type_of(field: Field) -> Sql:
    if isinstance(field, DecimalField):
        return raw("numeric(20, 6)")
    return raw(field.cast)


async def stored(pool: Pool, field: Field, sent: object) -> Any:
    """The field's value as the API gives it, after it was taken and stored."""
    column = field.column()
    table = raw("CREATE TABLE public.one (value ") + type_of(field)
    table += raw(" DEFAULT ") + column.default if column.default is not None else EMPTY
    table += raw(" NOT NULL)") if column.not_null else raw(")")
    await pool.execute(Statement.of(table))
    insert = raw("INSERT INTO public.one (value) VALUES (") + value(field.take(sent), field.cast) + raw(")")
    await pool.execute(Statement.of(insert))
    return await read(pool, field)


async def read(pool: Pool, field: Field) -> Any:
    row = await pool.fetchrow(
        Statement.of(
            raw("SELECT row_to_json(r)::text AS body FROM (SELECT ")
            + field.out(raw("t.value"))
            + raw(" AS value FROM public.one AS t) AS r")
        )
    )
    assert row is not None
    body: str = row["body"]
    if not isinstance(field, JsonField):  # jsonb is the one that PostgreSQL writes with spaces
        assert body.encode() == msgspec.json.format(body, indent=-1).encode()
    return msgspec.json.decode(body)["value"]


@pytest.mark.parametrize(
    ("field", "sent", "given"),
    [
        pytest.param(TextField(**NAMED), "two words", "two words", id="text"),
        pytest.param(TextField(**NAMED), None, "", id="text-null"),
        pytest.param(TextField(**NAMED, nullable=True), None, None, id="text-nullable"),
        pytest.param(EditorField(**NAMED), "<p>é\n</p>", "<p>é\n</p>", id="editor"),
        pytest.param(EmailField(**NAMED), "a@example.com", "a@example.com", id="email"),
        pytest.param(UrlField(**NAMED), "https://example.com", "https://example.com", id="url"),
        pytest.param(NumberField(**NAMED), 0.1, 0.1, id="number"),
        pytest.param(NumberField(**NAMED), 1e300, 1e300, id="number-large"),
        pytest.param(NumberField(**NAMED), -0.0, 0, id="number-minus-zero"),
        pytest.param(NumberField(**NAMED, nullable=True), None, None, id="number-nullable"),
        pytest.param(NumberField(**NAMED, only_int=True), 2**53 - 1, 2**53 - 1, id="whole"),
        pytest.param(DecimalField(**NAMED, precision=20, scale=6), "12.5", "12.500000", id="decimal"),
        pytest.param(DecimalField(**NAMED, precision=20, scale=6), None, "0.000000", id="decimal-null"),
        pytest.param(DecimalField(**NAMED, precision=20, scale=6, nullable=True), "", None, id="decimal-nullable"),
        pytest.param(BoolField(**NAMED), "true", True, id="bool"),
        pytest.param(BoolField(**NAMED, nullable=True), None, None, id="bool-nullable"),
        pytest.param(DateField(**NAMED), "2026-11-20T09:15:00.1239Z", "2026-11-20 09:15:00.123Z", id="date"),
        pytest.param(DateField(**NAMED), "0001-01-01 00:00:00.001", "0001-01-01 00:00:00.001Z", id="first-date"),
        pytest.param(DateField(**NAMED), "9999-12-31T23:59:59.999Z", "9999-12-31 23:59:59.999Z", id="last-date"),
        pytest.param(DateField(**NAMED), "", "", id="date-empty"),
        pytest.param(DateField(**NAMED, nullable=True), "", None, id="date-nullable"),
        pytest.param(DateField(**NAMED, nullable=True), "2026-11-20", "2026-11-20 00:00:00.000Z", id="date-not-null"),
        pytest.param(AutodateField(**NAMED), "2026-11-20", "2026-11-20 00:00:00.000Z", id="autodate"),
        pytest.param(SelectField(**NAMED, values=("a", "b")), "a", "a", id="select"),
        pytest.param(SelectField(**NAMED, values=("a", "b"), max_select=2), ["b", "a"], ["b", "a"], id="select-many"),
        pytest.param(SelectField(**NAMED, values=("a", "b"), max_select=2), None, [], id="select-many-null"),
        pytest.param(
            SelectField(**NAMED, values=("a",), max_select=2, nullable=True), None, None, id="select-many-nullable"
        ),
        pytest.param(RelationField(**NAMED, collection_id="x"), "abc", "abc", id="relation"),
        pytest.param(RelationField(**NAMED, collection_id="x"), "", "", id="relation-empty"),
        pytest.param(RelationField(**NAMED, collection_id="x", nullable=True), "", None, id="relation-nullable"),
        pytest.param(RelationField(**NAMED, collection_id="x", max_select=9), ["b", "a"], ["b", "a"], id="relations"),
        pytest.param(FileField(**NAMED), "a.png", "a.png", id="file"),
        pytest.param(FileField(**NAMED, max_select=2), ["a.png"], ["a.png"], id="files"),
        pytest.param(JsonField(**NAMED), {"b": [1, 2.5, None], "a": "é"}, {"a": "é", "b": [1, 2.5, None]}, id="json"),
        pytest.param(JsonField(**NAMED), None, None, id="json-null"),
        pytest.param(JsonField(**NAMED), "", "", id="json-empty-string"),
        pytest.param(GeoPointField(**NAMED), {"lon": 12.5, "lat": -41.9}, {"lon": 12.5, "lat": -41.9}, id="place"),
        pytest.param(GeoPointField(**NAMED), None, {"lon": 0, "lat": 0}, id="place-null"),
        pytest.param(GeoPointField(**NAMED, nullable=True), None, None, id="place-nullable"),
        pytest.param(GeoPointField(**NAMED, nullable=True), {"lon": 1}, {"lon": 1, "lat": 0}, id="place-not-null"),
    ],
)
async def test_a_value_comes_back_as_it_was_taken(pool: Pool, field: Field, sent: object, given: object) -> None:
    assert await stored(pool, field, sent) == given


async def test_a_vector_comes_back_in_32_bits(pool: Pool) -> None:
    await pool.execute(Statement.of(raw("CREATE EXTENSION IF NOT EXISTS vector SCHEMA public")))
    field = VectorField(**NAMED, dimensions=3)
    await pool.execute(Statement.of(raw("CREATE TABLE public.one (value public.vector(3))")))
    taken = value(field.take([1, 0.1, -2e10]), field.cast)
    await pool.execute(Statement.of(raw("INSERT INTO public.one (value) VALUES (") + taken + raw(")")))
    assert await read(pool, field) == [1, 0.1, -2e10]


@pytest.mark.parametrize(
    ("field", "given"),
    [
        pytest.param(TextField(**NAMED), "", id="text"),
        pytest.param(NumberField(**NAMED), 0, id="number"),
        pytest.param(BoolField(**NAMED), False, id="bool"),
        pytest.param(DecimalField(**NAMED, precision=20, scale=6), "0.000000", id="decimal"),
        pytest.param(SelectField(**NAMED, max_select=2), [], id="list"),
        pytest.param(GeoPointField(**NAMED), {"lon": 0, "lat": 0}, id="place"),
        pytest.param(DateField(**NAMED), "", id="date"),
    ],
)
async def test_a_row_that_psql_inserts_has_the_same_empty_value(pool: Pool, field: Field, given: object) -> None:
    await stored(pool, field, None)
    await pool.execute(Statement.of(raw("TRUNCATE public.one")))
    await pool.execute(Statement.of(raw("INSERT INTO public.one DEFAULT VALUES")))
    assert await read(pool, field) == given


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE UNIQUE INDEX i ON posts (title COLLATE NOCASE, views DESC) WHERE title != ''",
        "CREATE UNIQUE INDEX i ON posts (author, due) WHERE author != '' AND due > '2026-01-01' AND NOT active",
        "CREATE INDEX i ON posts (tags)",
        "CREATE INDEX i ON posts (price) WHERE price IN (1, 2.5) OR tags = '[]' OR state NOT IN ('a') OR note IS NULL",
        "CREATE INDEX i ON posts (upper(title), length(title), note DESC)",
    ],
)
async def test_postgresql_builds_what_was_read(pool: Pool, statement: str) -> None:
    def field(kind: Any, called: str, **options: Any) -> Any:
        return kind(id=called, name=called, **options)

    posts = Collection(
        id="x",
        name="posts",
        fields=(
            id_field(),
            field(TextField, "title"),
            field(TextField, "note", nullable=True),
            field(NumberField, "views"),
            field(DecimalField, "price", min=Decimal(0)),
            field(BoolField, "active"),
            field(DateField, "due"),
            field(RelationField, "author", collection_id="y"),
            field(RelationField, "tags", collection_id="y", max_select=9),
            field(SelectField, "state", values=("a", "b")),
        ),
    )
    columns = [name(one.name) + raw(" ") + type_of(one) for one in posts.fields]
    table = raw("CREATE TABLE public.posts (") + columns[0]
    for column in columns[1:]:
        table += raw(", ") + column
    await pool.execute(Statement.of(table + raw(")")))
    await pool.execute(Statement.of(index_sql(read_index(statement, posts.by_name), posts)))
    row = await pool.fetchrow(
        Statement.of(raw("SELECT indisvalid FROM pg_index WHERE indexrelid = 'public.i'::regclass"))
    )
    assert row is not None
    assert row["indisvalid"]
