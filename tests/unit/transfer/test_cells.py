"""Cells of CSV and what they stand for."""

import csv
import io

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.schema.bool import BoolField
from holdfast.schema.field import Field, FieldError
from holdfast.schema.json import JsonField
from holdfast.schema.number import NumberField
from holdfast.schema.select import SelectField
from holdfast.schema.text import TextField
from holdfast.transfer.cells import guard, read_cell, unguard, write_cell

TEXT = TextField(id="t", name="t")
NULLABLE = TextField(id="t", name="t", nullable=True)
JSON = JsonField(id="j", name="j")
NUMBER = NumberField(id="n", name="n")
MANY = SelectField(id="s", name="s", values=("a", "b"), max_select=2)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        pytest.param("=1+1", "'=1+1", id="a formula"),
        pytest.param("+49 30 1234", "'+49 30 1234", id="a plus"),
        pytest.param("-", "'-", id="a minus"),
        pytest.param("@SUM(A1)", "'@SUM(A1)", id="an at sign"),
        pytest.param("\tx", "'\tx", id="a tab"),
        pytest.param("\rx", "'\rx", id="a carriage return"),
        pytest.param("'=1", "''=1", id="a text that looks guarded"),
        pytest.param("'", "''", id="an apostrophe alone"),
        pytest.param("'tis", "'tis", id="an apostrophe before a word"),
        pytest.param("1=1", "1=1", id="an equals sign inside"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_texts_that_a_spreadsheet_would_run_go_out_behind_an_apostrophe(text: str, cell: str):
    assert guard(text) == cell
    assert unguard(cell) == text


@given(st.text())
def test_every_text_comes_back_from_behind_its_guard(text: str):
    cell = guard(text)
    assert cell[:1] not in {"=", "+", "-", "@", "\t", "\r"}
    assert unguard(cell) == text


@given(st.lists(st.text(), min_size=1))
def test_a_row_of_texts_comes_back_through_csv(texts: list[str]):
    texts = [text.replace("\0", "") for text in texts]
    out = io.StringIO(newline="")
    csv.writer(out).writerow([guard(text) for text in texts])
    (row,) = csv.reader(io.StringIO(out.getvalue(), newline=""), strict=True)
    assert [unguard(cell) for cell in row] == texts


@pytest.mark.parametrize(
    ("field", "value", "cell"),
    [
        pytest.param(TEXT, "", "", id="an empty text"),
        pytest.param(NULLABLE, "", "'", id="an empty text where null is another value"),
        pytest.param(NULLABLE, None, "", id="null"),
        pytest.param(NUMBER, -5, "-5", id="a number is no formula"),
        pytest.param(BoolField(id="b", name="b"), True, "true", id="true"),
        pytest.param(MANY, ["a", "b"], '["a","b"]', id="a list"),
        pytest.param(JSON, "=x", '"=x"', id="a string in a json field"),
        pytest.param(JSON, {"a": [1]}, '{"a":[1]}', id="an object"),
        pytest.param(JSON, None, "", id="no json"),
        pytest.param(None, "=label", "'=label", id="a label"),
    ],
)
def test_a_value_has_one_cell(field: Field | None, value: object, cell: str):
    assert write_cell(field, msgspec.json.encode(value), guarded=True) == cell


def test_without_the_guard_a_text_is_its_cell():
    assert write_cell(TEXT, b'"=1"', guarded=False) == "=1"
    assert read_cell(TEXT, "'=1", guarded=False) == "'=1"


@pytest.mark.parametrize(
    ("field", "cell", "value"),
    [
        pytest.param(TEXT, "", None, id="nothing"),
        pytest.param(NULLABLE, "'", "", id="an apostrophe alone"),
        pytest.param(TEXT, "'=1", "=1", id="a guarded text"),
        pytest.param(NUMBER, "'-5", "-5", id="a guarded number"),
        pytest.param(MANY, '["a","b"]', ["a", "b"], id="a list"),
        pytest.param(MANY, "a", ["a"], id="one bare value"),
        pytest.param(MANY, "[a", ["[a"], id="what only begins like a list"),
        pytest.param(JSON, '{"a":1}', {"a": 1}, id="json"),
        pytest.param(JSON, '"[1]"', '"[1]"', id="a string stays a string"),
    ],
)
def test_a_cell_has_one_value(field: Field, cell: str, value: object):
    assert read_cell(field, cell, guarded=True) == value


@pytest.mark.parametrize(
    ("field", "value", "cell"),
    [
        pytest.param(NULLABLE, None, "NULL", id="null"),
        pytest.param(NULLABLE, "", "", id="an empty text"),
        pytest.param(NULLABLE, "NULL", "'NULL", id="a text that looks like null"),
        pytest.param(NULLABLE, "'NULL", "''NULL", id="a text that looks guarded"),
        pytest.param(NULLABLE, "'", "''", id="an apostrophe"),
        pytest.param(NUMBER, None, "NULL", id="no number"),
        pytest.param(JSON, None, "NULL", id="no json"),
        pytest.param(JSON, '"NULL"', '"NULL"', id="a string in a json field"),
    ],
)
def test_a_text_that_stands_for_null_is_told_from_all_others(field: Field, value: object, cell: str):
    raw = value.encode() if field is JSON and isinstance(value, str) else msgspec.json.encode(value)
    assert write_cell(field, raw, guarded=True, null="NULL") == cell
    assert read_cell(field, cell, guarded=True, null="NULL") == value


def test_an_empty_cell_of_a_number_is_null_whatever_else_stands_for_it():
    assert read_cell(NUMBER, "", guarded=True, null="NULL") is None


@pytest.mark.parametrize("cell", ["no quotes", "{", "[1,"])
def test_a_cell_of_a_json_field_has_to_be_json(cell: str):
    with pytest.raises(FieldError) as refusal:
        read_cell(JSON, cell, guarded=True)
    assert refusal.value.problem.code == "validation_invalid_json"
