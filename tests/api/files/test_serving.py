"""Files go out: whole, in parts, to who may have them, and so that a browser does no harm with them."""

from typing import Any

import pytest
import pytest_asyncio

from client import Api, in_one_loop, refused
from files_shelf import HTML, PNG, SVG, Shelf

pytestmark = in_one_loop
TEXT = b"0123456789" * 100


@pytest_asyncio.fixture(loop_scope="module")
async def paper(shelf: Shelf) -> dict[str, Any]:
    """A paper with a text of 1000 bytes."""
    return await shelf.add(("papers", ("a.txt", TEXT)))


async def test_the_headers_of_a_file(shelf: Shelf) -> None:
    record = await shelf.add(("papers", ("a.txt", TEXT)))
    name = record["papers"][0]
    answer = await shelf.get(record, name)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-length"] == "1000"
    assert answer.headers["content-disposition"] == f'inline; filename="{name}"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers.get_list("content-security-policy") == [
        "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; sandbox"
    ]
    assert answer.headers["cache-control"] == "public, max-age=2592000, stale-while-revalidate=86400"
    assert answer.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize(
    ("content", "kind", "shown"),
    [
        pytest.param(HTML, "text/html", False, id="a page"),
        pytest.param(SVG, "image/svg+xml", False, id="an SVG"),
        pytest.param(b"<!-- x -->\n" + HTML, "text/html", False, id="a page behind a comment"),
        pytest.param(b"\xef\xbb\xbf  <script>alert(1)</script>", "text/html", False, id="a script"),
        pytest.param(PNG, "image/png", True, id="a picture"),
        pytest.param(PNG + HTML, "image/png", True, id="a picture with a page behind it"),
        pytest.param(b"alert(1)", "text/plain", True, id="a script without a page"),
        pytest.param(b"%PDF-1.7\n", "application/pdf", True, id="a PDF"),
        pytest.param(b"PK\x03\x04" + bytes(26) + b"word/document.xml", None, False, id="an office document"),
        pytest.param(b"MZ\x90\x00\x03", "application/vnd.microsoft.portable-executable", False, id="a program"),
        pytest.param(bytes(range(256)), "application/octet-stream", False, id="anything"),
    ],
)
async def test_only_what_is_harmless_is_shown_by_a_browser(
    shelf: Shelf, content: bytes, kind: str | None, shown: bool
) -> None:
    record = await shelf.add(("papers", ("a.png", content)))
    answer = await shelf.get(record, record["papers"][0])
    if kind is not None:
        assert answer.headers["content-type"].split(";")[0] == kind
    assert answer.headers["content-disposition"].startswith("inline" if shown else "attachment")
    saved = await shelf.get(record, record["papers"][0], params={"download": "1"})
    assert saved.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize(
    ("asked", "status", "content", "shown"),
    [
        ("bytes=0-4", 206, TEXT[:5], "bytes 0-4/1000"),
        ("bytes=990-", 206, TEXT[990:], "bytes 990-999/1000"),
        ("bytes=-3", 206, TEXT[-3:], "bytes 997-999/1000"),
        ("bytes=-5000", 206, TEXT, "bytes 0-999/1000"),
        ("bytes=998-5000", 206, TEXT[998:], "bytes 998-999/1000"),
        ("bytes=1000-", 416, None, "bytes */1000"),
        ("bytes=-0", 416, None, "bytes */1000"),
        ("bytes=5-2", 200, TEXT, None),
        ("bytes=0-1,5-6", 200, TEXT, None),
        ("lines=0-1", 200, TEXT, None),
        ("bytes=" + "9" * 40 + "-", 200, TEXT, None),
    ],
)
async def test_a_part_of_a_file(
    shelf: Shelf, paper: dict[str, Any], asked: str, status: int, content: bytes | None, shown: str | None
) -> None:
    answer = await shelf.get(paper, paper["papers"][0], headers={"range": asked})
    assert answer.status_code == status
    assert answer.headers.get("content-range") == shown
    if content is not None:
        assert answer.content == content
        assert answer.headers["content-length"] == str(len(content))


async def test_what_the_client_has_already_is_not_sent_again(shelf: Shelf, paper: dict[str, Any]) -> None:
    name = paper["papers"][0]
    first = await shelf.get(paper, name)
    tag, modified = first.headers["etag"], first.headers["last-modified"]
    for headers in ({"if-none-match": tag}, {"if-none-match": f'"x", W/{tag}'}, {"if-modified-since": modified}):
        again = await shelf.get(paper, name, headers=headers)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert (await shelf.get(paper, name, headers={"if-none-match": '"x"'})).status_code == 200
    assert (await shelf.get(paper, name, headers={"if-modified-since": "nonsense"})).status_code == 200
    part = await shelf.get(paper, name, headers={"range": "bytes=0-1", "if-range": tag})
    other = await shelf.get(paper, name, headers={"range": "bytes=0-1", "if-range": '"x"'})
    assert (part.status_code, other.status_code) == (206, 200)


async def test_a_head_has_the_headers_alone(shelf: Shelf, paper: dict[str, Any]) -> None:
    answer = await shelf.api.guest.head(f"/api/files/papers/{paper['id']}/{paper['papers'][0]}")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "1000")


async def test_the_collection_may_be_named_by_its_id(shelf: Shelf, paper: dict[str, Any]) -> None:
    path = f"/api/files/{paper['collectionId']}/{paper['id']}/{paper['papers'][0]}"
    assert (await shelf.api.guest.get(path)).content == TEXT


