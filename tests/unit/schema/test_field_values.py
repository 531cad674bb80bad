"""What each type of field takes, what it makes of it, and what it refuses."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from holdfast.schema.autodate import AutodateField
from holdfast.schema.bool import BoolField
from holdfast.schema.date import DateField
from holdfast.schema.decimal import DecimalField
from holdfast.schema.editor import EditorField
from holdfast.schema.email import EmailField
from holdfast.schema.field import Field, FieldError
from holdfast.schema.file import FileField
from holdfast.schema.geo_point import GeoPointField
from holdfast.schema.json import JsonField
from holdfast.schema.number import NumberField
from holdfast.schema.password import PasswordField
from holdfast.schema.relation import RelationField
from holdfast.schema.select import SelectField
from holdfast.schema.system_fields import id_field
from holdfast.schema.text import TextField
from holdfast.schema.url import UrlField
from holdfast.schema.vector import VectorField

NAMED: dict[str, Any] = {"id": "field1", "name": "field"}
TEXT = TextField(**NAMED)
NUMBER = NumberField(**NAMED)
WHOLE = NumberField(**NAMED, only_int=True)
MONEY = DecimalField(**NAMED, precision=6, scale=2)
BOOL = BoolField(**NAMED)
EMAIL = EmailField(**NAMED)
URL = UrlField(**NAMED)
DATE = DateField(**NAMED)
ONE = SelectField(**NAMED, values=("a", "b", "c"))
SOME = SelectField(**NAMED, values=("a", "b", "c"), max_select=2)
REFERENCE = RelationField(**NAMED, collection_id="x")
REFERENCES = RelationField(**NAMED, collection_id="x", min_select=2, max_select=3)
FILE = FileField(**NAMED)
FILES = FileField(**NAMED, max_select=2)
JSON = JsonField(**NAMED)
PLACE = GeoPointField(**NAMED)
PASSWORD = PasswordField(**NAMED, min=8)
VECTOR = VectorField(**NAMED, dimensions=2)


@pytest.mark.parametrize(
    ("field", "given", "taken"),
    [
        pytest.param(TEXT, "x", "x", id="text"),
        pytest.param(TEXT, " x ", " x ", id="text-keeps-spaces"),
        pytest.param(TEXT, 5, "5", id="text-number"),
        pytest.param(TEXT, 5.0, "5", id="text-whole-float"),
        pytest.param(TEXT, 0.5, "0.5", id="text-float"),
        pytest.param(TEXT, True, "true", id="text-bool"),
        pytest.param(TEXT, None, "", id="text-null"),
        pytest.param(TextField(**NAMED, min=3), "", "", id="text-empty-is-not-too-short"),
        pytest.param(TextField(**NAMED, max=3), "日本語", "日本語", id="text-counts-characters"),
        pytest.param(TextField(**NAMED, pattern="^[a-z]+$"), "abc", "abc", id="text-pattern"),
        pytest.param(TextField(**NAMED, nullable=True), None, None, id="text-nullable"),
        pytest.param(TextField(**NAMED, nullable=True), "", "", id="text-nullable-empty"),
        pytest.param(EditorField(**NAMED), "<p>x</p>", "<p>x</p>", id="editor"),
        pytest.param(NUMBER, 5, 5.0, id="number"),
        pytest.param(NUMBER, "5", 5.0, id="number-string"),
        pytest.param(NUMBER, " -1.5e3 ", -1500.0, id="number-numeral"),
        pytest.param(NUMBER, "", 0.0, id="number-empty"),
        pytest.param(NUMBER, None, 0.0, id="number-null"),
        pytest.param(NumberField(**NAMED, nullable=True), "", None, id="number-nullable-empty"),
        pytest.param(NumberField(**NAMED, min=3), 0, 0.0, id="number-zero-is-none"),
        pytest.param(WHOLE, 5.0, 5, id="whole-float"),
        pytest.param(WHOLE, 2**53 - 1, 2**53 - 1, id="whole-largest"),
        pytest.param(WHOLE, "-7", -7, id="whole-string"),
        pytest.param(MONEY, "12.5", Decimal("12.50"), id="decimal"),
        pytest.param(MONEY, "12.500", Decimal("12.50"), id="decimal-zeros-at-the-end"),
        pytest.param(MONEY, 3, Decimal("3.00"), id="decimal-int"),
        pytest.param(MONEY, 0.1, Decimal("0.10"), id="decimal-float"),
        pytest.param(MONEY, "1e3", Decimal("1000.00"), id="decimal-exponent"),
        pytest.param(MONEY, "-0", Decimal("0.00"), id="decimal-minus-zero"),
        pytest.param(MONEY, None, Decimal("0.00"), id="decimal-null"),
        pytest.param(BOOL, True, True, id="bool"),
        pytest.param(BOOL, "true", True, id="bool-string"),
        pytest.param(BOOL, 0, False, id="bool-zero"),
        pytest.param(BOOL, "", False, id="bool-empty"),
        pytest.param(BOOL, None, False, id="bool-null"),
        pytest.param(BoolField(**NAMED, nullable=True), "", None, id="bool-nullable-empty"),
        pytest.param(EMAIL, "a.b+c@example.com", "a.b+c@example.com", id="email"),
        pytest.param(EMAIL, "jürgen@exämple.de", "jürgen@exämple.de", id="email-international"),
        pytest.param(EMAIL, "", "", id="email-empty"),
        pytest.param(EmailField(**NAMED, only_domains=("Example.com",)), "a@EXAMPLE.com", "a@EXAMPLE.com", id="domain"),
        pytest.param(URL, "https://example.com/a?b=c#d", "https://example.com/a?b=c#d", id="url"),
        pytest.param(URL, "example.com", "example.com", id="url-without-scheme"),
        pytest.param(URL, "http://localhost:8090", "http://localhost:8090", id="url-localhost"),
        pytest.param(URL, "http://[::1]:80/", "http://[::1]:80/", id="url-ipv6"),
        pytest.param(URL, "192.0.2.7/page", "192.0.2.7/page", id="url-ipv4"),
        pytest.param(URL, "https://me@example.com/", "https://me@example.com/", id="url-with-a-user"),
        pytest.param(URL, "4.example", "4.example", id="url-that-begins-with-a-number"),
        pytest.param(DATE, "2026-11-20", datetime(2026, 11, 20, tzinfo=UTC), id="day"),
        pytest.param(
            DATE,
            "2026-11-20 09:15:00.123Z",
            datetime(2026, 11, 20, 9, 15, 0, 123_000, UTC),
            id="date-as-it-goes-out",
        ),
        pytest.param(DATE, "2026-11-20T09:15+02:00", datetime(2026, 11, 20, 7, 15, tzinfo=UTC), id="date-offset"),
        pytest.param(DATE, "2026-11-20T09:15:00-0230", datetime(2026, 11, 20, 11, 45, tzinfo=UTC), id="date-basic"),
        pytest.param(
            DATE, "2026-11-20 09:15:00.9999999", datetime(2026, 11, 20, 9, 15, 0, 999_000, UTC), id="date-is-cut"
        ),
        pytest.param(DATE, "", None, id="date-empty"),
        pytest.param(DATE, None, None, id="date-null"),
        pytest.param(DATE, "0001-01-01 00:00:00.000Z", None, id="date-zero-of-go"),
        pytest.param(AutodateField(**NAMED), "0001-01-02", datetime(1, 1, 2, tzinfo=UTC), id="autodate"),
        pytest.param(ONE, "a", "a", id="select"),
        pytest.param(ONE, ["a"], "a", id="select-list-of-one"),
        pytest.param(ONE, [], "", id="select-empty-list"),
        pytest.param(ONE, None, "", id="select-null"),
        pytest.param(SelectField(**NAMED, values=("a",), nullable=True), "", None, id="select-nullable-empty"),
        pytest.param(SOME, ["b", "a"], ["b", "a"], id="select-many-in-order"),
        pytest.param(SOME, "a", ["a"], id="select-many-bare"),
        pytest.param(SOME, ["a", "a", ""], ["a"], id="select-many-once"),
        pytest.param(SOME, None, [], id="select-many-null"),
        pytest.param(SOME, "", [], id="select-many-empty"),
        pytest.param(REFERENCE, "abc", "abc", id="relation"),
        pytest.param(REFERENCE, ["abc"], "abc", id="relation-list-of-one"),
        pytest.param(REFERENCE, "", None, id="relation-empty"),
        pytest.param(REFERENCES, ["a", "b"], ["a", "b"], id="relations"),
        pytest.param(REFERENCES, [], [], id="relations-empty"),
        pytest.param(FILE, "photo_1.png", "photo_1.png", id="file"),
        pytest.param(FILES, ["a.png", "b.png"], ["a.png", "b.png"], id="files"),
        pytest.param(JSON, {"a": [1, None]}, '{"a":[1,null]}', id="json"),
        pytest.param(JSON, None, None, id="json-null"),
        pytest.param(JSON, "null", None, id="json-null-as-a-string"),
        pytest.param(JSON, '{"a":1}', '{"a":1}', id="json-in-a-string"),
        pytest.param(JSON, "12", "12", id="json-number-in-a-string"),
        pytest.param(JSON, "hello", '"hello"', id="json-string"),
        pytest.param(JSON, "{oops", '"{oops"', id="json-that-is-none-stays-a-string"),
        pytest.param(JSON, "", '""', id="json-empty-string"),
        pytest.param(JSON, False, "false", id="json-false"),
        pytest.param(PLACE, {"lon": 12.5, "lat": 41.9}, (12.5, 41.9), id="place"),
        pytest.param(PLACE, {"lon": "12.5"}, (12.5, 0.0), id="place-half"),
        pytest.param(PLACE, '{"lon":-180,"lat":90}', (-180.0, 90.0), id="place-in-a-string"),
        pytest.param(PLACE, None, (0.0, 0.0), id="place-null"),
        pytest.param(PASSWORD, "correct horse", "correct horse", id="password"),
        pytest.param(PASSWORD, "", "", id="password-empty"),
        pytest.param(VECTOR, [1, 2.5], "[1.0,2.5]", id="vector"),
        pytest.param(VECTOR, "[1,2]", "[1.0,2.0]", id="vector-in-a-string"),
        pytest.param(VECTOR, None, None, id="vector-null"),
        pytest.param(id_field(), "abcdefghij12345", "abcdefghij12345", id="record-id"),
    ],
)
def test_a_field_takes_what_clients_send(field: Field, given: object, taken: object) -> None:
    found = field.take(given)
    assert found == taken
    assert type(found) is type(taken)


@pytest.mark.parametrize(
    ("field", "given", "code"),
    [
        pytest.param(TEXT, ["x"], "validation_invalid_value", id="text-list"),
        pytest.param(TEXT, {"a": 1}, "validation_invalid_value", id="text-object"),
        pytest.param(TEXT, "a\0b", "validation_invalid_value", id="text-nul"),
        pytest.param(TEXT, "a\ud800", "validation_invalid_value", id="text-half-a-surrogate-pair"),
        pytest.param(TEXT, "x" * 5001, "validation_max_text_constraint", id="text-default-limit"),
        pytest.param(TextField(**NAMED, min=3), "ab", "validation_min_text_constraint", id="text-too-short"),
        pytest.param(TextField(**NAMED, max=3), "abcd", "validation_max_text_constraint", id="text-too-long"),
        pytest.param(TextField(**NAMED, pattern="^[a-z]+$"), "a1", "validation_invalid_format", id="text-pattern"),
        pytest.param(TextField(**NAMED, required=True), "", "validation_required", id="text-required"),
        pytest.param(EditorField(**NAMED, max_size=3), "éé", "validation_content_size_limit", id="editor-bytes"),
        pytest.param(NUMBER, "abc", "validation_not_a_number", id="number-words"),
        pytest.param(NUMBER, "nan", "validation_not_a_number", id="number-nan-string"),
        pytest.param(NUMBER, "Infinity", "validation_not_a_number", id="number-infinity-string"),
        pytest.param(NUMBER, "1_000", "validation_not_a_number", id="number-underscore"),
        pytest.param(NUMBER, "٣", "validation_not_a_number", id="number-other-digits"),
        pytest.param(NUMBER, "1e999", "validation_not_a_number", id="number-too-large"),
        pytest.param(NUMBER, 10**400, "validation_not_a_number", id="number-int-too-large"),
        pytest.param(NUMBER, float("nan"), "validation_not_a_number", id="number-nan"),
        pytest.param(NUMBER, True, "validation_not_a_number", id="number-bool"),
        pytest.param(NUMBER, [5], "validation_not_a_number", id="number-list"),
        pytest.param(NumberField(**NAMED, min=3), 2, "validation_min_number_constraint", id="number-min"),
        pytest.param(NumberField(**NAMED, max=3), 4, "validation_max_number_constraint", id="number-max"),
        pytest.param(NumberField(**NAMED, required=True), 0, "validation_required", id="number-required"),
        pytest.param(WHOLE, 1.5, "validation_only_int_constraint", id="whole-fraction"),
        pytest.param(WHOLE, 2**53, "validation_out_of_range", id="whole-too-large"),
        pytest.param(WHOLE, 1e300, "validation_out_of_range", id="whole-far-too-large"),
        pytest.param(MONEY, "12345", "validation_too_many_digits", id="decimal-digits-before"),
        pytest.param(MONEY, "1.234", "validation_too_many_digits", id="decimal-digits-after"),
        pytest.param(MONEY, "1e999999", "validation_too_many_digits", id="decimal-huge"),
        pytest.param(MONEY, "NaN", "validation_not_a_number", id="decimal-nan"),
        pytest.param(MONEY, 1234567890.1234567, "validation_not_a_number", id="decimal-float-that-lost-digits"),
        pytest.param(MONEY, 1e20, "validation_not_a_number", id="decimal-float-too-large"),
        pytest.param(DecimalField(**NAMED, min=Decimal(5)), "4", "validation_min_number_constraint", id="decimal-min"),
        pytest.param(DecimalField(**NAMED, max=Decimal(5)), "6", "validation_max_number_constraint", id="decimal-max"),
        pytest.param(DecimalField(**NAMED, required=True), "0", "validation_required", id="decimal-required"),
        pytest.param(BOOL, "perhaps", "validation_invalid_value", id="bool-word"),
        pytest.param(BOOL, 2, "validation_invalid_value", id="bool-two"),
        pytest.param(BOOL, [], "validation_invalid_value", id="bool-list"),
        pytest.param(BoolField(**NAMED, required=True), False, "validation_required", id="bool-required"),
        pytest.param(EMAIL, "nobody", "validation_is_email", id="email-no-at"),
        pytest.param(EMAIL, "a@localhost", "validation_is_email", id="email-no-dot"),
        pytest.param(EMAIL, "a b@example.com", "validation_is_email", id="email-space"),
        pytest.param(EMAIL, "a..b@example.com", "validation_is_email", id="email-dots"),
        pytest.param(EMAIL, "a@-example.com", "validation_is_email", id="email-hyphen"),
        pytest.param(EMAIL, "a@" + "x." * 200 + "com", "validation_is_email", id="email-long"),
        pytest.param(EMAIL, "a@example.com\n", "validation_is_email", id="email-newline"),
        pytest.param(EMAIL, "a\u00ad@example.com", "validation_is_email", id="email-soft-hyphen"),
        pytest.param(EMAIL, "a\u200bb@example.com", "validation_is_email", id="email-no-width"),
        pytest.param(EMAIL, "\u202eb@example.com", "validation_is_email", id="email-turned-round"),
        pytest.param(EMAIL, "a\u034f@example.com", "validation_is_email", id="email-joiner"),
        pytest.param(EMAIL, "a\u3164@example.com", "validation_is_email", id="email-filler"),
        pytest.param(EMAIL, "a@\u3164example.com", "validation_is_email", id="email-filler-in-the-domain"),
        pytest.param(EMAIL, "a\ufe0f@example.com", "validation_is_email", id="email-variant"),
        pytest.param(EMAIL, "a\U000e0041@example.com", "validation_is_email", id="email-tag"),
        pytest.param(EMAIL, "a\u0085@example.com", "validation_is_email", id="email-control"),
        pytest.param(
            EmailField(**NAMED, only_domains=("example.com",)),
            "a@example.org",
            "validation_email_domain_not_allowed",
            id="email-other-domain",
        ),
        pytest.param(
            UrlField(**NAMED, except_domains=("example.org",)),
            "https://example.org",
            "validation_url_domain_not_allowed",
            id="url-excepted-domain",
        ),
        pytest.param(URL, "javascript:alert(1)", "validation_invalid_url", id="url-javascript"),
        pytest.param(URL, "javascript://example.com/%0aalert(1)", "validation_invalid_url", id="url-javascript-host"),
        pytest.param(URL, "https://", "validation_invalid_url", id="url-no-host"),
        pytest.param(URL, "1.5", "validation_invalid_url", id="url-that-is-a-number"),
        pytest.param(URL, "https://1.2.3.4.5", "validation_invalid_url", id="url-with-a-version-for-a-host"),
        pytest.param(URL, "https://192.0.2.256", "validation_invalid_url", id="url-that-is-nearly-an-address"),
        pytest.param(URL, "me@example.com", "validation_invalid_url", id="url-that-is-an-email"),
        pytest.param(URL, "https://exa mple.com", "validation_invalid_url", id="url-space"),
        pytest.param(URL, "https://example.com:99999", "validation_invalid_url", id="url-port"),
        pytest.param(URL, "http://[::1", "validation_invalid_url", id="url-broken-ipv6"),
        pytest.param(URL, "http://[v1.x]/", "validation_invalid_url", id="url-other-bracket"),
        pytest.param(DATE, "yesterday", "validation_invalid_date", id="date-word"),
        pytest.param(DATE, "2026-02-30", "validation_invalid_date", id="date-that-is-none"),
        pytest.param(DATE, "0000-01-01", "validation_invalid_date", id="date-year-0"),
        pytest.param(DATE, "10000-01-01", "validation_invalid_date", id="date-year-10000"),
        pytest.param(DATE, "9999-12-31T23:59:59-01:00", "validation_invalid_date", id="date-beyond-9999-in-utc"),
        pytest.param(DATE, "2026-11-20T25:00:00Z", "validation_invalid_date", id="date-hour"),
        pytest.param(DATE, "2026-11-20T10:00:00+99:00", "validation_invalid_date", id="date-offset"),
        pytest.param(DATE, 1700000000, "validation_invalid_date", id="date-number"),
        pytest.param(
            DateField(**NAMED, min="2026-01-01"),
            "2025-12-31",
            "validation_min_greater_equal_than_required",
            id="date-min",
        ),
        pytest.param(
            DateField(**NAMED, max="2026-01-01"),
            "2026-01-02",
            "validation_max_less_equal_than_required",
            id="date-max",
        ),
        pytest.param(ONE, "d", "validation_invalid_value", id="select-unknown"),
        pytest.param(ONE, ["a", "b"], "validation_too_many_values", id="select-two"),
        pytest.param(ONE, {"a": 1}, "validation_invalid_value", id="select-object"),
        pytest.param(SOME, ["a", "b", "c"], "validation_too_many_values", id="select-many-too-many"),
        pytest.param(SOME, [["a"]], "validation_invalid_value", id="select-many-nested"),
        pytest.param(REFERENCE, ["a", "b"], "validation_too_many_values", id="relation-two"),
        pytest.param(REFERENCE, "x" * 256, "validation_missing_rel_records", id="relation-long"),
        pytest.param(REFERENCES, ["a"], "validation_not_enough_values", id="relations-too-few"),
        pytest.param(REFERENCES, list("abcd"), "validation_too_many_values", id="relations-too-many"),
        pytest.param(FILE, "../etc/passwd", "validation_invalid_file", id="file-path"),
        pytest.param(FILE, "..", "validation_invalid_file", id="file-dots"),
        pytest.param(FILES, ["a", "b", "c"], "validation_too_many_files", id="files-too-many"),
        pytest.param(JsonField(**NAMED, max_size=5), [1, 2, 3], "validation_json_size_limit", id="json-large"),
        pytest.param(JSON, {"a\0": 1}, "validation_invalid_json", id="json-nul"),
        pytest.param(JSON, ["a\ud800"], "validation_invalid_json", id="json-half-a-surrogate-pair"),
        pytest.param(JSON, "[" * 100 + "]" * 100, "validation_invalid_json", id="json-deep"),
        pytest.param(JsonField(**NAMED, required=True), {}, "validation_required", id="json-required"),
        pytest.param(PLACE, {"lon": 181, "lat": 0}, "validation_out_of_range", id="place-lon"),
        pytest.param(PLACE, {"lon": 0, "lat": -91}, "validation_out_of_range", id="place-lat"),
        pytest.param(PLACE, {"lon": None}, "validation_not_a_number", id="place-null-lon"),
        pytest.param(PLACE, [1, 2], "validation_invalid_value", id="place-list"),
        pytest.param(GeoPointField(**NAMED, required=True), {}, "validation_required", id="place-required"),
        pytest.param(PASSWORD, "short", "validation_min_text_constraint", id="password-short"),
        pytest.param(PASSWORD, "é" * 600, "validation_max_text_constraint", id="password-bytes"),
        pytest.param(VECTOR, [1], "validation_invalid_value", id="vector-too-few"),
        pytest.param(VECTOR, [1, "x"], "validation_not_a_number", id="vector-word"),
        pytest.param(VECTOR, [1, 1e39], "validation_out_of_range", id="vector-beyond-32-bits"),
        pytest.param(id_field(), "short", "validation_min_text_constraint", id="record-id-short"),
        pytest.param(id_field(), "ABCDEFGHIJ12345", "validation_invalid_format", id="record-id-upper-case"),
        pytest.param(
            TextField(**NAMED, primary_key=True, pattern=".*"), "a/b", "validation_pk_forbidden", id="record-id-slash"
        ),
    ],
)
def test_a_field_refuses_all_else_with_a_code(field: Field, given: object, code: str) -> None:
    with pytest.raises(FieldError) as refusal:
        field.take(given)
    assert refusal.value.problem.code == code
    assert refusal.value.problem.message.endswith((".", "]$", '"12.50".'))


def test_a_pattern_that_backtracking_could_not_bear_is_fast() -> None:
    field = TextField(**NAMED, pattern="^(a+)+$")
    with pytest.raises(FieldError):
        field.take("a" * 4000 + "b")


@pytest.mark.parametrize(
    ("field", "given", "made"),
    [
        pytest.param(id_field(), None, 15, id="record-id"),
        pytest.param(TextField(**NAMED, autogenerate_pattern="[0-9]{4}"), "", 4, id="pattern"),
    ],
)
def test_a_text_field_makes_the_value_of_a_new_record(field: Field, given: object, made: int) -> None:
    found = field.initial(given)
    assert isinstance(found, str)
    assert len(found) == made
    assert field.take(found) == found


def test_a_value_that_is_there_is_not_replaced() -> None:
    assert TextField(**NAMED, autogenerate_pattern="[0-9]{4}").initial("mine") == "mine"


def test_an_absent_key_gives_the_empty_value_of_the_type() -> None:
    assert TEXT.empty() == TEXT.take(None) == ""
    assert NumberField(**NAMED, nullable=True).empty() is None


def test_autodates_are_not_the_clients_to_set() -> None:
    assert not AutodateField(**NAMED, on_create=True).settable
    assert TEXT.settable
