"""File fields: the names under which a record's files are stored."""

import re
from typing import ClassVar, Final, LiteralString

import msgspec
from typing_extensions import override

from holdfast.errors import Problem
from holdfast.expressions.kind import Kind
from holdfast.schema.choice import read_many
from holdfast.schema.field import Column, Field, FieldError
from holdfast.schema.limits import size_problem
from holdfast.schema.select import list_column
from holdfast.schema.text import text_column

DEFAULT_MAX_BYTES: Final = 5 << 20  # of one file where `maxSize` is 0, as in PocketBase
MAX_FILES: Final = 10_000
UPLOAD: Final = "upload:"  # before the id of a resumable upload that is to become the file
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,199}")
_THUMB: Final = re.compile(r"(?!0x0)[0-9]{1,5}x[0-9]{1,5}[tbf]?")
_MIME: Final = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+*-]+", re.IGNORECASE)


class NewFile(msgspec.Struct, frozen=True):
    """What a field wants to know of a file that is sent for it; `media_type` is found in its bytes."""

    original: str
    size: int
    media_type: str


class FileField(Field, frozen=True, kw_only=True, tag="file"):
    """One stored file, or up to `maxSelect`, each of at most `maxSize` bytes (0: 5 MiB) and of one of `mimeTypes`.

    `thumbs` are the sizes in which images can be asked for; a `protected` file needs a token.
    """

    max_select: int = 1
    max_size: int = 0
    mime_types: tuple[str, ...] = ()
    thumbs: tuple[str, ...] = ()
    protected: bool = False

    kind: ClassVar[Kind] = Kind.TEXT
    type: ClassVar[str] = "file"

    @property
    @override
    def many(self) -> bool:
        return self.max_select > 1

    @property
    def max_bytes(self) -> int:
        """The largest file that the field takes, in bytes."""
        return self.max_size or DEFAULT_MAX_BYTES

    @override
    def column(self) -> Column:
        return list_column(nullable=self.nullable) if self.many else text_column(nullable=self.nullable)

    @property
    @override
    def cast(self) -> LiteralString:
        return "text[]" if self.many else "text"

    @override
    def read(self, value: object) -> object:
        found = [_checked(name) for name in read_many(value)]
        most = max(self.max_select, 1)
        if len(found) > most:
            raise FieldError(
                "validation_too_many_files", "Takes one file." if most == 1 else f"Takes at most {most} files."
            )
        if self.many:
            return found
        return found[0] if found else self.empty()

    def check_new(self, file: NewFile) -> None:
        """Raise FieldError for a file that is too large for the field, or not of one of its types."""
        if file.size > self.max_bytes:
            message = f"{file.original!r} is too large: the field takes at most {self.max_bytes} bytes."
            raise FieldError("validation_file_size_limit", message)
        wanted = {one.lower() for one in self.mime_types}
        if wanted.isdisjoint((file.media_type, f"{file.media_type.partition('/')[0]}/*", "*/*")) and wanted:
            allowed = ", ".join(self.mime_types)
            message = f"{file.original!r} is {file.media_type} by its bytes: the field takes {allowed}."
            raise FieldError("validation_invalid_mime_type", message)

    @override
    def zero(self) -> object:
        return [] if self.many else ""

    @property
    @override
    def can_be_unique(self) -> bool:
        return False

    @override
    def problems(self) -> dict[str, Problem]:
        found = size_problem(self.max_size)
        if not 0 <= self.max_select <= MAX_FILES:
            found["maxSelect"] = Problem("validation_out_of_range", f"Must be from 0 to {MAX_FILES}.")
        for option, items, form in (("mimeTypes", self.mime_types, _MIME), ("thumbs", self.thumbs, _THUMB)):
            wrong = [item for item in items if form.fullmatch(item) is None]
            if wrong:
                found[option] = Problem("validation_invalid_value", f"{wrong[0][:100]!r} has not the right form.")
        return found


def _checked(name: str) -> str:
    if name.startswith(UPLOAD):
        message = "There is no such upload of yours for this field, or it is not complete."
        raise FieldError("validation_invalid_upload", message)
    if name and _NAME.fullmatch(name) is None:
        raise FieldError("validation_invalid_file", "This is not the name of a stored file.")
    return name
