"""The description of the API: valid, complete, true."""

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, cast

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from client import PASSWORD, Api, in_one_loop, refused
from holdfast.http.litestar import METHODS
from holdfast.records import routes as records

Start = Callable[..., AbstractAsyncContextManager[Api]]
PATH = "/api/openapi.json"
EVERY_TYPE: list[dict[str, Any]] = [
    {"name": "title", "type": "text", "required": True, "min": 2, "max": 80, "help": "What it is called."},
    {"name": "body", "type": "editor"},
    {"name": "price", "type": "number", "min": 0, "max": 10},
    {"name": "stock", "type": "number", "onlyInt": True, "nullable": True},
    {"name": "done", "type": "bool"},
    {"name": "mail", "type": "email"},
    {"name": "site", "type": "url"},
    {"name": "at", "type": "date"},
    {"name": "made", "type": "autodate", "onCreate": True},
    {"name": "state", "type": "select", "values": ["open", "closed"], "maxSelect": 1},
    {"name": "tags", "type": "select", "values": ["a", "b", "c"], "maxSelect": 3},
    {"name": "meta", "type": "json"},
    {"name": "p", "type": "geoPoint"},  # a name that SQL of ours could have used
    {"name": "cost", "type": "decimal", "precision": 10, "scale": 2},
    {"name": "secret", "type": "text", "hidden": True},
]


async def document(api: Api) -> dict[str, Any]:
    answer = await api.root.get(PATH)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def with_collections(api: Api) -> None:
    await api.define("items", EVERY_TYPE, comment="Things to sell.")
    items = (await api.root.get("/api/collections/items")).json()
    await api.define(
        "orders",
        [
            {"name": "item", "type": "relation", "collectionId": items["id"], "maxSelect": 1},
            {"name": "more", "type": "relation", "collectionId": items["id"], "maxSelect": 5},
        ],
        createRule=None,
        listRule=None,
    )
    view = {
        "name": "titles",
        "type": "view",
        "viewQuery": "SELECT id, title FROM items",
        "listRule": "",
        "viewRule": "",
    }
    answer = await api.root.post("/api/collections", json=view)
    assert answer.status_code == 200, answer.text


async def test_it_is_valid(api: Api) -> None:
    await with_collections(api)
    found = await document(api)
    assert found["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(cast(Any, found)).validate()


async def test_every_operation_has_an_id_of_its_own(api: Api) -> None:
    await with_collections(api)
    ids = [operation["operationId"] for _, _, operation in operations(await document(api))]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"\w+", id) for id in ids)


def operations(found: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, item[method.lower()])
        for path, item in found["paths"].items()
        for method in (*METHODS, "OPTIONS")
        if method.lower() in item
    ]


async def test_no_route_of_the_server_is_missing(api: Api) -> None:
    await with_collections(api)
    described = {(method, path) for path, method, _ in operations(await document(api))}
    parts = api.front.parts
    for route in parts.routes:
        names = ("_superusers", "users") if route.tag == "auth" else ("{collection}",)
        for name in names:
            assert (route.method, route.path.replace("{collection}", name)) in described
    for route in cast(Any, parts.control.control.control).routes:
        for method in set(METHODS) & set(route.methods):
            assert (method, route.path_format) in described
    for pattern in (records.RECORDS, records.RECORD, records.QUERY, records.AGGREGATE):
        assert pattern.replace("{collection}", "items") in {path for _, path in described}


async def test_every_path_that_is_described_is_there(api: Api) -> None:
    await with_collections(api)
    for path, method, _ in operations(await document(api)):
        # A line for messages has no end that could be waited for.
        method = "HEAD" if (path, method.upper()) == ("/api/realtime", "GET") else method
        answer = await api.guest.request(method, path.replace("{id}", "abc").replace("{collection}", "items"))
        assert answer.status_code != 405, (method, path)
        if answer.status_code == 404:
            assert "{" in path or path.startswith("/api/setup"), (method, path)


