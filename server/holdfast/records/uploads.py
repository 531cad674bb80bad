"""New files of a write: stored before it begins, so that no transaction waits for a disk or a bucket, and taken back
where no record took them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import structlog

from holdfast.db.failures import as_api_errors
from holdfast.engine import Engine
from holdfast.errors import ApiError
from holdfast.http.form import MULTIPART, discard, read_values, uploads
from holdfast.http.form_value import Upload
from holdfast.http.request import Request
from holdfast.records.attached import attached_ids
from holdfast.records.given import read_given, sent_files
from holdfast.rules.access import EVERYTHING, access, audience
from holdfast.schema.collection import Collection
from holdfast.schema.field import FieldError
from holdfast.schema.file import FileField, NewFile
from holdfast.schema.role import Action
from holdfast.storage.pending import forget_pending
from holdfast.storage.place import uploads_of
from holdfast.storage.register import File, announce, take_back
from holdfast.storage.storage import Storage

Coming = tuple[File, Upload]
_Outcome = TypeVar("_Outcome")
_log: Final = structlog.get_logger("holdfast.files")


async def read_body(engine: Engine, request: Request, collection: Collection, action: Action | None) -> dict[str, Any]:
    """The body of a write; a form's files are on their way, and `forget_body` has to be called in the end.

    A form is read only from who may do such a thing at all, if it is known what it does: raises Forbidden, beside
    what `read_values` raises.
    """
    if request.media_type != MULTIPART:
        return await read_values(request)
    if request.form is None:
        if action is not None:
            access(engine.catalog, collection, action, audience(request.principal))
        request.allow_files(room_for_files(collection))
    return await read_form_body(engine, request)


async def read_form_body(engine: Engine, request: Request) -> dict[str, Any]:
    """The same for a form, which can be read once."""
    if request.form is None:
        request.form = await read_values(request, engine.spool.folder)
    return request.form


def forget_body(request: Request) -> None:
    """Forget the files of a form that have waited in the spool."""
    if request.form is not None:
        discard(request.form)


def room_for_files(collection: Collection) -> int:
    """How many bytes one record's files can have."""
    fields = [field for field in collection.fields if isinstance(field, FileField)]
    return sum(field.max_bytes * max(field.max_select, 1) for field in fields)


def has_files(body: Mapping[str, Any]) -> bool:
    """Whether files came with a body."""
    return next(uploads(body), None) is not None


def record_id_for(collection: Collection, id: str, body: Mapping[str, Any]) -> str:
    """The id that the record of a write has or gets: the one of its address, of its body, or a new one."""
    if id:
        return id
    changes = read_given(collection, body, EVERYTHING).changes.get("id", ())
    sent = changes[-1].value if changes else None
    return sent if isinstance(sent, str) and sent else str(collection.by_name["id"].initial(None))


def coming_files(collection: Collection, record_id: str, body: Mapping[str, Any]) -> list[Coming]:
    """The files that are to be stored for a record; none at all where the write will be refused for one of them."""
    found: list[Coming] = []
    taken: dict[str, int] = {}
    for field, upload in sent_files(collection, body):
        content = upload.content
        taken[field.name] = taken.get(field.name, 0) + 1
        try:
            field.check_new(NewFile(upload.original, content.size, upload.found_type))
        except FieldError:
            return []
        if taken[field.name] > max(field.max_select, 1):
            return []
        file = File(collection.id, record_id, upload.name, field.id, content.size, upload.found_type, upload.original)
        found.append((file, upload))
    return found


async def with_files(engine: Engine, files: Sequence[Coming], write: Callable[[], Awaitable[_Outcome]]) -> _Outcome:
    """Store the files, write, and delete those that no record has taken, whatever came of it.

    Raises what `write` raises, QuotaExceeded, and Unavailable when the storage is away.
    """
    if not files:
        return await write()
    storage = engine.storage
    listed = [file for file, _ in files]
    names = {file.collection_id: engine.catalog.name_of(file.collection_id) for file in listed}
    attached = attached_ids(upload for _, upload in files)
    with as_api_errors():
        await announce(engine.pool, listed, engine.quota, names, attached)
    try:
        for file, upload in files:
            await storage.keep(file.key, upload.content)
        outcome = await write()
        if attached:
            await forget_pending(engine.pool, uploads_of(engine.settings), attached)
        return outcome
    finally:
        # A client that goes away must not keep this from being done.
        await asyncio.shield(asyncio.create_task(_take_back(engine, storage, listed)))


async def _take_back(engine: Engine, storage: Storage, files: Sequence[File]) -> None:
    try:
        await take_back(engine.pool, storage, files)
    except ApiError as failure:
        # They stay in the register as unused, and are deleted when their grace is over.
        _log.warning("files that no record has taken could not be deleted yet", files=len(files), reason=str(failure))
