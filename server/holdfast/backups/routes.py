"""`/api/backups`, as PocketBase has it where it has it."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Final, TypeAlias

import msgspec

from holdfast.audit.author import Author, author_of
from holdfast.auth.account import account_by_id
from holdfast.backups import ledger, schemas, service, shelf
from holdfast.backups.inspecting import inspect
from holdfast.backups.making import Wanted
from holdfast.backups.name import read_name
from holdfast.backups.restoring import Prepare, RestoreWanted
from holdfast.backups.shelf import Known
from holdfast.backups.works import Begun, Works
from holdfast.db.failures import as_api_errors
from holdfast.engine import Engine
from holdfast.errors import NotFound, Problem, UnsupportedMediaType, ValidationFailed
from holdfast.http.client_name import client_name
from holdfast.http.form import MULTIPART, discard, read_values
from holdfast.http.form_value import FormValue
from holdfast.http.ranges import NoSuchPart, Part, wanted_part
from holdfast.http.recent import require_recent
from holdfast.http.request import Request
from holdfast.http.response import NO_CONTENT, Poured, Response
from holdfast.http.routing import Handler, Parameter, Route, require_superuser
from holdfast.identity import Principal
from holdfast.storage.storage import Missing

PATH: Final = "/api/backups"
JOBS: Final = PATH + "/jobs"
ONE: Final = PATH + "/{key}"
ANY_SIZE: Final = 1 << 60  # bytes
MAX_NOTE_CHARS: Final = 500
HolderOf: TypeAlias = Callable[[Engine, str], Awaitable[Principal]]
"""For whom a token of files was made; a guest where it does not hold."""
_encode: Final = msgspec.json.encode
_KEYS: Final = frozenset(("name", "files", "note"))
_NO_STORE: Final = (b"cache-control", b"no-store")


async def get_backups(engine: Engine, _: Request) -> Response:
    """All archives."""
    return Response(body=_encode(await service.list_backups(engine)))


async def post_backup(engine: Engine, request: Request, works: Works) -> Response:
    """Make an archive, and answer when it is there, or at once if that is wanted."""
    wanted = read_wanted(await request.object(), await said(engine, request.principal))
    begun = await works.create(engine, Author.of(request), wanted)
    if is_async(request):
        return await accepted(engine, begun)
    await begun.done()
    return Response(204, headers=((b"location", f"{PATH}/{begun.work.key}".encode()),))


def read_wanted(given: dict[str, Any], by: str) -> Wanted:
    """What archive a request asks for. Raises ValidationFailed."""
    problems = {key: Problem("validation_unknown_key", "There is no such key here.") for key in given.keys() - _KEYS}
    files, note = given.get("files", True), given.get("note", "")
    if not isinstance(files, bool):
        problems["files"] = Problem("validation_invalid_value", "Has to be true or false.")
    if not isinstance(note, str) or len(note) > MAX_NOTE_CHARS or "\0" in note:
        problems["note"] = Problem("validation_invalid_value", f"Has to be a text of up to {MAX_NOTE_CHARS} letters.")
    if problems:
        raise ValidationFailed(problems)
    return Wanted(name=read_name(given.get("name")), files=bool(files), note=str(note), by=by)


async def said(engine: Engine, who: Principal) -> str:
    """Who somebody is, in words: by their email where they have one."""
    collection = engine.catalog.by_id.get(who.collection_id)
    if who.key_id or collection is None:
        return f"key {who.key_id}" if who.key_id else who.kind
    account = await account_by_id(engine, collection, who.record_id)
    return account.email if account is not None and account.email else f"{who.collection} {who.record_id}"


def is_async(request: Request) -> bool:
    """Whether the client would rather ask later than wait (RFC 7240)."""
    return "respond-async" in request.header(b"prefer").lower()


async def accepted(engine: Engine, begun: Begun[Any]) -> Response:
    """Work that goes on, and where to ask for it."""
    job = await ledger.find(engine.pool, begun.work.id)
    place = (b"location", f"{JOBS}/{job.id}".encode())
    return Response(202, _encode(ledger.as_shown(begun.work, job)), (place, _NO_STORE))


async def post_upload(engine: Engine, request: Request) -> Response:
    """Take an archive that somebody has."""
    key = await take_upload(engine, request, Author.of(request))
    return Response(204, headers=((b"location", f"{PATH}/{key}".encode()),))


async def take_upload(engine: Engine, request: Request, author: Author, *, again: bool = False) -> str:
    """The name of the archive that a form has brought. Raises ValidationFailed and UnsupportedMediaType.

    With `again` it may be there already, from an upload of before.
    """
    if request.media_type != MULTIPART:
        raise UnsupportedMediaType(f"Send the archive as the part `file` of a {MULTIPART} body.")
    request.allow_files(ANY_SIZE)
    values = await read_values(request, engine.spool.folder)
    try:
        given = values.get("file")
        uploads = given.uploads if isinstance(given, FormValue) else ()
        if len(uploads) != 1:
            problem = Problem("validation_required", "Send one file as the part `file`.")
            raise ValidationFailed({"file": problem})
        return await service.upload_backup(engine, author, uploads[0], again=again)
    finally:
        discard(values)


async def get_backup(engine: Engine, request: Request, holder_of: HolderOf) -> Response:
    """The archive itself."""
    who = request.principal
    token = request.query.get("token", "")
    if token and who.kind == "guest":
        who = await holder_of(engine, token)
    require_superuser(who)
    await require_recent(engine, who)
    found = await shelf.find_known(engine, request.params["key"])
    tag = b'"' + (found.sha256[:32] or f"{found.stored.size:x}-{found.stored.modified.timestamp():.0f}").encode() + b'"'
    try:
        part = wanted_part(request, found.stored.size, tag, int(found.stored.modified.timestamp()))
    except NoSuchPart:
        return Response(416, headers=((b"content-range", b"bytes */%d" % found.stored.size),))
    # Each part, too: all of an archive but its first byte is as good as all of it.
    if request.scope["method"] != "HEAD":
        await service.note_download(
            engine, author_of(who, request.id, request.client, client_name(request.headers)), found
        )
    return await _poured(engine, request, found, tag, part)


async def _poured(engine: Engine, request: Request, found: Known, tag: bytes, part: Part | None) -> Poured:
    asked = part or Part(0, found.stored.size)
    name = found.stored.key.encode()  # of plain letters: it needs no escapes
    headers = [(b"content-disposition", b'attachment; filename="' + name + b'"'), (b"etag", tag), _NO_STORE]
    headers.append((b"accept-ranges", b"bytes"))
    if part is not None:
        headers.append((b"content-range", b"bytes %d-%d/%d" % (part.start, part.end - 1, found.stored.size)))
    pieces = engine.backups.read(found.stored.key, asked.start, asked.end)
    if request.scope["method"] != "HEAD":
        pieces = await _begun(pieces)
    size, status = asked.end - asked.start, 200 if part is None else 206
    return Poured(status, headers=tuple(headers), content_type=b"application/zip", size=size, pieces=lambda: pieces)


async def _begun(pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The same pieces, once it is sure that there are any. Raises NotFound."""
    try:
        first = await anext(pieces, b"")
    except Missing:
        raise NotFound from None

    async def all_pieces() -> AsyncGenerator[bytes, None]:
        yield first
        async for piece in pieces:
            yield piece

    return all_pieces()


