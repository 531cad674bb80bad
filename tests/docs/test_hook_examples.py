"""The page with an example for each hook, at work; and every hook is used by something that runs."""

import ast
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio
import structlog

from desk import Desk
from holdfast.auth.tokens import peek
from holdfast.hooks.table import HOOKS
from holdfast.testing import Cluster, Project, in_one_loop, refusal, running_project
from oauth2_provider import OidcProvider, scripted_provider
from plugged import write_plugins
from sse import stream

ROOT = Path(__file__).parents[2]
PAGES = ("docs/how-to/plugins.md", "docs/how-to/plugin-examples.md", "docs/tutorial/plugin.md")
NOTES = "/api/collections/notes/records"
LOCAL = ("127.0.0.0/8", "::1/128")
PASSWORD = "a long enough password"


def examples(page: str) -> dict[str, str]:
    """The plugins of a page, by the names of their files."""
    text = (ROOT / page).read_text("utf-8")
    return dict(re.findall(r"^```python\n# plugins/([\w/]+)\.py\n(.*?)^```$", text, re.M | re.S))


def hooks_in(source: str) -> set[str]:
    """The hooks that a source overrides."""
    return {node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.AsyncFunctionDef)} & set(HOOKS)


def test_every_hook_is_used_by_a_bundled_plugin_or_an_example_that_runs():
    bundled = [path.read_text("utf-8") for path in (ROOT / "plugins").glob("*/__init__.py")]
    shown = [source for page in PAGES for source in examples(page).values()]
    used = {hook for source in (*bundled, *shown) for hook in hooks_in(source)}
    documented = set(re.findall(r"^\| `(\w+)\(", (ROOT / "docs/reference/hooks.md").read_text("utf-8"), re.M))
    assert used == set(HOOKS) == documented


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def project(holdfast_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Project]:
    """One project with all plugins of the page."""
    data = tmp_path_factory.mktemp("examples")
    folder = write_plugins(data / "written", **examples("docs/how-to/plugin-examples.md"))
    async with running_project(
        holdfast_cluster, data, plugins=sorted(folder.glob("*.py")), outbound_allow=LOCAL
    ) as made:
        fields = [{"name": name, "type": "text"} for name in ("title", "text")]
        flags = [{"name": name, "type": "bool"} for name in ("pinned", "draft")]
        author = {"name": "author", "type": "relation", "collectionId": made.collection("users").id}
        paper = {"name": "paper", "type": "file", "maxSelect": 1, "mimeTypes": []}
        await made.define("notes", [*fields, *flags, author, paper])
        users = made.collection("users")
        known = (await made.root.get(f"/api/collections/{users.id}")).json()["fields"]
        seen = {"name": "seen", "type": "date"}
        body = {"fields": [*known, seen], "createRule": "", "viewRule": "", "listRule": ""}
        changed = await made.root.patch("/api/collections/users", json=body)
        assert changed.status_code == 200, changed.text
        yield made


@pytest.fixture(autouse=True)
def lines() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as found:
        yield found


@in_one_loop
async def test_what_is_sent_is_tidied_up_and_what_is_needed_is_kept(project: Project):
    note = await project.create("notes", title="  Hello ", pinned=True)
    assert note["title"] == "Hello"
    refusal(await project.guest.delete(f"{NOTES}/{note['id']}"), 400, "bad_request")
    loose = await project.create("notes", title="loose")
    await project.events()
    await project.guest.delete(f"{NOTES}/{loose['id']}")
    assert [event.type for event in await project.events()] == ["notes.deleted", "keeper.gone"]
    refusal(await project.root.delete("/api/collections/notes"), 400, "bad_request")
    await project.define("others")
    assert "keeper.collections" in [event.type for event in await project.events()]


@in_one_loop
async def test_lists_views_and_aggregates_are_changed(project: Project):
    ann = await project.as_user("ann")
    note = await project.create("notes", title="read me", text="word " * 250, author=ann.id)
    await project.create("notes", title="read me", draft=True)
    wanted = {"filter": "title = 'read me'"}
    listed = (await project.guest.get(NOTES, params=wanted)).json()["items"]
    assert [(item["id"], item["minutes"]) for item in listed] == [(note["id"], 2)]
    drafts = {"filter": "title = 'read me' && draft = true"}
    assert len((await project.guest.get(NOTES, params=drafts)).json()["items"]) == 1
    viewed = (await project.guest.get(f"{NOTES}/{note['id']}")).json()
    assert viewed["expand"]["author"]["id"] == ann.id
    counted = (await project.guest.get(f"{NOTES}/aggregate", params={"select": "count()", **wanted})).json()
    assert (counted["items"], counted["without"]) == ([{"count()": 1}], "drafts")