async def test_what_the_server_sends_is_what_is_described(api: Api) -> None:
    await with_collections(api)
    found = await document(api)
    full: dict[str, Any] = {
        "title": "Anchor",
        "price": 1.5,
        "stock": None,
        "done": True,
        "mail": "a@example.com",
        "site": "https://example.com",
        "at": "2026-11-20",
        "state": "open",
        "tags": ["a", "c"],
        "meta": {"deep": [1, None]},
        "p": {"lon": 8.5, "lat": 47.4},
        "cost": "12.50",
    }
    check(found, "Create_items", full)
    one = await api.create("items", **full)
    bare = await api.create("items", title="Rope")
    order = await api.create("orders", item=one["id"], more=[one["id"], bare["id"]])
    for name, record in (("items", one), ("items", bare), ("orders", order)):
        check(found, f"Record_{name}", record)
        assert set(record) <= found["components"]["schemas"][f"Record_{name}"]["properties"].keys()
    view = (await api.guest.get("/api/collections/titles/records")).json()["items"]
    check(found, "Record_titles", view[0])


def check(found: dict[str, Any], name: str, value: Any) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": found["components"]}
    jsonschema.Draft202012Validator(schema).validate(value)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"title": "x"},
        {"title": "ok", "price": 11},
        {"title": "ok", "state": "other"},
        {"title": "ok", "tags": ["z"]},
        {"title": "ok", "p": {"lon": 200, "lat": 0}},
        {"title": "ok", "stock": 1.5},
    ],
)
async def test_what_the_schema_refuses_the_server_refuses_too(api: Api, values: dict[str, Any]) -> None:
    await with_collections(api)
    with pytest.raises(jsonschema.ValidationError):
        check(await document(api), "Create_items", values)
    answer = await api.guest.post("/api/collections/items/records", json=values)
    refused(answer, 400, "validation_failed")


async def test_errors_are_as_described(api: Api) -> None:
    found = await document(api)
    for answer in (
        await api.guest.get("/api/nothing"),
        await api.guest.post("/api/collections/users/records", json={"email": "x"}),
        await api.guest.get("/api/collections"),
    ):
        check(found, "Error", answer.json())


async def test_a_view_is_read_only(api: Api) -> None:
    await with_collections(api)
    found = await document(api)
    assert found["paths"]["/api/collections/titles/records"].keys() == {"get"}
    assert found["paths"]["/api/collections/titles/records/{id}"].keys() == {"parameters", "get"}


async def test_closed_rules_ask_for_a_token(api: Api) -> None:
    await with_collections(api)
    paths = (await document(api))["paths"]
    assert paths["/api/collections/items/records"]["post"]["security"] == [{}, {"token": []}]
    assert paths["/api/collections/orders/records"]["post"]["security"] == [{"token": []}]
    assert paths["/api/collections"]["get"]["security"] == [{"token": []}]


async def test_no_secret_is_described(api: Api) -> None:
    schemas = (await document(api))["components"]["schemas"]
    assert not {"password", "tokenKey"} & schemas["Record_users"]["properties"].keys()
    assert schemas["Create_users"]["properties"]["password"]["writeOnly"] is True


async def test_it_follows_the_collections(api: Api) -> None:
    before = await api.root.get(PATH)
    assert (await api.root.get(PATH, headers={"if-none-match": before.headers["etag"]})).status_code == 304
    await api.define("posts", [{"name": "title", "type": "text"}])
    after = await api.root.get(PATH, headers={"if-none-match": before.headers["etag"]})
    assert after.status_code == 200
    assert "/api/collections/posts/records" in after.json()["paths"]
    await api.root.delete("/api/collections/posts")
    assert (await api.root.get(PATH)).headers["etag"] == before.headers["etag"]


async def test_by_default_it_is_for_superusers(api: Api) -> None:
    refused(await api.guest.get(PATH), 401, "unauthenticated")
    await api.create("users", email="ann@example.com", password=PASSWORD, passwordConfirm=PASSWORD)
    token = await api.login("ann@example.com", PASSWORD, "users")
    refused(await api.client(token).get(PATH), 403, "forbidden")


async def test_it_can_be_public_and_then_shows_what_is_public(start_api: Start) -> None:
    async with start_api(docs="public") as api:
        await with_collections(api)
        found = (await api.guest.get(PATH)).json()
        assert "/api/collections/items/records" in found["paths"]
        assert not [path for path in found["paths"] if "_superusers" in path]
        assert "secret" not in found["components"]["schemas"]["Record_items"]["properties"]
        everything = await document(api)
        assert "secret" in everything["components"]["schemas"]["Record_items"]["properties"]


