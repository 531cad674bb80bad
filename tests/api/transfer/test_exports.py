"""Records go out as files, and come back the same."""

import csv
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from client import Api, in_one_loop, refused, running
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT

pytestmark = in_one_loop

THINGS = "/api/collections/things/records"
KINDS = {"csv": "text/csv", "ndjson": "application/x-ndjson", "json": "application/json"}
FIELDS: list[dict[str, Any]] = [
    {"name": "title", "type": "text"},
    {"name": "note", "type": "text", "nullable": True},
    {"name": "count", "type": "number", "nullable": True},
    {"name": "whole", "type": "number", "onlyInt": True},
    {"name": "price", "type": "decimal", "precision": 20, "scale": 3, "nullable": True},
    {"name": "open", "type": "bool"},
    {"name": "at", "type": "date"},
    {"name": "kinds", "type": "select", "values": ["a", "b", '"x", [y]'], "maxSelect": 3},
    {"name": "kind", "type": "select", "values": ["=a", "b"]},
    {"name": "meta", "type": "json"},
    {"name": "place", "type": "geoPoint"},
    {"name": "owner", "type": "relation", "collectionId": "owners"},
    {"name": "others", "type": "relation", "collectionId": "owners", "maxSelect": 5},
    {"name": "secret", "type": "text", "hidden": True},
    {"name": "created", "type": "autodate", "onCreate": True},
    {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
]
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
TRICKY = st.sampled_from(
    [
        "",
        "'",
        "''",
        "NULL",
        "'NULL",
        "=1",
        "'=1",
        "+1",
        "-x",
        "@a",
        "\t",
        "\r",
        "\r\n",
        "\n",
        '"',
        ",",
        ";",
        " x ",
        "\\N",
        "\\",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
RECORDS = st.fixed_dictionaries(
    {
        "title": TEXTS | TRICKY,
        "note": st.none() | TEXTS | TRICKY,
        "count": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "whole": st.integers(-(2**53) + 1, 2**53 - 1),
        "price": st.none() | st.decimals(-(10**9), 10**9, places=3).map(str),
        "open": st.booleans(),
        "at": st.just("") | st.datetimes().map(str),
        "kinds": st.lists(st.sampled_from(["a", "b", '"x", [y]']), unique=True),
        "kind": st.sampled_from(["", "=a", "b"]),
        "meta": JSON,
        "place": st.fixed_dictionaries({"lon": st.floats(-180, 180), "lat": st.floats(-90, 90)}),
        "owner": st.sampled_from(["", "one", "two"]),
        "others": st.lists(st.sampled_from(["one", "two"]), unique=True),
        "secret": TEXTS | TRICKY,
    }
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    dsn = await make_database(cluster, PROJECT)
    async with running(dsn, tmp_path_factory.mktemp("exports"), batch_requests=500) as made:
        owners = await made.define("owners", [{"name": "name", "type": "text", "unique": True, "presentable": True}])
        fields = [{**one, "collectionId": owners["id"]} if one["type"] == "relation" else one for one in FIELDS]
        await made.define("things", fields, listRule="title != 'hidden'")
        for name in ("one", "two"):
            await made.create("owners", id=f"owner{name:0>10}", name=name)
        yield made
    await drop_database(cluster, dsn)


async def fill(api: Api, records: list[dict[str, Any]]) -> None:
    await api.root.delete("/api/collections/things/truncate")
    requests = [{"method": "POST", "url": THINGS, "body": record} for record in records]
    if requests:
        answer = await api.root.post("/api/batch", json={"requests": requests})
        assert answer.status_code == 200, answer.text


async def things(api: Api) -> list[dict[str, Any]]:
    return (await api.root.get(THINGS, params={"perPage": 1000, "sort": "id"})).json()["items"]


async def export(api: Api, **query: str) -> httpx.Response:
    answer = await api.root.get(f"{THINGS}/export", params=query)
    assert answer.status_code == 200, answer.text
    return answer


def rows(answer: httpx.Response) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.text, newline=""), strict=True))


def own(record: dict[str, Any]) -> dict[str, Any]:
    """A record as a request names it: owners by their ids."""
    ids = {"": "", "one": "owner0000000one", "two": "owner0000000two"}
    return {**record, "owner": ids[record["owner"]], "others": [ids[name] for name in record["others"]]}


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"delimiter": "semicolon", "bom": "1"},
        {"labels": "*"},
        {"null": "NULL"},
        {"format": "ndjson"},
        {"format": "json"},
    ],
)
async def test_what_was_exported_can_be_imported_to_the_same_records(api: Api, query: dict[str, str]):
    @settings(max_examples=12, deadline=None, derandomize=True)
    @given(st.lists(RECORDS, min_size=1, max_size=20))
    def gather(records: list[dict[str, Any]]) -> None:
        gathered.extend(records)

    gathered: list[dict[str, Any]] = []
    gather()
    await fill(api, [own(record) for record in gathered[:500]])
    before = await things(api)
    file = (await export(api, **query)).content
    assert len(before) > 20
    await api.root.delete("/api/collections/things/truncate")
    kind = {"Content-Type": KINDS[query.get("format", "csv")]}
    null = {"null": query["null"]} if "null" in query else {}
    answer = await api.root.post(f"{THINGS}/import", content=file, headers=kind, params=null)
    assert answer.json()["inserted"] == len(before), answer.text
    assert await things(api) == before
    assert (await export(api, **query)).content == file


