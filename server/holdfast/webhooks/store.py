"""Endpoints as rows."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec

from holdfast.db.pool import Pool, Row, Transaction
from holdfast.db.sql import EMPTY, Sql, Statement, join, name, raw, value
from holdfast.engine import Engine
from holdfast.errors import NotFound
from holdfast.http.request_limit import RequestLimit
from holdfast.sealed import CannotUnseal, seal, unseal
from holdfast.webhooks.circuit import Circuit
from holdfast.webhooks.endpoint import UNREADABLE, Endpoint, EndpointDraft
from holdfast.webhooks.event_types import by_id

PURPOSE: Final = "webhook"
_COLUMNS: Final = raw(
    "w.id, w.url, w.description, w.events, w.filter, w.fields, w.role, w.headers::text AS headers, w.active, w.ordered,"
    " w.timeout, w.rate_limit::text AS rate_limit, w.secret, CASE WHEN w.old_until > now() THEN w.old_secret END AS"
    " old_secret, CASE WHEN w.old_until > now() THEN holdfast.stamp(w.old_until) ELSE '' END AS"
    " old_until, w.circuit::text AS circuit, w.disabled, holdfast.stamp(w.created) AS created,"
    " holdfast.stamp(w.updated) AS updated, w.names::text AS names"
)
SELECT: Final = raw("SELECT ") + _COLUMNS + raw(" FROM holdfast.webhooks AS w")
_ALL: Final = Statement.of(SELECT + raw(" ORDER BY w.created, w.id"))


async def all_rows(pool: Pool) -> Sequence[Row]:
    """All endpoints, the oldest first."""
    return await pool.fetch(_ALL)


async def get_row(tx: Transaction, id: str, *, locked: bool = False) -> Row:
    """One endpoint. Raises NotFound."""
    row = await tx.fetchrow(
        SELECT + raw(" WHERE w.id = ") + value(id, "text") + (raw(" FOR UPDATE OF w") if locked else EMPTY)
    )
    if row is None:
        raise NotFound("There is no webhook of that id.")
    return row


async def insert(engine: Engine, tx: Transaction, id: str, draft: EndpointDraft, secret: str) -> None:
    """Write a new endpoint."""
    columns = {"id": value(id, "text"), "secret": sealed(engine, id, secret), **columns_of(engine, draft)}
    names = join(", ", [name(column) for column in columns])
    await tx.execute(
        raw("INSERT INTO holdfast.webhooks (") + names + raw(") VALUES (") + join(", ", columns.values()) + raw(")")
    )


async def change(tx: Transaction, id: str, changes: Mapping[str, Sql]) -> None:
    """Change columns of an endpoint."""
    settings = [name(column) + raw(" = ") + content for column, content in changes.items()]
    settings.append(raw("updated = now()"))
    where = raw(" WHERE id = ") + value(id, "text")
    await tx.execute(raw("UPDATE holdfast.webhooks SET ") + join(", ", settings) + where)


def columns_of(engine: Engine, draft: EndpointDraft, gone: Mapping[str, str] = MappingProxyType({})) -> dict[str, Sql]:
    """A draft as columns; `gone` are the names of collections that were deleted, by their ids."""
    named = {**gone, **{one.id: one.name for one in engine.catalog.collections}}
    firsts = {pattern.partition(".")[0] for pattern in draft.events}
    names = {id: name for id, name in named.items() if id in firsts}
    limit = None if draft.rate_limit is None else msgspec.json.encode(draft.rate_limit).decode()
    return {
        "url": value(draft.url, "text"),
        "description": value(draft.description, "text"),
        "events": value(list(draft.events), "text[]"),
        "filter": value(draft.filter, "text"),
        "fields": value(list(draft.fields), "text[]"),
        "role": value(draft.role, "text"),
        "headers": value(msgspec.json.encode(draft.headers).decode(), "jsonb"),
        "active": value(draft.active, "boolean"),
        "ordered": value(draft.ordered, "boolean"),
        "timeout": value(draft.timeout, "integer"),
        "rate_limit": value(limit, "jsonb"),
        "names": value(msgspec.json.encode(names).decode(), "jsonb"),
    }


def gone_of(engine: Engine, row: Row) -> dict[str, str]:
    """The names that the collections of an endpoint had which are not there any more, by their ids."""
    names = msgspec.json.decode(row["names"], type=dict[str, str])
    return {id: name for id, name in names.items() if id not in engine.catalog.by_id}


def draft_of(row: Row) -> EndpointDraft:
    """What a row says that somebody has said."""
    return EndpointDraft(
        url=row["url"],
        description=row["description"],
        events=tuple(row["events"]),
        filter=row["filter"],
        fields=tuple(row["fields"]),
        role=row["role"],
        headers=msgspec.json.decode(row["headers"], type=dict[str, str]),
        active=row["active"],
        ordered=row["ordered"],
        timeout=row["timeout"],
        rate_limit=msgspec.json.decode(row["rate_limit"], type=RequestLimit) if row["rate_limit"] else None,
    )


def endpoint_of(engine: Engine, row: Row) -> Endpoint:
    """The whole of a row. A secret that this server cannot read is left out: then nothing can be signed."""
    secrets = [unsealed(engine, row["id"], kept) for kept in (row["secret"], row["old_secret"]) if kept is not None]
    return Endpoint(
        id=row["id"],
        draft=draft_of(row),
        circuit=msgspec.json.decode(row["circuit"], type=Circuit),
        secrets=tuple(secret for secret in secrets if secret),
        disabled=row["disabled"],
    )


def endpoint_json(engine: Engine, row: Row) -> dict[str, Any]:
    """The endpoint as the API writes it. Its secret is not shown any more."""
    draft, circuit = draft_of(row), msgspec.json.decode(row["circuit"], type=Circuit)
    catalog, role = engine.catalog, engine.catalog.roles_by_id.get(draft.role)
    return {
        "id": row["id"],
        "url": draft.url,
        "description": draft.description,
        "events": list(by_id(draft.events, gone_of(engine, row) | {one.id: one.name for one in catalog.collections})),
        "filter": draft.filter,
        "fields": list(draft.fields),
        "role": draft.role if role is None else role.name,
        "headers": draft.headers,
        "active": draft.active,
        "ordered": draft.ordered,
        "timeout": draft.timeout,
        "rateLimit": msgspec.to_builtins(draft.rate_limit),
        "circuit": "open" if circuit.is_open else "closed",
        "disabled": row["disabled"],
        "oldSecretUntil": row["old_until"],
        "error": "" if unsealed(engine, row["id"], row["secret"]) else UNREADABLE,
        "created": row["created"],
        "updated": row["updated"],
    }


def sealed(engine: Engine, id: str, secret: str) -> Sql:
    """A secret as it is kept."""
    return value(seal(engine.secret, PURPOSE, id, secret.encode()), "bytea")


def unsealed(engine: Engine, id: str, kept: bytes) -> str:
    """The secret; empty if the server's own key is another one than it was sealed with."""
    try:
        return unseal(engine.secret, PURPOSE, id, kept).decode()
    except CannotUnseal:
        return ""