@in_one_loop
@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        pytest.param("127.0.0.1", {"host": "127.0.0.1:8090"}, 200, id="this machine"),
        pytest.param("127.0.0.1", {"host": "localhost"}, 200, id="by its name"),
        pytest.param("::1", {"host": "[::1]:8090"}, 200, id="by IPv6"),
        pytest.param("127.0.0.1", {"host": "localhost", "x-forwarded-for": "198.51.100.1"}, 401, id="through a proxy"),
        pytest.param("127.0.0.1", {"host": "localhost", "forwarded": "for=198.51.100.1"}, 401, id="another proxy"),
        pytest.param("127.0.0.1", {"host": "evil.example"}, 401, id="a name that points here"),
        pytest.param(
            "127.0.0.1", {"host": "localhost:8090", "origin": "https://evil.example"}, 401, id="another site asks"
        ),
        pytest.param("127.0.0.1", {"host": "localhost", "origin": "null"}, 401, id="a sandbox asks"),
        pytest.param("127.0.0.1", {"host": "localhost", "sec-fetch-site": "cross-site"}, 401, id="another site embeds"),
        pytest.param(
            "127.0.0.1", {"host": "localhost:8090", "origin": "http://localhost:5173"}, 200, id="a site of this machine"
        ),
        pytest.param("127.0.0.1", {"host": "localhost.evil.example"}, 401, id="a name that begins like ours"),
        pytest.param("127.0.0.1", {"host": ""}, 401, id="no name"),
        pytest.param("198.51.100.1", {"host": "localhost"}, 401, id="another machine"),
    ],
)
async def test_this_machine_itself_may_read_it(
    shared_api: Api, address: str, headers: dict[str, str], status: int
) -> None:
    assert (await shared_api.client(address=address).get(PATH, headers=headers)).status_code == status


@in_one_loop
async def test_the_page_and_its_files_come_from_this_server_alone(shared_api: Api) -> None:
    page = await shared_api.guest.get("/api/docs")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    sources = re.findall(r'(?:src|href)="(?!data:)([^"]+)"', page.text)
    assert sources == ["/api/docs/swagger-ui.css", "/api/docs/swagger-ui.js"]
    policy = page.headers["content-security-policy"]
    assert "http" not in policy
    assert "script-src 'nonce-" in policy
    for source, type in zip(sources, ("text/css", "text/javascript"), strict=True):
        file = await shared_api.guest.get(source)
        assert file.status_code == 200
        assert file.headers["content-type"].startswith(type)
        assert len(file.content) > 100_000
        assert "sourceMappingURL" not in file.text


async def test_a_call_of_records_names_each_of_its_refusals(api: Api) -> None:
    await with_collections(api)
    found = await document(api)
    told = found["components"]["x-errors"]
    for path, item in found["paths"].items():
        for method, operation in item.items():
            if not path.startswith("/api/collections/items/records") or method == "parameters":
                continue
            statuses = {str(told[name]["status"]) for name in operation["x-errors"]}
            assert statuses == {status for status in operation["responses"] if status >= "400"}, (method, path)


@pytest.mark.parametrize(
    ("method", "path", "sent", "code"),
    [
        pytest.param("GET", "", {"params": {"filter": "nothing = 1"}}, "invalid_filter", id="a filter"),
        pytest.param("GET", "", {"params": {"sort": "nothing"}}, "invalid_sort", id="a sort"),
        pytest.param("POST", "", {"json": {}}, "validation_failed", id="a value"),
        pytest.param("POST", "", {"content": "{", "headers": {"content-type": "text/html"}}, "unsupported_media_type"),
        pytest.param("DELETE", "/nowhere00000000", {}, "not_found", id="nothing there"),
        pytest.param("PATCH", "/nowhere00000000", {"headers": {"x-api-key": "hf_wrong"}}, "unauthenticated", id="key"),
    ],
)
async def test_what_a_call_is_refused_with_is_named_by_its_description(
    api: Api, method: str, path: str, sent: dict[str, Any], code: str
) -> None:
    await with_collections(api)
    answer = await api.root.request(method, f"/api/collections/items/records{path}", **sent)
    found = await document(api)
    described = "/api/collections/items/records" + ("/{id}" if path else "")
    names = found["paths"][described][method.lower()]["x-errors"]
    assert code in {found["components"]["x-errors"][name]["code"] for name in names}
    assert answer.json()["code"] == code
