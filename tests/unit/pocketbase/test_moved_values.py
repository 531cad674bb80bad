"""What SQLite has for a field becomes what PostgreSQL takes for it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from holdfast.pocketbase.values import NoKey, Unfit, reader
from holdfast.schema.autodate import AutodateField
from holdfast.schema.bool import BoolField
from holdfast.schema.date import DateField
from holdfast.schema.email import EmailField
from holdfast.schema.field import Field
from holdfast.schema.file import FileField
from holdfast.schema.geo_point import GeoPointField
from holdfast.schema.json import JsonField
from holdfast.schema.number import NumberField
from holdfast.schema.relation import RelationField
from holdfast.schema.select import SelectField
from holdfast.schema.system_fields import id_field
from holdfast.schema.text import TextField


def some(kind: type[Field], **more: Any) -> Field:
    return kind(id="f1", name="f", **more)


TEXT, NUMBER, WHOLE = some(TextField), some(NumberField), some(NumberField, only_int=True)
ONE, MANY = some(SelectField, values=("a", "b")), some(SelectField, values=("a", "b"), max_select=2)
LINK, FILE, JSON = some(RelationField, collection_id="c"), some(FileField), some(JsonField)
NOON = datetime(2026, 3, 1, 12, 0, 0, 123000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("field", "stored", "taken"),
    [
        pytest.param(TEXT, "Ünö 🙂", "Ünö 🙂", id="a text"),
        pytest.param(TEXT, None, "", id="no text"),
        pytest.param(TEXT, b"bytes", "bytes", id="a text as bytes"),
        pytest.param(TEXT, 12, "12", id="a number in a text"),
        pytest.param(some(EmailField), "ａ@example.com", "a@example.com", id="an address in wide letters"),
        pytest.param(NUMBER, 1.5, 1.5, id="a number"),
        pytest.param(NUMBER, 7, 7.0, id="a whole one"),
        pytest.param(NUMBER, None, 0.0, id="no number, as SQLite keeps NaN"),
        pytest.param(NUMBER, "2.5", 2.5, id="a number as text"),
        pytest.param(WHOLE, 2**53 - 1, 2**53 - 1, id="a large whole number"),
        pytest.param(WHOLE, 3.0, 3, id="a whole number with a point"),
        pytest.param(some(BoolField), 1, True, id="true"),
        pytest.param(some(BoolField), "", False, id="an empty bool"),
        pytest.param(some(DateField), "2026-03-01 12:00:00.123Z", NOON, id="a date"),
        pytest.param(some(DateField), "2026-03-01T13:00:00.123+01:00", NOON, id="a date of another form"),
        pytest.param(some(DateField), "", None, id="no date"),
        pytest.param(some(DateField), "0001-01-01 00:00:00.000Z", None, id="Go's zero date"),
        pytest.param(ONE, "a", "a", id="one of a select"),
        pytest.param(ONE, '["a","b"]', "b", id="the last of a list that was many once"),
        pytest.param(ONE, "gone", "gone", id="a value that is no option any more"),
        pytest.param(MANY, '["b","a","b",""]', ["b", "a"], id="many, each once"),
        pytest.param(MANY, "a", ["a"], id="many that was one once"),
        pytest.param(MANY, None, [], id="no list"),
        pytest.param(LINK, "", None, id="no relation"),
        pytest.param(LINK, "abc", "abc", id="a relation"),
        pytest.param(FILE, "a_1.txt", "a_1.txt", id="a file"),
        pytest.param(JSON, '{"b":1.50, "a":[null]}', '{"b":1.50, "a":[null]}', id="JSON keeps its digits"),
        pytest.param(JSON, "null", None, id="null is no value"),
        pytest.param(JSON, "", None, id="empty JSON"),
        pytest.param(JSON, '"text"', '"text"', id="a JSON text"),
        pytest.param(some(GeoPointField), '{"lon":1.5,"lat":-2}', (1.5, -2.0), id="a place"),
        pytest.param(some(GeoPointField), None, (0.0, 0.0), id="no place"),
    ],
)
def test_a_value_comes_as_it_was(field: Field, stored: Any, taken: Any) -> None:
    assert reader(field)(stored) == taken


@pytest.mark.parametrize(
    ("field", "stored", "instead"),
    [
        pytest.param(TEXT, "a\0b", "ab", id="NUL in a text"),
        pytest.param(TEXT, b"a\xffb".decode("utf-8", "surrogateescape"), "a\ufffdb", id="invalid UTF-8"),
        pytest.param(NUMBER, float("inf"), 0.0, id="infinity"),
        pytest.param(NUMBER, "many", 0.0, id="a word for a number"),
        pytest.param(WHOLE, 1.5, 1, id="a fraction"),
        pytest.param(some(BoolField), "perhaps", True, id="neither true nor false"),
        pytest.param(some(DateField), "tomorrow", None, id="no date"),
        pytest.param(some(DateField), "2026-02-31 00:00:00.000Z", None, id="a day that is none"),
        pytest.param(JSON, "{broken", '"{broken"', id="broken JSON stays a text"),
        pytest.param(JSON, '{"a":1e400}', '"{\\"a\\":1e400}"', id="a number that no number can be"),
        pytest.param(JSON, '"\\u0000"', '"\\"\\\\u0000\\""', id="NUL in JSON"),
        pytest.param(some(GeoPointField), "[1,2]", (0.0, 0.0), id="a list for a place"),
        pytest.param(FILE, "../../secret", "", id="a file outside"),
        pytest.param(LINK, "x" * 300, None, id="an id that is too long"),
    ],
)
def test_what_cannot_be_is_told_and_has_something_in_its_place(field: Field, stored: Any, instead: Any) -> None:
    with pytest.raises(Unfit) as failure:
        reader(field)(stored)
    assert failure.value.instead == instead
    assert failure.value.what


def test_a_record_always_has_the_date_at_which_it_was_made() -> None:
    made = some(AutodateField, on_create=True)
    assert reader(made)("2026-03-01 12:00:00.123Z") == NOON
    for stored in ("", "never"):
        with pytest.raises(Unfit) as failure:
            reader(made)(stored)
        assert isinstance(failure.value.instead, datetime)


@pytest.mark.parametrize("stored", [None, "", "a/b", "a?b", "x" * 256, "a\nb", "a\0b"])
def test_a_row_without_an_id_that_can_be_one_does_not_come(stored: Any) -> None:
    with pytest.raises(NoKey):
        reader(id_field())(stored)
