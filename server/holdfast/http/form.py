"""Form bodies, multipart and urlencoded, as the values that a record's fields can be read from."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

import msgspec

from holdfast.errors import BadRequest, TooLarge, UnsupportedMediaType
from holdfast.http.form_value import FormValue, Upload, clean
from holdfast.http.json import read_json
from holdfast.http.multipart import MAX_PARTS, Entry, parse_multipart, read_multipart

if TYPE_CHECKING:  # a request reads forms itself, where it takes them for JSON
    from holdfast.http.request import Request

__all__ = ["FORMS", "FormValue", "Upload", "discard", "read_form", "read_plain_form", "read_values", "uploads"]

JSON_PAYLOAD: Final = "@jsonPayload"  # the part in which PocketBase's clients send what is no file
MULTIPART: Final = "multipart/form-data"
URLENCODED: Final = "application/x-www-form-urlencoded"
FORMS: Final = (MULTIPART, URLENCODED)


async def read_values(request: "Request", spool: Path | None = None) -> dict[str, Any]:
    """The body as name to value, from JSON or from a form.

    What JSON says (the whole body, or the parts called `@jsonPayload`) has JSON's types; what a form says is a
    FormValue, which only the field it is for can read. An empty body is an empty object. With a folder `spool` a form
    with files is read as it comes, and large files are written there: call `discard` in the end.

    Raises UnsupportedMediaType for any other type, BadRequest for a broken body, TooLarge for too many parts.
    """
    if request.media_type == MULTIPART and spool is not None:
        chunks, most_text = request.chunks(), request.max_text_bytes
        entries = await read_multipart(request.header(b"content-type"), chunks, spool, most_text)
        try:
            return _values(entries)
        except BadRequest:
            for _, value in entries:
                discard({"": value})
            raise
    if request.media_type in FORMS:
        return read_form(request.header(b"content-type"), await request.body())
    if request.media_type not in ("application/json", "") and await request.body():
        raise UnsupportedMediaType(f"Send application/json, {MULTIPART} or {URLENCODED}.")
    found = await request.object()
    # PocketBase's Python client (0.17) sends a batch without files as JSON that holds the payload as a text.
    payload = found.pop(JSON_PAYLOAD, None)
    return found | _payload(FormValue((payload,))) if isinstance(payload, str) else found


def uploads(values: Mapping[str, Any]) -> Iterator[Upload]:
    """All files of a body that `read_values` gave."""
    for value in values.values():
        if isinstance(value, FormValue):
            yield from value.uploads


def discard(values: Mapping[str, Any]) -> None:
    """Forget the files of a body, save those that the storage has taken over."""
    for upload in uploads(values):
        upload.discard()


def read_form(content_type: str, body: bytes) -> dict[str, Any]:
    """A form of one of the types FORMS, as `read_values` gives it."""
    if content_type.partition(";")[0].strip().lower() == MULTIPART:
        return _values(parse_multipart(content_type, body))
    return _values(_urlencoded(body))


def read_plain_form(content_type: str, body: bytes) -> dict[str, Any]:
    """A form that stands for a JSON object: what came once is a text, what came more often a list of them.

    Raises BadRequest for files, beside what `read_form` raises.
    """
    return {name: _plain(name, value) for name, value in read_form(content_type, body).items()}


def _plain(name: str, value: Any) -> Any:
    if not isinstance(value, FormValue):
        return value
    if value.uploads:
        raise BadRequest(f"Files are not taken here: {name[:100]!r} is one.")
    return value.texts[0] if len(value.texts) == 1 else list(value.texts)


def _values(entries: list[Entry]) -> dict[str, Any]:
    payload: dict[str, Any] = {}
    form: dict[str, FormValue] = {}
    for name, value in entries:
        if name == JSON_PAYLOAD:
            payload.update(_payload(value))
            continue
        form[name] = form[name] + value if name in form else value
    return payload | form


def _whole(upload: Upload) -> bytes:
    if upload.content.path is not None:
        raise BadRequest(f"The part {JSON_PAYLOAD} is too large to be sent as a file: send it as a text.")
    return upload.content.content


def _payload(value: FormValue) -> dict[str, Any]:
    texts = [*(text.encode() for text in value.texts), *(_whole(upload) for upload in value.uploads)]
    found: dict[str, Any] = {}
    for text in texts:
        part = read_json(text)
        if not isinstance(part, dict):
            raise BadRequest(f"The part {JSON_PAYLOAD} has to be a JSON object.")
        found.update(msgspec.convert(part, dict[str, Any]))
    return found


def _urlencoded(body: bytes) -> list[Entry]:
    if body.count(b"&") >= MAX_PARTS:
        raise TooLarge(f"The form has more than {MAX_PARTS} parts.")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError as failure:
        raise BadRequest("The form is not valid UTF-8 in urlencoded form.") from failure
    return [(clean(name), FormValue((clean(text),))) for name, text in pairs]
