"""JSON from outside: what is read, and what is said of what is not."""

import pytest

from holdfast.errors import BadRequest
from holdfast.http.json import MAX_DEPTH, read_json


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
