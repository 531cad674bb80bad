"""Form bodies, multipart and urlencoded, as the values that a record's fields can be read from."""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

import msgspec

from holdfast.errors import BadRequest, TooLarge, UnsupportedMediaType
from holdfast.http.json import read_json

if TYPE_CHECKING:  # a request reads forms itself, where it takes them for JSON
    from holdfast.http.request import Request

MAX_PARTS: Final = 1000  # of one form
JSON_PAYLOAD: Final = "@jsonPayload"  # the part in which PocketBase's clients send what is no file
MULTIPART: Final = "multipart/form-data"
URLENCODED: Final = "application/x-www-form-urlencoded"
FORMS: Final = (MULTIPART, URLENCODED)

# Two projects ship a module of this name. At run time the one that Litestar needs is found; a type checker
# finds the other, so it comes in without types.
_library: Any = import_module("multipart")


class Upload(msgspec.Struct, frozen=True):
    """A file that came with a form."""

    filename: str
    media_type: str
    content: bytes


class FormValue(msgspec.Struct, frozen=True):
    """All that a form said under one name: texts that have no type yet, and files."""

    texts: tuple[str, ...] = ()
    uploads: tuple[Upload, ...] = ()

    def __add__(self, other: "FormValue") -> "FormValue":
        return FormValue(self.texts + other.texts, self.uploads + other.uploads)


async def read_values(request: "Request") -> dict[str, Any]:
    """The body as name to value, from JSON or from a form.

    What JSON says (the whole body, or the parts called `@jsonPayload`) has JSON's types; what a form says is a
    FormValue, which only the field it is for can read. An empty body is an empty object.

    Raises UnsupportedMediaType for any other type, BadRequest for a broken body, TooLarge for too many parts.
    """
    if request.media_type in FORMS:
        return read_form(request.header(b"content-type"), await request.body())
    if request.media_type not in ("application/json", "") and await request.body():
        raise UnsupportedMediaType(f"Send application/json, {MULTIPART} or {URLENCODED}.")
    found = await request.object()
    # PocketBase's Python client (0.17) sends a batch without files as JSON that holds the payload as a text.
    payload = found.pop(JSON_PAYLOAD, None)
    return found | _payload(FormValue((payload,))) if isinstance(payload, str) else found


def read_form(content_type: str, body: bytes) -> dict[str, Any]:
    """A form of one of the types FORMS, as `read_values` gives it."""
    if content_type.partition(";")[0].strip().lower() == MULTIPART:
        return _values(_multipart(content_type, body))
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


def _values(entries: list[tuple[str, FormValue]]) -> dict[str, Any]:
    payload: dict[str, Any] = {}
    form: dict[str, FormValue] = {}
    for name, value in entries:
        if name == JSON_PAYLOAD:
            payload.update(_payload(value))
            continue
        form[name] = form[name] + value if name in form else value
    return payload | form


def _payload(value: FormValue) -> dict[str, Any]:
    texts = [*(text.encode() for text in value.texts), *(upload.content for upload in value.uploads)]
    found: dict[str, Any] = {}
    for text in texts:
        part = read_json(text)
        if not isinstance(part, dict):
            raise BadRequest(f"The part {JSON_PAYLOAD} has to be a JSON object.")
        found.update(msgspec.convert(part, dict[str, Any]))
    return found


def _urlencoded(body: bytes) -> list[tuple[str, FormValue]]:
    if body.count(b"&") >= MAX_PARTS:
        raise TooLarge(f"The form has more than {MAX_PARTS} parts.")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError as failure:
        raise BadRequest("The form is not valid UTF-8 in urlencoded form.") from failure
    return [(_clean(name), FormValue((_clean(text),))) for name, text in pairs]


def _multipart(content_type: str, body: bytes) -> list[tuple[str, FormValue]]:
    boundary = _library.parse_options_header(content_type)[1].get("boundary", "")
    found: list[tuple[str, FormValue]] = []
    content: list[bytes] = []
    segment: Any = None
    try:
        with _library.PushMultipartParser(boundary, max_segment_count=MAX_PARTS, strict=True) as parser:
            for event in parser.parse(body):
                if isinstance(event, bytes | bytearray):
                    content.append(bytes(event))
                elif event is not None:
                    segment, content = event, []
                else:
                    found.extend(_part(segment, b"".join(content)))
    except _library.ParserLimitReached as failure:
        raise TooLarge(f"The form has more than {MAX_PARTS} parts, or a part with too many headers.") from failure
    except (_library.MultipartError, ValueError, LookupError) as failure:
        raise BadRequest("The body is not valid multipart/form-data.") from failure
    return found


def _part(segment: Any, content: bytes) -> list[tuple[str, FormValue]]:
    """The part as name and value; nothing for a file input of a page in which nothing was chosen."""
    name = _clean(segment.name or "")
    if segment.filename is None:
        try:
            return [(name, FormValue((_clean(content.decode()),)))]
        except UnicodeDecodeError as failure:
            raise BadRequest("A part of the form is not UTF-8.") from failure
    if not segment.filename and not content:
        return []
    upload = Upload(_clean(segment.filename), segment.content_type or "application/octet-stream", content)
    return [(name, FormValue(uploads=(upload,)))]


def _clean(text: str) -> str:
    if "\0" in text:
        raise BadRequest("The form holds a NUL character, which no field can hold.")
    return text
