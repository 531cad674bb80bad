"""Whatever is sent to whichever field, the server has an answer for it."""

from typing import Any, Final

import pytest
import pytest_asyncio

from writing_server import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIELDS: Final[list[dict[str, Any]]] = [
    {"name": "f_text", "type": "text"},
    {"name": "f_pattern", "type": "text", "pattern": "^(a+)+$", "min": 2, "max": 5},
    {"name": "f_unique", "type": "text", "unique": True, "max": 100000},
    {"name": "f_editor", "type": "editor"},
    {"name": "f_number", "type": "number"},
    {"name": "f_whole", "type": "number", "onlyInt": True, "nullable": True},
    {"name": "f_decimal", "type": "decimal", "precision": 30, "scale": 10},
    {"name": "f_bool", "type": "bool"},
    {"name": "f_email", "type": "email"},
    {"name": "f_url", "type": "url"},
    {"name": "f_date", "type": "date"},
    {"name": "f_autodate", "type": "autodate", "onCreate": True},
    {"name": "f_select", "type": "select", "values": ["a", "b"]},
    {"name": "f_selects", "type": "select", "values": ["a", "b"], "maxSelect": 2},
    {"name": "f_relation", "type": "relation", "collectionId": "targets", "maxSelect": 1},
    {"name": "f_relations", "type": "relation", "collectionId": "targets", "maxSelect": 3},
    {"name": "f_file", "type": "file", "maxSelect": 1},
    {"name": "f_files", "type": "file", "maxSelect": 3},
    {"name": "f_json", "type": "json"},
    {"name": "f_point", "type": "geoPoint"},
    {"name": "f_password", "type": "password"},
]
VALUES: Final[dict[str, Any]] = {
    "null": None,
    "true": True,
    "empty": "",
    "zero": 0,
    "minus": -1,
    "fraction": 0.1,
    "int32": 2**31,
    "int53": 2**53,
    "int63": 2**63,
    "int64": -(2**64),
    "huge int": 10**300,
    "tiny": 5e-324,
    "large float": 1.7976931348623157e308,
    "numeral": "12",
    "long numeral": "9" * 1200,
    "huge exponent": "1e131072",
    "exponent": "1e999999",
    "nan": "NaN",
    "infinity": "-Infinity",
    "quote": "' OR 1=1 --",
    "statement": '"; DROP TABLE hostile; --',
    "dollar": "$1 $$ {:x}",
    "percent": "%s %",
    "backslash": "\\",
    "unicode": "\u017f\u202e\U0001d573\U0001f9d1\u200d\U0001f680",
    "control": "\x01\x7f\u0085",
    "line ends": "a\r\nb",
    "long": "x" * 6000,
    "longer": "ž" * 200_000,
    "redos": "a" * 60 + "!",
    "year 10000": "10000-01-01 00:00:00Z",
    "year 0": "0000-01-01",
    "february 30": "2026-02-30",
    "epsilon date": "2026-01-01 00:00:00.123456789Z",
    "offset": "0001-01-01T00:00:00+15:00",
    "infinite date": "infinity",
    "email": "a@example.com",
    "url": "https://example.com/?q=1",
    "javascript": "javascript:alert(1)",
    "path": "../../etc/passwd",
    "list": [],
    "list of null": [None],
    "list of lists": [["a"], {"a": []}],
    "many": ["a"] * 1000,
    "different": [str(at) for at in range(500)],
    "object": {},
    "prototype": {"__proto__": {"admin": True}},
    "point": {"lon": 181, "lat": "x"},
    "point of null": {"lon": None, "lat": None},
    "deep": [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]],
    "json text": '{"a":[1,2,{"b":null}]}',
    "broken json": '{"a":',
    "surrogate text": '"\\ud800"',
    "nul text": '"\\u0000"',
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hostile(server: Server) -> Server:
    await server.define(
        {"id": "targets", "name": "targets", "type": "base", "fields": []},
        {
            "name": "hostile",
            "type": "base",
            "createRule": "",
            "updateRule": "",
            "deleteRule": "",
            "searchable": ["f_text", "f_editor"],
            "fields": FIELDS,
        },
    )
    return server


@pytest.mark.parametrize("field", [field["name"] for field in FIELDS] + ["id"])
async def test_no_value_breaks_the_server(hostile: Server, field: str):
    records = "/collections/hostile/records"
    path = f"{records}/{(await hostile.made('hostile'))['id']}"
    for label, value in VALUES.items():
        for method, url in (("POST", records), ("PATCH", path)):
            response = await hostile.guest.request(method, url, json={field: value})
            assert response.status_code in (200, 400), (label, method, response.text)
        for key in (f"{field}+", f"+{field}", f"{field}-"):
            response = await hostile.guest.patch(path, json={key: value})
            assert response.status_code in (200, 400), (label, key, response.text)
        text = value if isinstance(value, str) else repr(value)
        response = await hostile.guest.patch(path, data={field: text})
        assert response.status_code in (200, 400), (label, "form", response.text)
    response = await hostile.guest.patch(path, files={field: ("a.txt", b"x")})
    assert response.status_code in (200, 400), ("file", response.text)


@pytest.mark.parametrize(
    "key",
    [
        "",
        " ",
        '"',
        "'; --",
        "x\x00y",
        "id\u0000",
        "f_text+-",
        "++f_text",
        "+f_text+",
        "-",
        "+",
        "\U0001d557_text",
        "f_text:lower",
    ],
)
async def test_no_key_breaks_the_server(hostile: Server, key: str):
    response = await hostile.guest.post("/collections/hostile/records", json={key: "x", "f_text": "y"})
    assert response.status_code in (200, 400), response.text
    if response.status_code == 200:
        assert response.json()["f_text"] == "y"


@pytest.mark.parametrize("id", ["'", '"; --', "%00", "%ff", "...", "x" * 3000, "%2e%2e%2f", "ü", " "])
@pytest.mark.parametrize("method", ["PATCH", "DELETE", "PUT"])
async def test_no_id_breaks_the_server(hostile: Server, method: str, id: str):
    response = await hostile.guest.request(method, f"/collections/hostile/records/{id}", json={})
    assert response.status_code in (400, 404, 405), response.text


@pytest.mark.parametrize("query", ["fields=%00", "expand=%ff", "fields=" + "a.b." * 200, "expand=" + "x," * 500])
async def test_no_parameter_breaks_the_server(hostile: Server, query: str):
    response = await hostile.guest.post(f"/collections/hostile/records?{query}", json={})
    assert response.status_code in (200, 400), response.text


@pytest.mark.parametrize("tag", ["", "x", '"', '"";', '"99999999999999999999-1"', '"a-b", "c"', "*, *", "\xff"])
async def test_no_tag_breaks_the_server(hostile: Server, tag: str):
    record = await hostile.made("hostile")
    path = f"/collections/hostile/records/{record['id']}"
    response = await hostile.guest.patch(path, json={"f_text": "x"}, headers={"if-match": tag.encode("latin-1")})
    assert response.status_code in (200, 412), response.text
