"""Backups in a real browser: made, fetched, put back, checked, and restored while everybody is signed out."""

import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from console_desk import ConsoleDesk, console_desk
from holdfast.testing.postgres_host import new_home
from served import Served, Server, superuser
from web_page import Opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
# While the server changes over it refuses what is asked, and the session ends then.
REFUSED = "the server responded with a status of"


@pytest.fixture(scope="module")
def own() -> Iterator[Served]:
    """A server of its own: a restore puts all of it back, and the other tests with it."""
    folder = new_home()
    server = Server(folder / "data", "--port", "0")
    try:
        yield Served(server.started())
        assert server.stop() == 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def desk(own: Served) -> Iterator[ConsoleDesk]:
    with console_desk(own) as desk:
        desk.define("islands", [{"name": "title", "type": "text"}])
        yield desk


@pytest.fixture
def one(desk: ConsoleDesk, opened: Callable[..., Opened]) -> Opened:
    """A page that is about to be at the backups, of which there are none."""
    until(lambda: not running(desk))
    for backup in desk.client.get("/backups").json():
        until(lambda key=backup["key"]: desk.client.delete(f"/backups/{key}").status_code in (204, 404))
    return opened(REFUSED, viewport={"width": 1440, "height": 900}, accept_downloads=True)


def until(done: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something is so. The lock of work that has ended is let go a moment later."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def running(desk: ConsoleDesk) -> bool:
    return any(job["state"] == "running" for job in desk.client.get("/backups/jobs").json()["items"])


def faults(one: Opened, axe: str) -> list[str]:
    found = one.faults(axe)
    one.page.emulate_media(color_scheme="dark")
    found += one.faults(axe, of_colours=True)
    one.page.set_viewport_size({"width": 900, "height": 900})
    found += one.wider_than_the_window()
    one.page.emulate_media(color_scheme="light")
    one.page.set_viewport_size({"width": 1440, "height": 900})
    return found


def make(page: Page, name: str, note: str = "") -> None:
    """A backup, as somebody makes one."""
    page.get_by_role("button", name=re.compile("Create (the first )?backup")).first.click()
    form = page.get_by_role("dialog", name="Create backup")
    form.get_by_label("Name").fill(name)
    form.get_by_label("Note").fill(note)
    form.get_by_role("button", name="Create backup").click()
    expect(page.get_by_text(f"Made the backup {name}")).to_be_visible()


def opened_backup(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_a_backup_is_made_and_listed_with_what_is_in_it(desk: ConsoleDesk, one: Opened, axe: str) -> None:
    page = desk.open(one.page, "/settings/backups")
    expect(page.get_by_role("region", name="No backups yet")).to_be_visible()
    assert faults(one, axe) == []
    make(page, "first.zip", "Before the move")
    row = page.get_by_role("row").filter(has_text="first.zip")
    expect(row).to_contain_text("Before the move")
    expect(row).to_contain_text("by hand")
    assert faults(one, axe) == []
    opened_backup(page, "first.zip")
    expect(page.get_by_role("dialog", name="first.zip")).to_contain_text("the same")
    assert faults(one, axe) == []


def test_a_name_that_cannot_be_is_refused_at_the_field(desk: ConsoleDesk, one: Opened) -> None:
    page = desk.open(one.page, "/settings/backups?backup=new")
    page.get_by_role("dialog").get_by_label("Name").fill("../etc/passwd")
    page.get_by_role("dialog").get_by_role("button", name="Create backup").click()
    expect(page.get_by_label("Name")).to_have_attribute("aria-invalid", "true")
    assert desk.client.get("/backups").json() == []


def test_a_backup_is_fetched_and_put_back(desk: ConsoleDesk, one: Opened, tmp_path: Path) -> None:
    page = desk.open(one.page, "/settings/backups")
    make(page, "taken.zip")
    opened_backup(page, "taken.zip")
    with page.expect_download() as fetching:
        page.get_by_role("button", name="Download").click()
    archive = tmp_path / "brought.zip"
    fetching.value.save_as(archive)
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Upload…").click()
    page.get_by_label("Archive").set_input_files(archive)
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_role("row").filter(has_text="brought.zip")).to_contain_text("uploaded")


def test_what_is_no_backup_is_not_put_there(desk: ConsoleDesk, one: Opened, tmp_path: Path) -> None:
    (tmp_path / "letter.zip").write_bytes(b"Dear all")
    page = desk.open(one.page, "/settings/backups")
    page.get_by_role("button", name="Upload…").click()
    page.get_by_label("Archive").set_input_files(tmp_path / "letter.zip")
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_label("Archive")).to_have_attribute("aria-invalid", "true")
    assert desk.client.get("/backups").json() == []


def test_a_schedule_is_chosen_and_kept(desk: ConsoleDesk, one: Opened) -> None:
    page = desk.open(one.page, "/settings/backups")
    page.get_by_label("Backups are made").select_option(label="Every night at 03:00")
    page.get_by_label("Most that are kept").fill("7")
    page.get_by_role("button", name="Save schedule").click()
    expect(page.get_by_text("Saved the settings")).to_be_visible()
    assert desk.client.get("/settings").json()["backups"]["cron"] == "0 3 * * *"
    desk.go(page, "/")
    expect(page.get_by_role("link", name=re.compile("Last backup"))).to_be_visible()
    desk.client.patch("/settings", json={"backups": {"cron": "", "cronMaxKeep": 3}}).raise_for_status()


