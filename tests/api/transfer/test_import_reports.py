"""Files become records: all that is right in them, and a word about everything else."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from client import Api, in_one_loop, refused, running
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT

pytestmark = in_one_loop

AUTHORS = "/api/collections/authors/records"
BOOKS = "/api/collections/books/records"
FIELDS: list[dict[str, Any]] = [
    {"name": "title", "type": "text", "required": True, "max": 100},
    {"name": "isbn", "type": "text", "unique": True},
    {"name": "pages", "type": "number", "onlyInt": True, "max": 5000},
    {"name": "price", "type": "decimal", "precision": 8, "scale": 2},
    {"name": "sold", "type": "bool"},
    {"name": "published", "type": "date"},
    {"name": "kind", "type": "select", "values": ["novel", "poem"]},
    {"name": "tags", "type": "select", "values": ["a", "b", "c"], "maxSelect": 3},
    {"name": "meta", "type": "json"},
    {"name": "place", "type": "geoPoint"},
    {"name": "state", "type": "text", "default": "new"},
    {"name": "author", "type": "relation", "collectionId": "authors"},
    {"name": "editors", "type": "relation", "collectionId": "authors", "maxSelect": 5},
    {"name": "sequel", "type": "relation", "collectionId": "books"},
    {"name": "cover", "type": "file"},
    {"name": "note", "type": "text", "nullable": True},
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    dsn = await make_database(cluster, PROJECT)
    async with running(dsn, tmp_path_factory.mktemp("imports"), body_bytes=200_000) as api:
        await api.define(
            "authors",
            [{"name": "email", "type": "email", "unique": True}, {"name": "name", "type": "text", "presentable": True}],
        )
        await api.root.post("/api/collections", json={"name": "books", "type": "base", "id": "books"})
        answer = await api.root.patch("/api/collections/books", json={"fields": await _with(api, FIELDS)})
        assert answer.status_code == 200, answer.text
        yield api
    await drop_database(cluster, dsn)


async def _with(api: Api, fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
    stamps = [
        {"name": "created", "type": "autodate", "onCreate": True},
        {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
    ]
    authors = (await api.root.get("/api/collections/authors")).json()["id"]
    fields = [{**one, "collectionId": authors} if one.get("collectionId") == "authors" else one for one in fields]
    return [*(await api.root.get("/api/collections/books")).json()["fields"], *fields, *stamps]


@pytest_asyncio.fixture(loop_scope="module")
async def api(server: Api) -> Api:
    await server.root.delete("/api/collections/books/truncate")
    await server.root.delete("/api/collections/authors/truncate")
    return server


async def send(api: Api, text: str | bytes, **query: str) -> httpx.Response:
    kind = "application/x-ndjson" if query.pop("of", "csv") == "ndjson" else "text/csv"
    content = text.encode() if isinstance(text, str) else text
    return await api.root.post(f"{BOOKS}/import", content=content, headers={"Content-Type": kind}, params=query)


async def done(api: Api, text: str | bytes, **query: str) -> dict[str, Any]:
    answer = await send(api, text, **query)
    assert answer.status_code == 200, answer.text
    report = answer.json()
    assert report["read"] == sum(report[name] for name in ("inserted", "updated", "skipped", "failed"))
    return report


async def books(api: Api, sort: str = "title") -> list[dict[str, Any]]:
    answer = await api.root.get(BOOKS, params={"sort": sort, "perPage": 1000})
    return answer.json()["items"]


def counts(report: dict[str, Any]) -> tuple[int, ...]:
    return tuple(report[name] for name in ("read", "inserted", "updated", "skipped", "failed"))


async def test_each_type_of_field_is_read_from_its_cells(api: Api):
    author = await api.create("authors", email="ann@example.com", name="Ann")
    text = (
        "title,pages,price,sold,published,kind,tags,meta,place,author,editors.email,created\n"
        '"Ein Buch, ""gut""",120,12.50,true,2026-01-02,novel,"[""a"",""c""]","{""x"":[1]}",'
        f'"{{""lon"":8.5,""lat"":47.4}}",{author["id"]},"[""ann@example.com""]",2020-02-03 04:05:06.789Z\n'
    )
    assert counts(await done(api, text)) == (1, 1, 0, 0, 0)
    (book,) = await books(api)
    expected = {
        "title": 'Ein Buch, "gut"', "pages": 120, "price": "12.50", "sold": True, "kind": "novel", "tags": ["a", "c"],
        "published": "2026-01-02 00:00:00.000Z", "meta": {"x": [1]}, "place": {"lon": 8.5, "lat": 47.4}, "state": "new",
        "author": author["id"], "editors": [author["id"]], "created": "2020-02-03 04:05:06.789Z", "note": None,
    }  # fmt: skip
    assert {name: book[name] for name in expected} == expected
    assert len(book["id"]) == 15


