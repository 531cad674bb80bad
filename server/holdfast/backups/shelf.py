"""The archives that are there, in a folder or a bucket, and what is known of each."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias

import msgspec

from holdfast import __version__
from holdfast.backups.archive import Reading
from holdfast.backups.manifest import Manifest, NotOurs, TooNew, read_manifest
from holdfast.backups.name import is_name
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Pool, Row
from holdfast.db.sql import Inputs, Statement, named, raw
from holdfast.engine import Engine
from holdfast.errors import NotFound, Problem, Unavailable, ValidationFailed
from holdfast.expressions.moment import stamp
from holdfast.sealed import derived_key
from holdfast.storage.place import backup_place_of
from holdfast.storage.storage import Missing, Storage, Stored

State: TypeAlias = Literal["ok", "newer", "unreadable"]
READ_SECONDS: Final = 30.0  # for the manifest of an archive, before it counts as one that cannot be read now
TAKEN: Final = Problem("validation_not_unique", "There is a backup of this name already.")
_ALL: Final = Statement.of(
    raw("SELECT key, size, modified, sha256, manifest::text AS manifest, problem, uploaded, verified, sound")
    + raw(" FROM holdfast.backups")
)
_PUT: Final = Statement.of(
    raw("INSERT INTO holdfast.backups AS b (key, size, modified, sha256, manifest, problem, uploaded) VALUES (")
    + named("key", "text")
    + raw(", ")
    + named("size", "bigint")
    + raw(", ")
    + named("modified", "timestamptz")
    + raw(", ")
    + named("sha256", "text")
    + raw(", ")
    + named("manifest", "jsonb")
    + raw(", ")
    + named("problem", "text")
    + raw(", ")
    + named("uploaded", "boolean")
    + raw(") ON CONFLICT (key) DO UPDATE SET size = excluded.size, modified = excluded.modified,")
    + raw(" sha256 = excluded.sha256, manifest = excluded.manifest, problem = excluded.problem,")
    + raw(" uploaded = excluded.uploaded, verified = NULL, sound = NULL")
)
_FORGET: Final = Statement.of(
    raw("DELETE FROM holdfast.backups WHERE NOT (key = ANY (") + named("keys", "text[]") + raw("))")
)
_VERIFIED: Final = Statement.of(
    raw("UPDATE holdfast.backups SET verified = now(), sound = ")
    + named("sound", "boolean")
    + raw(", sha256 = ")
    + named("sha256", "text")
    + raw(" WHERE key = ")
    + named("key", "text")
)


class Backup(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An archive as the API shows it: `key`, `size` and `modified` as PocketBase has them."""

    key: str
    size: int
    modified: str
    kind: str
    contents: tuple[str, ...]
    where: str
    sha256: str
    note: str
    by: str
    made: str
    version: str
    postgres: str
    project: str
    ours: bool
    secrets: bool
    collections: int
    rows: int
    files: int
    file_bytes: int
    verified: str
    verified_ok: bool | None
    state: State
    problem: str


class Known(msgspec.Struct, frozen=True):
    """An archive, and what is known of it."""

    stored: Stored
    sha256: str
    manifest: Manifest | None
    problem: str
    uploaded: bool = False
    verified: datetime | None = None
    sound: bool | None = None


def fingerprint(engine: Engine) -> str:
    """What tells this server from others, and gives nothing of its key away."""
    return derived_key(engine.secret, "origin of backups")[:12].hex()


async def list_known(engine: Engine) -> list[Known]:
    """All archives, the newest first. One that was not seen before is looked into. Raises Unavailable.

    One that is broken, or cannot be read, has a `problem` and breaks nothing else.
    """
    storage = engine.backups
    found: dict[str, Stored] = {}
    async for page in storage.walk():
        found |= {one.key: one for one in page if is_name(one.key)}
    with as_api_errors():
        rows = {row["key"]: row for row in await engine.pool.fetch(_ALL)}
        known = [await _known(engine, storage, stored, rows.get(key)) for key, stored in found.items()]
        if rows.keys() - found.keys():
            await engine.pool.execute(_FORGET, Inputs(named={"keys": list(found)}))
    return sorted(known, key=lambda one: (one.stored.modified, one.stored.key), reverse=True)


async def find_known(engine: Engine, key: str) -> Known:
    """One archive. Raises NotFound, and Unavailable."""
    for one in await list_known(engine) if is_name(key) else ():
        if one.stored.key == key:
            return one
    raise NotFound("There is no backup of this name.")


