"""All field types."""

from typing import Final, TypeAlias

from holdfast.schema.autodate import AutodateField
from holdfast.schema.bool import BoolField
from holdfast.schema.date import DateField
from holdfast.schema.decimal import DecimalField
from holdfast.schema.editor import EditorField
from holdfast.schema.email import EmailField
from holdfast.schema.field import Field
from holdfast.schema.file import FileField
from holdfast.schema.geo_point import GeoPointField
from holdfast.schema.json import JsonField
from holdfast.schema.number import NumberField
from holdfast.schema.password import PasswordField
from holdfast.schema.relation import RelationField
from holdfast.schema.select import SelectField
from holdfast.schema.text import TextField
from holdfast.schema.url import UrlField
from holdfast.schema.vector import VectorField

AnyField: TypeAlias = (
    TextField
    | EditorField
    | NumberField
    | BoolField
    | EmailField
    | UrlField
    | DateField
    | AutodateField
    | SelectField
    | RelationField
    | FileField
    | JsonField
    | GeoPointField
    | PasswordField
    | VectorField
    | DecimalField
)
"""Any of them, as msgspec decodes a definition."""

FIELD_TYPES: Final[dict[str, type[Field]]] = {
    field.type: field
    for field in (
        TextField,
        EditorField,
        NumberField,
        BoolField,
        EmailField,
        UrlField,
        DateField,
        AutodateField,
        SelectField,
        RelationField,
        FileField,
        JsonField,
        GeoPointField,
        PasswordField,
        VectorField,
        DecimalField,
    )
}
"""The class of each type, in the order in which the console offers them."""