async def test_csv_has_a_column_for_each_field_and_ndjson_a_line_for_each_record(api: Api):
    await fill(api, [own({"title": "a", "owner": "one", "others": ["two", "one"]})])
    head, row = rows(await export(api))
    assert head == ["id", *(field["name"] for field in FIELDS)]
    assert row[head.index("others")] == '["owner0000000two","owner0000000one"]'
    line = json.loads((await export(api, format="ndjson")).text)
    assert list(line) == head


async def test_a_json_list_has_a_record_on_each_line(api: Api):
    await fill(api, [{"title": "a"}, {"title": "b"}])
    answer = await export(api, format="json", fields="title", sort="title")
    assert answer.text == '[\n{"title":"a"},\n{"title":"b"}\n]\n'
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == 'attachment; filename="things.json"'


@pytest.mark.parametrize("null", ["\\N", "n/a", "-"])
async def test_null_has_a_text_of_its_own(api: Api, null: str):
    await fill(api, [{"title": "a", "note": None}, {"title": "b", "note": ""}])
    answer = await export(api, null=null, fields="note", sort="title")
    assert rows(answer) == [["note"], [null], [""]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({"fields": "title,whole"}, [["title", "whole"], ["a", "1"], ["b", "2"]], id="fields"),
        pytest.param({"fields": "title", "sort": "-whole"}, [["title"], ["b"], ["a"]], id="sort"),
        pytest.param({"fields": "title", "filter": "whole > 1"}, [["title"], ["b"]], id="filter"),
        pytest.param(
            {"fields": "title", "filter": "whole > {:n}", "p.n": "1"}, [["title"], ["b"]], id="a bound filter"
        ),
        pytest.param(
            {"fields": "owner,others", "labels": "owner.name"},
            [["owner.name", "others"], ["one", "[]"], ["", '["owner0000000two"]']],
            id="a label",
        ),
        pytest.param(
            {"fields": "owner,others", "labels": "*"},
            [["owner.name", "others.name"], ["one", "[]"], ["", '["two"]']],
            id="all labels",
        ),
        pytest.param({"fields": "title", "filter": "whole > 9"}, [["title"]], id="nothing"),
    ],
)
async def test_what_is_asked_for_goes_out(api: Api, query: dict[str, str], expected: list[list[str]]):
    first: dict[str, Any] = {"title": "a", "whole": 1, "owner": "one", "others": []}
    await fill(api, [own(first), own({"title": "b", "whole": 2, "owner": "", "others": ["two"]})])
    assert rows(await export(api, **{"sort": "whole", **query})) == expected


async def test_others_get_what_they_may_list(api: Api):
    await fill(api, [{"title": "a"}, {"title": "hidden"}])
    answer = await api.guest.get(f"{THINGS}/export")
    head, *records = rows(answer)
    assert "secret" not in head
    assert [record[head.index("title")] for record in records] == ["a"]
    assert answer.headers["content-disposition"] == 'attachment; filename="things.csv"'
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    refused(await api.guest.get("/api/collections/_superusers/records/export"), 403, "forbidden")
    refused(await api.guest.get(f"{THINGS}/export", params={"filter": "secret = ''"}), 400, "invalid_filter")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        pytest.param({"format": "xml"}, "validation_failed", id="no such format"),
        pytest.param({"null": "12"}, "validation_failed", id="a number for null"),
        pytest.param({"null": "=1"}, "validation_failed", id="a formula for null"),
        pytest.param({"null": "True"}, "validation_failed", id="a value for null"),
        pytest.param({"null": "x" * 21}, "validation_failed", id="a long text for null"),
        pytest.param({"null": "NULL", "format": "json"}, "validation_failed", id="a text for null in JSON"),
        pytest.param({"labels": "title.name"}, "validation_failed", id="a label of no relation"),
        pytest.param({"labels": "owner.nothing"}, "validation_failed", id="a label that is not there"),
        pytest.param({"fields": "nothing"}, "validation_failed", id="no field"),
        pytest.param({"page": "2"}, "validation_failed", id="a parameter of lists"),
        pytest.param({"filter": "nothing = 1"}, "invalid_filter", id="an unknown field in the filter"),
        pytest.param({"sort": "nothing"}, "invalid_sort", id="an unknown field in the sort"),
    ],
)
async def test_what_cannot_be_exported_is_refused_before_anything_goes_out(api: Api, query: dict[str, str], code: str):
    refused(await api.root.get(f"{THINGS}/export", params=query), 400, code)


async def test_an_export_of_nothing_can_be_imported(api: Api):
    await fill(api, [])
    for format, kind in KINDS.items():
        file = (await export(api, format=format)).content
        answer = await api.root.post(f"{THINGS}/import", content=file, headers={"Content-Type": kind})
        assert (answer.status_code, answer.json()["read"]) == (200, 0)


async def test_the_head_of_an_export_can_be_asked_for(api: Api):
    answer = await api.root.head(f"{THINGS}/export")
    assert (answer.status_code, answer.content) == (200, b"")


async def test_a_record_may_be_called_like_an_import_or_an_export(api: Api):
    pattern = {"name": "id", "type": "text", "primaryKey": True, "required": True, "pattern": "^[a-z0-9]+$", "min": 1}
    await api.define("words", [pattern])
    for name in ("import", "export"):
        await api.create("words", id=name)
        assert (await api.root.patch(f"/api/collections/words/records/{name}", json={})).status_code == 200
        assert (await api.root.delete(f"/api/collections/words/records/{name}")).status_code == 204
