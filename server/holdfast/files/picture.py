"""Makes small pictures, in a process of its own: a picture that is made to break its reader breaks nothing else.

Started by files/studio.py as a program, without anything else of Holdfast. It reads a line of JSON for each picture and
answers with one. What it may use is limited before it looks at the first: memory, processor time, the size of what it
writes. The server itself never decodes a picture.
"""

import contextlib
import json
import os
import resource
import signal
import struct
import sys
from typing import Any, Final

MOST_PIXELS: Final = 50_000_000  # of a picture: RELIABILITY S-72; 200 MB when it is decoded
MOST_MADE_PIXELS: Final = 16_000_000
MEMORY_BYTES: Final = 1 << 30  # of address space; what is really used is a third of it for the largest picture
WRITTEN_BYTES: Final = 32 << 20
PROCESSOR_SECONDS: Final = 10
IDLE_SECONDS: Final = 20  # then the process ends, and gives back its memory
NICENESS: Final = 10  # requests go first
_ORIENTATION: Final = 0x0112  # of EXIF
_LYING: Final = frozenset((5, 6, 7, 8))  # orientations of which width and height are exchanged
_READERS: Final = {
    "image/png": ("PNG",),
    "image/jpeg": ("JPEG", "MPO"),
    "image/gif": ("GIF",),
    "image/webp": ("WEBP",),
    "image/avif": ("AVIF",),
}
# A GIF has one bit of transparency and 256 colours: its small picture is a PNG.
_OWN_FORMAT: Final = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/gif": "png",
    "image/webp": "webp",
    "image/avif": "avif",
}
_SAVING: Final[dict[str, dict[str, Any]]] = {
    "jpeg": {"format": "JPEG", "quality": 85, "progressive": True, "optimize": True},
    "png": {"format": "PNG", "compress_level": 6},
    "webp": {"format": "WEBP", "quality": 82, "method": 4},
    "avif": {"format": "AVIF", "quality": 60, "speed": 8, "max_threads": 1},
}
_MOST_PROFILE_BYTES: Final = 64 * 1024  # of colours; larger ones are for printing

Size = tuple[int, int]
Box = tuple[float, float, float, float]


class Refused(Exception):
    """No small picture can be made of this one: why."""


def placed(size: Size, width: int, height: int, fit: str) -> tuple[Size, Box]:
    """How large the small picture gets, and which part of a picture of `size` it shows.

    `inside` shows all of it and never enlarges; a width or height of 0 follows from the other; everything else fills
    the size exactly, and cuts off what is too much.
    """
    wide, high = size
    whole = (0.0, 0.0, float(wide), float(high))
    if not width or not height:
        scale = height / high if not width else width / wide
        return (width or max(round(wide * scale), 1), height or max(round(high * scale), 1)), whole
    if fit == "inside":
        scale = min(width / wide, height / high, 1.0)
        return (max(round(wide * scale), 1), max(round(high * scale), 1)), whole
    shown_wide, shown_high = min(wide, high * width / height), min(high, wide * height / width)
    left = (wide - shown_wide) / 2
    top = {"top": 0.0, "bottom": high - shown_high}.get(fit, (high - shown_high) / 2)
    return (width, height), (left, top, left + shown_wide, top + shown_high)


def webp_size(head: bytes) -> Size | None:
    """The size that the header of a WebP names; None where there is none. Its reader makes room for all of it."""
    kind, body = head[12:16], head[20:]
    if len(body) < 10:
        return None
    if kind == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        wide, high = struct.unpack("<HH", body[6:10])
        return wide & 0x3FFF, high & 0x3FFF
    return None


def make(job: dict[str, Any]) -> dict[str, Any]:
    """Make a small picture of the file `source` and write it to `target`. Raises Refused, or what the library does."""
    # Here, so that the geometry above can be had without it: 10 MB.
    from PIL import Image, ImageOps

    media_type: str = job["type"]
    with open(job["source"], "rb") as file:
        if media_type == "image/webp":
            _check_pixels(webp_size(file.read(32)))
            file.seek(0)
        try:
            picture: Any = Image.open(file, formats=_READERS[media_type])
        except Image.UnidentifiedImageError as failure:  # it names the file
            raise Refused("its bytes are not those of such a picture") from failure
        _check_pixels(picture.size)
        width, height, fit = job["width"], job["height"], job["fit"]
        if media_type == "image/jpeg":
            _shrink(picture, width, height)
        profile: bytes = picture.info.get("icc_profile") or b""
        keeps_profile = picture.mode in ("RGB", "RGBA") and len(profile) <= _MOST_PROFILE_BYTES
        picture = ImageOps.exif_transpose(_plain(picture))
        size, box = placed(picture.size, width, height, fit)
        if size[0] * size[1] > MOST_MADE_PIXELS:
            raise Refused(f"it would have more than {MOST_MADE_PIXELS} pixels")
        small: Any = picture.resize(size, Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)
    format: str = job["format"] or _OWN_FORMAT[media_type]
    if format == "jpeg" and small.mode == "RGBA":
        ground = Image.new("RGB", small.size, "white")
        ground.paste(small, mask=small.getchannel("A"))
        small = ground
    # What cameras write along, where a photo was taken among it, goes to nobody.
    small.info.clear()
    small.save(job["target"], icc_profile=profile if keeps_profile else None, **_SAVING[format])
    return {"type": f"image/{format}", "width": size[0], "height": size[1]}


def _check_pixels(size: Size | None) -> None:
    if size is None or size[0] * size[1] == 0:
        raise Refused("its header names no size")
    if size[0] * size[1] > MOST_PIXELS:
        raise Refused(f"it has {size[0]} x {size[1]} pixels: more than {MOST_PIXELS}")


def _shrink(picture: Any, width: int, height: int) -> None:
    """Let a JPEG be decoded in an eighth, a quarter or half of its size, if that is enough."""
    wide, high = picture.size
    if picture.getexif().get(_ORIENTATION) in _LYING:
        width, height = height, width
    scale = max(width / wide, height / high)
    picture.draft(None, (max(int(wide * scale), 1), max(int(high * scale), 1)))


def _plain(picture: Any) -> Any:
    """The first frame in colours that every format has, with its transparency if it has any."""
    if picture.mode in ("RGB", "RGBA", "L"):
        picture.load()
        return picture
    see_through = picture.mode in ("LA", "PA", "La", "RGBa") or "transparency" in picture.info
    return picture.convert("RGBA" if see_through else "RGB")


def _limit() -> None:
    """Let this process have no more than a picture needs. Not every system knows every limit."""
    os.nice(NICENESS)
    limits = {
        resource.RLIMIT_AS: MEMORY_BYTES,
        resource.RLIMIT_FSIZE: WRITTEN_BYTES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 64,
    }
    for which, most in limits.items():
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(which, (most, most))


def _allow_time() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + PROCESSOR_SECONDS
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))


def main() -> None:
    """Work until nobody has asked for anything for a while, or until the server has gone."""
    _limit()
    while True:
        signal.alarm(IDLE_SECONDS)
        line = sys.stdin.buffer.readline()
        signal.alarm(0)
        if not line:
            return
        _allow_time()
        try:
            answer = make(json.loads(line))
        except MemoryError:
            answer = {"refused": "it takes more memory than a picture may"}
        except Exception as failure:  # whatever a library says of what it cannot read
            answer = {"refused": str(failure)[:200] or type(failure).__name__}
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
