"""What is wrong with a file as such: nothing can be made of the rest of it."""

from holdfast.errors import BadRequest


class UnreadableFile(BadRequest):
    """A file that is not what it should be, from this line on."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"Line {line}: {message} Nothing was imported.")
        self.line = line