async def check_free(storage: Storage, key: str) -> None:
    """Raise ValidationFailed where a backup of this name is there."""
    if await storage.size(key) is not None:
        raise ValidationFailed({"name": TAKEN})


async def _known(engine: Engine, storage: Storage, stored: Stored, row: Row | None) -> Known:
    if row is None or row["size"] != stored.size or row["modified"] != stored.modified:
        try:
            manifest, problem = await look_into(storage, stored.key)
        except Unavailable as failure:  # the others are there all the same; the next list looks again
            return Known(stored, "", None, failure.message)
        await put(engine.pool, stored, "", manifest, problem)
        return Known(stored, "", manifest, problem)
    manifest = None if row["manifest"] is None else read_manifest(row["manifest"].encode())
    about = {name: row[name] for name in ("sha256", "problem", "uploaded", "verified", "sound")}
    return Known(stored=stored, manifest=manifest, **about)


async def look_into(storage: Storage, key: str) -> tuple[Manifest | None, str]:
    """The manifest of an archive, or why it cannot be had. Raises Unavailable when its place is away."""

    def look() -> Manifest:
        with storage.opened(key) as file:
            return Reading(file).manifest

    try:
        async with asyncio.timeout(READ_SECONDS):
            return await asyncio.to_thread(look), ""
    except (TooNew, NotOurs) as failure:
        return None, str(failure)
    except (Missing, OSError, TimeoutError) as failure:
        raise Unavailable("The backups cannot be reached just now: try again in a moment.") from failure


async def put(
    pool: Pool, stored: Stored, sha256: str, manifest: Manifest | None, problem: str, *, uploaded: bool = False
) -> None:
    """Remember what is known of an archive."""
    text = None if manifest is None else msgspec.json.encode(manifest).decode()
    given = {"key": stored.key, "size": stored.size, "modified": stored.modified, "sha256": sha256, "problem": problem}
    await pool.execute(_PUT, Inputs(named={**given, "manifest": text, "uploaded": uploaded}))


async def put_verified(pool: Pool, key: str, sha256: str, *, sound: bool) -> None:
    """Remember what came of a check."""
    await pool.execute(_VERIFIED, Inputs(named={"key": key, "sha256": sha256, "sound": sound}))


async def stored_now(storage: Storage, key: str) -> Stored:
    """An archive as the listing of its place has it. Raises NotFound."""
    async for page in storage.walk():
        for one in page:
            if one.key == key:
                return one
    raise NotFound("There is no backup of this name.")


def shown(engine: Engine, one: Known) -> Backup:
    """An archive as the API shows it."""
    manifest = one.manifest
    about = _NOTHING if manifest is None else _about(manifest)
    kind = "unknown" if manifest is None else manifest.kind
    return Backup(
        key=one.stored.key,
        size=one.stored.size,
        modified=stamp(one.stored.modified.astimezone(UTC)),
        where="local" if backup_place_of(engine.live.now.options, engine.settings).s3 is None else "s3",
        sha256=one.sha256,
        ours=manifest is not None and manifest.origin == fingerprint(engine),
        secrets=True,  # hashes of passwords, and the key that what is sealed can be opened with
        verified="" if one.verified is None else stamp(one.verified.astimezone(UTC)),
        verified_ok=one.sound,
        state=_state(one),
        problem=one.problem,
        kind="uploaded" if one.uploaded else kind,
        **about,
    )


def _state(one: Known) -> State:
    if one.manifest is None:
        return "newer" if "newer Holdfast" in one.problem else "unreadable"
    return "newer" if is_newer(one.manifest.holdfast) else "ok"


def is_newer(version: str) -> bool:
    """Whether a version of Holdfast comes after this one."""
    return _numbers(version) > _numbers(__version__)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3] if part.isdecimal())


def _about(manifest: Manifest) -> dict[str, Any]:
    return {
        "contents": ("database",) if manifest.files is None else ("database", "files"),
        "note": manifest.note,
        "by": manifest.by,
        "made": manifest.made,
        "version": manifest.holdfast,
        "postgres": manifest.postgres,
        "project": manifest.project,
        "collections": manifest.declared,
        "rows": manifest.rows,
        "files": 0 if manifest.files is None else manifest.files.count,
        "file_bytes": 0 if manifest.files is None else manifest.files.bytes,
    }


_NOTHING: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("note", "by", "made", "version", "postgres", "project"), ""),
    **dict.fromkeys(("collections", "rows", "files", "file_bytes"), 0),
    "contents": (),
}
