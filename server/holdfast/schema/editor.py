"""Editor fields: HTML as it was sent."""

from typing import ClassVar, Final, LiteralString

import msgspec
from typing_extensions import override

from holdfast.errors import Problem
from holdfast.expressions.kind import Kind
from holdfast.schema.field import Column, Field, FieldError
from holdfast.schema.limits import size_problem
from holdfast.schema.text import text_column
from holdfast.schema.words import read_words

DEFAULT_MAX_BYTES: Final = 5 << 20


class EditorField(Field, frozen=True, kw_only=True, tag="editor"):
    """HTML of at most `maxSize` bytes (0: 5 MiB). It is kept as sent: show it in a sandbox.

    `convertURLs` is a wish to the console's editor.
    """

    max_size: int = 0
    convert_urls: bool = msgspec.field(default=False, name="convertURLs")

    kind: ClassVar[Kind] = Kind.TEXT
    type: ClassVar[str] = "editor"

    @override
    def column(self) -> Column:
        return text_column(nullable=self.nullable)

    @property
    @override
    def cast(self) -> LiteralString:
        return "text"

    @override
    def read(self, value: object) -> object:
        text = read_words(value)
        most = self.max_size or DEFAULT_MAX_BYTES
        if len(text.encode()) > most:
            raise FieldError("validation_content_size_limit", f"Must have at most {most} bytes.")
        return text

    @override
    def zero(self) -> object:
        return ""

    @property
    @override
    def can_be_unique(self) -> bool:
        return False

    @override
    def problems(self) -> dict[str, Problem]:
        return size_problem(self.max_size)
