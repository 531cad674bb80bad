"""The use cases of archives that are there: listed, put there by hand, read, deleted."""

import asyncio
from typing import Final

from holdfast.audit.author import Author
from holdfast.audit.entry import Entry, Target
from holdfast.audit.write import write_after
from holdfast.backups import shelf
from holdfast.backups.lock import give_back, take
from holdfast.backups.name import SUFFIX, is_name
from holdfast.backups.shelf import Backup, Known
from holdfast.backups.works import TARGET
from holdfast.db.failures import as_api_errors
from holdfast.engine import Engine
from holdfast.errors import Problem, ValidationFailed
from holdfast.http.form_value import Upload
from holdfast.storage.storage import Storage, Taken

MODE: Final = 0o600
_NO_NAME: Final = Problem(
    "validation_match_invalid", f"The file has to be called of small letters, digits, - and _, and end with {SUFFIX}."
)


async def list_backups(engine: Engine) -> list[Backup]:
    """All archives, the newest first. Raises Unavailable."""
    return [shelf.shown(engine, one) for one in await shelf.list_known(engine)]


async def upload_backup(engine: Engine, author: Author, upload: Upload, *, again: bool = False) -> str:
    """Put an archive on the shelf that somebody has; its name. Raises ValidationFailed and Unavailable.

    With `again` one that was uploaded before, under the same name and with the same bytes, is taken as it is.
    """
    key, storage = upload.filename, engine.backups
    if not is_name(key):
        raise ValidationFailed({"file": _NO_NAME})
    if await storage.size(key) is not None:
        if again and (await shelf.find_known(engine, key)).sha256 == upload.content.digest:
            return key
        raise ValidationFailed({"file": shelf.TAKEN})
    try:
        await storage.keep_new(key, upload.content)
    except Taken as failure:  # by somebody else, while this one came
        raise ValidationFailed({"file": shelf.TAKEN}) from failure
    try:
        await _take_in(engine, key, upload)
    except BaseException:
        await storage.delete([key])
        raise
    entry = Entry(action="backup.uploaded", target=Target(TARGET, key, key), after={"size": upload.content.size})
    await write_after(engine.pool, author, entry)
    return key


async def _take_in(engine: Engine, key: str, upload: Upload) -> None:
    """Look into an archive that was kept, and remember what it is. Raises ValidationFailed and Unavailable."""
    storage = engine.backups
    await protect(storage, key)
    manifest, problem = await shelf.look_into(storage, key)
    if manifest is None and not problem.endswith("with that version."):
        raise ValidationFailed({"file": Problem("validation_invalid_backup", problem)})
    stored = await shelf.stored_now(storage, key)
    with as_api_errors():
        await shelf.put(engine.pool, stored, upload.content.digest, manifest, problem, uploaded=True)


async def protect(storage: Storage, key: str) -> None:
    """Let nobody else on this machine read an archive."""
    path = storage.path(key)
    if path is not None:
        await asyncio.to_thread(path.parent.chmod, 0o700)
        await asyncio.to_thread(path.chmod, MODE)


async def delete_backup(engine: Engine, author: Author, key: str) -> None:
    """Delete an archive. Raises NotFound, and Conflict while work on backups runs, which may need it."""
    found = await shelf.find_known(engine, key)
    with as_api_errors():
        connection = await take(engine.pool)
    try:
        await engine.backups.delete([key])
    finally:
        await give_back(connection)
    entry = Entry(action="backup.deleted", target=Target(TARGET, key, key), before=_said(found))
    await write_after(engine.pool, author, entry)


async def note_download(engine: Engine, author: Author, found: Known) -> None:
    """Write down that somebody has taken an archive with them: it holds all there is."""
    key = found.stored.key
    entry = Entry(action="backup.downloaded", target=Target(TARGET, key, key), details=_said(found))
    await write_after(engine.pool, author, entry)


def _said(found: Known) -> dict[str, object]:
    return {"size": found.stored.size, "made": "" if found.manifest is None else found.manifest.made}
