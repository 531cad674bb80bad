"""What is wrong with the options of a field."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from holdfast.schema.autodate import AutodateField
from holdfast.schema.bool import BoolField
from holdfast.schema.date import DateField
from holdfast.schema.decimal import DecimalField
from holdfast.schema.editor import EditorField
from holdfast.schema.email import EmailField
from holdfast.schema.field import Field
from holdfast.schema.field_reading import field_problems
from holdfast.schema.fields import FIELD_TYPES
from holdfast.schema.file import FileField
from holdfast.schema.geo_point import GeoPointField
from holdfast.schema.json import JsonField
from holdfast.schema.number import NumberField
from holdfast.schema.password import PasswordField
from holdfast.schema.relation import RelationField
from holdfast.schema.select import SelectField
from holdfast.schema.stored import field_from_builtins, field_to_builtins
from holdfast.schema.system_fields import auth_fields, date_fields, id_field
from holdfast.schema.text import TextField
from holdfast.schema.vector import VectorField

NAMED: dict[str, Any] = {"id": "field1", "name": "field"}
GOOD: tuple[Field, ...] = (
    id_field(),
    *auth_fields(),
    *date_fields(),
    TextField(**NAMED, min=2, max=5, pattern="^[a-z]+$", default="abc", unique=True),
    TextField(**NAMED, default="@request.auth.id"),
    TextField(**NAMED, autogenerate_pattern="u-[a-z0-9]{8}"),
    EditorField(**NAMED, max_size=100, nullable=True),
    NumberField(**NAMED, min=-5, max=5, only_int=True, default=3),
    NumberField(**NAMED, default=0, nullable=True),
    BoolField(**NAMED, default=True),
    EmailField(**NAMED, only_domains=("example.com",)),
    DateField(**NAMED, min="2026-01-01", default="@now"),
    SelectField(**NAMED, values=("a", "b"), max_select=2, default=["a"]),
    RelationField(**NAMED, collection_id="x", default="@request.auth.id"),
    FileField(**NAMED, mime_types=("image/png", "image/*"), thumbs=("100x100", "0x50t")),
    JsonField(**NAMED, default={"a": 1}),
    GeoPointField(**NAMED, default={"lon": 1, "lat": 2}),
    PasswordField(**NAMED, min=8, max=70, cost=10),
    VectorField(**NAMED, dimensions=3),
    DecimalField(**NAMED, precision=4, scale=4, min=Decimal("0.1"), default="0.5"),
)


@pytest.mark.parametrize("field", GOOD, ids=lambda field: f"{field.type}-{field.name}")
def test_good_options_are_taken(field: Field) -> None:
    assert field_problems(field) == {}


@pytest.mark.parametrize(
    ("field", "option", "code"),
    [
        pytest.param(TextField(**NAMED, min=-1), "min", "validation_out_of_range", id="text-min"),
        pytest.param(
            TextField(**NAMED, min=5, max=2), "max", "validation_min_greater_equal_than_required", id="text-max"
        ),
        pytest.param(TextField(**NAMED, pattern="(a"), "pattern", "validation_invalid_regex", id="text-pattern"),
        pytest.param(TextField(**NAMED, pattern="(?=a)"), "pattern", "validation_invalid_regex", id="look-ahead"),
        pytest.param(
            TextField(**NAMED, pattern="((a{100}){100}){100}"), "pattern", "validation_invalid_regex", id="huge-pattern"
        ),
        pytest.param(
            TextField(**NAMED, autogenerate_pattern="[a-"),
            "autogeneratePattern",
            "validation_invalid_autogenerate_pattern",
            id="generator",
        ),
        pytest.param(
            TextField(**NAMED, max=3, autogenerate_pattern="[a-z]{9}"),
            "autogeneratePattern",
            "validation_invalid_autogenerate_pattern_value",
            id="generator-too-long",
        ),
        pytest.param(
            msgspec.structs.replace(id_field(), name="key"), "primaryKey", "validation_invalid_value", id="second-key"
        ),
        pytest.param(TextField(id="x", name="id"), "primaryKey", "validation_required", id="id-that-is-no-key"),
        pytest.param(msgspec.structs.replace(id_field(), hidden=True), "hidden", "validation_invalid_value", id="key"),
        pytest.param(msgspec.structs.replace(id_field(), unique=True), "unique", "validation_invalid_value", id="uniq"),
        pytest.param(
            msgspec.structs.replace(id_field(), nullable=True), "nullable", "validation_invalid_value", id="null-key"
        ),
        pytest.param(EditorField(**NAMED, max_size=-1), "maxSize", "validation_out_of_range", id="editor-size"),
        pytest.param(EditorField(**NAMED, unique=True), "unique", "validation_invalid_value", id="editor-unique"),
        pytest.param(
            NumberField(**NAMED, min=1.5, only_int=True), "min", "validation_only_int_constraint", id="number-int"
        ),
        pytest.param(
            NumberField(**NAMED, min=5, max=1), "max", "validation_min_greater_equal_than_required", id="number-max"
        ),
        pytest.param(NumberField(**NAMED, default="x"), "default", "validation_not_a_number", id="number-default"),
        pytest.param(NumberField(**NAMED, default="@now"), "default", "validation_invalid_value", id="number-now"),
        pytest.param(TextField(**NAMED, default="@now"), "default", "validation_invalid_value", id="text-now"),
        pytest.param(
            EmailField(**NAMED, only_domains=("a.b",), except_domains=("c.d",)),
            "exceptDomains",
            "validation_invalid_value",
            id="both-domains",
        ),
        pytest.param(
            EmailField(**NAMED, only_domains=("a b",)), "onlyDomains", "validation_invalid_value", id="domain"
        ),
        pytest.param(DateField(**NAMED, min="soon"), "min", "validation_invalid_date", id="date-min"),
        pytest.param(
            DateField(**NAMED, min="2026-01-02", max="2026-01-01"),
            "max",
            "validation_min_greater_equal_than_required",
            id="date-max",
        ),
        pytest.param(AutodateField(**NAMED), "onCreate", "validation_required", id="autodate"),
        pytest.param(
            AutodateField(**NAMED, on_create=True, nullable=True), "nullable", "validation_invalid_value", id="auto"
        ),
        pytest.param(SelectField(**NAMED), "values", "validation_required", id="select-no-values"),
        pytest.param(SelectField(**NAMED, values=("a", "a")), "values", "validation_invalid_value", id="select-twice"),
        pytest.param(
            SelectField(**NAMED, values=("a",), max_select=2),
            "maxSelect",
            "validation_max_less_equal_than_required",
            id="select-max",
        ),
        pytest.param(
            SelectField(**NAMED, values=("a", "b"), max_select=2, unique=True),
            "unique",
            "validation_invalid_value",
            id="select-many-unique",
        ),
        pytest.param(RelationField(**NAMED), "collectionId", "validation_required", id="relation-target"),
        pytest.param(
            RelationField(**NAMED, collection_id="x", min_select=3, max_select=2),
            "maxSelect",
            "validation_min_greater_equal_than_required",
            id="relation-max",
        ),
        pytest.param(FileField(**NAMED, thumbs=("big",)), "thumbs", "validation_invalid_value", id="file-thumbs"),
        pytest.param(FileField(**NAMED, thumbs=("0x0",)), "thumbs", "validation_invalid_value", id="file-thumb-0"),
        pytest.param(FileField(**NAMED, mime_types=("png",)), "mimeTypes", "validation_invalid_value", id="file-mime"),
        pytest.param(FileField(**NAMED, default="a.png"), "default", "validation_invalid_value", id="file-default"),
        pytest.param(JsonField(**NAMED, unique=True), "unique", "validation_invalid_value", id="json-unique"),
        pytest.param(PasswordField(**NAMED, cost=99), "cost", "validation_out_of_range", id="password-cost"),
        pytest.param(PasswordField(**NAMED, nullable=True), "nullable", "validation_invalid_value", id="no-password"),
        pytest.param(VectorField(**NAMED), "dimensions", "validation_out_of_range", id="vector-dimensions"),
        pytest.param(DecimalField(**NAMED, precision=0), "precision", "validation_out_of_range", id="precision"),
        pytest.param(DecimalField(**NAMED, precision=2, scale=3), "scale", "validation_out_of_range", id="scale"),
        pytest.param(BoolField(**NAMED, help="x" * 2001), "help", "validation_length_out_of_range", id="help"),
    ],
)
def test_bad_options_are_refused_where_they_stand(field: Field, option: str, code: str) -> None:
    found = field_problems(field)
    assert set(found) == {option}
    assert found[option].code == code


@pytest.mark.parametrize("field", GOOD, ids=lambda field: f"{field.type}-{field.name}")
def test_a_field_survives_the_catalog(field: Field) -> None:
    stored = msgspec.json.decode(msgspec.json.encode(field_to_builtins(field)))
    assert field_from_builtins(stored) == field


def test_every_type_is_tried_here() -> None:
    assert {field.type for field in GOOD} | {"url"} == set(FIELD_TYPES)


@pytest.mark.parametrize(("type", "kind"), FIELD_TYPES.items(), ids=list(FIELD_TYPES))
def test_a_column_has_a_default_just_when_it_holds_no_null(type: str, kind: type[Field]) -> None:
    field = kind(id="x", name="x")
    column = field.column()
    assert field.type == type
    assert (column.default is not None) == column.not_null
    if field.can_be_null:
        loose = kind(id="x", name="x", nullable=True)
        assert not loose.column().not_null
        assert loose.column().default is None
        assert loose.empty() is None