@pytest.mark.parametrize(
    "path",
    [
        "papers/{id}/nothing_0123456789.txt",
        "papers/other0000000000/{name}",
        "other/{id}/{name}",
        "users/{id}/{name}",
        "papers/{id}/..%2f{name}",
        "papers/{id}/%2e%2e",
        "papers/{id}/%00",
        "papers/..%5c{id}/{name}",
        "papers/{id}/..",
    ],
)
async def test_what_is_not_there_is_not_found(shelf: Shelf, paper: dict[str, Any], path: str) -> None:
    path = path.format(id=paper["id"], name=paper["papers"][0])
    assert (await shelf.api.guest.get(f"/api/files/{path}")).status_code == 404


async def test_a_file_that_the_record_let_go_is_not_found(shelf: Shelf, paper: dict[str, Any]) -> None:
    name = paper["papers"][0]
    await shelf.api.guest.patch(f"{shelf.records}/{paper['id']}", json={"papers": []})
    refused(await shelf.get(paper, name), 404, "not_found")


async def test_a_file_whose_object_is_gone_is_not_found(shelf: Shelf, paper: dict[str, Any]) -> None:
    for path in shelf.folder.rglob("*.txt"):
        path.unlink()
    refused(await shelf.get(paper, paper["papers"][0]), 404, "not_found")


class People:
    """A collection of people, and one of letters that only their owner sees."""

    def __init__(self, api: Api, owner: dict[str, Any], letter: dict[str, Any], tokens: list[str]) -> None:
        self.api = api
        self.owner = owner
        self.path = f"/api/files/letters/{letter['id']}/{letter['scan']}"
        self.mine, self.others = tokens

    async def file_token(self, login: str) -> str:
        """A token for files of who has this login."""
        answer = await self.api.guest.post("/api/files/token", headers={"authorization": login})
        assert answer.status_code == 200, answer.text
        return answer.json()["token"]


@pytest.fixture
async def people(api: Api) -> People:
    """Two people, and a letter of the first with a protected scan."""
    password = "a long enough password"
    rule = 'owner = @request.auth.id && @request.auth.id != "" && @request.context = "protectedFile"'
    fields = [{"name": "owner", "type": "text"}, {"name": "scan", "type": "file", "protected": True}]
    await api.define("letters", fields, viewRule=rule)
    owners = [
        await api.create("users", email=f"{name}@example.com", password=password, passwordConfirm=password)
        for name in ("ann", "bob")
    ]
    sent = await api.root.post(
        "/api/collections/letters/records", data={"owner": owners[0]["id"]}, files={"scan": ("a.txt", b"dear")}
    )
    tokens = [await api.login(one["email"], password, "users") for one in owners]
    return People(api, owners[0], sent.json(), tokens)


@pytest.mark.asyncio(loop_scope="function")
async def test_a_protected_file_is_for_who_may_view_its_record(people: People) -> None:
    get = people.api.guest.get
    refused(await get(people.path), 404, "not_found")
    refused(await get(people.path, params={"token": "nonsense"}), 404, "not_found")
    refused(await get(people.path, params={"token": people.mine}), 404, "not_found")  # a login is no token for files
    refused(await get(people.path, params={"token": await people.file_token(people.others)}), 404, "not_found")
    refused(await get(people.path, headers={"authorization": people.others}), 404, "not_found")
    token = await people.file_token(people.mine)
    mine = await get(people.path, params={"token": token})
    assert (mine.status_code, mine.content) == (200, b"dear")
    assert mine.headers["cache-control"] == "private, no-cache"
    assert (await get(people.path, headers={"authorization": people.mine})).content == b"dear"
    root = await people.file_token(people.api.root.headers["authorization"])
    assert (await get(people.path, params={"token": root})).content == b"dear"
    # A token for files is no login.
    refused(await people.api.guest.post("/api/files/token", headers={"authorization": token}), 401, "unauthenticated")


@pytest.mark.asyncio(loop_scope="function")
async def test_a_new_password_ends_the_tokens_for_files(people: People) -> None:
    token = await people.file_token(people.mine)
    new = {"password": "another long password", "passwordConfirm": "another long password"}
    path = f"/api/collections/users/records/{people.owner['id']}"
    assert (await people.api.root.patch(path, json=new)).status_code == 200
    refused(await people.api.guest.get(people.path, params={"token": token}), 404, "not_found")


async def test_guests_get_no_token_and_no_usage(shelf: Shelf) -> None:
    refused(await shelf.api.guest.post("/api/files/token"), 401, "unauthenticated")
    refused(await shelf.api.guest.get("/api/files/usage"), 401, "unauthenticated")


async def test_usage_counts_the_files_of_each_collection(shelf: Shelf) -> None:
    record = await shelf.add(("papers", ("a.txt", b"abc")), ("papers", ("b.txt", b"de")))
    await shelf.api.guest.patch(f"{shelf.records}/{record['id']}", json={"papers-": record["papers"][1]})
    found = (await shelf.api.root.get("/api/files/usage")).json()
    counts = {"files": 2, "bytes": 5, "unused": 1, "unusedBytes": 2, "thumbs": 0, "thumbBytes": 0}
    papers = {"collectionId": record["collectionId"], "collectionName": "papers", **counts}
    assert found == {**counts, "collections": [papers]}
