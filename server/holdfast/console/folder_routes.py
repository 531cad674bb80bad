"""`/api/console/layouts/folders`: the folders of collections in the sidebar, the same for all superusers."""

from typing import Final

import msgspec

from holdfast.console.folders import Folders, folders_tag, folders_there, kept_folders, read_folders
from holdfast.console.session import NO_STORE
from holdfast.db.failures import as_api_errors
from holdfast.db.sql import Statement, raw, value
from holdfast.engine import Engine
from holdfast.errors import PreconditionFailed
from holdfast.http.preconditions import read_if_match
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import Parameter, Route, Schema

PATH: Final = "/api/console/layouts/folders"
# A layout like the diagram's: its row is there from the first change on, and locked by who changes it.
_KEPT: Final = Statement.of(
    raw("SELECT l.positions::text AS folders FROM holdfast.layouts AS l WHERE l.name = 'folders'")
)
_BEGIN: Final = raw("INSERT INTO holdfast.layouts (name, positions) VALUES ('folders', '[]') ON CONFLICT DO NOTHING")
_LOCKED: Final = raw(
    "SELECT l.positions::text AS folders FROM holdfast.layouts AS l WHERE l.name = 'folders' FOR UPDATE"
)
_FOLDER: Final[Schema] = {
    "type": "object",
    "required": ["id", "name", "collections"],
    "properties": {
        "id": {"type": "string", "description": "Made up by who makes the folder: letters, digits, _ and -."},
        "name": {"type": "string"},
        "collections": {"type": "array", "items": {"type": "string"}, "description": "Ids, each in one folder."},
    },
}
_LAYOUT: Final[Schema] = {
    "type": "object",
    "required": ["folders"],
    "properties": {"folders": {"type": "array", "items": _FOLDER}},
}


async def get_folders(engine: Engine, _: Request) -> Response:
    """The folders in their order, with the ETag of that."""
    with as_api_errors():
        row = await engine.pool.fetchrow(_KEPT)
    return _answer(engine, kept_folders(row["folders"] if row else None))


async def put_folders(engine: Engine, request: Request) -> Response:
    """Keep these folders, and no others."""
    wanted = read_folders(await request.object())
    versions = read_if_match(request.header(b"if-match"))
    sql = raw("UPDATE holdfast.layouts SET updated = now(), positions = ")
    sql += value(msgspec.json.encode(wanted).decode(), "jsonb") + raw(" WHERE name = 'folders'")
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            await tx.execute(_BEGIN)
            row = await tx.fetchrow(_LOCKED)
            kept = kept_folders(row["folders"] if row else None)
            if versions is not None and folders_tag(kept) not in versions:
                raise PreconditionFailed
            await tx.execute(sql)
    return _answer(engine, wanted)


def _answer(engine: Engine, folders: Folders) -> Response:
    there = folders_there(folders, engine.catalog.by_id)
    etag = b'"' + folders_tag(folders).encode() + b'"'
    return Response(body=msgspec.json.encode({"folders": there}), headers=((b"etag", etag), NO_STORE))


FOLDER_ROUTES: Final = (
    Route(
        method="GET",
        path=PATH,
        handler=get_folders,
        summary="The folders of collections in the sidebar",
        tag="console",
        answer=_LAYOUT,
    ),
    Route(
        method="PUT",
        path=PATH,
        handler=put_folders,
        summary="Keep the folders of collections in the sidebar",
        tag="console",
        parameters=(
            Parameter(
                "If-Match", "The ETag that the change is meant for: 412 if it is another by now.", place="header"
            ),
        ),
        body=_LAYOUT,
        answer=_LAYOUT,
        errors=(412,),
    ),
)
