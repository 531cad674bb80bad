"""Uploads that come in pieces: begun, gone on with after a break, given up. A record takes a complete one by its id."""

import asyncio
import hmac
import secrets
from datetime import UTC, datetime
from typing import Final

from holdfast.engine import Engine
from holdfast.errors import (
    ApiError,
    BadRequest,
    ChecksumMismatch,
    Forbidden,
    NotFound,
    Problem,
    TooLarge,
    Unauthenticated,
    UnsupportedMediaType,
    ValidationFailed,
)
from holdfast.files.tus import PIECE, Asked, Checksum, read_checksum, read_count
from holdfast.http.form_value import MAX_ORIGINAL_CHARS
from holdfast.http.request import CLOSE, Request
from holdfast.identity import Principal
from holdfast.rules.access import access, audience, ways_in
from holdfast.schema.collection import Collection
from holdfast.schema.file import FileField
from holdfast.storage.appending import Appending, create_empty
from holdfast.storage.pending import Pending, begin_pending, find_pending, forget_pending, prolong, size_of
from holdfast.storage.place import uploads_of

NO_UPLOAD: Final = "There is no such upload, or it is not yours, or its time is over."


async def begin(engine: Engine, who: Principal, asked: Asked) -> Pending:
    """A new upload. Whoever could send the file in a form, or import it, may begin one.

    Raises Unauthenticated, NotFound, Forbidden, ValidationFailed, TooLarge, QuotaExceeded, RateLimited and Unavailable.
    """
    collection = engine.catalog.find(asked.collection)
    if collection is None or collection.is_view:
        raise NotFound
    _require_a_way_in(engine, who, collection, imports=not asked.field)
    new = Pending(
        id=secrets.token_urlsafe(32),
        owner=who.key,
        collection_id=collection.id,
        field_id=_field(who, collection, asked) if asked.field else "",
        length=asked.length,
        original="".join(letter for letter in asked.original if letter.isprintable())[:MAX_ORIGINAL_CHARS],
        expires=datetime.now(UTC),
    )
    pending = await begin_pending(engine.pool, new, engine.settings.upload_hours, engine.quota, collection.name)
    try:
        await asyncio.to_thread(create_empty, uploads_of(engine.settings) / pending.id)
    except ApiError:
        await give_up(engine, pending)
        raise
    return pending


def _field(who: Principal, collection: Collection, asked: Asked) -> str:
    """The id of the field that the file is for."""
    field = collection.by_name.get(asked.field)
    if not isinstance(field, FileField) or (field.hidden and not who.is_superuser):
        problem = Problem("validation_invalid_value", "The collection has no such file field.")
        raise ValidationFailed({"field": problem})
    if asked.length > field.max_bytes:
        raise TooLarge(f"The field takes files of at most {field.max_bytes} bytes.")
    return field.id


def _require_a_way_in(engine: Engine, who: Principal, collection: Collection, *, imports: bool) -> None:
    if imports:
        return _require_import(engine, who, collection)
    try:
        access(engine.catalog, collection, "create", audience(who))
    except Forbidden:
        access(engine.catalog, collection, "update", audience(who))


def _require_import(engine: Engine, who: Principal, collection: Collection) -> None:
    """Let begin who could import the file: no field says how large it may be. More is asked when it is imported."""
    if who.kind == "guest":
        raise Unauthenticated
    if collection.system:
        raise BadRequest("Nothing can be imported into a system collection.")
    if who.is_superuser:
        return
    ways = [ways_in(engine.catalog, collection, action, audience(who)) for action in ("create", "update")]
    if collection.is_auth or not any(grant.source.startswith("role:") for way in ways for grant in way.grants):
        raise Forbidden("Only superusers may import here, and who has a role with the permission to create or update.")


async def mine(engine: Engine, who: Principal, id: str) -> tuple[Pending, int]:
    """An upload of the caller, and how many of its bytes have come. Raises NotFound."""
    found = await find_pending(engine.pool, [id]) if id.isascii() else []
    if not found or not found[0].is_for(who):
        raise NotFound(NO_UPLOAD)
    size = await asyncio.to_thread(size_of, uploads_of(engine.settings) / id)
    if size is None:
        raise NotFound(NO_UPLOAD)
    return found[0], size


async def go_on(engine: Engine, request: Request, pending: Pending) -> tuple[Pending, int]:
    """Take the bytes of a request; how many there are then. What has come stays, also where the line breaks.

    Raises UnsupportedMediaType, BadRequest, Conflict where they do not fit behind those that have come, TooLarge,
    ChecksumMismatch and Unavailable.
    """
    if request.media_type != PIECE:
        raise UnsupportedMediaType(f"Send the bytes of an upload as {PIECE}.")
    start = read_count(request, b"upload-offset")
    checksum = read_checksum(request)
    request.allow_files(pending.length)
    algorithm = checksum.algorithm if checksum is not None else ""
    file = await Appending.open(uploads_of(engine.settings) / pending.id, start, algorithm)
    try:
        await _take(request, file, pending, checksum)
    finally:
        file.close()
    return await prolong(engine.pool, pending.id, engine.settings.upload_hours) or pending, file.end


async def _take(request: Request, file: Appending, pending: Pending, checksum: Checksum | None) -> None:
    declared = request.headers.get(b"content-length", b"")
    if declared.isdigit() and file.end + int(declared) > pending.length:
        raise TooLarge(_too_many(pending), headers=CLOSE)
    try:
        async for piece in request.chunks():
            if file.end + len(piece) > pending.length:
                raise TooLarge(_too_many(pending), headers=CLOSE)
            await file.write(piece)
        await file.flush()
    except ApiError:
        # The line broke: what has come may stay, unless nobody knows whether it is right.
        await (file.flush() if checksum is None else file.undo())
        raise
    if checksum is not None and not hmac.compare_digest(file.digest(), checksum.digest):
        await file.undo()
        raise ChecksumMismatch


def _too_many(pending: Pending) -> str:
    return f"There are more bytes than the {pending.length} that the upload was said to have."


async def give_up(engine: Engine, pending: Pending) -> None:
    """Forget an upload and what has come of it."""
    await forget_pending(engine.pool, uploads_of(engine.settings), [pending.id])
