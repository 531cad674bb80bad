"""What a file is, by its first bytes: what its sender says of it, or calls it, is believed by nobody."""

import re
from importlib import import_module
from typing import Any, Final

BINARY: Final = "application/octet-stream"
TEXT: Final = "text/plain"
# What a browser shows without running anything that the file brings. A page, an SVG or a script is saved instead; as
# the source of an <img> an SVG is shown all the same, and runs nothing there.
INLINE: Final = frozenset(
    (
        "application/pdf",
        "audio/aac",
        "audio/flac",
        "audio/mp4",
        "audio/mpeg",
        "audio/ogg",
        "audio/wav",
        "image/avif",
        "image/bmp",
        "image/gif",
        "image/heic",
        "image/jpeg",
        "image/png",
        "image/webp",
        "image/x-icon",
        "text/plain",
        "video/mp4",
        "video/ogg",
        "video/quicktime",
        "video/webm",
    )
)
# Bytes that no text has: WHATWG, MIME Sniffing 7.1.
_NO_TEXT: Final = bytes([*range(0x00, 0x09), 0x0B, *range(0x0E, 0x1A), *range(0x1C, 0x20)])
_BLANK: Final = b" \t\r\n\x0c"
_COMMENT: Final = re.compile(rb"<!--.*?-->\s*", re.DOTALL)
_PROLOGUE: Final = re.compile(
    rb"(<\?xml[^>]*\?>|<!--.*?-->|<!DOCTYPE\s+svg[^>\[]*(\[[^\]]*\])?\s*>|\s)*", re.DOTALL | re.I
)
_HTML: Final = re.compile(
    rb"<(!doctype\s+html|html|head|body|script|iframe|title|style|table|div|h1|font|br|p|a|b|img|form|meta|link|object"
    rb"|embed|svg:script)[\s/>]",
    re.IGNORECASE,
)
_XHTML: Final = re.compile(rb"<(!doctype\s+html|html)[\s/>]", re.IGNORECASE)
# What PostScript, RTF and PDF begin with; they may be all text.
_BEGINNINGS: Final = (
    (b"%PDF-", "application/pdf"),
    (b"%!PS", "application/postscript"),
    (b"{\\rtf", "application/rtf"),
    (b"BEGIN:VCARD", "text/vcard"),
    (b"BEGIN:VCALENDAR", "text/calendar"),
)
# The most of what people upload, told apart exactly; the library below knows hundreds more, and some of them loosely.
_SIGNATURES: Final = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb"RIFF....WAVE", re.DOTALL), "audio/wav"),
    (re.compile(rb"RIFF....AVI ", re.DOTALL), "video/x-msvideo"),
    (re.compile(rb"....ftypavi[fs]", re.DOTALL), "image/avif"),
    (re.compile(rb"....ftyp(heic|heix|hevc|hevx|mif1)", re.DOTALL), "image/heic"),
    (re.compile(rb"....ftypqt  ", re.DOTALL), "video/quicktime"),
    (re.compile(rb"....ftypM4A ", re.DOTALL), "audio/mp4"),
    (re.compile(rb"....ftyp(isom|iso[2-9]|mp4[12]|avc1|M4V |dash|MSNV|3gp)", re.DOTALL), "video/mp4"),
    (re.compile(rb"\x1aE\xdf\xa3.{0,60}webm", re.DOTALL), "video/webm"),
    (re.compile(rb"\x1aE\xdf\xa3.{0,60}matroska", re.DOTALL), "video/x-matroska"),
    (re.compile(rb"OggS"), "audio/ogg"),
    (re.compile(rb"fLaC"), "audio/flac"),
    (re.compile(rb"ID3|\xff[\xf2\xf3\xfa\xfb]"), "audio/mpeg"),
    (re.compile(rb"\x1f\x8b\x08"), "application/gzip"),
    (re.compile(rb"7z\xbc\xaf'\x1c"), "application/x-7z-compressed"),
    (re.compile(rb"SQLite format 3\x00"), "application/vnd.sqlite3"),
    (re.compile(rb"wOF2"), "font/woff2"),
    (re.compile(rb"II\*\x00|MM\x00\*"), "image/tiff"),
    (re.compile(rb"\x00\x00\x01\x00"), "image/x-icon"),
    (re.compile(rb"MZ"), "application/vnd.microsoft.portable-executable"),
    (re.compile(rb"\x7fELF"), "application/x-executable"),
)
_ZIP: Final = re.compile(rb"PK\x03\x04")
_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
# By the names of the first members of an archive.
_MEMBERS: Final = (
    (re.compile(rb"mimetype(application/[a-z0-9.+-]+)"), ""),
    (re.compile(rb"word/"), _OFFICE + "wordprocessingml.document"),
    (re.compile(rb"xl/"), _OFFICE + "spreadsheetml.sheet"),
    (re.compile(rb"ppt/"), _OFFICE + "presentationml.presentation"),
    (re.compile(rb"META-INF/"), "application/java-archive"),
)
_NATURE: Final = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")
SUFFIXES: Final = {
    "application/gzip": "gz",
    "application/json": "json",
    "application/pdf": "pdf",
    "application/zip": "zip",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/wav": "wav",
    "image/avif": "avif",
    "image/gif": "gif",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/svg+xml": "svg",
    "image/webp": "webp",
    "text/html": "html",
    "text/plain": "txt",
    "video/mp4": "mp4",
    "video/webm": "webm",
}


