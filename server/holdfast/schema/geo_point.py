"""GeoPoint fields: a place on the earth."""

from typing import Any, ClassVar, LiteralString, cast

import msgspec
from typing_extensions import override

from holdfast.db.sql import Sql, raw
from holdfast.expressions.kind import Kind
from holdfast.schema.field import Column, Field, FieldError
from holdfast.schema.number import read_number


class GeoPointField(Field, frozen=True, kw_only=True, tag="geoPoint"):
    """Longitude and latitude in degrees, `{"lon":12.5,"lat":41.9}`. Null island (0, 0) counts as no place."""

    kind: ClassVar[Kind] = Kind.POINT
    type: ClassVar[str] = "geoPoint"

    @override
    def column(self) -> Column:
        return Column("point", not_null=not self.nullable, default=None if self.nullable else raw("'(0,0)'"))

    @property
    @override
    def cast(self) -> LiteralString:
        return "point"

    @override
    def out(self, column: Sql) -> Sql:
        # row_to_json, because it is the one JSON function that writes no spaces (PostgreSQL 15 to 18). The alias has a
        # space because PostgreSQL would take a column of that name, of the row around it, for what is meant.
        inner = (
            raw('(SELECT row_to_json("hf point") FROM (SELECT (')
            + column
            + raw(")[0] AS lon, (")
            + column
            + raw(')[1] AS lat) AS "hf point")')
        )
        if not self.nullable:
            return inner
        return raw("CASE WHEN ") + column + raw(" IS NOT NULL THEN ") + inner + raw(" END")

    @override
    def read(self, value: object) -> object:
        """The point as (lon, lat)."""
        if value == "":
            return self.empty()
        found = _object(value)
        lon = read_number(found.get("lon", 0))
        lat = read_number(found.get("lat", 0))
        if abs(lon) > 180:
            raise FieldError("validation_out_of_range", "lon must be from -180 to 180.")
        if abs(lat) > 90:
            raise FieldError("validation_out_of_range", "lat must be from -90 to 90.")
        return (lon, lat)

    @override
    def is_blank(self, taken: object) -> bool:
        return taken in (None, (0.0, 0.0))

    @override
    def zero(self) -> object:
        return (0.0, 0.0)

    @property
    @override
    def can_be_unique(self) -> bool:
        return False


def _object(value: object) -> dict[str, Any]:
    """The object, or the one that a string holds as JSON (a form can send nothing else)."""
    found = value
    if isinstance(value, str):
        try:
            found = msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            found = None
    if not isinstance(found, dict):
        raise FieldError("validation_invalid_value", 'Must be an object such as {"lon":12.5,"lat":41.9}.')
    return cast(dict[str, Any], found)