async def test_an_empty_cell_is_empty_and_a_column_that_is_not_there_is_the_default(api: Api):
    await done(api, "title,state\none,\n")
    await done(api, "title\ntwo\n")
    assert [(book["title"], book["state"]) for book in await books(api)] == [("one", ""), ("two", "new")]


async def test_ndjson_is_read_member_by_member(api: Api):
    text = '{"title":"one","pages":3,"meta":"[1]"}\n{"title":"two","state":"old","tags":["b"]}\n'
    assert counts(await done(api, text, of="ndjson")) == (2, 2, 0, 0, 0)
    one, two = await books(api)
    assert (one["pages"], one["state"], one["meta"]) == (3, "new", "[1]")
    assert (two["pages"], two["state"], two["tags"]) == (0, "old", ["b"])


async def test_a_report_says_what_is_wrong_in_which_line_and_all_that_is_right_is_written(api: Api):
    text = (
        "title,isbn,pages,kind,author.email\n"
        "one,1,x,novel,\n"
        ",2,1,novel,\n"
        "three,3,1,drama,\n"
        "four,4,1,novel,nobody@example.com\n"
        "five,5,1\n"
        "six,6,1,novel,\n"
        "seven,6,1,novel,\n"
    )
    report = await done(api, text, onError="skip")
    assert counts(report) == (7, 1, 0, 0, 6)
    assert [(one["line"], one["column"], one["value"], one["code"]) for one in report["errors"]] == [
        (2, "pages", "x", "validation_not_a_number"),
        (3, "title", "", "validation_required"),
        (4, "kind", "drama", "validation_invalid_value"),
        (5, "author.email", "nobody@example.com", "validation_missing_rel_records"),
        (6, "", "", "validation_wrong_columns"),
        (8, "isbn", "", "validation_not_unique"),
    ]
    assert [book["title"] for book in await books(api)] == ["six"]


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        pytest.param("title,pages\none,1\ntwo,x\nthree,3\n", "3", "pages", id="a value that is none"),
        pytest.param("title,isbn\none,1\ntwo,1\n", "3", "isbn", id="a value that another line has"),
        pytest.param("title,author\none,\ntwo,nobody\n", "3", "author", id="a record that is not there"),
    ],
)
async def test_the_first_line_that_is_wrong_stops_everything(api: Api, text: str, line: str, column: str):
    answer = await send(api, text)
    assert answer.status_code == 400, answer.text
    body = answer.json()
    assert body["code"] == "validation_failed"
    assert list(body["data"]["lines"]) == [line]
    assert list(body["data"]["lines"][line]) == [column]
    assert body["message"].startswith(f"Line {line}, column {column}: ")
    assert (body["inserted"], body["failed"]) == (0, 1)
    assert body["read"] == body["failed"] + body["skipped"]
    assert await books(api) == []
    state = (await api.root.get(answer.headers["location"])).json()
    assert (state["state"], state["errors"][0]["column"], state["canUndo"]) == ("stopped", column, False)


