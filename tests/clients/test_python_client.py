"""PocketBase's official Python client against a real server."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from pocketbase import PocketBase
from pocketbase.errors import ClientResponseError

from served import Served

Client = Any  # its types promise more than it keeps


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[Client]:
    found = PocketBase(served.url)
    found.collection("_superusers").auth_with_password(served.email, served.password)
    yield found
    found.http_client.close()


@pytest.fixture(scope="module")
def books(client: Client) -> Iterator[Any]:
    """Three books by two people."""
    client.collections.import_collections(
        [
            {
                "id": "py_people",
                "name": "py_people",
                "type": "base",
                "fields": [{"name": "name", "type": "text", "required": True}],
            },
            {
                "name": "py_books",
                "type": "base",
                "fields": [
                    {"name": "title", "type": "text", "required": True},
                    {"name": "pages", "type": "number"},
                    {"name": "author", "type": "relation", "collectionId": "py_people", "maxSelect": 1},
                ],
            },
        ]
    )
    ada = client.collection("py_people").create({"name": "Ada"})
    eve = client.collection("py_people").create({"name": "Eve"})
    for title, pages, author in (("one", 100, ada), ("two", 200, ada), ("three", 300, eve)):
        client.collection("py_books").create({"title": title, "pages": pages, "author": author.id})
    yield client.collection("py_books")
    client.collections.delete("py_books")
    client.collections.delete("py_people")


def refused(failure: pytest.ExceptionInfo[ClientResponseError]) -> tuple[int, dict[str, Any]]:
    return failure.value.status, failure.value.data["data"]


def test_a_login_gives_a_token_that_the_client_can_read(client: Client, served: Served):
    assert client.auth_store.model.email == served.email
    claims = client.auth_store.token.split(".")[1]
    decoded = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert decoded["type"] == "auth"
    assert decoded["id"] == client.auth_store.model.id


def test_a_login_is_refreshed(client: Client, served: Served):
    assert client.collection("_superusers").auth_refresh().record.email == served.email


def test_a_wrong_password_is_refused(served: Served):
    guest = PocketBase(served.url)
    with guest.http_client, pytest.raises(ClientResponseError) as failure:
        guest.collection("_superusers").auth_with_password(served.email, "wrong password")
    assert failure.value.status == 400


def test_the_ways_of_logging_in_are_listed(client: Client):
    methods = client.collection("users").list_auth_methods()
    assert methods.password.enabled
    assert methods.password.identity_fields == ["email"]


def test_the_server_is_healthy(client: Client):
    assert client.health.check().code == 200


def test_collections_are_made_read_changed_and_deleted(client: Client):
    made = client.collections.create(
        {"name": "py_notes", "type": "base", "fields": [{"name": "title", "type": "text"}]}
    )
    assert [field["name"] for field in made.fields] == ["id", "title"]
    assert client.collections.get_one("py_notes").id == made.id
    assert client.collections.get_first_list_item('name="py_notes"').id == made.id
    assert "py_notes" in [one.name for one in client.collections.get_full_list()]
    assert client.collections.update(made.id, {"listRule": ""}).list_rule == ""
    assert client.collections.delete("py_notes")
    with pytest.raises(ClientResponseError) as failure:
        client.collections.get_one("py_notes")
    assert failure.value.status == 404


def test_records_are_listed_in_pages_and_in_full(books: Any):
    page = books.get_list(1, 2, {"sort": "-pages"})
    assert [book.title for book in page.items] == ["three", "two"]
    assert (page.page, page.per_page, page.total_items, page.total_pages) == (1, 2, 3, 2)
    assert [book.title for book in books.get_full_list(batch=2, query_params={"sort": "pages"})] == [
        "one",
        "two",
        "three",
    ]


def test_the_first_record_of_a_filter_is_found(client: Client, books: Any):
    assert books.get_first_list_item(client.filter("pages > {:pages}", {"pages": 250})).title == "three"
    with pytest.raises(ClientResponseError) as failure:
        books.get_first_list_item("pages > 1000")
    assert failure.value.status == 404


def test_a_record_brings_what_it_points_at(books: Any):
    book = books.get_first_list_item("title = 'one'", {"expand": "author"})
    assert book.expand["author"].name == "Ada"


def test_a_record_is_made_changed_and_deleted(books: Any):
    made = books.create({"title": "four", "pages": 400})
    assert books.get_one(made.id).pages == 400
    assert books.update(made.id, {"pages+": 1}).pages == 401
    assert books.delete(made.id)
    with pytest.raises(ClientResponseError) as failure:
        books.get_one(made.id)
    assert failure.value.status == 404


def test_a_refusal_names_the_field(books: Any):
    with pytest.raises(ClientResponseError) as failure:
        books.create({"pages": 1})
    status, data = refused(failure)
    assert status == 400
    assert data["title"]["code"] == "validation_required"


def test_a_batch_is_written_all_or_nothing(client: Client, books: Any):
    batch = client.create_batch()
    batch.collection("py_books").create({"title": "of a batch", "pages": 500})
    batch.collection("py_books").upsert({"id": "pythonbatch0001", "title": "of a batch", "pages": 501})
    assert [result["status"] for result in batch.send()] == [200, 200]

    broken = client.create_batch()
    broken.collection("py_books").delete("pythonbatch0001")
    broken.collection("py_books").create({"pages": 1})
    with pytest.raises(ClientResponseError) as failure:
        broken.send()
    status, data = refused(failure)
    assert status == 400
    assert "1" in data["requests"]
    assert books.get_one("pythonbatch0001").pages == 501
    for book in books.get_full_list(query_params={"filter": "title = 'of a batch'"}):
        books.delete(book.id)


def test_settings_are_read_and_changed(client: Client):
    before = client.settings.get_all()
    assert "password" not in before["smtp"]
    assert client.settings.update({"meta": {"appName": "Py"}})["meta"]["appName"] == "Py"
    assert client.settings.update(before) == before
    assert client.settings.test_email("ann@example.com", "password-reset")
    with pytest.raises(ClientResponseError) as failure:
        client.settings.update({"smtp": {"port": 70000}})
    status, data = refused(failure)
    assert (status, data["smtp"]["port"]["code"]) == (400, "validation_out_of_range")


def test_backups_are_made_listed_and_deleted(client: Client):
    client.backups.create("py_backup.zip")
    listed = {one.key: one for one in client.backups.get_full_list()}
    assert listed["py_backup.zip"].size > 0
    client.backups.delete("py_backup.zip")
    assert "py_backup.zip" not in {one.key for one in client.backups.get_full_list()}
