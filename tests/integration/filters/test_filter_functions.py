"""strftime against SQLite's own, geoDistance against the haversine in plain Python."""

import math
import sqlite3
from datetime import UTC, datetime
from itertools import product

import asyncpg
import pytest

from integration.filters.shelf import Shelf

DATES = (
    datetime(2024, 2, 29, 23, 59, 59, 999_000, tzinfo=UTC),
    datetime(2023, 1, 31, 0, 0, 0, tzinfo=UTC),
    datetime(2021, 1, 3, 13, 5, 9, 70_000, tzinfo=UTC),
    datetime(1969, 12, 31, 12, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
    datetime(1, 1, 1, 0, 0, 1, tzinfo=UTC),
)
FORMATS = ("%Y-%m-%d %H:%M:%S", "%d|%f|%H|%j|%m|%M|%s|%S|%w|%W|%Y|%%", "no code", "100%%", "ü%Y'\\")
# SQLite has these from 3.46 on; an older one answers null for all of them.
NEW_FORMATS = ("%e|%F|%I|%k|%l|%p|%P|%R|%T|%u|%G|%g|%V|%U",)
MODIFIERS = (
    *((), ("+1 day",), ("-1 month",), ("+1 month",), ("1 years",), ("+12 hours",), ("-90 minutes",), ("+1.5 seconds",)),
    *(("start of day",), ("start of month",), ("start of year",), ("weekday 0",), ("weekday 3",), ("+01:30",)),
    ("start of month", "+1 month", "-1 day"),
    ("+1 month", "+1 month", "weekday 1", "start of day"),
)
FORMATTED = "SELECT strftime({places})"


def sqlite(format: str, date: datetime, modifiers: tuple[str, ...]) -> str | None:
    connection = sqlite3.connect(":memory:")
    written = f"{date.year:04d}-{date:%m-%d %H:%M:%S}.{date.microsecond // 1000:03d}"
    statement = FORMATTED.format(places=", ".join("?" * (2 + len(modifiers))))
    found: str | None = connection.execute(statement, (format, written, *modifiers)).fetchone()[0]
    connection.close()
    return found


async def differences(shelf: Shelf, format: str, modifiers: tuple[str, ...]) -> list[str]:
    """For which dates strftime does not give what SQLite gives, and is not null where SQLite's is."""
    call = f"strftime({', '.join(('{:format}', 'due', *(repr(modifier) for modifier in modifiers)))})"
    wrong: list[str] = []
    for number, date in enumerate(DATES):
        text = sqlite(format, date, modifiers)
        if (sqlite("%Y", date, modifiers) or "-")[:1] == "-" or sqlite("%Y", date, modifiers) == "0000":
            text = None  # SQLite goes on counting before the year 1
        condition = f"{call} = null" if text is None else f"{call} = {{:text}}"
        if f"d{number}" not in await shelf.find(f"{condition} && id = 'd{number}'", {"text": text, "format": format}):
            wrong.append(f"{date}: {text}")
    return wrong


@pytest.fixture
async def dates(shelf: Shelf) -> Shelf:
    for number, date in enumerate(DATES):
        await shelf.put("posts", id=f"d{number}", due=date)
    await shelf.put("posts", id="none")
    return shelf


async def test_strftime_gives_what_sqlite_gives(dates: Shelf) -> None:
    new = NEW_FORMATS if sqlite("%F", DATES[0], ()) else ()
    asked = list(product((*FORMATS, *new), MODIFIERS))
    found = {(format, modifiers): await differences(dates, format, modifiers) for format, modifiers in asked}
    assert {key: wrong for key, wrong in found.items() if wrong} == {}


async def test_strftime_takes_macros_texts_and_nothing(dates: Shelf) -> None:
    assert len(await dates.find("strftime('%Y', @now) = 2024")) == len(DATES) + 1
    assert len(await dates.find("strftime('%Y') = '2024'")) == len(DATES) + 1
    assert len(await dates.find("strftime('%m', '2024-05-07') = @month")) == len(DATES) + 1
    assert await dates.find("strftime('%Y', due) = ''") == ["none"]
    beyond = "strftime('%Y', due, '+4000 years', '+4000 years', '-4000 years') = null"
    assert await dates.find(beyond) == ["d0", "d1", "d2", "d4", "none"]
    assert "none" not in await dates.find("strftime('%Y', due) != '1999' && strftime('%Y', due) > 0")


async def test_strftime_reads_dates_out_of_texts_and_json(shelf: Shelf) -> None:
    await shelf.put("posts", id="a", title="2024-05-07 10:00", meta='{"at":"2023-01-02T10:00:00+02:00"}')
    await shelf.put("posts", id="b", title="not at all", meta='{"at":5}')
    assert await shelf.find("strftime('%H:%M', title) = '10:00'") == ["a"]
    assert await shelf.find("strftime('%Y %H', meta.at) = '2023 08'") == ["a"]


def haversine(lon_a: float, lat_a: float, lon_b: float, lat_b: float) -> float:
    north = math.sin(math.radians(lat_b - lat_a) / 2) ** 2
    east = math.sin(math.radians(lon_b - lon_a) / 2) ** 2
    chord = north + math.cos(math.radians(lat_a)) * math.cos(math.radians(lat_b)) * east
    return 2 * 6371 * math.asin(math.sqrt(min(1, chord)))


PLACES = (
    (0.0, 0.0),
    (12.4924, 41.8902),
    (-0.1276, 51.5072),
    (180.0, 0.0),
    (-180.0, 90.0),
    (1e-300, -1e-170),
    (12.5, 41.9),
)


async def test_geo_distance_is_the_haversine_in_kilometres(shelf: Shelf) -> None:
    for number, (lon, lat) in enumerate(PLACES):
        await shelf.put("posts", id=f"p{number}", place=asyncpg.Point(lon, lat))
    for lon, lat in PLACES:
        for number, place in enumerate(PLACES):
            away = haversine(*place, lon, lat)
            call = f"geoDistance(place.lon, place.lat, {lon!r}, {lat!r})"
            found = await shelf.find(f"{call} >= {away - 1e-3:.9f} && {call} < {away + 1e-3:.9f}")
            assert f"p{number}" in found


@pytest.mark.parametrize(
    "call",
    [
        "geoDistance(views, views, 1, 2)",
        "geoDistance(meta.x, meta.y, place.lon, place.lat)",
        "geoDistance(title, title, 0, 0)",
        "geoDistance(price, price, 0, 0)",
        "geoDistance(1e308, -1e308, 1e-308, 5e-324)",
        "geoDistance(null, 0, 0, 0)",
        "geoDistance(likes, likes, likes, likes)",
    ],
)
async def test_no_number_makes_geo_distance_fail(shelf: Shelf, call: str) -> None:
    numbers = (0.0, 5e-324, 1e-308, 1.7e308, -1.7e308, 1e-170, 360.0, float("inf"), float("nan"))
    for number, value in enumerate(numbers):
        await shelf.put("posts", id=f"p{number}", views=value, title=str(value), meta='{"x":1e400,"y":"1e-320"}')
    assert len(await shelf.find(f"{call} >= 0 || {call} = null || {call} < 0")) == len(numbers)


async def test_a_function_is_about_one_record_of_many(shelf: Shelf) -> None:
    await shelf.put("posts", id="p")
    await shelf.put("comments", id="c1", post="p", stars=1)
    await shelf.put("comments", id="c2", post="p", stars=50)
    assert await shelf.find("geoDistance(comments_via_post.stars, 0, 1, 0) < 1") == ["p"]