@pytest.mark.parametrize(
    ("mode", "report", "pages"),
    [
        pytest.param("update", (3, 0, 1, 0, 2), {"1": 10}, id="update"),
        pytest.param("upsert", (3, 1, 1, 0, 1), {"1": 10, "2": 20}, id="upsert"),
        pytest.param("skip", (3, 1, 0, 1, 1), {"1": 1, "2": 20}, id="skip"),
        pytest.param("insert", (3, 1, 0, 0, 2), {"1": 1, "2": 20}, id="insert"),
    ],
)
@pytest.mark.parametrize("of", ["csv", "ndjson"])
async def test_records_are_told_by_a_unique_field(
    api: Api, mode: str, report: tuple[int, ...], pages: dict[str, int], of: str
):
    await api.create("books", title="old", isbn="1", pages=1, state="kept")
    rows = [("1", "10"), ("2", "20"), ("3", "x")]
    text = "isbn,title,pages\n" + "".join(f"{isbn},new,{count}\n" for isbn, count in rows)
    if of == "ndjson":
        text = "".join(f'{{"isbn":"{isbn}","title":"new","pages":"{count}"}}\n' for isbn, count in rows)
    assert counts(await done(api, text, mode=mode, key="isbn", onError="skip", of=of)) == report
    found = await books(api, "isbn")
    assert {book["isbn"]: book["pages"] for book in found} == pages
    assert found[0]["state"] == "kept", "what the file does not name stays as it is"


async def test_records_are_told_by_their_id(api: Api):
    book = await api.create("books", title="old", pages=1)
    text = f"id,title\n{book['id']},new\nnewbook00000001,other\n"
    assert counts(await done(api, text, mode="upsert")) == (2, 1, 1, 0, 0)
    assert {one["id"]: one["title"] for one in await books(api)} == {book["id"]: "new", "newbook00000001": "other"}


async def test_two_lines_about_one_record_are_told(api: Api):
    await api.create("books", title="old", isbn="1")
    report = await done(api, "isbn,title\n1,a\n1,b\n2,c\n2,d\n", mode="upsert", key="isbn", onError="skip")
    assert counts(report) == (4, 1, 1, 0, 2)
    assert [(one["line"], one["column"], one["value"]) for one in report["errors"]] == [
        (3, "isbn", "1"),
        (5, "isbn", "2"),
    ]


async def test_only_what_an_object_names_is_changed(api: Api):
    await api.create("books", title="old", isbn="1", pages=7, kind="poem")
    await api.create("books", title="older", isbn="2", pages=8, kind="poem")
    text = '{"isbn":"1","title":"new"}\n{"isbn":"2","kind":""}\n'
    await done(api, text, of="ndjson", mode="update", key="isbn")
    found = [(book["title"], book["pages"], book["kind"]) for book in await books(api, "isbn")]
    assert found == [("new", 7, "poem"), ("older", 8, "")]


async def test_lines_can_point_at_later_lines_of_the_file(api: Api):
    text = (
        "id,title,isbn,sequel\none000000000001,a,1,two000000000002\ntwo000000000002,b,2,\nthree0000000003,c,3,nobody\n"
    )
    report = await done(api, text, onError="skip")
    assert counts(report) == (3, 2, 0, 0, 1)
    assert (await books(api))[0]["sequel"] == "two000000000002"


async def test_a_line_that_points_at_a_wrong_line_is_wrong_too(api: Api):
    text = "title,isbn,sequel.isbn,author\na,1,2,\nb,2,3,\nc,3,,nobody\nd,4,5,\ne,5,,\n"
    report = await done(api, text, onError="skip")
    assert counts(report) == (5, 2, 0, 0, 3)
    assert [one["line"] for one in report["errors"]] == [2, 3, 4]


async def test_a_dry_run_tells_everything_and_writes_nothing(api: Api):
    text = "title,isbn\na,1\nb,1\nc,2\n"
    report = await done(api, text, dryRun="true", onError="skip")
    assert counts(report) == (3, 2, 0, 0, 1)
    assert await books(api) == []
    state = (await api.root.get(f"/api/collections/books/imports/{report['importId']}")).json()
    assert (state["state"], state["inserted"], state["canUndo"]) == ("done", 2, False)


