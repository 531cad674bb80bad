"""The SQL functions of the system schema, on the values that hurt."""

import math
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest


@pytest.fixture
async def connection(shared_database: str) -> AsyncIterator[Any]:
    """A connection of its own to the database: what it sets ends with it."""
    opened: Any = await asyncpg.connect(shared_database)
    yield opened
    await opened.close()


async def test_a_date_goes_out_in_utc_with_milliseconds_and_an_empty_one_as_nothing(connection: Any):
    async def stamp(text: str | None) -> str:
        return await connection.fetchval("SELECT holdfast.stamp($1::text::timestamptz)", text)

    await connection.execute("SET timezone = 'Asia/Tokyo'; SET datestyle = 'German'")
    assert await stamp("2026-11-20 10:15:00.1239+01:00") == "2026-11-20 09:15:00.123Z"
    assert await stamp("0001-01-01 00:00:00Z") == "0001-01-01 00:00:00.000Z"
    assert await stamp("9999-12-31 23:59:59.999Z") == "9999-12-31 23:59:59.999Z"
    assert await stamp(None) == ""
    assert await stamp("infinity") == "infinity"
    assert await stamp("-infinity") == "-infinity"
    assert await stamp("0044-03-15 00:00:00+00 BC") == "0044-03-15 00:00:00.000Z BC"


async def test_writing_a_date_is_inlined_into_the_query(connection: Any):
    plan = await connection.fetch("EXPLAIN VERBOSE SELECT holdfast.stamp(updated) FROM holdfast.collections")
    text = "\n".join(row[0] for row in plan)
    assert "to_char(" in text
    assert "stamp(" not in text


async def test_search_text_joins_what_is_there(connection: Any):
    assert await connection.fetchval("SELECT holdfast.search_text('a', NULL, '', 'b c')") == "a  b c"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("St.Gallen Villa/Roma foo-bar", "bar foo gallen roma st villa"),
        ("ada@example.com +49 -5", "49 5 ada com example"),
        ("<p>Hello <b class='x/y'>world</b></p><br/>", "hello world"),
    ],
)
async def test_signs_between_words_make_words(connection: Any, text: str, words: str):
    query = "SELECT array_to_string(tsvector_to_array(to_tsvector('simple', holdfast.search_text($1))), ' ')"
    assert await connection.fetchval(query, text) == words


async def test_no_text_is_too_long_to_be_indexed(connection: Any):
    # The worst that was found: pairs of four-byte characters with hyphens, each pair a word and two halves of one.
    chance = random.Random(1)
    characters = [chr(code) for code in range(0x20000, 0x2A6D0)]
    words = ("-".join("".join(chance.choices(characters, k=2)) for _ in range(2)) for _ in range(40_000))
    text = " ".join(words)
    with pytest.raises(asyncpg.ProgramLimitExceededError):
        await connection.fetchval("SELECT to_tsvector('simple', $1::text) IS NULL", text)
    indexed = await connection.fetchval("SELECT to_tsvector('simple', holdfast.search_text($1)) IS NOT NULL", text)
    assert indexed is True


@pytest.mark.parametrize(
    ("html", "most", "ellipsis", "expected"),
    [
        pytest.param("plain", 10, True, "plain", id="plain text"),
        pytest.param("  many \n\t spaces ", 50, True, "many spaces", id="white space"),
        pytest.param("<p>One</p><p>two</p>", 50, True, "One two", id="blocks part words"),
        pytest.param("w<b>or</b>d", 50, True, "word", id="inline tags do not"),
        pytest.param(
            "<p>a</p><script>alert('<b>')</script><style>p{}</style>b", 50, True, "a b", id="scripts and styles"
        ),
        pytest.param("a<SCRIPT src=x>b</SCRIPT >c", 50, True, "ac", id="in capitals"),
        pytest.param("a<!-- <b>not</b> -->b", 50, True, "a b", id="comments"),
        pytest.param("a<style>never closed", 50, True, "a", id="never closed"),
        pytest.param("1 < 2 and 3 > 2", 50, True, "1 < 2 and 3 > 2", id="no tag"),
        pytest.param("&lt;b&gt; &amp;amp; &quot;&#39;&nbsp;x", 50, True, "<b> &amp; \"' x", id="entities"),
        pytest.param("hello world", 7, True, "hello w...", id="cut"),
        pytest.param("hello world", 6, True, "hello...", id="cut at a space"),
        pytest.param("hello world", 7, False, "hello w", id="cut without dots"),
        pytest.param("äöü€😀x", 5, True, "äöü€😀...", id="characters, not bytes"),
        pytest.param("<p></p>", 5, True, "", id="nothing left"),
    ],
)
async def test_an_excerpt_is_plain_text(connection: Any, html: str, most: int, ellipsis: bool, expected: str):
    assert await connection.fetchval("SELECT holdfast.excerpt($1, $2, $3)", html, most, ellipsis) == expected