async def post_verify(engine: Engine, request: Request, works: Works) -> Response:
    """Check an archive, and answer when that is done, or at once if that is wanted."""
    begun = await works.verify(engine, Author.of(request), request.params["key"], await said(engine, request.principal))
    if is_async(request):
        return await accepted(engine, begun)
    await begun.done()
    return Response(body=_encode(await ledger.find(engine.pool, begun.work.id)), headers=(_NO_STORE,))


async def post_restore(engine: Engine, request: Request, works: Works, prepare: Prepare) -> Response:
    """Bring an archive back: it is begun, and goes on."""
    wanted = read_restore(await request.object(), request.params["key"], await said(engine, request.principal))
    return await accepted(engine, await works.restore(engine, Author.of(request), wanted, prepare))


def read_restore(given: dict[str, Any], key: str, by: str) -> RestoreWanted:
    """What restore a request asks for. Raises ValidationFailed."""
    known = ("confirm", "safety", "deliveries")
    problems = {one: Problem("validation_unknown_key", "There is no such key here.") for one in given.keys() - {*known}}
    for name in known[1:]:
        if not isinstance(given.get(name, False), bool):
            problems[name] = Problem("validation_invalid_value", "Has to be true or false.")
    if given.get("confirm", key) != key:  # PocketBase's clients name it in the address alone
        problems["confirm"] = Problem("validation_match_invalid", "Has to be the name of the backup.")
    if problems:
        raise ValidationFailed(problems)
    return RestoreWanted(key=key, safety=given.get("safety", True), deliveries=given.get("deliveries", False), by=by)


async def get_inspection(engine: Engine, request: Request) -> Response:
    """What an archive holds, beside what there is now."""
    return Response(body=_encode(await inspect(engine, request.params["key"])), headers=(_NO_STORE,))


async def delete_backup(engine: Engine, request: Request) -> Response:
    """Delete an archive."""
    await service.delete_backup(engine, Author.of(request), request.params["key"])
    return NO_CONTENT


