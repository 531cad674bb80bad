"""Form bodies become names and values; broken and oversized ones become errors a client can read."""

from typing import Any

import pytest

from holdfast.errors import ApiError, BadRequest, TooLarge, UnsupportedMediaType
from holdfast.http.form import FormValue, Upload, read_values
from holdfast.http.request import Request
from holdfast.storage.spool import Spooled

BOUNDARY = "edge"


def request(body: bytes, content_type: str, limit: int = 1 << 20) -> Request:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "headers": [(b"content-type", content_type.encode())],
    }
    return Request(scope, receive, id="request1", max_body_bytes=limit)


def part(name: str, content: bytes, extra: str = "") -> bytes:
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'.encode() + content + b"\r\n"


def multipart(*parts: bytes) -> Request:
    return request(b"".join(parts) + f"--{BOUNDARY}--\r\n".encode(), f"multipart/form-data; boundary={BOUNDARY}")


async def test_json_comes_through_with_its_types():
    assert await read_values(request(b'{"n":1,"b":true}', "application/json; charset=utf-8")) == {"n": 1, "b": True}


async def test_an_empty_body_is_an_empty_object():
    assert await read_values(request(b"", "")) == {}


async def test_repeated_parts_are_one_value_in_order():
    values = await read_values(multipart(part("tags", b"a"), part("title", "größe".encode()), part("tags", b"b")))
    assert values == {"tags": FormValue(("a", "b")), "title": FormValue(("größe",))}


async def test_json_payload_parts_are_merged_and_keep_their_types():
    values = await read_values(
        multipart(part("@jsonPayload", b'{"n":1,"t":"x"}'), part("@jsonPayload", b'{"n":2}'), part("t", b"form"))
    )
    assert values == {"n": 2, "t": FormValue(("form",))}


@pytest.mark.parametrize(
    ("said", "filename"),
    [
        pytest.param("; filename*=UTF-8''%E2%82%AC.txt", "\u20ac.txt", id="alone"),
        pytest.param("; filename=\"a.txt\"; filename*=utf-8'en'%c3%bc.txt", "\u00fc.txt", id="beside another name"),
        pytest.param("; filename*=iso-8859-1''%fc.txt", "\u00fc.txt", id="in another charset"),
        pytest.param("; filename=\"a.txt\"; filename*=utf-8''%ff", "a.txt", id="what is no UTF-8"),
        pytest.param("; filename*=utf-8''%ff", "", id="nothing else"),
        pytest.param("; filename=\"a.txt\"; filename*=idna''x", "a.txt", id="a charset that is none"),
    ],
)
async def test_a_file_may_have_its_name_as_rfc_5987_has_it(said: str, filename: str):
    values = await read_values(multipart(part("document", b"hello", said)))
    (upload,) = values["document"].uploads
    assert (upload.filename, upload.content.content) == (filename, b"hello")


async def test_a_file_part_is_an_upload():
    extra = '; filename="a.txt"\r\nContent-Type: text/plain'
    values = await read_values(multipart(part("document", b"hello\r\nworld", extra)))
    upload = Upload("a.txt", "text/plain", Spooled.of(b"hello\r\nworld"))
    assert values == {"document": FormValue(uploads=(upload,))}


async def test_a_file_input_without_a_file_is_absent():
    assert await read_values(multipart(part("document", b"", '; filename=""'))) == {}


async def test_urlencoded_forms_are_read_too():
    values = await read_values(request(b"title=a+b%21&tags=1&tags=2&empty=", "application/x-www-form-urlencoded"))
    assert values == {"title": FormValue(("a b!",)), "tags": FormValue(("1", "2")), "empty": FormValue(("",))}


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(request(b"identity=a%40b.test&n=1&n=2", "application/x-www-form-urlencoded"), id="urlencoded"),
        pytest.param(multipart(part("identity", b"a@b.test"), part("n", b"1"), part("n", b"2")), id="multipart"),
    ],
)
async def test_a_form_stands_for_a_json_object_of_texts(form: Request):
    assert await form.object() == {"identity": "a@b.test", "n": ["1", "2"]}


async def test_a_payload_part_of_such_a_form_has_types():
    assert await multipart(part("@jsonPayload", b'{"n":1}'), part("t", b"x")).object() == {"n": 1, "t": "x"}


async def test_a_form_that_stands_for_an_object_has_no_files():
    with pytest.raises(BadRequest, match="Files are not taken here: 'avatar' is one"):
        await multipart(part("avatar", b"x", '; filename="a.png"')).object()


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        pytest.param(request(b"--edge\r\n", f"multipart/form-data; boundary={BOUNDARY}"), BadRequest, id="cut off"),
        pytest.param(request(b"x", "multipart/form-data"), BadRequest, id="no boundary"),
        pytest.param(request(b"hello", f"multipart/form-data; boundary={BOUNDARY}"), BadRequest, id="no parts"),
        pytest.param(multipart(part("a", b"\xff\xfe")), BadRequest, id="text that is not UTF-8"),
        pytest.param(multipart(part("a", b"a\0b")), BadRequest, id="NUL"),
        pytest.param(multipart(part("@jsonPayload", b"[1]")), BadRequest, id="payload that is a list"),
        pytest.param(multipart(part("@jsonPayload", b"{")), BadRequest, id="payload that is broken"),
        pytest.param(multipart(*[part("a", b"1")] * 1001), TooLarge, id="too many parts"),
        pytest.param(request(b"&" * 1001, "application/x-www-form-urlencoded"), TooLarge, id="too many pairs"),
        pytest.param(request(b"a=%ff", "application/x-www-form-urlencoded"), BadRequest, id="pair not UTF-8"),
        pytest.param(request(b"a=%00", "application/x-www-form-urlencoded"), BadRequest, id="pair with NUL"),
        pytest.param(request(b"a=\xc3\xa4", "application/x-www-form-urlencoded"), BadRequest, id="raw bytes"),
        pytest.param(request(b"<a/>", "text/xml"), UnsupportedMediaType, id="another type"),
        pytest.param(request(b"x" * 100, "application/json", limit=10), TooLarge, id="too large"),
        pytest.param(request(b"[1]", "application/json"), BadRequest, id="a list"),
    ],
)
async def test_what_cannot_be_read_is_a_clear_error(broken: Request, error: type[ApiError]):
    with pytest.raises(error):
        await read_values(broken)