async def test_what_an_import_made_and_changed_is_taken_back(api: Api):
    old = await api.create(
        "books", title="old", isbn="1", pages=1, meta={"a": 1}, tags=["a"], place={"lon": 1, "lat": 2}
    )
    text = (
        "title,isbn,pages,meta,tags,place\n"
        'new,1,2,"{""b"":2}",b,"{""lon"":3,""lat"":4}"\nfresh,2,3,,,\nchanged since,3,4,,,\n'
    )
    report = await done(api, text, mode="upsert", key="isbn")
    changed = (await books(api))[0]
    assert changed["title"] == "changed since"
    await api.root.patch(f"{BOOKS}/{changed['id']}", json={"pages": 99})
    answer = await api.root.post(f"/api/collections/books/imports/{report['importId']}/undo")
    assert answer.json() == {"deleted": 1, "restored": 1, "left": 1}
    left, back = await books(api)
    assert (left["id"], left["pages"]) == (changed["id"], 99)
    assert {name: value for name, value in back.items() if name != "updated"} == {
        name: value for name, value in old.items() if name != "updated"
    }
    refused(await api.root.post(f"/api/collections/books/imports/{report['importId']}/undo"), 409, "conflict")


async def test_imported_records_are_events_with_who_made_them(api: Api):
    await api.root.post(f"{BOOKS}/import?format=csv", content=b"title\na\nb\n", headers={"X-Request-Id": "import-it-1"})
    rows = await api.pool.fetch(_statement())
    assert [row["type"] for row in rows] == ["books.created", "books.created"]
    assert all('"kind":"superuser"' in row["context"] and "import-it-1" in row["context"] for row in rows)


def _statement() -> Any:
    from holdfast.db.sql import Statement, raw

    rows = raw("SELECT type, context FROM holdfast.outbox WHERE context LIKE '%import-it-1%' ORDER BY id")
    return Statement.of(rows)


async def test_a_file_may_be_larger_than_other_bodies(api: Api):
    cell = "x" * 90
    lines = "".join(f"{cell},{number}\n" for number in range(5000))
    report = await done(api, f"title,isbn\n{lines}")
    assert report["inserted"] == 5000
    refused(await api.root.post(BOOKS, json={"title": "x" * 300_000}), 413, "too_large")


@pytest.mark.parametrize(
    ("text", "query", "data"),
    [
        pytest.param("title,titel\n", {}, {"titel": "validation_unknown_column"}, id="an unknown column"),
        pytest.param("title,title\n", {}, {"title": "validation_duplicate_column"}, id="a column twice"),
        pytest.param(
            "title,author,author.email\n", {}, {"author.email": "validation_duplicate_column"}, id="a field twice"
        ),
        pytest.param("title,\n", {}, {"column 2": "validation_required"}, id="a column without a name"),
        pytest.param(
            "title,author.name\n", {}, {"author.name": "validation_invalid_value"}, id="a key that is not unique"
        ),
        pytest.param("pages\n1\n", {}, {"title": "validation_required"}, id="a required column is missing"),
        pytest.param("title\n", {"mode": "replace"}, {"mode": "validation_invalid_value"}, id="no such mode"),
        pytest.param("title\n", {"dryrun": "1"}, {"dryrun": "validation_unknown_parameter"}, id="a mistyped parameter"),
        pytest.param(
            "title\n", {"key": "title"}, {"key": "validation_invalid_value"}, id="a key that tells nobody apart"
        ),
        pytest.param("title\n", {"delimiter": "|"}, {"delimiter": "validation_invalid_value"}, id="no such delimiter"),
        pytest.param(
            "title\n", {"onError": "1"}, {"onError": "validation_invalid_value"}, id="no such way with errors"
        ),
        pytest.param("title\n", {"guard": "x"}, {"guard": "validation_invalid_value"}, id="no flag"),
        pytest.param("title\na\n", {"mode": "update"}, {}, id="no column of the key"),
        pytest.param("a,b\n", {"ignoreUnknown": "1"}, {}, id="nothing but unknown columns"),
    ],
)
async def test_a_request_of_which_nothing_can_be_made_is_refused(
    api: Api, text: str, query: dict[str, str], data: dict[str, str]
):
    body = refused(await send(api, text, **query), 400, "validation_failed")
    assert {name: problem["code"] for name, problem in body["data"].items()} == data


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"", "empty", id="an empty file"),
        pytest.param("title\nM\xfcller\n".encode("latin-1"), "Line 2: It is no UTF-8", id="Latin 1"),
        pytest.param("title\nx\n".encode("utf-16"), "UTF-16", id="UTF-16"),
        pytest.param(b'title\n"x\n', "Line 2: A quote is opened", id="an open quote"),
    ],
)
async def test_a_file_that_cannot_be_read_is_refused_with_the_line(api: Api, content: bytes, said: str):
    body = refused(await send(api, content, onError="skip"), 400, "bad_request")
    assert said in body["message"]
    assert await books(api) == []


