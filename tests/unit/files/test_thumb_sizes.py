"""Which small picture an address asks for, and how a picture is fitted into it."""

import pytest

from holdfast.errors import BadRequest
from holdfast.files.picture import placed, webp_size
from holdfast.files.thumb import Thumb, is_offered, read_thumb
from holdfast.schema.file import FileField

FIELD = FileField(id="f", name="f", thumbs=("50x40f", "0x30"))


@pytest.mark.parametrize(
    ("size", "format", "found"),
    [
        ("100x100", "", Thumb("100x100", 100, 100, "center")),
        ("1x20t", "webp", Thumb("1x20t", 1, 20, "top", "webp")),
        ("30x40b", "", Thumb("30x40b", 30, 40, "bottom")),
        ("30x40f", "avif", Thumb("30x40f", 30, 40, "inside", "avif")),
        ("0x40", "", Thumb("0x40", 0, 40, "center")),
        ("40x0", "", Thumb("40x0", 40, 0, "center")),
        ("0x0", "", None),
        ("100", "", None),
        ("100x100x", "", None),
        ("123456x1", "", None),
        ("-1x5", "", None),
        ("../../x", "", None),
        ("", "webp", None),
    ],
)
def test_an_address_asks_for_one_small_picture(size: str, format: str, found: Thumb | None):
    assert read_thumb(size, format) == found


def test_a_format_that_is_not_offered_is_refused():
    with pytest.raises(BadRequest, match="jpeg, png, webp, avif"):
        read_thumb("100x100", "tiff")


@pytest.mark.parametrize(
    ("size", "media_type", "offered"),
    [
        ("100x100", "image/png", True),
        ("50x40f", "image/webp", True),
        ("50x40", "image/png", False),
        ("100x100", "image/svg+xml", False),
        ("100x100", "application/pdf", False),
    ],
)
def test_sizes_are_those_of_the_field_and_one_more(size: str, media_type: str, offered: bool):
    asked = read_thumb(size, "")
    assert asked is not None
    assert is_offered(asked, FIELD, media_type) is offered


def test_a_small_picture_lies_beside_its_file():
    thumb = Thumb("100x100t", 100, 100, "top", "webp")
    assert thumb.key("c1", "r1", "a.png") == "c1/r1/thumbs_a.png/100x100t_a.png.webp"
    assert thumb.variant == "100x100t.webp"


@pytest.mark.parametrize(
    ("size", "asked", "made", "box"),
    [
        pytest.param((400, 200), (100, 100, "center"), (100, 100), (100, 0, 300, 200), id="the middle of a wide one"),
        pytest.param((200, 400), (100, 100, "center"), (100, 100), (0, 100, 200, 300), id="the middle of a high one"),
        pytest.param((200, 400), (100, 100, "top"), (100, 100), (0, 0, 200, 200), id="the top"),
        pytest.param((200, 400), (100, 100, "bottom"), (100, 100), (0, 200, 200, 400), id="the bottom"),
        pytest.param((400, 200), (100, 100, "inside"), (100, 50), (0, 0, 400, 200), id="all of it"),
        pytest.param((40, 20), (100, 100, "inside"), (40, 20), (0, 0, 40, 20), id="all of it is not enlarged"),
        pytest.param((40, 20), (100, 100, "center"), (100, 100), (10, 0, 30, 20), id="what fills a size is enlarged"),
        pytest.param((400, 200), (0, 100, "center"), (200, 100), (0, 0, 400, 200), id="the width follows"),
        pytest.param((400, 200), (100, 0, "center"), (100, 50), (0, 0, 400, 200), id="the height follows"),
        pytest.param((9000, 1), (10, 0, "center"), (10, 1), (0, 0, 9000, 1), id="never nothing"),
    ],
)
def test_a_picture_is_fitted_into_its_size(
    size: tuple[int, int], asked: tuple[int, int, str], made: tuple[int, int], box: tuple[float, ...]
):
    assert placed(size, *asked) == (made, box)


@pytest.mark.parametrize(
    ("head", "size"),
    [
        pytest.param(b"RIFF....WEBPVP8X" + bytes(8) + b"\x0f\x27\x00\x1f\x4e\x00", (10000, 20000), id="extended"),
        pytest.param(
            b"RIFF....WEBPVP8L" + bytes(4) + b"\x2f\xff\xff\xff\xff" + bytes(5), (16384, 16384), id="lossless"
        ),
        pytest.param(b"RIFF....WEBPVP8 " + bytes(10) + b"\x40\x01\xf0\x00", (320, 240), id="lossy"),
        pytest.param(b"RIFF....WEBPVP8 " + bytes(4), None, id="cut off"),
        pytest.param(b"RIFF....WEBPABCD" + bytes(20), None, id="nothing known"),
    ],
)
def test_the_header_of_a_webp_says_how_large_it_is(head: bytes, size: tuple[int, int] | None):
    assert webp_size(head) == size
