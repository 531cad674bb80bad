"""The page that the links in mails lead to, in a real browser, with links from real mails."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from mail_sink import Mailbox, mail_server
from served import Served

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
PASSWORD = "a password of somebody"


class Site:
    """A server whose mails go to `mailbox`, asked as its superuser."""

    def __init__(self, served: Served, mailbox: Mailbox) -> None:
        self.url = served.url
        self.mailbox = mailbox
        self.client = httpx.Client(base_url=f"{served.url}/api/collections/")
        body = {"identity": served.email, "password": served.password}
        answer = self.client.post("_superusers/auth-with-password", json=body)
        self.client.headers["Authorization"] = answer.json()["token"]

    def person(self, email: str) -> dict[str, Any]:
        body = {"email": email, "password": PASSWORD, "passwordConfirm": PASSWORD}
        answer = self.client.post("users/records", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def record(self, person: dict[str, Any]) -> dict[str, Any]:
        return self.client.get(f"users/records/{person['id']}").json()

    def link(self, to: str, flow: str, **body: str) -> str:
        """The link in the mail that somebody asks for, on this server's own address."""
        answer = self.client.post(f"users/request-{flow}", json=body or {"email": to})
        assert answer.status_code == 204, answer.text
        for _ in range(1000):
            if letters := self.mailbox.to(to):
                return f"{self.url}/_/#" + letters[-1].find(r"/_/#(\S+?)[\s>)]")
            httpx.get(f"{self.url}/api/health")
        raise AssertionError(f"no mail to {to}")

    def log_in(self, email: str, password: str) -> httpx.Response:
        body = {"identity": email, "password": password}
        return httpx.post(f"{self.url}/api/collections/users/auth-with-password", json=body)


@pytest.fixture(scope="module")
def site(served: Served) -> Iterator[Site]:
    with mail_server() as mailbox:
        made = Site(served, mailbox)
        settings = f"{served.url}/api/settings"
        assert made.client.patch(settings, json={"smtp": mailbox.options}).status_code == 200
        yield made
        made.client.patch(settings, json={"smtp": {"enabled": False}})
        made.client.close()


def test_a_link_confirms_an_address_and_the_token_is_gone_from_the_address_bar(site: Site, page: Page) -> None:
    person = site.person("confirm@example.com")
    page.goto(site.link("confirm@example.com", "verification"))
    expect(page.get_by_role("heading")).to_have_text("Thank you")
    assert site.record(person)["verified"] is True
    assert page.url == f"{site.url}/_/links"


def test_a_link_sets_a_new_password_and_says_what_is_wrong_with_one(site: Site, page: Page) -> None:
    site.person("reset@example.com")
    link = site.link("reset@example.com", "password-reset")
    page.goto(link)
    expect(page.get_by_role("heading")).to_have_text("Choose a new password")
    page.get_by_label("New password").fill("another password")
    page.get_by_label("Once more").fill("another passwort")
    page.get_by_role("button").click()
    expect(page.locator("#passwordConfirm-wrong")).to_have_text("Does not match the password.")
    page.get_by_label("Once more").fill("another password")
    page.get_by_role("button").click()
    expect(page.get_by_role("heading")).to_have_text("Your password is changed")
    assert site.log_in("reset@example.com", "another password").status_code == 200
    page.goto("about:blank")
    page.goto(link)
    page.get_by_label("New password").fill("a third password")
    page.get_by_label("Once more").fill("a third password")
    page.get_by_role("button").click()
    expect(page.get_by_role("heading")).to_have_text("This link does not hold")


def test_a_link_changes_the_email_for_who_knows_the_password(site: Site, page: Page) -> None:
    person = site.person("before@example.com")
    token = site.log_in("before@example.com", PASSWORD).json()["token"]
    asked = {"newEmail": "after@example.com"}
    path = f"{site.url}/api/collections/users/request-email-change"
    assert httpx.post(path, json=asked, headers={"Authorization": token}).status_code == 204
    for _ in range(1000):
        if letters := site.mailbox.to("after@example.com"):
            break
        httpx.get(f"{site.url}/api/health")
    page.goto(f"{site.url}/_/#/auth/confirm-email-change/{letters[-1].token}")
    expect(page.locator("#new-email")).to_have_text("after@example.com")
    page.get_by_label("Your password").fill("wrong")
    page.get_by_role("button").click()
    expect(page.locator("#current-wrong")).to_have_text("Not the password of this account.")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button").click()
    expect(page.get_by_role("heading")).to_have_text("Your email is changed")
    assert site.record(person)["email"] == "after@example.com"


@pytest.mark.parametrize(
    ("fragment", "title"),
    [
        pytest.param("", "There is nothing to do here", id="no link"),
        pytest.param("#/auth/nothing/abc", "There is nothing to do here", id="a link to nothing"),
        pytest.param("#/auth/confirm-verification/constructor", "This link does not hold", id="half a token"),
        pytest.param(
            "#/auth/confirm-verification/eyJhbGciOiJIUzI1NiJ9.eyJpZCI6ImEifQ.x",
            "This link does not hold",
            id="a token of nothing",
        ),
    ],
)
def test_a_link_that_leads_nowhere_says_so(site: Site, page: Page, fragment: str, title: str) -> None:
    page.goto(f"{site.url}/_/links{fragment}")
    expect(page.get_by_role("heading")).to_have_text(title)
