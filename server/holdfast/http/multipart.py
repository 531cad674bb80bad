"""Bodies of multipart/form-data, read as they come: texts are gathered, files go to the spool."""

import re
from collections.abc import AsyncGenerator, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from holdfast.errors import BadRequest, TooLarge
from holdfast.http.form_value import FormValue, Upload, clean
from holdfast.storage.spool import Spool, Spooled

MAX_PARTS: Final = 1000  # of one form
MAX_HEADER_BYTES: Final = 16 * 1024  # of one header of a part: names of files of some kB are shortened, not refused
_EXTENDED: Final = re.compile(r"""filename\*\s*=\s*"?(utf-8|iso-8859-1)'[^']*'([^;"\s]*)""", re.IGNORECASE)
Entry = tuple[str, FormValue]

# Two projects ship a module of this name. At run time the one that Litestar needs is found; a type checker
# finds the other, so it comes in without types.
_library: Any = import_module("multipart")


def parse_multipart(content_type: str, body: bytes) -> list[Entry]:
    """The parts of a body that is there as a whole. Raises BadRequest and TooLarge."""
    found: list[Entry] = []
    segment: Any = None
    content: list[bytes] = []
    with _Parsing(content_type) as parsing:
        for event in parsing.events(body):
            if isinstance(event, bytes | bytearray):
                content.append(bytes(event))
            elif event is not None:
                segment, content = event, []
            elif _filename(segment) is None:
                found.append(_text(segment, b"".join(content)))
            else:
                found.extend(_file(segment, Spooled.of(b"".join(content))))
    return found


async def read_multipart(
    content_type: str, chunks: AsyncGenerator[bytes, None], folder: Path, most_text: int
) -> list[Entry]:
    """The parts of a body that is still coming; large files are written to `folder`, and are the caller's to discard.

    Texts together may have `most_text` bytes. Raises BadRequest and TooLarge, and Unavailable when the disk takes no
    more; then nothing is left behind.
    """
    reader = _Reader(folder, most_text)
    try:
        with _Parsing(content_type) as parsing:
            async for chunk in chunks:
                for event in parsing.events(chunk):
                    await reader.take(event)
    except BaseException:
        reader.discard()
        raise
    return reader.found


class _Parsing:
    """The library's parser, with its failures as ours."""

    def __init__(self, content_type: str) -> None:
        boundary = _library.parse_options_header(content_type)[1].get("boundary", "")
        with _failures():
            self._parser: Any = _library.PushMultipartParser(
                boundary, max_header_size=MAX_HEADER_BYTES, max_segment_count=MAX_PARTS, strict=True
            )

    def __enter__(self) -> "_Parsing":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with _failures():
            self._parser.close(check_complete=kind is None)

    def events(self, chunk: bytes) -> Iterator[Any]:
        """What is in the next piece of the body: the head of a part, bytes of it, or None for its end."""
        if chunk:
            with _failures():
                yield from self._parser.parse(chunk)


class _failures:
    """Turns what the parser raises into what a client may see."""

    def __enter__(self) -> None:
        return

    def __exit__(self, _: object, failure: BaseException | None, __: object) -> None:
        if isinstance(failure, _library.ParserLimitReached):
            message = f"The form has more than {MAX_PARTS} parts, or a part whose headers are too many or too long."
            raise TooLarge(message) from failure
        if isinstance(failure, _library.MultipartError | ValueError | LookupError):
            raise BadRequest("The body is not valid multipart/form-data.") from failure


class _Reader:
    """Takes the events of a parser one by one."""

    def __init__(self, folder: Path, most_text: int) -> None:
        self.found: list[Entry] = []
        self._folder = folder
        self._text_left = most_text
        self._segment: Any = None
        self._text: list[bytes] = []
        self._spool: Spool | None = None

    async def take(self, event: Any) -> None:
        if event is None:
            await self._end()
        elif not isinstance(event, bytes | bytearray):
            self._segment = event
            self._text = []
            self._spool = None if _filename(event) is None else Spool(self._folder)
        elif self._spool is not None:
            await self._spool.write(bytes(event))
        else:
            self._text_left -= len(event)
            if self._text_left < 0:
                raise TooLarge
            self._text.append(bytes(event))

    async def _end(self) -> None:
        if self._spool is None:
            self.found.append(_text(self._segment, b"".join(self._text)))
            return
        content = await self._spool.finish()
        self._spool = None
        try:
            self.found.extend(_file(self._segment, content))
        except BadRequest:
            content.discard()
            raise

    def discard(self) -> None:
        """Forget all files that have come."""
        if self._spool is not None:
            self._spool.discard()
        for _, value in self.found:
            for upload in value.uploads:
                upload.content.discard()


def _filename(segment: Any) -> str | None:
    """What the file of a part is called; None for a text.

    Some clients say it by `filename*` (RFC 5987), beside `filename` or alone, where it has other letters than English.
    """
    found = _EXTENDED.search(segment.header("Content-Disposition", ""))
    if found is None:
        return segment.filename
    try:
        return unquote(found[2], found[1], "strict")
    except UnicodeDecodeError:
        return segment.filename or ""


def _text(segment: Any, content: bytes) -> Entry:
    try:
        return clean(segment.name or ""), FormValue((clean(content.decode()),))
    except UnicodeDecodeError as failure:
        raise BadRequest("A part of the form is not UTF-8.") from failure


def _file(segment: Any, content: Spooled) -> list[Entry]:
    """The part as name and value; nothing for a file input of a page in which nothing was chosen."""
    name, filename = clean(segment.name or ""), clean(_filename(segment) or "")
    if not filename and not content.size:
        return []
    upload = Upload(filename, segment.content_type or "application/octet-stream", content)
    return [(name, FormValue(uploads=(upload,)))]
