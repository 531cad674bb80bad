"""An import whose file is sent in pieces: paused, broken off by a bad line, sent once for the try and the import."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Request, Route, expect

from console_desk import ConsoleDesk, console_desk
from served import Served
from web_page import Opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
LINES = 1200
PAD = "x" * 9_000  # bytes of each line: three pieces in all
UPLOADS = "**/api/files/uploads/*"


@pytest.fixture
def desk(served: Served) -> Iterator[ConsoleDesk]:
    with console_desk(served) as made:
        made.define("parcels", [{"name": "title", "type": "text", "max": 20_000}, {"name": "n", "type": "number"}])
        yield made


@pytest.fixture
def page(opened: Callable[..., Opened]) -> Page:
    """A page whose line may break."""
    return opened("Failed to load resource: net::ERR", viewport={"width": 1440, "height": 900}).page


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "parcels.csv"
    path.write_text("title,n\n" + "".join(f"{PAD},{number}\n" for number in range(LINES)), "utf-8")
    return path


def begin(desk: ConsoleDesk, page: Page, file: Path) -> Locator:
    """The wizard, with the file sent on its way for the try."""
    desk.open(page, "/data/parcels?transfer=import")
    sheet = page.get_by_role("dialog", name="Import")
    sheet.get_by_label("File", exact=True).set_input_files(file)
    sheet.get_by_role("button", name="Next: columns").click()
    sheet.get_by_role("button", name="Next: try it").click()
    return sheet


def test_a_file_is_sent_once_for_its_try_and_its_import(desk: ConsoleDesk, page: Page, file: Path) -> None:
    pieces: list[str] = []

    def note(request: Request) -> None:
        if request.method == "PATCH" and "/api/files/uploads/" in request.url:
            pieces.append(request.headers["upload-offset"])

    page.on("request", note)
    sheet = begin(desk, page, file)
    expect(sheet).to_contain_text("All 1,200 lines are right", timeout=60_000)
    sheet.get_by_role("button", name="Import", exact=True).click()
    expect(sheet).to_contain_text("Imported: 1,200 of 1,200 lines", timeout=60_000)
    assert pieces == ["0", str(4 << 20), str(8 << 20)]
    assert desk.client.get("/collections/parcels/records").json()["totalItems"] == LINES


def test_a_line_that_breaks_is_waited_for_and_the_file_goes_on_behind_what_has_come(
    desk: ConsoleDesk, page: Page, file: Path
) -> None:
    broken: list[str] = []

    def break_once(route: Route) -> None:
        offset = route.request.headers.get("upload-offset", "")
        if route.request.method == "PATCH" and offset != "0" and not broken:
            broken.append(offset)
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route(UPLOADS, break_once)
    sheet = begin(desk, page, file)
    expect(sheet).to_contain_text("All 1,200 lines are right", timeout=60_000)
    assert broken == [str(4 << 20)]


def test_a_file_on_its_way_is_paused_and_goes_on(desk: ConsoleDesk, page: Page, file: Path) -> None:
    held: list[Route] = []
    page.route(UPLOADS, lambda route: held.append(route) if _is_second(route, held) else route.continue_())
    sheet = begin(desk, page, file)
    expect(sheet).to_contain_text("4.0 MB of 10.3 MB sent")
    sheet.get_by_role("button", name="Pause").click()
    expect(sheet).to_contain_text("paused, 4.0 MB of 10.3 MB sent")
    sheet.get_by_role("button", name="Go on").click()
    expect(sheet).to_contain_text("All 1,200 lines are right", timeout=60_000)


def test_a_file_on_its_way_is_given_up_and_leaves_nothing(desk: ConsoleDesk, page: Page, file: Path) -> None:
    held: list[Route] = []
    page.route(UPLOADS, lambda route: held.append(route) if _is_second(route, held) else route.continue_())
    sheet = begin(desk, page, file)
    expect(sheet).to_contain_text("4.0 MB of 10.3 MB sent")
    with page.expect_response(lambda answer: answer.request.method == "DELETE") as gone:
        sheet.get_by_role("button", name="Cancel it").click()
    assert gone.value.status == 204
    expect(sheet).to_contain_text("You cancelled it. Nothing was imported.")


def test_an_import_that_is_cancelled_before_its_first_figures_is_cancelled_with_them(
    desk: ConsoleDesk, page: Page, file: Path
) -> None:
    held: list[Route] = []
    listed: list[dict[str, object]] = []
    page.route("**/records/import?*", lambda route: held.append(route))
    page.route("**/api/collections/parcels/imports", lambda route: route.fulfill(json=listed))
    page.route("**/api/collections/parcels/imports/late", lambda route: route.fulfill(status=204))
    with page.expect_request("**/records/import?*"):
        sheet = begin(desk, page, file)
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        sheet.get_by_role("button", name="Cancel it").click()
    counts = {"bytes": 0, "size": 9, "read": 0, "inserted": 0, "updated": 0, "skipped": 0, "failed": 0}
    words = {"message": "", "canUndo": False, "started": "2026-11-22 09:00:00.000Z", "ended": ""}
    with page.expect_request(lambda request: request.method == "DELETE" and request.url.endswith("/imports/late")):
        listed.append({"id": "late", "state": "reading", **counts, **words})
    held[0].abort()
    expect(sheet).to_contain_text("Nothing was imported.")


def _is_second(route: Route, held: list[Route]) -> bool:
    """Whether this is the second piece, for the first time: it is kept waiting."""
    return route.request.method == "PATCH" and route.request.headers.get("upload-offset") != "0" and not held
