"""Which small picture an address asks for: PocketBase's sizes and ways to fit, and a format if one is wanted. Pure."""

import re
from typing import Final, Literal, TypeAlias

import msgspec

from holdfast.errors import BadRequest
from holdfast.schema.file import FileField
from holdfast.storage.name import folder_of

Fit: TypeAlias = Literal["center", "top", "bottom", "inside"]

ALWAYS: Final = "100x100"  # offered by every field, as PocketBase does: its console and ours show it
PICTURES: Final = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"))
FORMATS: Final = ("jpeg", "png", "webp", "avif")
_FITS: Final[dict[str, Fit]] = {"": "center", "t": "top", "b": "bottom", "f": "inside"}
_SIZE: Final = re.compile(r"([0-9]{1,5})x([0-9]{1,5})([tbf]?)")


class Thumb(msgspec.Struct, frozen=True):
    """A small picture, `width` by `height` pixels; where one of them is 0 it follows from the other.

    `format` is empty for that of the picture itself. `size` is how the address has it.
    """

    size: str
    width: int
    height: int
    fit: Fit
    format: str = ""

    @property
    def variant(self) -> str:
        """Which of all small pictures of one file it is."""
        return f"{self.size}.{self.format}" if self.format else self.size

    def name(self, file: str) -> str:
        """What it is called when it is shown or saved."""
        return f"{self.size}_{file}.{self.format}" if self.format else f"{self.size}_{file}"

    def key(self, collection_id: str, record_id: str, file: str) -> str:
        """Where it is in the storage: beside its file, as PocketBase has it."""
        return f"{folder_of(collection_id, record_id)}/thumbs_{file}/{self.name(file)}"


def read_thumb(size: str, format: str) -> Thumb | None:
    """What `?thumb=` and `?format=` ask for; None for the file itself, which is the answer to a size that is none.

    Raises BadRequest for a format that is not offered.
    """
    if format and format not in FORMATS:
        raise BadRequest(f"The format has to be one of {', '.join(FORMATS)}.")
    found = _SIZE.fullmatch(size)
    if found is None:
        return None
    width, height = int(found[1]), int(found[2])
    if not width and not height:
        return None
    return Thumb(size, width, height, _FITS[found[3]], format)


def is_offered(asked: Thumb, field: FileField, media_type: str) -> bool:
    """Whether a field's files of this type are shown in that size. Nobody may have others made."""
    return media_type in PICTURES and (asked.size == ALWAYS or asked.size in field.thumbs)
