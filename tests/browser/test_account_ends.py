"""Accounts that end, in a real browser: one is anonymised, two become one."""

import itertools
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from console_desk import ConsoleDesk, console_desk
from served import Served
from web_page import Opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def desk(served: Served) -> Iterator[ConsoleDesk]:
    with console_desk(served) as desk:
        desk.define("members", [{"name": "name", "type": "text"}, {"name": "born", "type": "date"}], type="auth")
        customer = {"name": "customer", "type": "relation", "collectionId": "members", "maxSelect": 1}
        desk.define("purchases", [customer])
        yield desk


@pytest.fixture
def one(opened: Callable[..., Opened]) -> Opened:
    return opened("status of 40", viewport={"width": 1440, "height": 900})


def member(desk: ConsoleDesk, name: str) -> tuple[str, str]:
    """Somebody new: the id and the email."""
    email = f"{name}{next(NUMBERS)}@members.example"
    body = {"email": email, "password": "a password", "passwordConfirm": "a password", "name": name}
    answer = desk.client.post("/collections/members/records", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["id"], email


def chosen(page: Page, email: str, action: str) -> None:
    user = page.get_by_role("dialog", name=email)
    user.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name=action).click()


def faults(one: Opened, axe: str) -> list[str]:
    found = one.faults(axe)
    one.page.emulate_media(color_scheme="dark")
    found += one.faults(axe, of_colours=True)
    one.page.emulate_media(color_scheme="light")
    return found


def test_an_account_is_anonymised_after_it_was_said_what_goes(desk: ConsoleDesk, one: Opened, axe: str) -> None:
    id, email = member(desk, "Ann")
    page = desk.open(one.page, f"/users/members?user={id}")
    chosen(page, email, "Anonymise…")
    sheet = page.get_by_role("dialog", name=re.compile("^Anonymise"))
    expect(sheet.get_by_label("name")).to_be_checked()
    expect(sheet).to_contain_text("With it goes: its password")
    assert faults(one, axe) == []
    sheet.get_by_label("born").uncheck()
    sheet.get_by_role("button", name="Anonymise").click()
    expect(page.get_by_text(re.compile("Anonymised the account: 2 fields blanked"))).to_be_visible()
    [found] = desk.records("members", filter=f"id='{id}'")
    assert (found["email"], found["name"]) == ("", "")


def test_two_accounts_become_one_after_it_was_counted(desk: ConsoleDesk, one: Opened, axe: str) -> None:
    (gone, old), (stays, new) = member(desk, "Bea"), member(desk, "Bea")
    desk.make("purchases", {"customer": gone}, {"customer": gone})
    page = desk.open(one.page, f"/users/members?user={gone}")
    chosen(page, old, "Merge into another account…")
    sheet = page.get_by_role("dialog", name=re.compile("^Merge"))
    sheet.get_by_label("The account that stays").press_sequentially(new)
    page.get_by_role("option", name=new).click()
    sheet.get_by_role("button", name="Count").click()
    expect(sheet.get_by_role("region", name="What the merge does")).to_contain_text(
        "2 records point at the other account"
    )
    assert faults(one, axe) == []
    assert len(desk.records("purchases", filter=f"customer='{gone}'")) == 2
    sheet.get_by_role("button", name="Merge", exact=True).click()
    expect(page.get_by_role("dialog", name=new)).to_be_visible()
    assert len(desk.records("purchases", filter=f"customer='{stays}'")) == 2
    assert desk.records("members", filter=f"id='{gone}'") == []


def test_a_merge_with_nobody_is_refused_at_the_field(desk: ConsoleDesk, one: Opened) -> None:
    id, email = member(desk, "Cas")
    page = desk.open(one.page, f"/users/members?user={id}")
    chosen(page, email, "Merge into another account…")
    page.get_by_label("The account that stays").fill("nobody")
    page.get_by_role("button", name="Count").click()
    expect(page.get_by_text("There is no such account in members.")).to_be_visible()
