"""Writing records over HTTP: what a request says becomes a Write, what was written becomes the answer.

The dispatcher of the records' routes calls these with the collection that it has looked up, without letting other
tasks run in between: both then see one catalog.
"""

import time
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from holdfast.db.pool import Transaction
from holdfast.engine import Engine
from holdfast.http.idempotency import once
from holdfast.http.preconditions import read_if_match
from holdfast.http.request import Request
from holdfast.http.response import NO_CONTENT, Response
from holdfast.records import write_service
from holdfast.records.attached import attach
from holdfast.records.hooked_files import before_upload
from holdfast.records.query import refuse
from holdfast.records.render import etag
from holdfast.records.uploads import Coming, coming_files, has_files, read_body, record_id_for, with_files
from holdfast.records.upsert import upsert as upsert_record
from holdfast.records.write_service import Write, Written, allow_time
from holdfast.rules.facts import Facts
from holdfast.schema.collection import Collection
from holdfast.schema.role import Action

UseCase: TypeAlias = Callable[[Engine, Write, Transaction | None], Awaitable[Written]]


async def create(engine: Engine, request: Request, collection: Collection) -> Response:
    """POST /api/collections/{collection}/records"""
    return await _answer(engine, request, collection, "", ("create", write_service.create))


async def update(engine: Engine, request: Request, collection: Collection, record_id: str) -> Response:
    """PATCH /api/collections/{collection}/records/{id}"""
    return await _answer(engine, request, collection, record_id, ("update", write_service.update))


async def upsert(engine: Engine, request: Request, collection: Collection, record_id: str = "") -> Response:
    """PUT /api/collections/{collection}/records, with the id in the body or at the end of the path"""
    return await _answer(engine, request, collection, record_id, (None, upsert_record))


async def delete(engine: Engine, request: Request, collection: Collection, record_id: str) -> Response:
    """DELETE /api/collections/{collection}/records/{id}"""
    write = Write(
        catalog=engine.catalog,
        collection=collection,
        who=request.principal,
        id=record_id,
        versions=read_if_match(request.header(b"if-match")),
        request=Facts.of(request),
    )

    async def run(tx: Transaction | None) -> Response:
        if tx is not None:
            await allow_time(tx, engine.settings.statement_timeout_ms)
        await write_service.delete(engine, write, tx)
        return NO_CONTENT

    return await _timed(request, once(engine.pool, request, {}, run))


async def _answer(
    engine: Engine, request: Request, collection: Collection, record_id: str, asked: tuple[Action | None, UseCase]
) -> Response:
    action, use_case = asked
    catalog = engine.catalog
    for name in ("asOf", "deleted") if request.query else ():
        if request.query.get(name):
            raise refuse(name, "What was cannot be written: revert brings it back.")
    sent = body = await read_body(engine, request, collection, action)
    new_id, files = "", list[Coming]()
    if collection.takes_files:
        body = await attach(engine, request.principal, collection, sent)
    if (request.form is not None or body is not sent) and has_files(body):
        new_id = record_id_for(collection, record_id, body)
        await before_upload(engine, collection, new_id, body, Facts.of(request, body))
        files = coming_files(collection, new_id, body)
    write = Write(
        catalog=catalog,
        collection=collection,
        who=request.principal,
        id=record_id,
        body=body,
        fields=request.query.get("fields", ""),
        expand=request.query.get("expand", ""),
        versions=read_if_match(request.header(b"if-match")),
        request=Facts.of(request, body),
        new_id=new_id,
    )

    async def run(tx: Transaction | None) -> Response:
        if tx is not None:
            await allow_time(tx, engine.settings.statement_timeout_ms)
        return answer_written(await use_case(engine, write, tx))

    if files:
        return await _timed(request, with_files(engine, files, lambda: once(engine.pool, request, sent, run)))
    return await _timed(request, once(engine.pool, request, sent, run))


async def _timed(request: Request, answer: Awaitable[Response]) -> Response:
    """The answer, with the time that it took counted as the database's: all else is small, save hashing a password."""
    started = time.perf_counter()
    try:
        return await answer
    finally:
        request.database_seconds += time.perf_counter() - started


def answer_written(written: Written) -> Response:
    """The record with its tag, which serves If-Match in the next change of it."""
    return Response(200, written.body, ((b"etag", etag(written.version, written.body)),))