def test_a_backup_is_deleted_after_a_question(desk: ConsoleDesk, one: Opened) -> None:
    page = desk.open(one.page, "/settings/backups")
    make(page, "old.zip")
    opened_backup(page, "old.zip")
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("dialog", name="Delete old.zip?").get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("Deleted old.zip")).to_be_visible()
    assert desk.client.get("/backups").json() == []


def test_a_list_that_cannot_be_read_says_so_and_is_read_again(desk: ConsoleDesk, one: Opened) -> None:
    page = one.page
    page.route("**/api/backups", lambda route: route.fulfill(status=500, json={"message": "The disk is gone."}))
    desk.open(page, "/settings/backups")
    expect(page.get_by_text("The disk is gone.")).to_be_visible()
    page.unroute("**/api/backups")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("region", name="No backups yet")).to_be_visible()


def test_a_backup_is_checked_by_loading_it(desk: ConsoleDesk, one: Opened, axe: str) -> None:
    page = desk.open(one.page, "/settings/backups")
    make(page, "checked.zip")
    opened_backup(page, "checked.zip")
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_text("Checked checked.zip: all of it can be restored")).to_be_visible(timeout=120_000)
    expect(page.get_by_role("dialog", name="checked.zip")).to_contain_text("Sound")
    assert faults(one, axe) == []


def test_a_changed_record_comes_back_by_a_restore_which_is_followed_over_its_end(
    desk: ConsoleDesk, one: Opened, axe: str
) -> None:
    [island] = desk.make("islands", {"title": "Isle of May"})
    page = desk.open(one.page, "/settings/backups")
    make(page, "before.zip")
    desk.client.patch(f"/collections/islands/records/{island}", json={"title": "Sunk"}).raise_for_status()
    desk.define("storms", [{"name": "title", "type": "text"}])
    opened_backup(page, "before.zip")
    backup = page.get_by_role("dialog", name="before.zip")
    expect(backup).to_contain_text("cannot be told of islands")
    expect(backup.get_by_role("row").filter(has_text="storms")).to_contain_text("vanishes")
    backup.get_by_role("button", name="Restore…").click()
    asking = page.get_by_role("dialog", name="Restore before.zip?")
    expect(asking.get_by_role("button", name="Restore")).to_be_disabled()
    asking.get_by_label("Write before.zip to go on").fill("before.zip")
    assert faults(one, axe) == []
    asking.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("heading", name="Restored")).to_be_visible(timeout=120_000)
    assert faults(one, axe) == []
    expect(page.locator(".note .mono")).to_have_text(re.compile(r"\.zip$"))  # the safety backup
    page.get_by_role("button", name="Sign in").click()
    with superuser(desk.served) as client:  # the login of before may be none of then
        assert client.get(f"/collections/islands/records/{island}").json()["title"] == "Isle of May"
        assert client.get("/collections/storms").status_code == 404
        desk.client.headers["Authorization"] = client.headers["Authorization"]


def test_everything_is_backed_up_before_a_plan_that_loses_something(desk: ConsoleDesk, one: Opened) -> None:
    desk.define("ledgers", [{"name": "title", "type": "text"}, {"name": "body", "type": "text"}])
    desk.make("ledgers", {"title": "a", "body": "b"})
    page = desk.open(one.page, "/data/ledgers/schema")
    page.get_by_role("button", name="Drop body").click()
    page.get_by_role("button", name="Review plan").click()
    plan = page.get_by_role("dialog", name="Review plan")
    expect(plan.get_by_label("Back up first")).to_be_checked()
    plan.get_by_label(re.compile("will be lost")).check()
    plan.get_by_role("button", name="Apply").click()
    expect(plan).to_be_hidden(timeout=60_000)
    [backup] = desk.client.get("/backups").json()
    assert backup["note"] == "Before a plan for ledgers"
    assert backup["rows"] > 0


def test_a_new_server_goes_on_where_another_one_was(
    desk: ConsoleDesk, one: Opened, opened: Callable[..., Opened], axe: str, tmp_path: Path
) -> None:
    page = desk.open(one.page, "/settings/backups")
    [island] = desk.make("islands", {"title": "Moved"})
    make(page, "moving.zip")
    (tmp_path / "moving.zip").write_bytes(desk.client.get("/backups/moving.zip").content)
    folder = new_home()
    server = Server(folder / "data", "--port", "0", first=True)
    try:
        new = Served(server.started())
        first = opened(REFUSED, viewport={"width": 1440, "height": 900})
        first.page.goto(str(server.wait_for("started", having="setup_link")["setup_link"]))
        first.page.get_by_role("button", name="Restore a backup instead").click()
        first.page.get_by_label("Archive").set_input_files(tmp_path / "moving.zip")
        assert faults(first, axe) == []
        first.page.get_by_role("button", name="Restore", exact=True).click()
        expect(first.page.get_by_role("heading", name="Restored")).to_be_visible(timeout=120_000)
        with superuser(new) as client:
            assert client.get(f"/collections/islands/records/{island}").json()["title"] == "Moved"
        assert server.stop() == 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)
