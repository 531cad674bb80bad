"""JSON from outside: what is read, and what is said of what is not."""

import pytest

from holdfast.errors import BadRequest
from holdfast.http.json import MAX_DEPTH, read_json, refuse_repeated_keys


@pytest.mark.parametrize(
    ("body", "value"),
    [
        pytest.param(b'{"a":1}', {"a": 1}, id="an object"),
        pytest.param(b'{"a":1,"a":2}', {"a": 2}, id="of a key twice the last"),
        pytest.param(rb'"\\u0000"', "\\u0000", id="a backslash before u0000"),
        pytest.param(rb'"\ud83d\ude00"', "\U0001f600", id="a whole surrogate pair"),
        pytest.param(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, None, id="as deep as may be"),
    ],
)
def test_json_is_read(body: bytes, value: object):
    found = read_json(body)
    assert value is None or found == value


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(b'"\xff"', "not UTF-8", id="wrong UTF-8"),
        pytest.param(b"[" * 5000 + b"]" * 5000, "nested too deeply", id="5,000 levels"),
        pytest.param(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "64 levels", id="one level too deep"),
        pytest.param(rb'{"a":"\u0000"}', "NUL", id="NUL"),
        pytest.param(rb'{"a":"\ud83d"}', "surrogate", id="half a pair at the end"),
        pytest.param(rb'{"a":"\ud83dx and more"}', "surrogate", id="half a pair before text"),
        pytest.param(rb'{"a":"\ude00"}', "surrogate", id="the second half alone"),
        pytest.param(b'{"a":1e999}', "larger", id="a huge number"),
        pytest.param(b"NaN", "invalid character", id="NaN"),
        pytest.param(b'\xef\xbb\xbf{"a":1}', "invalid character", id="a byte order mark"),
        pytest.param(b'{"a":"x"', "truncated", id="cut"),
        pytest.param(b"", "truncated", id="nothing"),
    ],
)
def test_what_is_no_json_is_refused_with_the_reason(body: bytes, reason: str):
    with pytest.raises(BadRequest, match=reason):
        read_json(body)


@pytest.mark.parametrize("body", [b"", b"a=1&a=2", b"[" * 100_000, b'{"a":{"b":1},"c":{"b":1}}'])
def test_only_an_object_of_json_can_have_a_key_twice(body: bytes):
    refuse_repeated_keys(body)


@pytest.mark.parametrize("body", [b'{"a":1,"a":1}', b'{"x":[{"a":1,"\\u0061":2}]}'])
def test_a_key_that_comes_twice_is_refused_where_that_matters(body: bytes):
    with pytest.raises(BadRequest, match="A key comes twice"):
        refuse_repeated_keys(body)
