"""Bytes become text, and text becomes records, however they are cut into pieces."""

import codecs
import csv
import io
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import Problem
from holdfast.transfer.csv_reading import CsvRecords, Record
from holdfast.transfer.json_reading import JsonList
from holdfast.transfer.ndjson_reading import JsonRecord, JsonRecords
from holdfast.transfer.unreadable import UnreadableFile
from holdfast.transfer.utf8 import Utf8

CELLS = st.lists(st.lists(st.text(st.characters(exclude_characters="\0")), min_size=2, max_size=3), max_size=8)


def pieces(text: str, size: int) -> Iterator[str]:
    yield from (text[start : start + size] for start in range(0, len(text), size))


def read(text: str, size: int = 7, delimiter: str = "") -> list[Record]:
    reader = CsvRecords(delimiter)
    found = [record for piece in pieces(text, size) for record in reader.feed(piece)]
    return found + reader.feed("", last=True)


@settings(max_examples=60, deadline=None)
@given(CELLS, st.integers(1, 30), st.sampled_from(["\n", "\r\n"]))
def test_csv_is_read_the_same_however_it_is_cut(rows: list[list[str]], size: int, end: str):
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)
    assert [cells for _, cells in read(out.getvalue(), size, ",")] == rows


@pytest.mark.parametrize(
    ("text", "records"),
    [
        pytest.param("a,b\n1,2\n", [(1, ["a", "b"]), (2, ["1", "2"])], id="plain"),
        pytest.param("a,b\n1,2", [(1, ["a", "b"]), (2, ["1", "2"])], id="no end of line at the end"),
        pytest.param("a\r\n1\r\n", [(1, ["a"]), (2, ["1"])], id="ends of Windows"),
        pytest.param("a\r1\r", [(1, ["a"]), (2, ["1"])], id="ends of old Macs"),
        pytest.param(
            'a,b\n"1\n\n1",2\n3,4\n', [(1, ["a", "b"]), (2, ["1\n\n1", "2"]), (5, ["3", "4"])], id="lines in cells"
        ),
        pytest.param("a\n\n\n1\n", [(1, ["a"]), (4, ["1"])], id="blank lines"),
        pytest.param('a,b\n5" pipe,x\n', [(1, ["a", "b"]), (2, ['5" pipe', "x"])], id="a quote inside a bare cell"),
        pytest.param('a;b\n"x,y,z";2\n', [(1, ["a", "b"]), (2, ["x,y,z", "2"])], id="semicolons"),
        pytest.param("a\tb\n1\t2\n", [(1, ["a", "b"]), (2, ["1", "2"])], id="tabs"),
        pytest.param('"a,b,c";d\n1;2\n', [(1, ["a,b,c", "d"]), (2, ["1", "2"])], id="commas in a quoted header"),
        pytest.param("", [], id="nothing"),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_records_have_the_line_on_which_they_begin(text: str, records: list[Record], size: int):
    assert read(text, size) == records


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param('a,b\n1,2\n"3,4\n5,6\n', 3, id="a quote that is never closed"),
        pytest.param('a,b\n1,2\n"3"x,4\n', 3, id="more after a closing quote"),
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_what_is_no_csv_is_refused_with_its_line(text: str, line: int, size: int):
    with pytest.raises(UnreadableFile) as refusal:
        read(text, size)
    assert refusal.value.line == line


def test_a_cell_may_have_megabytes():
    cell = "x\n" * 1_000_000
    assert read(f'a,b\n"{cell}",2\n', 1 << 16)[1] == (2, [cell, "2"])


@pytest.mark.parametrize("size", [1, 4, 100])
def test_the_mark_of_utf8_is_no_part_of_the_text(size: int):
    data = codecs.BOM_UTF8 + "ä,日\n".encode()
    decoder = Utf8()
    text = "".join(decoder.feed(data[start : start + size]) for start in range(0, len(data), size))
    assert text + decoder.feed(b"", last=True) == "ä,日\n"


@pytest.mark.parametrize(
    ("data", "line", "said"),
    [
        pytest.param("a,b\n".encode("utf-16"), 1, "UTF-16", id="UTF-16"),
        pytest.param("a,b\n".encode("utf-16-le"), 1, "UTF-16", id="UTF-16 without a mark"),
        pytest.param("a,b\n".encode("utf-32"), 1, "UTF-32", id="UTF-32"),
        pytest.param("name\nok\nMüller\n".encode("latin-1"), 3, "no UTF-8", id="Latin 1"),
        pytest.param(b"name\nM" + b"\xc3", 2, "no UTF-8", id="half a character at the end"),
    ],
)
def test_another_encoding_is_refused_by_its_name_and_line(data: bytes, line: int, said: str):
    decoder = Utf8()
    with pytest.raises(UnreadableFile, match=said) as refusal:
        decoder.feed(data, last=True)
    assert refusal.value.line == line


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_ndjson_is_read_line_by_line(size: int):
    reader = JsonRecords()
    text = '{"a":1}\n\n[1]\n{"a":"x\\ny"}\nno\n{"a":2}'
    found = [record for piece in pieces(text, size) for record in reader.feed(piece)] + reader.feed("", last=True)
    assert [line for line, _ in found] == [1, 3, 4, 5, 6]
    assert [one for _, one in found if not isinstance(one, Problem)] == [{"a": 1}, {"a": "x\ny"}, {"a": 2}]
    assert {one.code for _, one in found if isinstance(one, Problem)} == {"validation_invalid_json"}


def listed(text: str, size: int) -> list[JsonRecord]:
    reader = JsonList()
    return [record for piece in pieces(text, size) for record in reader.feed(piece)] + reader.feed("", last=True)


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_a_json_list_is_read_record_by_record(size: int):
    found = listed(' [{"a":1}, [1],12,\n\n{"a":"x]}\\"\\n,"} ,{"a":NaN},{"a":{"b":[2]}}]\n ', size)
    assert [number for number, _ in found] == [1, 2, 3, 4, 5, 6]
    good = [one for _, one in found if not isinstance(one, Problem)]
    assert good == [{"a": 1}, {"a": 'x]}"\n,'}, {"a": {"b": [2]}}]
    assert {one.code for _, one in found if isinstance(one, Problem)} == {"validation_invalid_json"}


@pytest.mark.parametrize("size", [1, 1000])
def test_an_empty_json_list_has_no_records(size: int):
    assert listed("[ ]", size) == []


@pytest.mark.parametrize(
    ("text", "number", "said"),
    [
        pytest.param("", 1, "begins with", id="nothing"),
        pytest.param('{"a":1}\n', 1, "NDJSON", id="lines"),
        pytest.param('[{"a":1}', 1, "broken off", id="no end"),
        pytest.param('[{"a":1},]', 2, "broken off", id="a comma too many"),
        pytest.param('[{"a":1} {"a":2}]', 1, "missing", id="no comma"),
        pytest.param('[{"a":1},{"a":"x]', 2, "broken off", id="an open quote"),
        pytest.param('[{"a":1}] x', 1, "behind", id="something behind it"),
        pytest.param("[" * 100_000, 1, "broken off", id="too deep"),
    ],
)
@pytest.mark.parametrize("size", [1000, 1_000_000])
def test_what_is_no_json_list_is_refused_with_the_number_of_the_record(text: str, number: int, said: str, size: int):
    with pytest.raises(UnreadableFile, match=said) as refusal:
        listed(text, size)
    assert refusal.value.line == number