def media_type_of(head: bytes) -> str:
    """The media type of a file that begins so (8 kB are enough), without parameters.

    A file that a browser could take for a page is `text/html`, whatever it was meant to be.
    """
    if not head:
        return TEXT
    for beginning, found in _BEGINNINGS:
        if head.startswith(beginning):
            return found
    if is_text(head):
        return _text_type(head)
    for pattern, found in _SIGNATURES:
        if pattern.match(head):
            return found
    return _archive_type(head) if _ZIP.match(head) else _rarer_type(head)


def is_text(head: bytes) -> bool:
    """Whether these are the first bytes of a text, in UTF-8 or with the mark of UTF-16."""
    if head.startswith((b"\xfe\xff", b"\xff\xfe")):
        return True
    if head.translate(None, _NO_TEXT) != head:
        return False
    try:
        # The last character may be cut off.
        head.decode() if len(head) < 4 else head[:-3].decode("utf-8", "strict")
    except UnicodeDecodeError as failure:
        return failure.start >= len(head) - 6
    return True


def suffix_of(found: str) -> str:
    """How the names of such files end, if that is usual; without the dot."""
    return SUFFIXES.get(found, "")


def _text_type(head: bytes) -> str:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip(_BLANK)
    inner = text[_PROLOGUE.match(text).end() :] if text[:1] == b"<" else text  # type: ignore[union-attr]
    if inner[:4].lower() == b"<svg":
        return "image/svg+xml"
    page = _COMMENT.sub(b"", inner)
    if text[:5].lower() == b"<?xml":
        # Elements of any name may follow, and only a few of them make a page of it.
        return "text/html" if _XHTML.match(page) else "text/xml"
    if _HTML.match(page):
        return "text/html"
    if text[:1] in (b"{", b"["):
        return "application/json" if _JSON.match(text) else TEXT
    return TEXT


_JSON: Final = re.compile(rb'\{\s*("([^"\\]|\\.)*"\s*:|\})|\[\s*(["\[{\]0-9tfn-])')


def _rarer_type(head: bytes) -> str:
    # Here, since few files get this far, and its table takes a few MB.
    library: Any = import_module("puremagic")
    try:
        found: list[str] = [one.mime_type for one in library.magic_string(head)]
    except (ValueError, library.PureError):
        return BINARY
    return next((one for one in found if _NATURE.fullmatch(one)), BINARY)


def _archive_type(head: bytes) -> str:
    """What a zip archive holds; only its directory is looked at, and nothing is unpacked."""
    # A member's name stands 30 bytes after the beginning of its header.
    names = b"\n".join(head[match.start() + 30 : match.start() + 130] for match in _ZIP.finditer(head))
    for pattern, found in _MEMBERS:
        match = pattern.search(names)
        if match is not None:
            said = found or match[1].decode("ascii")
            return said if _NATURE.fullmatch(said) else "application/zip"
    return "application/zip"
