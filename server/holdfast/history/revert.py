"""A version is written back, as an update, or as a create if the record is gone: rules and checks are those of both."""

import secrets
from collections.abc import Mapping, Set
from typing import Any, Final, cast

import msgspec

from holdfast.db.pool import Transaction
from holdfast.engine import Engine
from holdfast.errors import NotFound, Problem, ValidationFailed
from holdfast.events.catching_up import caught_up
from holdfast.events.remembering import field_of, form
from holdfast.history import store
from holdfast.history.seeing import Place, Seen, look, place_of
from holdfast.history.version import State, Version
from holdfast.http.idempotency import once
from holdfast.http.preconditions import read_if_match
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.records import write_service
from holdfast.records.write_routes import answer_written
from holdfast.records.write_service import Write, allow_time
from holdfast.rules.facts import Facts
from holdfast.schema.autodate import AutodateField
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.file import FileField

MOST_VERSION: Final = 2**63 - 1
_INVALID: Final = "validation_invalid_value"
_UNKNOWN: Final = Problem(_INVALID, "There is no version of this number: see the record's history.")
_NO_KEY: Final = Problem("validation_unknown_key", "There is no such key here.")
_WITH_PASSWORD: Final = frozenset(("passwordConfirm", "oldPassword"))
_EMPTY: Final = Problem(_INVALID, "This version holds no record.")


class Asked(msgspec.Struct, frozen=True):
    """To which version, and with which values in place of the version's own."""

    version: int
    values: Mapping[str, Any]


async def revert(engine: Engine, request: Request) -> Response:
    """Write a version back. Raises what `look` raises, ValidationFailed, and what the write raises."""
    body = await request.object()
    place = place_of(engine, request)
    asked = read_asked(body, {field.name for field in place.collection.fields})
    await caught_up(engine.pool, place.collection.id)
    seen = await look(engine, request, place)
    version = await store.version_of(engine.pool, place.collection, place.record_id, asked.version)
    if version is None:
        raise ValidationFailed({"version": _UNKNOWN})
    if version.after is None:
        raise ValidationFailed({"version": _EMPTY})
    then = values_of(version, place.collection, seen.readable)

    async def run(tx: Transaction | None) -> Response:
        if tx is not None:
            return await _write(engine, request, place, _Wanted(seen, then, asked.values), tx)
        async with engine.pool.transaction() as new:
            return await _write(engine, request, place, _Wanted(seen, then, asked.values), new)

    return await once(engine.pool, request, body, run)


class _Wanted(msgspec.Struct, frozen=True):
    seen: Seen
    then: Mapping[str, Any]
    values: Mapping[str, Any]


async def _write(engine: Engine, request: Request, place: Place, wanted: _Wanted, tx: Transaction) -> Response:
    await allow_time(tx, engine.settings.statement_timeout_ms)
    now = await store.live_state(tx, place.collection, place.record_id, locked=True)
    if now is None and wanted.seen.live:
        raise NotFound  # it was deleted in between, and by whom it may be restored is another question
    if now is None:
        body = {**restored(place.collection, wanted.then), **wanted.values, "id": place.record_id}
        use_case = write_service.create
    else:
        body = {**differing(place.collection, wanted.then, now), **wanted.values}
        use_case = write_service.update
    write = Write(
        catalog=place.catalog,
        collection=place.collection,
        who=request.principal,
        id=place.record_id,
        body=body,
        fields=request.query.get("fields", ""),
        expand=request.query.get("expand", ""),
        versions=read_if_match(request.header(b"if-match")),
        request=Facts.of(request, body),
    )
    return answer_written(await use_case(engine, write, tx))


def read_asked(body: Mapping[str, Any], fields: Set[str]) -> Asked:
    """What the body asks for; `fields` are those that can have values. Raises ValidationFailed."""
    problems: dict[str, Problem] = {key: _NO_KEY for key in body if key not in ("version", "values")}
    given = body.get("version")
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) <= len(str(MOST_VERSION)):
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= MOST_VERSION:
        problems["version"] = Problem(_INVALID, "Must be the number of a version, from the record's history.")
    values = body.get("values")
    if values is not None and not isinstance(values, dict):
        problems["values"] = Problem(_INVALID, "Must be an object of fields and their values.")
    named = cast("dict[str, Any]", values) if isinstance(values, dict) else {}
    for name in named:
        if name.strip("+-") not in fields | _WITH_PASSWORD:
            problems["values"] = Problem(_INVALID, f"There is no field {name[:100]!r}.")
    if problems:
        raise ValidationFailed(problems)
    return Asked(cast(int, given), named)


def values_of(version: Version, collection: Collection, readable: frozenset[str] | None) -> dict[str, Any]:
    """What the version has for the fields of today, by their names: those that are still of the same type.

    Left out are fields that the caller may not read, and what was redacted.
    """
    after: State = version.after or {}
    now = {form(field): field for field in collection.fields}
    return {
        now[one].name: value
        for one, value in after.items()
        if one in now
        and is_reverted(now[one])
        and not version.lost(one)
        and (readable is None or field_of(one) in readable)
    }


def is_reverted(field: Field) -> bool:
    """Whether a version says what to write. It has no dates that the server sets, and of files the names alone."""
    return field.name != "id" and not isinstance(field, AutodateField | FileField)


def differing(collection: Collection, then: Mapping[str, Any], now: State) -> dict[str, Any]:
    """Those of the values that the record does not have."""
    forms = {field.name: form(field) for field in collection.fields}
    return {name: value for name, value in then.items() if not store.same(value, now.get(forms[name]))}


def restored(collection: Collection, then: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a record that is made again. An account gets a password that nobody knows: versions have none."""
    if not collection.is_auth:
        return dict(then)
    password = secrets.token_urlsafe(32)
    return {**then, "password": password, "passwordConfirm": password}