async def test_an_excerpt_of_a_hostile_text_takes_no_longer_than_a_second(connection: Any):
    await connection.execute("SET statement_timeout = '1s'")
    for hostile in (
        "<form>" * 100_000,
        "<!--" * 100_000,
        "<" * 400_000,
        "<a " * 100_000,
        "&amp;" * 100_000,
        "<form></form>" * 40_000,
        "<p" * 200_000,
    ):
        await connection.fetchval("SELECT holdfast.excerpt($1, 200, true)", hostile)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 1.0),
        (" -1.5e3 ", -1500.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("1.7976931348623157e308", 1.7976931348623157e308),
        ("1.8e308", None),
        ("1e9999", None),
        ("1e99999", None),
        ("1e-9999", 0.0),
        ("0" * 999 + "1", 1.0),
        ("9" * 400, None),
        ("1" * 2000, None),
        ("NaN", None),
        ("Infinity", None),
        ("0x10", None),
        ("1_000", None),
        ("1,5", None),
        ("", None),
        ("-", None),
        (".", None),
        ("\u0661", None),
    ],
)
async def test_a_text_is_a_number_or_nothing(connection: Any, text: str, expected: float | None):
    assert await connection.fetchval("SELECT holdfast.try_number($1)", text) == expected


async def test_every_finite_number_that_is_written_down_is_read_back(connection: Any):
    chance = random.Random(1)
    numbers = [math.ldexp(chance.uniform(-1, 1), chance.randint(-1000, 1023)) for _ in range(500)]
    read = (
        "SELECT array(SELECT holdfast.try_number(one) FROM unnest($1::text[]) WITH ORDINALITY AS t(one, n) ORDER BY n)"
    )
    assert await connection.fetchval(read, [repr(number) for number in numbers]) == numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11-20 09:15:00.123Z", datetime(2026, 11, 20, 9, 15, 0, 123000, tzinfo=UTC)),
        ("2026-11-20T09:15:00+02:00", datetime(2026, 11, 20, 7, 15, tzinfo=UTC)),
        ("2026-11-20t09:15z", datetime(2026, 11, 20, 9, 15, tzinfo=UTC)),
        ("2026-11-20T09:15:00-0530", datetime(2026, 11, 20, 14, 45, tzinfo=UTC)),
        ("2024-02-29", datetime(2024, 2, 29, tzinfo=UTC)),
        ("9999-12-31 23:59:59.999Z", datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)),
        ("2026-02-29", None),
        ("2026-13-01", None),
        ("2026-00-01", None),
        ("2026-01-00", None),
        ("0000-01-01", None),
        ("2026-11-20 24:00", None),
        ("2026-11-20 23:60", None),
        ("2026-11-20 23:59:60", None),
        ("10000-01-01", None),
        ("20.11.2026", None),
        ("today", None),
        ("", None),
    ],
)
async def test_a_text_is_a_date_or_nothing(connection: Any, text: str, expected: datetime | None):
    await connection.execute("SET timezone = 'Asia/Tokyo'; SET datestyle = 'German'")
    assert await connection.fetchval("SELECT holdfast.try_timestamp($1)", text) == expected


async def test_every_database_has_a_secret_of_its_own(empty_database: str, connection: Any):
    from base64 import b64decode

    from holdfast.db.migrate import migrate

    await migrate(empty_database)
    other: Any = await asyncpg.connect(empty_database)
    ask = "SELECT value #>> '{}' FROM holdfast.settings WHERE key = 'secret'"
    secrets = [b64decode(await one.fetchval(ask), validate=True) for one in (connection, other)]
    await other.close()
    assert [len(secret) for secret in secrets] == [32, 32]
    assert secrets[0] != secrets[1]
