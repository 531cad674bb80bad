"""What a file is, by its first bytes."""

import pytest

from holdfast.storage.media_type import media_type_of

FTYP = b"\x00\x00\x00\x18ftyp"


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"", "text/plain"),
        (b"hello\r\n", "text/plain"),
        ("größer".encode(), "text/plain"),
        ("größer".encode()[:3], "text/plain"),
        ("größer".encode("latin-1") + bytes(8), "application/octet-stream"),
        (b"BM is how bitmaps begin", "text/plain"),
        ("x".encode("utf-16"), "text/plain"),
        (b'{"a": 1}', "application/json"),
        (b" [1, 2]", "application/json"),
        (b"[section]", "text/plain"),
        (b"{braces}", "text/plain"),
        (b"<?xml version='1.0'?><a/>", "text/xml"),
        (b"<!-- c --><svg/>", "image/svg+xml"),
        (b"<?xml version='1.0'?>\n<!DOCTYPE svg PUBLIC 'a' 'b'>\n<svg>", "image/svg+xml"),
        (b"\n\t <HTML lang='en'>", "text/html"),
        (b"<!doctype html>", "text/html"),
        (b"<script src=x>", "text/html"),
        (b"<!-- a --><!-- b --><body >", "text/html"),
        (b"<?xml version='1.0'?><html >", "text/html"),
        (b"<abc>", "text/plain"),
        (b"a < b", "text/plain"),
        (b"\x89PNG\r\n\x1a\n\x00", "image/png"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg"),
        (b"GIF89a\x01\x00\x01\x00\x80", "image/gif"),
        (b"RIFF\x24\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "audio/wav"),
        (FTYP + b"avif\x00", "image/avif"),
        (FTYP + b"heic\x00", "image/heic"),
        (FTYP + b"isom\x00", "video/mp4"),
        (FTYP + b"M4A \x00", "audio/mp4"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", "video/webm"),
        (b"OggS\x00", "audio/ogg"),
        (b"ID3\x03\x00", "audio/mpeg"),
        (b"%PDF-1.4\n%\xe2\xe3", "application/pdf"),
        (b"\x1f\x8b\x08\x00", "application/gzip"),
        (b"PK\x03\x04" + bytes(26) + b"photo.jpg" + bytes(40), "application/zip"),
        (b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/epub+zip" + b"PK\x03\x04", "application/epub+zip"),
        (
            b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml" + bytes(90) + b"PK\x03\x04" + bytes(26) + b"word/a.xml",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        (b"MZ\x90\x00", "application/vnd.microsoft.portable-executable"),
        (b"\x7fELF\x02\x01", "application/x-executable"),
        (b"\x00\x01\x02\x03", "application/octet-stream"),
        (b"Rar!\x1a\x07\x01\x00", "application/vnd.rar"),
    ],
)
def test_a_type_is_found_in_the_bytes(head: bytes, found: str) -> None:
    assert media_type_of(head) == found


def test_a_text_that_never_ends_its_comment_takes_no_time() -> None:
    assert media_type_of(b"<!--" * 2048) == "text/plain"
    assert media_type_of(b"<?xml " * 1300) in ("text/plain", "text/xml")
    assert media_type_of(b'{"' + b"\\" * 8190) == "text/plain"
    assert media_type_of(b"<!DOCTYPE svg [" * 540) == "text/plain"
