"""`POST /api/batch`: several writes of records in one transaction, all or nothing."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import asyncpg
import msgspec

from holdfast.catalog.snapshot import Catalog, Reference
from holdfast.db.failures import api_error
from holdfast.db.pool import Transaction
from holdfast.db.sql import raw
from holdfast.engine import Engine
from holdfast.errors import ApiError, BadRequest, Forbidden, Problem, ValidationFailed
from holdfast.http.client_name import HEADER
from holdfast.http.form import MULTIPART, read_values
from holdfast.http.idempotency import once
from holdfast.http.preconditions import read_if_match
from holdfast.http.rate_limits import Part as CountedPart
from holdfast.http.recent import changes_superusers, require_recent
from holdfast.http.refusal import problems_as_data
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.identity import Principal
from holdfast.records import write_service
from holdfast.records.attached import attach
from holdfast.records.batch_reading import Part, read_batch
from holdfast.records.hooked_files import before_upload
from holdfast.records.orphans import compile_dangling, compile_needed
from holdfast.records.retry import with_retries
from holdfast.records.uploads import (
    Coming,
    coming_files,
    forget_body,
    has_files,
    read_form_body,
    record_id_for,
    with_files,
)
from holdfast.records.upsert import upsert
from holdfast.records.violations import MISSING, needed_message, reference_of
from holdfast.records.write_service import Write, allow_time
from holdfast.rules.facts import Facts
from holdfast.schema.app_options import Batch

FAILED: Final = "Batch transaction failed: nothing was written."


class FailedPart(Problem, frozen=True):
    """The one request that made a batch fail, with the answer that it would have had on its own."""

    response: Mapping[str, Any]


class _Done(msgspec.Struct, frozen=True):
    """A write that was done: where, which record, and its part of the answer."""

    collection_id: str
    record_id: str
    deleted: bool
    answer: bytes


async def handle(engine: Engine, request: Request) -> Response:
    """POST /api/batch"""
    options = engine.options.batch
    if not options.enabled:
        raise Forbidden("Batches are turned off on this server.")
    request.limit_body(options.max_body_size)
    try:
        return await _answer(engine, request, options)
    finally:
        if request.form is not None:
            forget_body(request)


async def _answer(engine: Engine, request: Request, options: Batch) -> Response:
    is_form = request.media_type == MULTIPART
    values = await (read_form_body(engine, request) if is_form else read_values(request))
    parts = read_batch(values, options.max_requests)
    sent = Facts.of(request)
    if any(changes_superusers(engine, part.method, part.path) for part in parts):
        await require_recent(engine, sent.who)
    await _count(engine, request, parts)

    async def run(tx: Transaction | None) -> Response:
        if tx is not None:
            return Response(200, await run_batch(engine, engine.catalog, sent, parts, tx))
        async with engine.pool.transaction() as new:
            return Response(200, await run_batch(engine, engine.catalog, sent, parts, new))

    async def answer() -> Response:
        nonlocal parts
        await engine.live.check()
        started = time.perf_counter()
        files = list[Coming]()
        parts = [await _attached(engine, sent.who, part) for part in parts]
        if is_form or any(has_files(part.body) for part in parts):
            parts, files = await _with_files(engine, sent, parts)
        try:
            return await with_files(engine, files, lambda: once(engine.pool, request, values, run))
        finally:
            request.database_seconds += time.perf_counter() - started

    return await with_retries(engine, answer)


async def _attached(engine: Engine, who: Principal, part: Part) -> Part:
    """A write with the resumable uploads that it names."""
    collection = engine.catalog.find(part.collection)
    if collection is None or not collection.takes_files:
        return part
    body = await attach(engine, who, collection, part.body)
    return part if body is part.body else msgspec.structs.replace(part, body=body)


async def _with_files(engine: Engine, sent: Facts, parts: Sequence[Part]) -> tuple[tuple[Part, ...], list[Coming]]:
    """The writes with the ids under which their files are stored, and these files, as plugins leave them."""
    found: list[Part] = []
    files: list[Coming] = []
    for part in parts:
        collection = engine.catalog.find(part.collection)
        if collection is not None and not collection.is_view and has_files(part.body):
            id = part.new_id or record_id_for(collection, part.id, part.body)
            facts = msgspec.structs.replace(sent, method=part.method, body=part.body)
            await before_upload(engine, collection, id, part.body, facts)
            files.extend(coming_files(collection, id, part.body))
            part = msgspec.structs.replace(part, new_id=id)
        found.append(part)
    return tuple(found), files


async def _count(engine: Engine, request: Request, parts: Sequence[Part]) -> None:
    """Count the writes in the limits as if they had come alone: a batch is no way round. Raises RateLimited."""
    catalog = engine.catalog
    limits = catalog.options.rate_limits
    if not limits.enabled:
        return
    client, who, apart = request.client, request.principal, request.has_own_limit
    asked = [CountedPart(part.method, part.path, client, who, apart) for part in parts]
    await engine.limiter.check(limits, asked, catalog.name_of)


async def run_batch(engine: Engine, catalog: Catalog, sent: Facts, parts: Sequence[Part], tx: Transaction) -> bytes:
    """Do all writes of a request and give the list of their answers as JSON.

    Relations are checked when all is written, so that records of one batch can point at each other.
    Raises BadRequest, with the failure of the one request in `data`; the caller then rolls back.
    """
    milliseconds = engine.options.batch.timeout * 1000 or engine.settings.statement_timeout_ms
    try:
        async with asyncio.timeout(milliseconds / 1000):
            await allow_time(tx, milliseconds)
            await tx.execute(raw("SET CONSTRAINTS ALL DEFERRED"))
            done: list[_Done] = []
            for at, part in enumerate(parts):
                try:
                    done.append(await _do(engine, catalog, sent, part, tx))
                except (ApiError, asyncpg.PostgresError) as failure:
                    error = failure if isinstance(failure, ApiError) else api_error(failure)
                    if error is None or error.status >= 500:
                        raise  # not the request's fault: trying again may help
                    raise _failed(at, error) from failure
            await _check_relations(catalog, sent.who, done, tx)
    except TimeoutError as failure:
        raise BadRequest("This batch takes longer than the server allows: send fewer requests at once.") from failure
    return b"[" + b",".join(one.answer for one in done) + b"]"


async def _do(engine: Engine, catalog: Catalog, sent: Facts, part: Part, tx: Transaction) -> _Done:
    collection = catalog.get(part.collection)
    write = Write(
        catalog=catalog,
        collection=collection,
        who=sent.who,
        id=part.id,
        body=part.body,
        fields=part.query.get("fields", ""),
        expand=part.query.get("expand", ""),
        versions=read_if_match(part.headers.get("if-match", "")),
        request=_facts(sent, part),
        new_id=part.new_id,
    )
    if part.action == "delete":
        await write_service.delete(engine, write, tx)
        return _Done(collection.id, part.id, True, b'{"status":204,"body":null}')
    use_case = {
        "create": write_service.create,
        "update": write_service.update,
        "upsert": upsert,
    }[part.action]
    written = await use_case(engine, write, tx)
    return _Done(collection.id, written.id, False, b'{"status":200,"body":' + written.body + b"}")


def _facts(sent: Facts, part: Part) -> Facts:
    """What rules may ask about one write: a request of its own, of the sender and the client of the batch."""
    own = {name.encode("latin-1", "replace"): text.encode("latin-1", "replace") for name, text in part.headers.items()}
    return Facts(
        who=sent.who,
        request_id=sent.request_id,
        hops=sent.hops,
        address=sent.address,
        method=part.method,
        query=lambda: part.query,
        headers=own if HEADER not in sent.headers else {HEADER: sent.headers[HEADER], **own},
        body=part.body,
        context="batch",
    )


def _failed(at: int, error: ApiError) -> BadRequest:
    """The failure of the whole batch: which request it was, and the answer that it would have had on its own."""
    answer = {
        "status": error.status,
        "message": error.message,
        "data": problems_as_data(error.data),
        "code": error.code,
    }
    problem = FailedPart("batch_request_failed", "Batch request failed.", answer)
    return BadRequest(FAILED, data={"requests": {str(at): problem}})


async def _check_relations(catalog: Catalog, who: Principal, done: Sequence[_Done], tx: Transaction) -> None:
    try:
        async with tx.savepoint():
            await tx.execute(raw("SET CONSTRAINTS ALL IMMEDIATE"))
    except asyncpg.ForeignKeyViolationError as failure:
        reference = reference_of(catalog, failure.constraint_name or "")
        if reference is None:
            raise
        raise await _blame(catalog, who, reference, done, tx) from failure


async def _blame(
    catalog: Catalog, who: Principal, reference: Reference, done: Sequence[_Done], tx: Transaction
) -> BadRequest:
    """The failure of a relation that is not whole when all is written, at the request that broke it."""
    source, target = reference.collection, catalog.target(reference.field)
    wrote = {one.record_id: at for at, one in enumerate(done) if one.collection_id == source.id and not one.deleted}
    rows = await tx.fetch(compile_dangling(reference, target, list(wrote)))
    if rows:
        return _failed(min(wrote[row["id"]] for row in rows), ValidationFailed({reference.field.name: MISSING}))
    deleted = {one.record_id: at for at, one in enumerate(done) if one.collection_id == target.id and one.deleted}
    rows = await tx.fetch(compile_needed(reference, list(deleted)))
    # Without a row it went with another one that was deleted: then the last of the deletes is as good as any.
    at = min((deleted[row["id"]] for row in rows), default=max(_deletes(done), default=len(done) - 1))
    return _failed(at, BadRequest(needed_message(source, reference.field, who)))


def _deletes(done: Sequence[_Done]) -> list[int]:
    return [at for at, one in enumerate(done) if one.deleted]
