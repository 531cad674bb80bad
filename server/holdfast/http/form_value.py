"""What a form says under one name: texts that have no type yet, and files."""

from functools import cached_property

import msgspec
from typing_extensions import override

from holdfast.errors import BadRequest
from holdfast.storage.media_type import media_type_of, suffix_of
from holdfast.storage.name import stored_name
from holdfast.storage.spool import Spooled

MAX_ORIGINAL_CHARS = 255


class Upload:
    """A file that came with a form. `filename` and `media_type` are what its sender says, and proven by nothing."""

    def __init__(self, filename: str, media_type: str, content: Spooled) -> None:
        self.filename = filename
        self.media_type = media_type
        self.content = content
        self.is_shown = False  # to plugins, which may have changed it
        self._replaced: list[Spooled] = []
        self._sent = (filename, media_type, content.size, content.digest)

    @cached_property
    def found_type(self) -> str:
        """What it is, by its bytes."""
        return media_type_of(self.content.head)

    @cached_property
    def name(self) -> str:
        """The name under which it is stored, if it is: made by who asks first, and then the same for everybody."""
        return stored_name(self.filename, suffix_of(self.found_type))

    @property
    def original(self) -> str:
        """What its sender called it, as far as that can be shown."""
        return "".join(letter for letter in self.filename if letter.isprintable())[:MAX_ORIGINAL_CHARS]

    @property
    def identity(self) -> tuple[str, str, int, str]:
        """The same for the same file sent again, whatever became of it here."""
        return self._sent

    def rename(self, filename: str) -> None:
        """Call it otherwise than its sender does, before anybody has asked for its `name`."""
        self.filename = filename
        self.__dict__.pop("name", None)

    def replace(self, content: bytes) -> None:
        """Put other bytes in the place of those that came, before anybody has asked for its `name`."""
        self._replaced.append(self.content)
        self.content = Spooled.of(content)
        self.__dict__.pop("found_type", None)
        self.__dict__.pop("name", None)

    def discard(self) -> None:
        """Forget its bytes, save those that the storage has taken over."""
        for content in (self.content, *self._replaced):
            content.discard()

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Upload) and self.identity == other.identity

    @override
    def __hash__(self) -> int:
        return hash(self.identity)

    @override
    def __repr__(self) -> str:
        return f"Upload{self.identity}"


class FormValue(msgspec.Struct, frozen=True):
    """All that a form said under one name."""

    texts: tuple[str, ...] = ()
    uploads: tuple[Upload, ...] = ()

    def __add__(self, other: "FormValue") -> "FormValue":
        return FormValue(self.texts + other.texts, self.uploads + other.uploads)


def clean(text: str) -> str:
    """The text. Raises BadRequest if it holds what no column can hold."""
    if "\0" in text:
        raise BadRequest("The form holds a NUL character, which no field can hold.")
    return text
