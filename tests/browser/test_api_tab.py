"""The API tab of a collection: what its code says is run against the server, and calls are tried as somebody."""

import base64
import http.client
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

from node import missing
from served import Served, command, superuser
from web_page import Opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
LANGUAGES = ("curl", "Python", "JavaScript", "HTTP")
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
WIDE = {"width": 1440, "height": 900}


@pytest.fixture(scope="module")
def root(served: Served) -> Iterator[httpx.Client]:
    """The server, asked as its superuser, with a collection of pictures, and with Ann."""
    with superuser(served) as client:
        fields = [
            {"name": "title", "type": "text", "required": True},
            {"name": "size", "type": "number"},
            {"name": "file", "type": "file", "maxSelect": 1, "mimeTypes": ["image/png"]},
        ]
        body = {
            "name": "pictures",
            "fields": fields,
            "listRule": "@request.auth.id != ''",
            "viewRule": "",
            "events": True,
        }
        client.post("/collections", json=body).raise_for_status()
        ann = {"email": "ann@example.com", "password": "her own words", "passwordConfirm": "her own words"}
        client.post("/collections/users/records", json=ann).raise_for_status()
        yield client


@pytest.fixture
def key(root: httpx.Client) -> Iterator[str]:
    """A key that may do everything."""
    made = root.post("/keys", json={"name": "of the tab", "superuser": True}).json()
    yield made["key"]
    root.delete(f"/keys/{made['id']}")


def tab(served: Served, one: Opened, name: str = "pictures") -> Page:
    one.page.goto(f"{served.url}/_/data/{name}/api")
    one.page.get_by_label("Email").fill(served.email)
    one.page.get_by_label("Password", exact=True).fill(served.password)
    one.page.get_by_role("button", name="Sign in").click()
    expect(one.page.get_by_role("table", name="Answers")).to_be_visible()
    return one.page


def code(page: Page, operation: str, language: str) -> str:
    page.get_by_role("button", name=language, exact=True).click()
    return page.get_by_label(f"{operation} in {language}").inner_text()


def send(text: str, folder: Path) -> str:
    """Send the text of a request as editors do: files are read where it names them."""
    head, _, body = text.partition("\n\n")
    first, *lines = head.split("\n")
    method, path, _ = first.split(" ")
    headers = dict(line.split(": ", 1) for line in lines)
    content = b"\r\n".join(
        (folder / line[4:]).read_bytes() if line.startswith("< ./") else line.encode() for line in body.split("\n")
    )
    with closing(http.client.HTTPConnection(headers["Host"], timeout=30)) as line:
        line.request(method, path, content or None, headers)
        answer = line.getresponse()
        found = answer.read().decode()
    assert answer.status < 300, found
    return found


