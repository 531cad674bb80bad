"""What plugins do around the files of a write: they look into them, change them, and hear which a record has taken."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from typing_extensions import override

from holdfast.db.pool import Transaction
from holdfast.engine import Engine
from holdfast.hooks.calling import call
from holdfast.hooks.origin import Origin
from holdfast.http.form_value import Upload
from holdfast.plugin import FileStored, FileUpload
from holdfast.records.given import sent_files
from holdfast.records.hooked import origin_of
from holdfast.records.write import Write
from holdfast.rules.facts import Facts
from holdfast.schema.collection import Collection

MOST_NAME_CHARS: Final = 255


class UploadGiven(FileUpload):
    """A file as a hook is given it. Raises TypeError for a name or content of another type."""

    def __init__(self, record_id: str, field: str, upload: Upload) -> None:
        self._record_id = record_id
        self._field = field
        self._upload = upload

    @property
    @override
    def record_id(self) -> str:
        return self._record_id

    @property
    @override
    def field(self) -> str:
        return self._field

    @property
    @override
    def filename(self) -> str:
        return self._upload.original

    @filename.setter
    def filename(self, name: str) -> None:
        self._upload.rename(_checked(name, str)[:MOST_NAME_CHARS])

    @property
    @override
    def size(self) -> int:
        return self._upload.content.size

    @property
    @override
    def media_type(self) -> str:
        return self._upload.found_type

    @override
    async def read(self) -> bytes:
        content = self._upload.content
        return content.content if content.path is None else await asyncio.to_thread(content.path.read_bytes)

    @override
    def replace(self, content: bytes) -> None:
        self._upload.replace(_checked(content, bytes))


def _checked(given: Any, kind: type[Any]) -> Any:
    if not isinstance(given, kind):
        raise TypeError(f"a file takes {kind.__name__} here, not {type(given).__name__}")
    return given


async def before_upload(
    engine: Engine, collection: Collection, record_id: str, body: Mapping[str, Any], facts: Facts
) -> None:
    """Show plugins the files that came for a record, each once. Raises what they refuse it with."""
    calls = engine.hooks.file_before_upload
    if not calls:
        return
    origin = Origin(who=facts.who, request_id=facts.request_id, collection=collection, facts=lambda: facts)
    for field, upload in sent_files(collection, body):
        if not upload.is_shown:  # a batch that met another change is done again, with the same files
            await call(calls, origin, UploadGiven(record_id, field.name, upload))
            upload.is_shown = True


async def after_upload(
    engine: Engine, write: Write, id: str, values: Mapping[str, object], tx: Transaction | None
) -> None:
    """Tell plugins of the files that a record has taken. What one raises undoes the write."""
    calls = engine.hooks.file_after_upload
    if not calls:
        return
    origin = origin_of(write, tx)
    for field, upload in sent_files(write.collection, write.body):
        held = values.get(field.name)
        if upload.name == held or (isinstance(held, list) and upload.name in held):
            content = upload.content
            file = FileStored(id, field.name, upload.name, upload.original, content.size, upload.found_type)
            await call(calls, origin, file)