async def test_what_is_no_file_of_records_is_refused(api: Api):
    answer = await api.root.post(f"{BOOKS}/import", json={"title": "x"})
    assert "no JSON list" in refused(answer, 400, "bad_request")["message"]
    answer = await api.root.post(f"{BOOKS}/import", content=b"x", headers={"Content-Type": "application/xml"})
    refused(answer, 415, "unsupported_media_type")
    answer = await api.root.post(f"{BOOKS}/import?format=csv", content=b"x", headers={"Idempotency-Key": "k"})
    refused(answer, 400, "bad_request")
    answer = await api.root.post(f"{BOOKS}/import?format=csv", content=b"x", headers={"Content-Encoding": "gzip"})
    refused(answer, 415, "unsupported_media_type")
    answer = await api.root.post("/api/collections/_superusers/records/import?format=csv", content=b"email\n")
    refused(answer, 400, "bad_request")
    answer = await api.root.post("/api/collections/nothing/records/import?format=csv", content=b"email\n")
    refused(answer, 404, "not_found")


async def test_unknown_columns_and_files_are_left_out_if_one_says_so(api: Api):
    text = "title,color,cover\na,red,x.png\n"
    assert counts(await done(api, text, ignoreUnknown="1")) == (1, 1, 0, 0, 0)
    report = await done(api, "title,cover\nb,\nc,x.png\n", onError="skip")
    assert counts(report) == (2, 1, 0, 0, 1)
    assert (report["errors"][0]["column"], report["errors"][0]["code"]) == ("cover", "validation_invalid_file")


async def test_more_errors_than_are_told_are_counted(api: Api):
    report = await done(api, "title,pages\n" + "a,x\n" * 250 + "b,1\n", onError="skip")
    assert counts(report) == (251, 1, 0, 0, 250)
    assert [one["line"] for one in report["errors"]] == list(range(2, 102))
    again = await done(api, "title,isbn\n" + "".join(f"a,{n % 10}\n" for n in range(300)), onError="skip")
    assert counts(again) == (300, 10, 0, 0, 290)
    assert len(again["errors"]) == 100


async def test_imports_leave_no_tables_behind_but_those_that_undo_needs(api: Api):
    report = await done(api, "title\na\n")
    await send(api, "title\n\n,\n")
    from holdfast.db.sql import Statement, raw

    rows = await api.pool.fetch(
        Statement.of(raw("SELECT relname FROM pg_class WHERE relnamespace = 'holdfast_imports'::regnamespace"))
    )
    names = {row["relname"] for row in rows}
    assert not any(name.startswith("lines_") for name in names)
    assert f"undo_{report['importId']}" in names


@pytest.mark.parametrize(
    ("dates", "given", "found"),
    [
        ("dmy", "20.11.2026 09:15", "2026-11-20 09:15:00.000Z"),
        ("mdy", "11/20/2026 3:15 PM", "2026-11-20 15:15:00.000Z"),
        ("dmy", "2026-11-20", "2026-11-20 00:00:00.000Z"),
    ],
)
@pytest.mark.parametrize("format", ["csv", "ndjson"])
async def test_dates_are_read_as_they_are_said_to_be_written(api: Api, format: str, dates: str, given: str, found: str):
    text = f"title,published\ndated,{given}\n" if format == "csv" else f'{{"title":"dated","published":"{given}"}}\n'
    answer = await send(api, text, format=format, dates=dates)
    assert answer.status_code == 200, answer.text
    (book,) = (await api.root.get(BOOKS, params={"filter": "title = 'dated'"})).json()["items"]
    assert book["published"] == found
    await api.root.delete(f"{BOOKS}/{book['id']}")


async def test_a_date_that_is_none_is_told_with_what_stands_in_the_file(api: Api):
    report = (await send(api, "title,published\nx,20.11.2026\n", dates="mdy")).json()
    assert [(one["line"], one["column"], one["value"]) for one in report["errors"]] == [(2, "published", "20.11.2026")]
    refused(await send(api, "title\nx\n", dates="german"), 400, "validation_failed")
