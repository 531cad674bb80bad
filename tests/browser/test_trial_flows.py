"""Rules tried on records that the server draws, and files that go out, and come in, as they are wanted."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from console_desk import ConsoleDesk, console_desk
from served import Served
from web_page import Opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
FIELDS: list[dict[str, Any]] = [
    {"name": "title", "type": "text", "presentable": True},
    {"name": "public", "type": "bool"},
    {"name": "note", "type": "text", "nullable": True},
]
SECRET = [f"Secret {n}" for n in range(7)]


@pytest.fixture(scope="module")
def desk(served: Served) -> Iterator[ConsoleDesk]:
    """Two letters that anyone may list, and seven that nobody may; crates for files."""
    with console_desk(served) as made:
        made.define("letters", FIELDS, listRule="public = true", viewRule="public = true", history=True)
        made.make("letters", *({"title": f"Open {n}", "public": True, "note": ""} for n in range(2)))
        made.make("letters", *({"title": title, "note": None} for title in SECRET))
        made.define("crates", FIELDS)
        yield made


@pytest.fixture
def page(opened: Callable[..., Opened]) -> Page:
    return opened(viewport={"width": 1440, "height": 900}).page


def test_what_a_list_hides_is_tested_with_one_click(desk: ConsoleDesk, page: Page) -> None:
    desk.open(page, "/data/letters/rules")
    trial = page.get_by_role("region", name="Test as")
    trial.get_by_role("button", name="Test", exact=True).click()
    expect(trial).to_contain_text("sees 2 of 9")
    hidden = trial.get_by_role("group", name="Hidden records").get_by_role("button")
    expect(hidden).to_have_count(5)
    hidden.first.click()
    expect(trial).to_contain_text("Refused")
    expect(trial.get_by_role("row", name="public = true")).to_contain_text("does not hold")
    expect(hidden.first).to_have_attribute("aria-pressed", "true")
    expect(trial.get_by_label("Which record")).to_have_value(hidden.first.inner_text())


def test_a_record_to_view_is_drawn_that_is_refused(desk: ConsoleDesk, page: Page) -> None:
    desk.open(page, "/data/letters/rules")
    trial = page.get_by_role("region", name="Test as")
    trial.get_by_label("Action").select_option("view")
    drawn = trial.get_by_label("Which record")
    trial.get_by_role("button", name="Any record").click()
    expect(drawn).not_to_have_value("")
    trial.get_by_role("button", name="One that is refused").click()
    expect(drawn).to_have_value(_one_of(SECRET))
    trial.get_by_role("button", name="Test", exact=True).click()
    expect(trial).to_contain_text("Refused")
    trial.get_by_label("Action").select_option("delete")
    expect(trial.get_by_role("button", name="One that is refused")).to_be_hidden()


def test_a_role_alone_and_the_rest_of_a_request_are_tried(desk: ConsoleDesk, page: Page) -> None:
    permission = {"collection": "letters", "actions": ["list"], "rule": "@request.headers.x_post = 'yes'"}
    made = desk.client.post("/roles", json={"name": "postman", "permissions": [permission]})
    assert made.status_code == 200, made.text
    desk.open(page, "/data/letters/rules")
    trial = page.get_by_role("region", name="Test as")
    trial.get_by_label("Who").select_option("A role alone")
    trial.get_by_label("Which role").select_option("postman")
    trial.get_by_role("button", name="Test", exact=True).click()
    expect(trial).to_contain_text("sees 2 of 9")
    trial.get_by_text("What else a rule may ask of the request").click()
    trial.get_by_label("Headers, JSON").fill('{"X-Post": "yes"}')
    trial.get_by_role("button", name="Test", exact=True).click()
    expect(trial).to_contain_text("sees 9 of 9")
    desk.client.delete("/roles/postman")


def test_a_name_in_a_rule_says_its_type_and_a_misspelt_one_is_put_right_by_a_click(
    desk: ConsoleDesk, opened: Callable[..., Opened]
) -> None:
    page = opened("status of 400", viewport={"width": 1440, "height": 900}).page
    desk.open(page, "/data/letters/rules")
    page.get_by_role("radio", name="Custom").nth(2).check()
    rule = page.get_by_label("Create rule")
    rule.fill("publc = true")
    page.get_by_role("button", name="Change it to public").click()
    expect(rule).to_have_value("public = true")
    rule.press("Home")
    expect(page.get_by_test_id("createRule-meaning")).to_have_text("public: bool")


def test_the_history_names_who_changed_a_record_by_the_address(desk: ConsoleDesk, page: Page) -> None:
    (letter,) = desk.records("letters", filter="title = 'Open 0'")
    desk.open(page, f"/data/letters?record={letter['id']}")
    page.get_by_role("dialog", name="Open 0").get_by_role("button", name="History").click()
    expect(page.get_by_role("dialog", name="Open 0")).to_contain_text(f"superuser {desk.served.email}")


def test_a_json_list_goes_out_and_comes_in(desk: ConsoleDesk, page: Page) -> None:
    desk.open(page, "/data/letters?transfer=export")
    sheet = page.get_by_role("dialog", name="Export")
    sheet.get_by_label("Format").select_option("json")
    file = _export(page, sheet)
    assert len(json.loads(file.read_text("utf-8"))) == 9
    desk.go(page, "/data/crates?transfer=import")
    _take(page, file)
    expect(page.get_by_role("dialog", name="Import")).to_contain_text("JSON, a list of records")
    _import(page)
    expect(page.get_by_role("dialog", name="Import")).to_contain_text("Imported: 9 of 9 lines")
    _empty(desk)


def test_dates_with_the_day_first_are_seen_to_be_and_read_as_that(desk: ConsoleDesk, page: Page) -> None:
    desk.define("trips", [{"name": "title", "type": "text"}, {"name": "begins", "type": "date"}])
    desk.open(page, "/data/trips?transfer=import")
    sheet = page.get_by_role("dialog", name="Import")
    sheet.get_by_label("Or paste the rows").fill("title;begins\nNorth;3.4.2026\nSouth;20.11.2026 09:15\n")
    sheet.get_by_role("button", name="Take what was pasted").click()
    sheet.get_by_role("button", name="Next: columns").click()
    expect(sheet.get_by_label("Dates are written")).to_have_value("dmy")
    sheet.get_by_role("button", name="Next: try it").click()
    sheet.get_by_role("button", name="Import", exact=True).click()
    expect(sheet).to_contain_text("Imported: 2 of 2 lines")
    began = [one["begins"] for one in desk.records("trips", sort="title")]
    assert began == ["2026-04-03 00:00:00.000Z", "2026-11-20 09:15:00.000Z"]


def test_null_has_a_text_of_its_own_in_a_file(desk: ConsoleDesk, page: Page) -> None:
    desk.open(page, "/data/letters?transfer=export")
    sheet = page.get_by_role("dialog", name="Export")
    sheet.get_by_label("For null").fill("NULL")
    file = _export(page, sheet)
    assert file.read_text("utf-8").count("NULL") == len(SECRET)
    desk.go(page, "/data/crates?transfer=import")
    _take(page, file)
    page.get_by_role("dialog", name="Import").get_by_role("button", name="Next: columns").click()
    page.get_by_label("Null is written").fill("NULL")
    page.get_by_role("button", name="Next: try it").click()
    page.get_by_role("dialog", name="Import").get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("dialog", name="Import")).to_contain_text("Imported: 9 of 9 lines")
    assert {one["title"] for one in desk.records("crates") if one["note"] is None} == set(SECRET)
    _empty(desk)


def test_the_encoding_of_a_file_can_be_chosen(desk: ConsoleDesk, page: Page, tmp_path: Path) -> None:
    file = tmp_path / "crates.csv"
    file.write_bytes("title\nMüller\n".encode("utf-16-be"))  # without a mark: nothing says so
    desk.open(page, "/data/crates?transfer=import")
    _take(page, file)
    sheet = page.get_by_role("dialog", name="Import")
    expect(sheet.get_by_label("Encoding")).to_have_value("windows-1252")
    sheet.get_by_label("Encoding").select_option("UTF-16, big-endian")
    expect(sheet.get_by_role("region", name="The first lines")).to_contain_text("Müller")
    _import(page)
    expect(sheet).to_contain_text("Imported: 1 of 1 lines")
    assert [one["title"] for one in desk.records("crates")] == ["Müller"]
    _empty(desk)


def _one_of(titles: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, titles)))


def _export(page: Page, sheet: Locator) -> Path:
    sheet.get_by_label("All fields").check()
    with page.expect_download() as download:
        sheet.get_by_role("button", name="Export").click()
    return Path(download.value.path())


def _take(page: Page, file: Path) -> None:
    name = {"[": "file.json"}.get(file.read_text("latin-1")[:1], "file.csv")
    content = {"name": name, "mimeType": "application/octet-stream", "buffer": file.read_bytes()}
    page.get_by_role("dialog", name="Import").get_by_label("File", exact=True).set_input_files(content)


def _import(page: Page) -> None:
    sheet = page.get_by_role("dialog", name="Import")
    for name in ("Next: columns", "Next: try it", "Import"):
        sheet.get_by_role("button", name=name, exact=True).click()


def _empty(desk: ConsoleDesk) -> None:
    desk.client.delete("/collections/crates/truncate").raise_for_status()
