"""The function `geoDistance(lonA, latA, lonB, latB)`: kilometres along the surface of the earth."""

from typing import Final

from holdfast.db.sql import Sql, join, raw
from holdfast.expressions.kind import Kind
from holdfast.expressions.tree import Call, Unreadable
from holdfast.expressions.value import Value, as_number

ARGUMENTS: Final = 4
_MAX_DEGREES: Final = raw("360")


def geo_distance(call: Call, arguments: tuple[Value, ...]) -> Value:
    """The haversine distance on a sphere of 6,371 km, as PocketBase measures it; null where an argument is none.

    Raises Unreadable for anything but four numbers.
    """
    if len(arguments) != ARGUMENTS:
        raise Unreadable(call.at, "geoDistance takes four numbers: lonA, latA, lonB, latB")
    lon_a, lat_a, lon_b, lat_b = (_degrees(argument, call) for argument in arguments)
    measurable = join(
        " AND ", [raw("abs(") + angle + raw(") <= ") + _MAX_DEGREES for angle in (lon_a, lat_a, lon_b, lat_b)]
    )
    north, east = _half_chord(lat_a, lat_b), _half_chord(lon_a, lon_b)
    cosines = raw("cos(") + _radians(lat_a) + raw(") * cos(") + _radians(lat_b) + raw(")")
    squared = north + raw(" * ") + north + raw(" + ") + cosines + raw(" * ") + east + raw(" * ") + east
    distance = raw("12742 * asin(least(1, sqrt(") + squared + raw(")))")
    return Value(
        raw("CASE WHEN ") + measurable + raw(" THEN ") + distance + raw(" END"), Kind.NUMBER, nullable=True, costly=True
    )


def _degrees(argument: Value, call: Call) -> Sql:
    if argument.kind not in (Kind.NUMBER, Kind.DECIMAL, Kind.JSON, Kind.TEXT):
        raise Unreadable(call.at, "geoDistance takes four numbers: lonA, latA, lonB, latB")
    number = as_number(argument)
    if number.kind is Kind.NUMBER and not number.whole:
        return number.sql
    # A numeric may be too large for a double, and a cast of that would fail.
    sized = raw("CASE WHEN abs(") + number.sql + raw(") <= ") + _MAX_DEGREES + raw(" THEN (") + number.sql
    return sized + raw(")::double precision END")


def _radians(degrees: Sql) -> Sql:
    # PostgreSQL fails where a product is too small for a double. Adding and subtracting 512 makes 0 of such angles
    # and moves all others by less than 1e-13 degrees, which is nothing (10 nanometres).
    return raw("radians((") + degrees + raw(") + 512 - 512)")


def _half_chord(start: Sql, end: Sql) -> Sql:
    return raw("sin((") + _radians(end) + raw(" - ") + _radians(start) + raw(") / 2)")
