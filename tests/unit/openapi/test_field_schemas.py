"""Fields as JSON schemas."""

from typing import Any

import pytest

from holdfast.openapi.fields import field_in, field_out
from holdfast.schema.bool import BoolField
from holdfast.schema.decimal import DecimalField
from holdfast.schema.field import Field
from holdfast.schema.json import JsonField
from holdfast.schema.number import NumberField
from holdfast.schema.password import PasswordField
from holdfast.schema.relation import RelationField
from holdfast.schema.select import SelectField
from holdfast.schema.text import TextField
from holdfast.schema.vector import VectorField


def named(kind: type[Field], **options: Any) -> Field:
    return kind(id="f", name="f", **options)


@pytest.mark.parametrize(
    ("field", "out", "into"),
    [
        pytest.param(
            named(TextField, required=True, min=2, max=9, pattern="^a"),
            {"type": "string"},
            {"type": "string", "minLength": 2, "maxLength": 9, "pattern": "^a"},
            id="text",
        ),
        pytest.param(
            named(TextField, min=2), {"type": "string"}, {"type": "string"}, id="an empty text is always taken"
        ),
        pytest.param(
            named(NumberField, min=1.0, max=5.0, only_int=True),
            {"type": "integer"},
            {"type": "integer", "minimum": 1.0, "maximum": 5.0},
            id="number",
        ),
        pytest.param(
            named(NumberField, nullable=True), {"type": ["number", "null"]}, {"type": ["number", "null"]}, id="nullable"
        ),
        pytest.param(
            named(BoolField, default=True, help="Yes or no."),
            {"type": "boolean", "description": "Yes or no."},
            {"type": "boolean", "default": True, "description": "Yes or no."},
            id="bool",
        ),
        pytest.param(
            named(SelectField, values=("a", "b")),
            {"type": "string", "enum": ["", "a", "b"]},
            {"type": "string", "enum": ["", "a", "b"]},
            id="select",
        ),
        pytest.param(
            named(SelectField, values=("a", "b"), nullable=True),
            {"type": ["string", "null"], "enum": ["", "a", "b", None]},
            {"type": ["string", "null"], "enum": ["", "a", "b", None]},
            id="select that can be null",
        ),
        pytest.param(
            named(SelectField, values=("a", "b"), max_select=2),
            {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}},
            {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}, "maxItems": 2},
            id="select of many",
        ),
        pytest.param(
            named(RelationField, collection_id="c", max_select=3, min_select=1),
            {"type": "array", "items": {"type": "string"}},
            {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 3},
            id="relation of many",
        ),
        pytest.param(named(JsonField, nullable=True), {}, {}, id="json is anything"),
        pytest.param(
            named(DecimalField, scale=2),
            {"type": "string", "description": "A decimal number with 2 digits after the point."},
            {"type": ["string", "number"], "description": "A decimal number with 2 digits after the point."},
            id="decimal",
        ),
        pytest.param(
            named(VectorField, dimensions=3, nullable=True),
            {"type": ["array", "null"], "items": {"type": "number"}, "minItems": 3, "maxItems": 3},
            {"type": ["array", "null"], "items": {"type": "number"}, "minItems": 3, "maxItems": 3},
            id="vector",
        ),
    ],
)
def test_a_field_has_a_schema_for_each_way(field: Field, out: dict[str, Any], into: dict[str, Any]) -> None:
    assert field_out(field) == out
    assert field_in(field) == into


def test_a_password_only_goes_in() -> None:
    assert field_in(named(PasswordField, min=8)) == {
        "type": "string",
        "writeOnly": True,
        "format": "password",
        "minLength": 8,
    }