async def get_jobs(engine: Engine, _: Request) -> Response:
    """The last pieces of work on backups."""
    return Response(body=_encode({"items": await ledger.listed(engine.pool)}), headers=(_NO_STORE,))


async def get_job(engine: Engine, request: Request) -> Response:
    """One of them, for superusers and for who was told how to watch it."""
    watch = request.query.get("watch")
    if watch is None:
        require_superuser(request.principal)
    with as_api_errors():
        job = await ledger.find(engine.pool, request.params["id"], watch)
    return Response(body=_encode(job), headers=(_NO_STORE,))


def backup_routes(works: Works, holder_of: HolderOf, prepare: Prepare) -> tuple[Route, ...]:
    """The routes of a process whose work on backups is `works`."""

    async def create(engine: Engine, request: Request) -> Response:
        return await post_backup(engine, request, works)

    async def download(engine: Engine, request: Request) -> Response:
        return await get_backup(engine, request, holder_of)

    async def verify(engine: Engine, request: Request) -> Response:
        return await post_verify(engine, request, works)

    async def restore(engine: Engine, request: Request) -> Response:
        return await post_restore(engine, request, works, prepare)

    made = Route(
        method="POST",
        path=PATH,
        handler=create,
        summary="Make a backup",
        description="Of one moment, while everything goes on. It answers when the archive is there.",
        tag="backups",
        parameters=(schemas.PREFER,),
        body=schemas.WANTED,
        body_required=False,
        later=schemas.JOB,
        status=204,
        errors=(409, 503),
    )
    got = Route(
        method="GET",
        path=ONE,
        handler=download,
        summary="The archive of a backup",
        description="For superusers, also by a token of POST /api/files/token.",
        tag="backups",
        access="anyone",
        parameters=(
            Parameter("token", "What POST /api/files/token has answered to a superuser."),
            Parameter("Range", "A part of it, such as bytes=0-1023.", place="header"),
        ),
        errors=(416, 503),
    )
    return (_LIST, made, _UPLOAD, got, _DELETE, _INSPECT, _verify_route(verify), _restore_route(restore), _JOBS, _JOB)


def _verify_route(handler: Handler) -> Route:
    return Route(
        method="POST",
        path=ONE + "/verify",
        handler=handler,
        summary="Check a backup: read all of it, load it into a database of its own, count what is there",
        tag="backups",
        recent=True,
        parameters=(schemas.PREFER,),
        answer=schemas.JOB,
        later=schemas.JOB,
        errors=(409, 503),
    )


def _restore_route(handler: Handler) -> Route:
    return Route(
        method="POST",
        path=ONE + "/restore",
        handler=handler,
        summary="Bring a backup back",
        description="It is loaded beside the database, which is then replaced at once: all answers are 503 meanwhile.",
        tag="backups",
        recent=True,
        body=schemas.RESTORE,
        body_required=False,
        answer=schemas.JOB,
        status=202,
        errors=(409, 503),
    )


_LIST: Final = Route(
    method="GET",
    path=PATH,
    handler=get_backups,
    summary="The backups, the newest first",
    tag="backups",
    answer={"type": "array", "items": schemas.BACKUP},
    errors=(503,),
)
_UPLOAD: Final = Route(
    method="POST",
    path=PATH + "/upload",
    handler=post_upload,
    summary="Put a backup there that was downloaded before",
    description="A form with the archive as `file`; what that is called, the backup is.",
    tag="backups",
    recent=True,
    status=204,
    errors=(413, 415, 503),
)
_DELETE: Final = Route(
    method="DELETE",
    path=ONE,
    handler=delete_backup,
    summary="Delete a backup",
    tag="backups",
    recent=True,
    status=204,
    errors=(409, 503),
)
_INSPECT: Final = Route(
    method="GET",
    path=ONE + "/inspect",
    handler=get_inspection,
    summary="What a backup holds beside what there is now",
    tag="backups",
    answer=schemas.INSPECTION,
    errors=(503,),
)
_JOBS: Final = Route(
    method="GET",
    path=JOBS,
    handler=get_jobs,
    summary="What is and was done with backups",
    tag="backups",
    answer={"type": "object", "required": ["items"], "properties": {"items": {"type": "array", "items": schemas.JOB}}},
)
_JOB: Final = Route(
    method="GET",
    path=JOBS + "/{id}",
    handler=get_job,
    summary="How far work on a backup is, or what came of it",
    tag="backups",
    access="anyone",
    parameters=(Parameter("watch", "What who has begun it was told: it needs no login then."),),
    answer=schemas.JOB,
)