@in_one_loop
async def test_files_are_looked_into_told_of_and_saved(project: Project):
    await project.events()
    made = await project.guest.post(NOTES, data={"title": "file"}, files={"paper": ("a.txt", b"one\r\ntwo\r\n")})
    assert made.status_code == 200, made.text
    note = made.json()
    (stored,) = [event for event in await project.events() if event.type == "scans.stored"]
    assert stored.record is not None
    assert (stored.record["name"], stored.record["bytes"]) == (note["paper"], 8)
    served = await project.guest.get(f"/api/files/notes/{note['id']}/{note['paper']}")
    assert served.content == b"one\ntwo\n"
    assert served.headers["content-disposition"].startswith("attachment")
    empty = await project.guest.post(NOTES, data={"title": "file"}, files={"paper": ("a.txt", b"  \n")})
    assert refusal(empty, 400, "validation_failed")["data"]["paper"]["code"] == "validation_empty_file"


@in_one_loop
async def test_the_door_knows_who_comes_in(project: Project):
    def account(email: str) -> dict[str, str]:
        return {"email": email, "password": PASSWORD, "passwordConfirm": PASSWORD}

    path = "/api/collections/users"
    other = await project.guest.post(f"{path}/records", json=account("eve@elsewhere.test"))
    assert refusal(other, 400, "validation_failed")["data"]["email"]["code"] == "validation_company"
    for name in ("bob", "closed"):
        assert (await project.guest.post(f"{path}/records", json=account(f"{name}@example.com"))).status_code == 200
    log_in = f"{path}/auth-with-password"
    closed = await project.guest.post(log_in, json={"identity": "closed@example.com", "password": PASSWORD})
    refusal(closed, 403, "forbidden")
    bob = (await project.guest.post(log_in, json={"identity": "bob@example.com", "password": PASSWORD})).json()
    assert bob["meta"]["method"] == "password"
    assert peek(bob["token"]) is not None
    assert '"plan":"free"' in _payload(bob["token"])
    assert (await project.get("users", bob["record"]["id"]))["seen"]
    await project.work()
    assert [mail.subject for mail in project.mailbox.to("bob@example.com")] == ["[trial] Welcome"]


@in_one_loop
async def test_who_comes_from_a_provider_gets_their_name(project: Project, openid: OidcProvider):
    with scripted_provider() as script:
        desk = Desk(cast(Any, project), openid, script)
        people = await desk.open(fields=[{"name": "name", "type": "text"}])
        assert (await desk.came(people, desk.somebody()))["record"]["name"] == "Ann Lee (oidc)"


@in_one_loop
async def test_what_is_heard_is_asked_about(project: Project):
    await project.work()  # what other tests have written is not for who begins to listen now
    async with stream(project.front) as line:
        client = line.id
        many = [f"notes/{number}" for number in range(21)]
        refused = await project.guest.post("/api/realtime", json={"clientId": client, "subscriptions": many})
        refusal(refused, 403, "forbidden")
        heard = await project.guest.post("/api/realtime", json={"clientId": client, "subscriptions": ["notes"]})
        assert heard.status_code == 204, heard.text
        await project.create("notes", title="quiet", draft=True)
        await project.create("notes", title="heard")
        await project.work()
        assert (await line.next_of("notes")).json["record"]["title"] == "heard"
    await project.create("users", email="dan@example.org", password=PASSWORD, passwordConfirm=PASSWORD)
    await project.guest.post("/api/collections/users/request-password-reset", json={"email": "dan@example.org"})
    await project.work()
    assert project.mailbox.to("dan@example.org") == []


@in_one_loop
async def test_the_office_opens_and_closes_with_the_plugin(project: Project, lines: list[Any]):
    for enabled in (False, True):
        await project.root.patch("/api/plugins/office", json={"enabled": enabled})
    said = [line["event"] for line in lines if line.get("plugin") == "office" and "office" in line["event"]]
    assert said == ["the office is closed", "the office is open"]


def _payload(token: str) -> str:
    import base64

    part = token.split(".")[1]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode()
