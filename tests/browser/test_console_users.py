"""People, roles and a beginning in a real browser: what an operator does about accounts, and the first request."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from oauth2_provider import OidcProvider
from served import Served
from web_page import Opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
ANN = {"email": "ann@example.com", "password": "ann's password", "passwordConfirm": "ann's password"}
BOB = {"email": "bob@example.com", "password": "bob's password", "passwordConfirm": "bob's password"}
SCREENS = ["/users/users?user=ANN", "/users/users/sign-in", "/users/users/mails", "/access/roles?role=new", "/start"]
OTHERS = ["/users/users", "/access/tests?test=new", "/settings", "/start/file", "/start/call/notes"]


@pytest.fixture(scope="module")
def root(served: Served) -> Iterator[httpx.Client]:
    """The server, asked as its superuser, with two people and the notes that are theirs."""
    with httpx.Client(base_url=f"{served.url}/api", timeout=30) as client:
        body = {"identity": served.email, "password": served.password}
        token = client.post("/collections/_superusers/auth-with-password", json=body).json()["token"]
        client.headers["Authorization"] = token
        ids = [client.post("/collections/users/records", json=one).json()["id"] for one in (ANN, BOB)]
        own = "owner = @request.auth.id"
        fields = [{"name": "title", "type": "text"}, {"name": "owner", "type": "relation", "collectionId": "users"}]
        rules = {"listRule": own, "viewRule": own, "updateRule": own}
        client.post("/collections", json={"name": "notes", "fields": fields, **rules}).raise_for_status()
        for title, owner in (("Ann's note", ids[0]), ("Bob's note", ids[1])):
            client.post("/collections/notes/records", json={"title": title, "owner": owner}).raise_for_status()
        yield client
        for name in ("notes", "tasks", "projects"):
            client.delete(f"/collections/{name}?ruleTests=skip")
        for id in ids:
            client.delete(f"/collections/users/records/{id}")


@pytest.fixture
def console(served: Served, root: httpx.Client, opened: Callable[..., Opened]) -> Callable[..., Page]:
    """Opens a screen of the console, logged in."""

    def open_screen(path: str, expected: str = "", **options: Any) -> Page:
        one = opened(expected, **{"viewport": {"width": 1440, "height": 900}, **options})
        one.page.goto(f"{served.url}/_{path}")
        one.page.get_by_label("Email").fill(served.email)
        one.page.get_by_label("Password", exact=True).fill(served.password)
        one.page.get_by_role("button", name="Sign in").click()
        return one.page

    return open_screen


def person(root: httpx.Client, email: str) -> str:
    found = root.get("/collections/users/records", params={"filter": f"email = '{email}'"}).json()
    return found["items"][0]["id"]


def log_in(root: httpx.Client, who: dict[str, str]) -> httpx.Response:
    body = {"identity": who["email"], "password": who["password"], "session": True}
    url = f"{root.base_url}collections/users/auth-with-password"
    return httpx.post(url, json=body, headers={"User-Agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"})


def test_an_account_is_verified_given_a_role_blocked_and_looked_at(
    root: httpx.Client, console: Callable[..., Page]
) -> None:
    assert log_in(root, ANN).status_code == 200
    page = console("/access/roles", "status of 400")
    page.get_by_role("button", name="New role").click()
    sheet = page.get_by_role("dialog", name="New role")
    sheet.get_by_label("Name").fill("helper")
    sheet.get_by_label("In", exact=True).select_option("notes")
    sheet.get_by_label("Only records for which").fill("titel = 'x'")
    sheet.get_by_role("button", name="Create role").click()
    expect(sheet.locator("#permission-0-rule-wrong")).to_contain_text("titel")
    sheet.get_by_label("Only records for which").fill("title ~ 'note'")
    sheet.get_by_role("button", name="Create role").click()
    expect(page.get_by_text("Created helper")).to_be_visible()

    page.get_by_role("link", name="Users", exact=True).click()
    page.get_by_role("button", name=ANN["email"]).click()
    user = page.get_by_role("dialog", name=ANN["email"])
    user.get_by_role("button", name="Mark as verified").click()
    expect(user.get_by_role("button", name="Take back")).to_be_visible()
    user.get_by_label("helper").check()
    expect(page.get_by_text(f"{ANN['email']} is helper")).to_be_visible()
    expect(user.get_by_text("Firefox on Linux")).to_be_visible()
    user.get_by_role("button", name="End the session").click()
    expect(page.get_by_text("Ended the session")).to_be_visible()
    record = root.get(f"/collections/users/records/{person(root, ANN['email'])}").json()
    assert (record["verified"], record["roles"]) == (True, ["helper"])

    user.get_by_role("button", name="Block…").click()
    page.get_by_label("Why").fill("Asks too much")
    page.get_by_role("button", name="Block", exact=True).click()
    expect(user.get_by_text("Asks too much")).to_be_visible()
    assert log_in(root, ANN).status_code == 403
    user.get_by_role("button", name="Unblock").click()
    expect(user.get_by_role("button", name="Block…")).to_be_visible()
    assert log_in(root, ANN).status_code == 200


def test_records_are_seen_as_somebody_else_under_a_banner(root: httpx.Client, console: Callable[..., Page]) -> None:
    # What asked as the superuser until then is refused to somebody else, and so is a filter by what is hidden.
    page = console(f"/users/users?user={person(root, BOB['email'])}", "status of 40")
    page.get_by_role("dialog", name=BOB["email"]).get_by_role("button", name="View as").click()
    banner = page.get_by_role("status", name="As somebody else")
    expect(banner).to_contain_text(BOB["email"])
    page.get_by_role("link", name="notes").click()
    expect(page.get_by_role("gridcell", name="Bob's note")).to_be_visible()
    expect(page.get_by_role("gridcell", name="Ann's note")).to_have_count(0)
    banner.get_by_role("button", name="Be yourself again").click()
    expect(banner).to_be_hidden()
    page.get_by_role("button", name="Close").first.click()
    page.get_by_role("link", name="Data", exact=True).click()
    page.get_by_role("link", name="notes").click()
    expect(page.get_by_role("gridcell", name="Ann's note")).to_be_visible()


def test_a_file_is_imported_as_somebody_else(root: httpx.Client, console: Callable[..., Page]) -> None:
    permission = {"collection": "notes", "actions": ["create"]}
    role = root.post("/roles", json={"name": "importer", "permissions": [permission]}).json()["id"]
    bob = f"/collections/users/records/{person(root, BOB['email'])}"
    root.patch(bob, json={"roles": ["importer"]}).raise_for_status()
    page = console(f"/users/users?user={person(root, BOB['email'])}", "status of 40")
    page.get_by_role("dialog", name=BOB["email"]).get_by_role("button", name="View as").click()
    expect(page.get_by_role("status", name="As somebody else")).to_contain_text(BOB["email"])
    page.get_by_role("link", name="notes").click()
    page.get_by_role("button", name="Import", exact=True).click()
    sheet = page.get_by_role("dialog", name="Import")
    file = {"name": "notes.csv", "mimeType": "text/csv", "buffer": b"title\nBob's first\nBob's second\n"}
    sheet.get_by_label("File", exact=True).set_input_files(file)
    sheet.get_by_role("button", name="Next: columns").click()
    sheet.get_by_role("button", name="Next: try it").click()
    expect(sheet).to_contain_text("All 2 lines are right")
    sheet.get_by_role("button", name="Import", exact=True).click()
    expect(sheet).to_contain_text("Imported: 2 of 2 lines")
    root.patch(bob, json={"roles": []}).raise_for_status()
    root.delete(f"/roles/{role}").raise_for_status()
    for one in root.get("/collections/notes/records", params={"filter": "owner = ''"}).json()["items"]:
        root.delete(f"/collections/notes/records/{one['id']}").raise_for_status()


def test_a_provider_is_tried_and_a_mail_is_shown_before_anybody_gets_it(
    served: Served, root: httpx.Client, console: Callable[..., Page], openid: OidcProvider
) -> None:
    openid.person("sub-1", email="new@example.com", email_verified=True, name="Nora New")
    page = console("/users/users/sign-in")
    page.get_by_role("button", name="Add a provider").click()
    sheet = page.get_by_role("dialog", name="Add a provider")
    sheet.get_by_label("Provider").select_option("oidc")
    sheet.get_by_label("Client id").fill("our-app")
    sheet.get_by_label("Client secret").fill("hush")
    sheet.get_by_label("Issuer").fill(openid.url)
    sheet.get_by_role("button", name="Add provider").click()
    page.get_by_role("button", name="Save sign-in").click()
    expect(page.get_by_text("Saved how people log in")).to_be_visible()
    page.get_by_role("button", name="Test sign-in").click()
    with page.expect_popup() as window:
        page.get_by_role("button", name="Log in there").click()
    window.value.locator("input[name=sub]").fill("sub-1")
    window.value.get_by_role("button").first.click()
    trial = page.get_by_role("dialog", name="Test sign-in")
    expect(trial.get_by_text("Nora New")).to_be_visible()
    expect(trial).to_contain_text("A new account would be made")
    trial.get_by_role("button", name="Close").last.click()

    page.get_by_role("link", name="Mails").click()
    page.get_by_label("Subject").fill("Hello {RECORD:email}")
    expect(page.locator("[data-subject]")).to_have_text("Hello somebody@example.com")
    page.get_by_label("Body, HTML").fill('<p style="color: red">Click <script>alert(1)</script>{TOKEN}</p>')
    expect(page.frame_locator("iframe").get_by_text("test-token")).to_be_visible()
    page.get_by_role("button", name="Discard").click()
    root.patch("/collections/users", json={"oauth2": {"providers": []}}).raise_for_status()


def test_a_beginning_with_sample_data_ends_in_a_request_that_turns_green(
    served: Served, root: httpx.Client, console: Callable[..., Page]
) -> None:
    page = console("/start")
    page.get_by_role("button", name="Look around A template").click()
    page.get_by_role("button", name="Look around Tasks").click()
    expect(page.get_by_role("gridcell", name="Order the desks")).to_be_visible()
    page.get_by_role("link", name="Call it from your code").click()
    heard = page.locator("[data-heard]")
    page.get_by_role("button", name="Make a key for this").click()
    code = page.locator("pre.code")
    expect(code).to_contain_text("hf_")
    key = next(part for part in code.inner_text().replace('"', " ").split() if part.startswith("hf_"))
    url = f"{root.base_url}collections/tasks/records"
    assert httpx.get(url, headers={"X-API-Key": "hf_wrong"}).status_code == 401
    expect(heard).to_contain_text("The key did not come along")
    assert httpx.get(url, headers={"X-API-Key": key}).status_code == 200
    expect(heard).to_contain_text("It works.")
    page.goto(f"{served.url}/_/start")
    page.get_by_role("button", name="Remove it all…").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_text("Removed the sample data")).to_be_visible()
    assert root.get("/collections/tasks").status_code == 404


def test_customers_are_there_to_look_around_in_and_go_again(
    served: Served, root: httpx.Client, console: Callable[..., Page]
) -> None:
    page = console("/start")
    page.get_by_role("button", name="Look around A template").click()
    page.get_by_role("button", name="Look around Customers").click()
    expect(page.get_by_role("gridcell", name="Two ovens")).to_be_visible()
    page.goto(f"{served.url}/_/start")
    page.get_by_role("button", name="Remove it all…").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_text("Removed the sample data")).to_be_visible()
    assert root.get("/collections/deals").status_code == 404


def test_plain_tables_are_one_click_away_and_one_back(
    served: Served, root: httpx.Client, console: Callable[..., Page]
) -> None:
    page = console("/data/notes")
    page.get_by_role("link", name="Plain tables").click()
    page.get_by_role("link", name="notes").first.click()
    expect(page.get_by_text("Ann's note")).to_be_visible()
    page.locator("#holdfast-back").click()
    expect(page.get_by_role("navigation", name="Sections")).to_be_visible()


@pytest.mark.parametrize(
    "screens", [pytest.param(SCREENS, id="most"), pytest.param(OTHERS, id="the others", marks=pytest.mark.long)]
)
def test_nothing_is_wrong_on_the_screens_of_people_and_beginnings(
    served: Served, root: httpx.Client, console: Callable[..., Page], axe: str, screens: list[str]
) -> None:
    page = console("/users")
    expect(page.get_by_role("navigation", name="Sections")).to_be_visible()
    one = Opened(page)
    for path in screens:
        page.goto(f"{served.url}/_{path.replace('ANN', person(root, ANN['email']))}")
        expect(page.locator("h1, [role=dialog] h2").first).to_be_visible()
        page.wait_for_load_state("networkidle")
        page.set_viewport_size({"width": 1440, "height": 900})
        page.emulate_media(color_scheme="light")
        assert one.faults(axe) == [], path
        page.set_viewport_size({"width": 900, "height": 900})
        page.emulate_media(color_scheme="dark")
        assert one.faults(axe, of_colours=True) == [], path
        assert one.wider_than_the_window() == [], path
