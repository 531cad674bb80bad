"""Nothing that is sent becomes SQL: hostile values and names wherever one can stand."""

from itertools import product

import pytest

from holdfast.errors import InvalidFilter, InvalidSort
from integration.filters.shelf import Shelf
from unit.expressions.library import scope

HOSTILE = (
    *(
        "'",
        "''",
        '"',
        "\\",
        "\\'",
        "';",
        "'; DROP TABLE public.posts; --",
        '"; DROP TABLE public.posts; --',
        "$1",
        "$$",
        "%s",
    ),
    *(
        "' OR '1'='1",
        "1); DELETE FROM public.posts; --",
        "E'\\x27'",
        "/* */",
        "-- ",
        "{}",
        "%(x)s",
        "\\u0027",
        "🧨",
        "'||pg_sleep(9)||'",
    ),
    *("x" * 5000, "\n\r\t", "null", "@now", "title", "a' || id != '"),
)
PLACES = (
    "title = {:x}",
    "title ~ {:x}",
    "title !~ {:x}",
    "views = {:x}",
    "price != {:x}",
    "open = {:x}",
    "due = {:x}",
    "tags ?= {:x}",
    "tags ~ {:x}",
    "author = {:x}",
    "author.name ?~ {:x}",
    "comments_via_post.message = {:x}",
    "meta.a = {:x}",
    "meta > {:x}",
    "{:x} ~ title",
    "{:x} = {:x}",
    "strftime('%Y', title) = {:x}",
)


async def test_a_hostile_value_is_only_a_value(shelf: Shelf) -> None:
    await shelf.put("posts", id="one", title="x")
    for place, value in product(PLACES, HOSTILE):
        assert await shelf.find(place, {"x": value}) in ([], ["one"])
    assert await shelf.find("id = 'one'") == ["one"]


async def test_a_hostile_value_is_found_as_it_is(shelf: Shelf) -> None:
    for number, value in enumerate(HOSTILE):
        await shelf.put("posts", id=f"n{number:02}", title=value, tags=[value], meta=None)
    for number, value in enumerate(HOSTILE):
        assert await shelf.find("title = {:x}", {"x": value}) == [f"n{number:02}"]
        assert await shelf.find("tags ?= {:x}", {"x": value}) == [f"n{number:02}"]


async def test_hostile_formats_are_refused_or_run(shelf: Shelf) -> None:
    await shelf.put("posts", id="one")
    for value in HOSTILE:
        for text in ("strftime({:x}, created) != ''", "strftime('%Y', created, {:x}) != ''"):
            try:
                assert await shelf.find(text, {"x": value}) == ["one"]
            except InvalidFilter as refusal:
                assert "strftime" in refusal.message


NAMED = ("{0} = 1", "author.{0} = 1", "meta.{0} = 1", "title:{0} = 1", "@{0} = 1", "{0}(1) = 1", "1 {0} 1")


async def test_a_hostile_name_is_refused_or_only_a_name(shelf: Shelf) -> None:
    await shelf.put("posts", id="one")
    names = (
        *HOSTILE,
        'x" = 1 OR "y',
        "id; --",
        "title\0",
        "pg_catalog",
        "ctid",
        "xmin",
        "record",
        "r",
        "h1",
        "oid",
    )
    for text, name in product(NAMED, names):
        try:
            assert await shelf.find(text.format(name)) in ([], ["one"])
        except InvalidFilter as refusal:
            assert refusal.message
    assert await shelf.find("id = 'one'") == ["one"]


def test_a_hostile_sort_is_refused() -> None:
    for name in (*HOSTILE, 'title" DESC; --', "random()", "ctid", "1", "title ASC", "(SELECT 1)"):
        if name != "title" and name.strip():
            with pytest.raises(InvalidSort):
                scope().sort(name)