def run(language: str, text: str, key: str, folder: Path) -> str:
    """What the code prints, or the server answers."""
    if language == "HTTP":
        return send(text.replace("{{HOLDFAST_KEY}}", key), folder)
    commands = {
        "curl": ["sh", "-c", text.replace("curl ", "curl -sS --fail-with-body ", 1)],
        "Python": [command()[0], "-c", text],
        "JavaScript": ["node", "--input-type=module", "-e", text],
    }
    environment = {"HOLDFAST_KEY": key, "PATH": "/usr/local/bin:/usr/bin:/bin"}
    try:
        done = subprocess.run(
            commands[language], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
    except FileNotFoundError:
        missing(f"the code for {language} cannot be run here")
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_code_of_the_api_tab_does_what_it_says(
    served: Served, root: httpx.Client, opened: Callable[..., Opened], key: str, language: str, tmp_path: Path
) -> None:
    page = tab(served, opened(viewport=WIDE))
    (tmp_path / "file.png").write_bytes(PICTURE)
    page.get_by_role("button", name="create", exact=True).click()
    title = f'It\'s "{language}" & more; really'
    page.get_by_label("Body").fill(json.dumps({"title": title, "size": 7}))
    run(language, code(page, "create", language), key, tmp_path)
    query = {"filter": "title = {:title}", "p.title": title}
    (made,) = root.get("/collections/pictures/records", params=query).json()["items"]
    assert made["file"].endswith(".png")
    page.get_by_role("button", name="list", exact=True).click()
    page.get_by_label("filter", exact=True).fill("size = 7 && title ~ '& more'")
    page.get_by_label("fields", exact=True).fill("id,title")
    page.get_by_label("sort", exact=True).fill("")
    listed = run(language, code(page, "list", language), key, tmp_path)
    assert made["id"] in listed
    assert "size" not in listed
    page.get_by_role("button", name="update", exact=True).click()
    page.get_by_label("id", exact=True).fill(made["id"])
    page.get_by_label("Body").fill('{"title": "Another"}')
    etag = root.get(f"/collections/pictures/records/{made['id']}").headers["etag"]
    page.get_by_label("If-Match").fill(etag)
    run(language, code(page, "update", language), key, tmp_path)
    now = root.get(f"/collections/pictures/records/{made['id']}").json()
    assert (now["title"], now["file"] == made["file"]) == ("Another", False)
    page.get_by_role("button", name="delete", exact=True).click()
    run(language, code(page, "delete", language), key, tmp_path)
    assert root.get(f"/collections/pictures/records/{made['id']}").status_code == 404


def test_a_call_names_its_parameters_and_what_it_answers(
    served: Served, root: httpx.Client, opened: Callable[..., Opened]
) -> None:
    page = tab(served, opened(viewport=WIDE))
    answers = page.get_by_role("table", name="Answers")
    expect(answers.get_by_role("row").filter(has_text="invalid_filter")).to_contain_text("400")
    expect(page.get_by_label("expand", exact=True)).to_have_attribute("title", re.compile("Relations"))
    page.get_by_role("button", name="create", exact=True).click()
    expect(answers.get_by_role("row").filter(has_text="quota_exceeded")).to_contain_text("507")
    expect(answers).not_to_contain_text("invalid_filter")


def test_a_file_is_sent_by_trying_a_create(
    served: Served, root: httpx.Client, opened: Callable[..., Opened], tmp_path: Path
) -> None:
    (tmp_path / "mine.png").write_bytes(PICTURE)
    page = tab(served, opened(viewport=WIDE))
    page.get_by_role("button", name="create", exact=True).click()
    page.get_by_label("file", exact=True).set_input_files(tmp_path / "mine.png")
    assert "-F 'file=@\"mine.png\"'" in code(page, "create", "curl")
    page.get_by_label("Body").fill('{"title": "Sent with a file", "size": 3}')
    page.get_by_role("button", name="Send").click()
    answer = page.get_by_role("status", name="Answer")
    expect(answer).to_contain_text('"file": "mine_')
    answer.get_by_text("Headers", exact=True).click()
    expect(answer).to_contain_text("x-request-id: ")
    query = {"filter": "title = 'Sent with a file' && size = 3"}
    assert root.get("/collections/pictures/records", params=query).json()["totalItems"] == 1


def test_a_call_is_tried_as_somebody_and_the_audit_log_tells_of_it(
    served: Served, root: httpx.Client, opened: Callable[..., Opened]
) -> None:
    page = tab(served, opened("status of 4", viewport=WIDE))
    trial = page.get_by_role("form", name="Try it")
    trial.get_by_label("As", exact=True).select_option("nobody")
    trial.get_by_role("button", name="Send").click()
    answer = trial.get_by_role("status", name="Answer")
    expect(answer).to_contain_text('"totalItems": 0')
    trial.get_by_label("As", exact=True).select_option("one of users")
    trial.get_by_placeholder("An email, or an id").fill("ann@")
    trial.get_by_role("option", name="ann@example.com").click()
    page.get_by_role("button", name="create", exact=True).click()
    trial.get_by_label("As", exact=True).select_option("one of users")
    trial.get_by_placeholder("An email, or an id").fill("ann@")
    trial.get_by_role("option", name="ann@example.com").click()
    trial.get_by_role("button", name="Send").click()
    expect(answer).to_contain_text("403")
    ann = root.get("/collections/users/records", params={"filter": "email = 'ann@example.com'"}).json()["items"][0]
    found = root.get("/audit", params={"action": "auth.impersonated", "target": ann["id"]}).json()["items"]
    assert found[0]["details"] == {"seconds": 60}


def test_a_key_that_is_pasted_is_sent_and_kept_nowhere(
    served: Served, root: httpx.Client, opened: Callable[..., Opened], key: str
) -> None:
    page = tab(served, opened("status of 401", viewport=WIDE))
    trial = page.get_by_role("form", name="Try it")
    trial.get_by_label("As", exact=True).select_option("an API key")
    trial.get_by_label("API key", exact=True).fill("hf_wrong")
    trial.get_by_role("button", name="Send").click()
    answer = trial.get_by_role("status", name="Answer")
    expect(answer).to_contain_text("unauthenticated")
    trial.get_by_label("API key", exact=True).fill(key)
    trial.get_by_role("button", name="Send").click()
    expect(answer).to_contain_text("200")
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert key not in kept


def test_nothing_is_wrong_on_the_api_tab(
    served: Served, root: httpx.Client, opened: Callable[..., Opened], axe: str
) -> None:
    one = opened(viewport=WIDE)
    page = tab(served, one)
    page.get_by_role("button", name="create", exact=True).click()
    page.get_by_label("As", exact=True).select_option("one of users")
    assert one.faults(axe) == []
    assert one.wider_than_the_window() == []
    page.set_viewport_size({"width": 900, "height": 900})
    page.emulate_media(color_scheme="dark")
    page.get_by_label("As", exact=True).select_option("an API key")
    assert one.faults(axe, of_colours=True) == []
    assert one.wider_than_the_window() == []
    assert urlsplit(page.url).path == "/_/data/pictures/api"
