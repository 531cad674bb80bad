"""Small pictures: made once, by a process of their own, in the sizes and ways that PocketBase has."""

import asyncio
import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio
from PIL import Image

from bucket import Bucket
from client import Api, in_one_loop, refused
from engines import engine_of
from files_shelf import PNG, SVG, Shelf, forget_files
from holdfast.files import studio
from holdfast.files.check import check_files
from holdfast.storage.register import delete_unused

pytestmark = in_one_loop
RED, BLUE, GREEN = (255, 0, 0), (0, 0, 255), (0, 160, 0)
LYING = 6  # turn a quarter to the right to see it upright


def flag(width: int = 60, height: int = 120, mode: str = "RGB") -> Image.Image:
    """Red above, green in the middle, blue below."""
    picture = Image.new(mode, (width, height), GREEN)
    picture.paste(RED, (0, 0, width, height // 4))
    picture.paste(BLUE, (0, height - height // 4, width, height))
    return picture


def saved(picture: Image.Image, format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, format, **options)
    return out.getvalue()


def seen(answer: httpx.Response) -> Image.Image:
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))


def colour(picture: Image.Image, x: float, y: float) -> tuple[int, ...]:
    """The colour at a place, from 0 to 1 each way, as the nearest of the three."""
    found = picture.convert("RGB").getpixel((int(x * (picture.width - 1)), int(y * (picture.height - 1))))
    assert isinstance(found, tuple)
    return min((RED, BLUE, GREEN), key=lambda one: sum(abs(a - b) for a, b in zip(one, found, strict=True)))


def bomb(width: int, height: int) -> bytes:
    """A PNG that says it is huge and has a few bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


FIELDS: list[dict[str, Any]] = [
    {
        "name": "picture",
        "type": "file",
        "maxSize": 2_000_000,
        "thumbs": ["40x40", "40x40t", "40x40b", "40x40f", "0x30", "30x0"],
    },
    {"name": "secret", "type": "file", "protected": True, "thumbs": ["40x40"]},
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def one_album(one_shelf: Shelf) -> Shelf:
    await one_shelf.api.define("album", FIELDS)
    return Album(one_shelf.api)


class Album(Shelf):
    """Pictures, and small ones of them."""

    def __init__(self, api: Api) -> None:
        super().__init__(api)
        self.records = "/api/collections/album/records"

    async def put(self, content: bytes, field: str = "picture") -> str:
        """The address of a new picture."""
        record = await self.add((field, ("p.bin", content)))
        return f"/api/files/album/{record['id']}/{record[field]}"

    async def small(self, address: str, size: str, **more: Any) -> httpx.Response:
        return await self.api.guest.get(address, params={"thumb": size}, **more)

    async def rows(self) -> list[Any]:
        """What the register has of small pictures."""
        connection = await self.api.pool.connect()
        try:
            return await connection.fetch("SELECT * FROM holdfast.thumbs ORDER BY variant")
        finally:
            await connection.close()


@pytest_asyncio.fixture(loop_scope="module")
async def album(one_album: Album) -> Album:
    await forget_files(one_album, "TRUNCATE public.album")
    return one_album


@pytest.mark.parametrize(
    ("size", "made", "above", "below"),
    [
        ("40x40", (40, 40), GREEN, GREEN),
        ("40x40t", (40, 40), RED, GREEN),
        ("40x40b", (40, 40), GREEN, BLUE),
        ("40x40f", (20, 40), RED, BLUE),
        ("0x30", (15, 30), RED, BLUE),
        ("30x0", (30, 60), RED, BLUE),
        ("100x100", (100, 100), GREEN, GREEN),
    ],
)
async def test_each_way_to_fit_shows_the_part_that_pocketbase_shows(
    album: Album, size: str, made: tuple[int, int], above: tuple[int, ...], below: tuple[int, ...]
) -> None:
    picture = seen(await album.small(await album.put(saved(flag(), "PNG")), size))
    assert picture.size == made
    assert (colour(picture, 0.5, 0.02), colour(picture, 0.5, 0.98)) == (above, below)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        pytest.param(saved(flag(), "PNG"), "PNG", id="png"),
        pytest.param(saved(flag(), "JPEG", quality=95), "JPEG", id="jpeg"),
        pytest.param(saved(flag(), "WEBP"), "WEBP", id="webp"),
        pytest.param(saved(flag(), "AVIF"), "AVIF", id="avif"),
        pytest.param(saved(flag(), "GIF"), "PNG", id="gif"),
        pytest.param(saved(flag().convert("CMYK"), "JPEG"), "JPEG", id="four colours of ink"),
        pytest.param(saved(flag().convert("P"), "PNG"), "PNG", id="a palette"),
        pytest.param(saved(flag().convert("1"), "PNG"), "PNG", id="black and white"),
        pytest.param(saved(flag().convert("I;16"), "PNG"), "PNG", id="16 bits"),
        pytest.param(
            saved(flag(), "GIF", save_all=True, append_images=[flag(60, 120).rotate(180)]), "PNG", id="animated"
        ),
        pytest.param(
            saved(flag(), "WEBP", save_all=True, append_images=[flag().rotate(180)]), "WEBP", id="animated webp"
        ),
    ],
)
async def test_pictures_of_all_sorts_have_small_ones(album: Album, content: bytes, kind: str) -> None:
    answer = await album.small(await album.put(content), "40x40f")
    picture = seen(answer)
    assert (picture.format, picture.size) == (kind, (20, 40))
    assert answer.headers["content-type"] == f"image/{kind.lower()}"
    assert getattr(picture, "n_frames", 1) == 1
    if kind != "PNG" or b"GIF8" in content[:6]:
        assert colour(picture, 0.5, 0.02) == RED  # of the first frame


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif"])
async def test_a_small_picture_comes_in_the_format_that_is_asked_for(album: Album, format: str) -> None:
    ground = Image.new("RGBA", (60, 60), (0, 0, 0, 0))
    address = await album.put(saved(ground, "PNG"))
    answer = await album.api.guest.get(address, params={"thumb": "40x40", "format": format})
    assert answer.headers["content-type"] == f"image/{format}"
    name = address.rpartition("/")[2]
    assert answer.headers["content-disposition"] == f'inline; filename="40x40_{name}.{format}"'
    picture = seen(answer)
    # What is transparent stays so; where nothing can be, it is white.
    assert picture.convert("RGBA").getpixel((20, 20)) == ((255, 255, 255, 255) if format == "jpeg" else (0, 0, 0, 0))


async def test_a_format_that_is_none_is_refused(album: Album) -> None:
    address = await album.put(PNG)
    refused(await album.api.guest.get(address, params={"thumb": "40x40", "format": "bmp"}), 400, "bad_request")


async def test_a_photo_is_upright_and_says_nothing_of_where_it_was_taken(album: Album) -> None:
    exif = Image.Exif()
    exif[0x0112] = LYING
    exif[0x010E] = "at home"
    photo = saved(flag(1200, 600).rotate(0), "JPEG", exif=exif.tobytes())
    answer = await album.small(await album.put(photo), "40x40f")
    picture = seen(answer)
    assert picture.size == (20, 40)
    assert (colour(picture, 0.9, 0.5), colour(picture, 0.1, 0.5)) == (RED, BLUE)
    assert not picture.getexif()
    assert b"at home" not in answer.content


async def test_a_small_picture_is_made_once_and_kept(album: Album) -> None:
    address = await album.put(saved(flag(), "PNG"))
    answers = await asyncio.gather(*(album.small(address, "40x40") for _ in range(20)))
    assert {answer.content for answer in answers} == {answers[0].content}
    [row] = await album.rows()
    assert row["variant"] == "40x40"
    made = (album.folder / row["key"]).stat()
    assert made.st_size == row["size"]
    again = await album.small(address, "40x40", headers={"if-none-match": answers[0].headers["etag"]})
    assert again.status_code == 304
    part = await album.small(address, "40x40", headers={"range": "bytes=1-3"})
    assert (part.status_code, part.content) == (206, b"PNG")
    assert (album.folder / row["key"]).stat().st_mtime_ns == made.st_mtime_ns
    assert answers[0].headers["cache-control"].startswith("public, max-age=2592000")


@pytest.mark.parametrize(
    ("content", "size"),
    [
        pytest.param(saved(flag(), "PNG"), "41x41", id="a size that the field does not have"),
        pytest.param(saved(flag(), "PNG"), "large", id="no size at all"),
        pytest.param(SVG, "40x40", id="an SVG"),
        pytest.param(b"just text", "40x40", id="no picture"),
    ],
)
async def test_what_has_no_small_picture_is_given_itself(album: Album, content: bytes, size: str) -> None:
    answer = await album.small(await album.put(content), size)
    assert (answer.status_code, answer.content) == (200, content)
    assert await album.rows() == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(bomb(50_000, 50_000), "pixels", id="50,000 x 50,000"),
        pytest.param(bomb(9000, 9000), "pixels", id="81 million pixels"),
        pytest.param(bomb(5000, 5000), "truncated", id="fewer bytes than it says"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + b"x" * 100, "Truncated", id="broken"),
        pytest.param(
            b"RIFF\x30\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00" + bytes(4) + b"\xff" * 6, "pixels", id="a huge WebP"
        ),
        pytest.param(b"GIF89a\xff\xff\xff\xff" + saved(flag(), "GIF")[10:], "pixels", id="a huge GIF"),
        pytest.param(saved(Image.new("1", (30_000, 1)), "PNG"), "would have", id="a huge small picture"),
    ],
)
async def test_a_picture_that_is_made_to_do_harm_is_given_itself(album: Album, content: bytes, reason: str) -> None:
    address = await album.put(content)
    size = "0x30" if "would" in reason else "40x40"
    answer = await album.small(address, size)
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["cache-control"] == "no-cache"  # it may be mended
    [row] = await album.rows()
    assert row["size"] is None
    assert reason in row["failed"]
    # The next who asks does not start anything.
    before = await album.rows()
    assert (await album.small(address, size)).content == content
    assert await album.rows() == before


async def test_the_small_picture_of_a_protected_file_is_protected(album: Album) -> None:
    await album.api.root.patch("/api/collections/album", json={"viewRule": None})
    try:
        address = await album.put(saved(flag(), "PNG"), "secret")
        refused(await album.small(address, "40x40"), 404, "not_found")
        assert await album.rows() == []
        mine = await album.api.root.get(address, params={"thumb": "40x40"})
        assert seen(mine).size == (40, 40)
        assert "private, no-cache" in mine.headers["cache-control"]
        refused(await album.small(address, "40x40"), 404, "not_found")
    finally:
        await album.api.root.patch("/api/collections/album", json={"viewRule": ""})


async def test_small_pictures_go_with_their_file(album: Album) -> None:
    address = await album.put(saved(flag(), "PNG"))
    for size in ("40x40", "40x40t"):
        seen(await album.small(address, size))
    engine = engine_of(album.api)
    assert (await check_files(engine)).is_sound
    usage = (await album.api.root.get("/api/files/usage")).json()["collections"][0]
    sizes = [row["size"] for row in await album.rows()]
    assert (usage["files"], usage["thumbs"], usage["thumbBytes"]) == (1, 2, sum(sizes))
    record = address.split("/")[4]
    await album.api.guest.delete(f"{album.records}/{record}")
    assert await delete_unused(engine.pool, engine.storage, 0) == 1
    assert album.objects() == {}
    assert await album.rows() == []
    assert list(album.folder.glob(f"*/{record}*")) == []


async def test_small_pictures_that_nobody_has_written_down_get_into_the_register(album: Album) -> None:
    address = await album.put(saved(flag(), "PNG"))
    small = [(await album.small(address, size)).content for size in ("40x40", "40x40t")]
    await album.api.guest.get(address, params={"thumb": "40x40", "format": "webp"})
    before = await album.rows()
    await run(album, "DELETE FROM holdfast.thumbs")
    text = b"no picture, though it lies where they do"
    age(album.folder / before[0]["key"], "40x40b_" + address.rpartition("/")[2], text)
    found = await check_files(engine_of(album.api))
    assert (found.strays, found.orphans, found.is_sound) == (4, 0, False)
    mended = await check_files(engine_of(album.api), mend=True)
    assert (mended.strays, mended.orphans, mended.deleted, mended.is_left) == (4, 1, True, False)
    columns = ("variant", "key", "size", "media_type")
    assert [[row[name] for name in columns] for row in await album.rows()] == [
        [row[name] for name in columns] for row in before
    ]
    assert [(await album.small(address, size)).content for size in ("40x40", "40x40t")] == small
    assert text not in album.objects().values()
    assert (await check_files(engine_of(album.api))).is_sound


async def run(album: Album, statement: str) -> None:
    connection = await album.api.pool.connect()
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def age(small: Path, name: str, content: bytes) -> None:
    """Put something beside a small picture, and let all of them be old."""
    (small.parent / name).write_bytes(content)
    for path in small.parent.iterdir():
        os.utime(path, (0, 0))


async def test_one_that_is_gone_from_the_storage_is_made_again(album: Album) -> None:
    content = saved(flag(), "PNG")
    address = await album.put(content)
    small = (await album.small(address, "40x40")).content
    lose(album.folder / (await album.rows())[0]["key"])
    assert (await album.small(address, "40x40")).content == content
    assert (await album.small(address, "40x40")).content == small


def lose(path: Path) -> None:
    path.unlink()


async def test_one_whose_maker_was_killed_is_made_by_the_next(album: Album) -> None:
    address = await album.put(saved(flag(), "PNG"))
    name = address.rpartition("/")[2]
    connection = await album.api.pool.connect()
    try:
        await connection.execute(
            "INSERT INTO holdfast.thumbs (collection_id, record_id, name, variant, key, claimed) SELECT collection_id,"
            " record_id, name, '40x40', 'k', now() - interval '2 minutes' FROM holdfast.files WHERE name = $1",
            name,
        )
    finally:
        await connection.close()
    assert seen(await album.small(address, "40x40")).size == (40, 40)


async def test_one_that_nobody_had_time_for_is_made_when_it_is_asked_for_again(
    album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = saved(flag(), "PNG")
    address = await album.put(content)
    monkeypatch.setattr(studio, "SECONDS", 0.0)
    assert (await album.small(address, "40x40")).content == content
    assert await album.rows() == []
    monkeypatch.undo()
    assert seen(await album.small(address, "40x40")).size == (40, 40)


async def test_a_file_that_is_deleted_while_it_is_made_leaves_nothing(album: Album) -> None:
    address = await album.put(saved(flag(1500, 1500), "PNG"))
    connection = await album.api.pool.connect()
    try:
        asked = asyncio.create_task(album.small(address, "40x40"))
        for _ in range(1000):
            if await album.rows():
                break
            await asyncio.sleep(0.005)
        await connection.execute("DELETE FROM holdfast.files")
        await asked
    finally:
        await connection.close()
    assert await album.rows() == []
    assert [name for name in album.objects() if "40x40" in name] == []


@pytest.mark.asyncio(loop_scope="function")
async def test_small_pictures_of_files_in_a_bucket(api: Api, bucket: Bucket) -> None:
    await api.define("album", FIELDS)
    album = Album(api)
    assert (await api.root.patch("/api/settings", json={"s3": msgspec.to_builtins(bucket.options)})).status_code == 200
    content = saved(flag(), "PNG")
    address = await album.put(content)
    assert seen(await album.small(address, "40x40")).size == (40, 40)
    assert seen(await album.small(address, "40x40")).size == (40, 40)
    assert album.objects() == {}
    assert album.waiting() == []
    assert (await check_files(engine_of(api))).is_sound
    bucket.stop()
    refused(await album.small(address, "40x40t"), 503, "unavailable")
    bucket.start()
    assert seen(await album.small(address, "40x40t")).size == (40, 40)
