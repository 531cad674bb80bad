"""What people type into a search field, as to_tsquery reads it."""

import pytest

from holdfast.errors import BadRequest
from holdfast.records.search import read_search


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("town", "'town':*"),
        ("old town", "'old' & 'town':*"),
        ("old or new town", "'old' | 'new' & 'town':*"),
        ("old -ruin town", "'old' & !'ruin' & 'town':*"),
        ('"city wall" tow', "'city wall' & 'tow':*"),
        ('old "city wall"', "'old' & 'city wall'"),
        ('old "city wal', "'old' & 'city wal'"),
        ("or town", "'town':*"),
        ("town or", "'town'"),
        ("-", ""),
        ("- town", "'town':*"),
        ("ada@example.com", "'ada example com':*"),
        ("St.Gallen -a/b", "'St Gallen' & !'a b':*"),
        ('"', ""),
        ('old "" town', "'old' & 'town':*"),
        ("it's", "'it''s':*"),
        ("a\\b", "'a\\\\b':*"),
        ("a&b|c:*", "'a&b|c:*':*"),
    ],
)
def test_words_become_operands(text: str, expected: str):
    assert read_search(text) == expected


def test_too_many_terms_are_refused():
    with pytest.raises(BadRequest):
        read_search(" ".join("a" for _ in range(51)))
