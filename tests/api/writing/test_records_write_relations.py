"""Relations are kept whole by every write, and what is written can be answered with what it points at."""

from typing import Any

import pytest
import pytest_asyncio

from writing_server import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

AUTHORS = "/collections/authors/records"
BOOKS = "/collections/books/records"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def library(server: Server) -> Server:
    await server.define(
        {
            "id": "authors",
            "name": "authors",
            "type": "base",
            "deleteRule": "",
            "fields": [{"name": "name", "type": "text"}],
        },
        {"id": "shelves", "name": "shelves", "type": "base", "fields": [{"name": "name", "type": "text"}]},
        {
            "id": "books",
            "name": "books",
            "type": "base",
            "createRule": "",
            "deleteRule": "",
            "fields": [
                {"name": "title", "type": "text"},
                {"name": "author", "type": "relation", "collectionId": "authors", "maxSelect": 1, "required": True},
                {"name": "editor", "type": "relation", "collectionId": "authors", "maxSelect": 1},
                {"name": "owner", "type": "relation", "collectionId": "shelves", "maxSelect": 1, "cascadeDelete": True},
                {"name": "helpers", "type": "relation", "collectionId": "authors", "maxSelect": 5},
                {
                    "name": "shelves",
                    "type": "relation",
                    "collectionId": "shelves",
                    "maxSelect": 5,
                    "cascadeDelete": True,
                },
                {"name": "witnesses", "type": "relation", "collectionId": "shelves", "maxSelect": 5, "minSelect": 2},
                {"name": "sequel", "type": "relation", "collectionId": "books", "maxSelect": 1},
            ],
        },
        {
            "id": "labels",
            "name": "labels",
            "type": "base",
            "fields": [
                {"name": "books", "type": "relation", "collectionId": "books", "maxSelect": 9, "required": True},
                {"name": "hidden", "type": "relation", "collectionId": "authors", "required": True, "hidden": True},
            ],
        },
    )
    return server


async def authors(library: Server, *names: str) -> list[str]:
    return [(await library.made("authors", name=name))["id"] for name in names]


async def shelves(library: Server, count: int) -> list[str]:
    return [(await library.made("shelves", name=str(number)))["id"] for number in range(count)]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param({"author": "nobody000000000"}, {"author": "validation_missing_rel_records"}, id="single"),
        pytest.param({"helpers": ["nobody000000000"]}, {"helpers": "validation_missing_rel_records"}, id="many"),
        pytest.param({"author": ""}, {"author": "validation_required"}, id="required"),
        pytest.param({"author": "x" * 300}, {"author": "validation_missing_rel_records"}, id="an id too long"),
        pytest.param({"author": ["a", "b"]}, {"author": "validation_too_many_values"}, id="two for one"),
        pytest.param({"author": {"id": "x"}}, {"author": "validation_invalid_value"}, id="an object"),
        pytest.param({"witnesses": ["one"]}, {"witnesses": "validation_not_enough_values"}, id="too few"),
        pytest.param({"helpers": list("abcdef")}, {"helpers": "validation_too_many_values"}, id="too many"),
    ],
)
async def test_what_points_nowhere_is_a_problem_of_its_field(
    library: Server, body: dict[str, Any], code: dict[str, str]
):
    (author,) = await authors(library, "a")
    response = await library.guest.post(BOOKS, json={"author": author, **body})
    assert response.status_code == 400
    assert {name: problem["code"] for name, problem in response.json()["data"].items()} == code
    book = await library.made("books", author=author)
    response = await library.root.patch(f"{BOOKS}/{book['id']}", json=body)
    assert response.status_code == 400
    assert {name: problem["code"] for name, problem in response.json()["data"].items()} == code


async def test_lists_hold_each_record_once_in_the_order_sent(library: Server):
    a, b, c = await authors(library, "a", "b", "c")
    book = await library.made("books", author=a, helpers=[c, a, c, b, a])
    assert book["helpers"] == [c, a, b]
    path = f"{BOOKS}/{book['id']}"
    assert (await library.root.patch(path, json={"helpers-": a})).json()["helpers"] == [c, b]
    assert (await library.root.patch(path, json={"+helpers": [a, b]})).json()["helpers"] == [a, b, c]
    assert (await library.root.patch(path, json={"editor": c})).json()["editor"] == c
    assert (await library.root.patch(path, json={"editor-": a})).json()["editor"] == c
    assert (await library.root.patch(path, json={"editor-": c})).json()["editor"] == ""
    assert (await library.root.patch(path, json={"author-": a})).json()["data"]["author"][
        "code"
    ] == "validation_required"


