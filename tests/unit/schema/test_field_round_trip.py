"""What a field takes goes out as JSON, and what went out is taken again as the same."""

import base64
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, cast

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as some

from holdfast.schema.bool import BoolField
from holdfast.schema.date import DateField, read_date, write_date
from holdfast.schema.decimal import DecimalField
from holdfast.schema.field import Field, FieldError
from holdfast.schema.fields import FIELD_TYPES
from holdfast.schema.geo_point import GeoPointField
from holdfast.schema.json import JsonField
from holdfast.schema.number import NumberField
from holdfast.schema.select import SelectField
from holdfast.schema.text import TextField

NAMED: dict[str, Any] = {"id": "field1", "name": "field"}
WORDS = some.text(some.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=50)
OFFSETS = some.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
DATES = some.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=OFFSETS)
ANYTHING = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text() | some.dates().map(str),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(), inner, max_size=4),
    max_leaves=10,
)


def as_json(taken: object) -> Any:
    """A bound value as the API gives it: what PostgreSQL does, in Python."""
    if isinstance(taken, datetime):
        return write_date(taken)
    if isinstance(taken, Decimal):
        return f"{taken:f}"
    if isinstance(taken, tuple):
        lon, lat = cast(tuple[float, float], taken)
        return {"lon": lon, "lat": lat}
    return taken


def check(field: Field, sent: object) -> None:
    taken = field.take(sent)
    again = msgspec.json.decode(msgspec.json.encode(as_json(taken)))
    assert field.take(again) == taken


@given(WORDS)
def test_text(sent: str) -> None:
    check(TextField(**NAMED), sent)


@given(some.floats(allow_nan=False, allow_infinity=False) | some.integers(-(10**300), 10**300))
def test_numbers(sent: float) -> None:
    check(NumberField(**NAMED), sent)


@given(some.integers(-(2**53) + 1, 2**53 - 1))
def test_whole_numbers(sent: int) -> None:
    check(NumberField(**NAMED, only_int=True), sent)


@given(some.decimals(min_value=-(10**12), max_value=10**12, places=6).map(str))
def test_decimals(sent: str) -> None:
    check(DecimalField(**NAMED, precision=20, scale=6), sent)


@given(some.booleans())
def test_bools(sent: bool) -> None:
    check(BoolField(**NAMED), sent)


@given(DATES.map(datetime.isoformat))
def test_dates(sent: str) -> None:
    check(DateField(**NAMED), sent)


@given(DATES)
def test_dates_are_the_same_moment_in_utc(sent: datetime) -> None:
    found = read_date(sent)
    assert found is not None
    assert found.tzinfo is UTC
    assert 0 <= (sent - found).total_seconds() < 0.001


@given(some.floats(-180, 180), some.floats(-90, 90))
def test_places(lon: float, lat: float) -> None:
    check(GeoPointField(**NAMED), {"lon": lon, "lat": lat})


@given(some.lists(some.sampled_from(["a", "b", "c"]), max_size=6))
def test_selected_values(sent: list[str]) -> None:
    check(SelectField(**NAMED, values=("a", "b", "c"), max_select=3), sent)


@settings(deadline=None)
@given(sent=ANYTHING)
def test_whatever_is_sent_is_taken_or_refused_with_a_code(sent: object) -> None:
    for kind in FIELD_TYPES.values():
        for field in (kind(**NAMED), kind(**NAMED, nullable=True, required=True)):
            try:
                field.take(sent)
            except FieldError as refusal:
                assert refusal.problem.code.startswith("validation_")


@given(some.binary(max_size=20).map(lambda raw: base64.b64encode(raw).decode()), ANYTHING)
def test_json_goes_out_as_it_came(key: str, sent: Any) -> None:
    try:
        taken = JsonField(**NAMED).take({"k" + key: sent})
    except FieldError:
        return
    assert isinstance(taken, str)
    assert JsonField(**NAMED).take(msgspec.json.decode(taken)) == taken
