"""The bodies of reads, and their tags."""

import pytest

from holdfast.records.render import compact, etag, is_match, render_groups, render_page, render_walk


def test_a_page_has_totals_or_says_that_nothing_was_counted():
    assert render_page('{"a":1},{"a":2}', 2, 2, 5) == (
        b'{"items":[{"a":1},{"a":2}],"page":2,"perPage":2,"totalItems":5,"totalPages":3}'
    )
    assert render_page(None, 1, 30, None) == b'{"items":[],"page":1,"perPage":30,"totalItems":-1,"totalPages":-1}'
    assert render_page(None, 1, 30, 31, estimate=True).endswith(b'"totalPages":2,"totalIsEstimate":true}')


def test_a_walk_ends_with_null():
    assert render_walk('{"a":"ü"}', 1, "abc") == '{"items":[{"a":"ü"}],"perPage":1,"nextCursor":"abc"}'.encode()
    assert render_walk(None, 30, None) == b'{"items":[],"perPage":30,"nextCursor":null}'


def test_groups_have_an_envelope():
    assert render_groups(None) == b'{"items":[]}'


def test_json_is_made_compact_without_changing_what_it_says():
    spaced = '{"a": [1, 1.50, 1e400], "b": "x: y, {z}", "c": {"ü": null}}'.encode()
    assert compact(spaced, spaced=True) == '{"a":[1,1.50,1e400],"b":"x: y, {z}","c":{"ü":null}}'.encode()
    assert compact(spaced, spaced=False) is spaced


def test_a_tag_tells_versions_and_bodies_apart():
    tags = {etag("7", b"a"), etag("7", b"b"), etag("8", b"a"), etag(None, b"a")}
    assert len(tags) == 4
    assert etag("7", b"a").startswith(b'"7-')
    assert b"-" not in etag(None, b"a")


@pytest.mark.parametrize(
    ("header", "matches"),
    [
        (b'"a"', True), (b'W/"a"', True), (b'"b", "a"', True), (b'"b" ,W/"a"', True), (b" * ", True),
        (b'"b"', False), (b"a", False), (b"", False), (b'"a', False),
    ],
)  # fmt: skip
def test_a_tag_is_matched_as_http_has_it(header: bytes, matches: bool):
    assert is_match(b'"a"', header) == matches