async def test_the_answer_of_a_write_is_expanded(library: Server):
    a, b = await authors(library, "Ann", "Bo")
    book = await library.root.post(f"{BOOKS}?expand=author,helpers", json={"author": a, "helpers": [b]})
    assert book.json()["expand"]["author"]["name"] == "Ann"
    assert [one["name"] for one in book.json()["expand"]["helpers"]] == ["Bo"]
    path = f"{BOOKS}/{book.json()['id']}"
    changed = await library.root.patch(f"{path}?expand=sequel.author", json={"sequel": book.json()["id"], "author": b})
    assert changed.json()["expand"]["sequel"]["expand"]["author"]["name"] == "Bo"
    assert changed.json()["expand"]["sequel"]["sequel"] == book.json()["id"]
    guest = await library.guest.post(f"{BOOKS}?expand=author", json={"author": a})
    assert "expand" not in guest.json()


async def test_an_answer_with_expand_has_the_version_of_the_record(library: Server):
    (a,) = await authors(library, "Ann")
    book = await library.root.post(f"{BOOKS}?expand=author", json={"author": a})
    path, seen = f"{BOOKS}/{book.json()['id']}", book.headers["etag"]
    changed = await library.root.patch(f"{path}?expand=author", json={"title": "x"}, headers={"if-match": seen})
    assert changed.status_code == 200
    late = await library.root.patch(f"{path}?expand=author", json={"title": "y"}, headers={"if-match": seen})
    assert late.status_code == 412
    gone = await library.root.patch(f"{BOOKS}/none?expand=author", json={"title": "y"}, headers={"if-match": seen})
    assert gone.status_code == 404


async def test_a_delete_takes_along_clears_and_is_refused_as_the_relations_say(library: Server):
    a, b = await authors(library, "a", "b")
    one, two, three = await shelves(library, 3)
    book = await library.made(
        "books", author=a, editor=b, helpers=[a, b], owner=one, shelves=[two, three], witnesses=[two, three]
    )
    refused = await library.root.delete(f"{AUTHORS}/{a}")
    assert refused.status_code == 400
    assert "books" in refused.json()["message"] and "author" in refused.json()["message"]
    assert (await library.root.delete(f"{AUTHORS}/{b}")).status_code == 204
    row = (await library.rows("SELECT editor, helpers FROM books"))[0]
    assert row == {"editor": None, "helpers": [a]}
    assert (await library.root.delete(f"/collections/shelves/records/{two}")).status_code == 204
    assert await library.rows("SELECT shelves FROM books") == [{"shelves": [three]}]
    assert (await library.root.delete(f"/collections/shelves/records/{one}")).status_code == 204
    assert await library.rows("SELECT id FROM books") == []
    assert (await library.root.delete(f"{BOOKS}/{book['id']}")).status_code == 404


async def test_the_last_of_a_list_takes_its_record_along_or_is_needed(library: Server):
    (a,) = await authors(library, "a")
    (shelf,) = await shelves(library, 1)
    await library.made("books", author=a, shelves=[shelf])
    assert (await library.root.delete(f"/collections/shelves/records/{shelf}")).status_code == 204
    assert await library.rows("SELECT id FROM books") == []
    first, second = [(await library.made("books", author=a))["id"] for _ in range(2)]
    await library.made("labels", books=[first, second], hidden=a)
    assert (await library.root.delete(f"{BOOKS}/{first}")).status_code == 204
    refused = await library.guest.delete(f"{BOOKS}/{second}")
    assert refused.status_code == 400
    assert "labels" in refused.json()["message"]
    assert await library.rows("SELECT books FROM labels") == [{"books": [second]}]


async def test_a_refusal_tells_only_superusers_of_hidden_fields(library: Server):
    (a,) = await authors(library, "a")
    (b,) = await authors(library, "b")
    book = await library.made("books", author=b)
    await library.made("labels", books=[book["id"]], hidden=a)
    for client, told in ((library.guest, False), (library.root, True)):
        refused = await client.delete(f"{AUTHORS}/{a}")
        assert refused.status_code == 400
        assert ("labels" in refused.json()["message"]) is told


async def test_a_record_may_point_at_itself(library: Server):
    (a,) = await authors(library, "a")
    body = {"id": "aaaaaaaaaaaaaaa", "author": a, "sequel": "aaaaaaaaaaaaaaa"}
    assert (await library.root.post(BOOKS, json=body)).status_code == 200
    assert (await library.root.delete(f"{BOOKS}/aaaaaaaaaaaaaaa")).status_code == 204


async def test_views_cannot_be_written(server: Server):
    await server.define({"name": "seen", "type": "view", "viewQuery": "SELECT id, email FROM users"})
    for method, path in (("POST", ""), ("PUT", ""), ("PATCH", "/x"), ("DELETE", "/x")):
        response = await server.root.request(method, f"/collections/seen/records{path}", json={})
        assert response.status_code == 400
        assert "can only be read" in response.json()["message"]
