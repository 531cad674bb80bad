"""Uploads that came in pieces become files of a record: a write names them, `upload:ID`, where a file's name stands."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from holdfast.engine import Engine
from holdfast.http.form_value import FormValue, Upload
from holdfast.identity import Principal
from holdfast.schema.collection import Collection
from holdfast.schema.file import UPLOAD, FileField
from holdfast.storage.pending import Pending, find_pending, head_of, size_of
from holdfast.storage.place import uploads_of
from holdfast.storage.spool import Spooled

MOST_NAMED: Final = 100  # in one write


class Attached(Upload):
    """A file that is there already. Its bytes stay until a record has them, so that a write can be tried again."""

    def __init__(self, pending: Pending, content: Spooled) -> None:
        super().__init__(pending.original, "", content)
        self.pending_id = pending.id


async def attach(engine: Engine, who: Principal, collection: Collection, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The body with files in the place of the uploads that it names.

    One that is not there, not complete, not the caller's or for another field stays as it is, and is refused like any
    name that no file has.
    """
    named = {key: ids for key, ids in _named(collection, body).items() if ids}
    ids = [id for found in named.values() for id in found][:MOST_NAMED]
    if not ids:
        return body
    there = {pending.id: pending for pending in await find_pending(engine.pool, ids) if pending.is_for(who)}
    changed = dict(body)
    for key in named:
        field = _field(collection, key)
        assert field is not None
        changed[key] = await _with_files(engine, field, body[key], there)
    return changed


def attached_ids(uploads: Iterator[Upload]) -> list[str]:
    """The uploads in pieces among files."""
    return [upload.pending_id for upload in uploads if isinstance(upload, Attached)]


def _field(collection: Collection, key: str) -> FileField | None:
    field = collection.by_name.get(key) or collection.by_name.get(key.removesuffix("+").removeprefix("+"))
    return field if isinstance(field, FileField) else None


def _named(collection: Collection, body: Mapping[str, Any]) -> dict[str, list[str]]:
    """The keys of file fields, with the uploads that stand there."""
    return {
        key: [text.removeprefix(UPLOAD) for text in _texts(value) if text.startswith(UPLOAD)]
        for key, value in body.items()
        if _field(collection, key) is not None
    }


def _texts(value: Any) -> list[str]:
    if isinstance(value, FormValue):
        return list(value.texts)
    found: list[Any] = cast(list[Any], value) if isinstance(value, list) else [value]
    return [text for text in found if isinstance(text, str)]


async def _with_files(engine: Engine, field: FileField, value: Any, there: Mapping[str, Pending]) -> Any:
    texts: list[str] = []
    files: list[Upload] = list(value.uploads) if isinstance(value, FormValue) else []
    for text in _texts(value):
        pending = there.get(text.removeprefix(UPLOAD)) if text.startswith(UPLOAD) else None
        file = None if pending is None or pending.field_id != field.id else await _whole(engine, pending)
        if file is None:
            texts.append(text)
        else:
            files.append(file)
    return FormValue(tuple(texts), tuple(files)) if files else value


async def _whole(engine: Engine, pending: Pending) -> Attached | None:
    path = uploads_of(engine.settings) / pending.id
    size = await asyncio.to_thread(size_of, path)
    if size is None or size != pending.length:
        return None
    try:
        head = await asyncio.to_thread(head_of, path)
    except OSError:
        return None
    return Attached(pending, Spooled(size, f"upload:{pending.id}", head, b"", path, lasting=True))
