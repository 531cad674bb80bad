"""The use cases of endpoints."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from holdfast.audit.actions import AUTH_EVENTS
from holdfast.audit.author import Author
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Row
from holdfast.db.sql import raw, value
from holdfast.engine import Engine
from holdfast.errors import BadRequest, PreconditionFailed, Problem, ValidationFailed
from holdfast.events.telling import SYSTEM_EVENTS
from holdfast.http.peer import read_networks
from holdfast.http.preconditions import Versions
from holdfast.outbound.address import Network
from holdfast.schema.app_options import is_production
from holdfast.schema.ids import new_id
from holdfast.webhooks import store
from holdfast.webhooks.audited import write_endpoint
from holdfast.webhooks.endpoint import EndpointDraft
from holdfast.webhooks.endpoint_reading import UNKNOWN, Rules, read_endpoint, read_secret
from holdfast.webhooks.signature import new_secret

MOST: Final = 1000  # endpoints: each is looked at for every event
OVERLAP_HOURS: Final = 24
LONGEST_OVERLAP_HOURS: Final = 168
OTHERS: Final = (*SYSTEM_EVENTS, "system.test", *AUTH_EVENTS)
"""Event types that are not of a collection."""


async def list_endpoints(engine: Engine) -> list[dict[str, Any]]:
    """All endpoints, the oldest first."""
    with as_api_errors():
        return [store.endpoint_json(engine, row) for row in await store.all_rows(engine.pool)]


async def view_endpoint(engine: Engine, id: str) -> dict[str, Any]:
    """One endpoint. Raises NotFound."""
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            return store.endpoint_json(engine, await store.get_row(tx, id))


async def create_endpoint(engine: Engine, author: Author, body: Mapping[str, Any]) -> dict[str, Any]:
    """Make an endpoint. Of all answers only this one has its `secret`. Raises ValidationFailed."""
    draft = read_endpoint(engine.catalog, _rules(engine), body, EndpointDraft())
    secret = read_secret(body) or new_secret()
    id = new_id()
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            count = await tx.fetchrow(raw("SELECT count(*) AS count FROM holdfast.webhooks"))
            if count is not None and count["count"] >= MOST:
                raise BadRequest(f"There are {MOST:,} webhooks already, and each is looked at for every event.")
            await store.insert(engine, tx, id, draft, secret)
            made = store.endpoint_json(engine, await store.get_row(tx, id))
            await write_endpoint(tx, author, "webhook.created", after=made)
            return {**made, "secret": secret}


async def update_endpoint(
    engine: Engine, author: Author, id: str, body: Mapping[str, Any], versions: Versions = None
) -> dict[str, Any]:
    """Change an endpoint: only given keys change. One that is turned on again begins anew.

    Raises NotFound, ValidationFailed, and PreconditionFailed if it is none of the versions any more.
    """
    if body.get("secret"):
        message = "A secret is changed by rotate-secret: the old one signs along for a while."
        raise ValidationFailed({"secret": Problem("validation_invalid_value", message)})
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            row = await store.get_row(tx, id, locked=True)
            if versions is not None and version_of(row) not in versions:
                raise PreconditionFailed("Somebody has changed this webhook meanwhile: look at it again.")
            gone = store.gone_of(engine, row)
            draft = read_endpoint(engine.catalog, _rules(engine, gone), body, store.draft_of(row))
            changes = store.columns_of(engine, draft, gone)
            if draft.active and (body.get("active") is True or draft.url != row["url"]):
                changes |= {"circuit": raw("'{}'::jsonb"), "disabled": raw("''")}
            await store.change(tx, id, changes)
            made = store.endpoint_json(engine, await store.get_row(tx, id))
            await write_endpoint(tx, author, "webhook.updated", store.endpoint_json(engine, row), made)
            return made


async def delete_endpoint(engine: Engine, author: Author, id: str) -> None:
    """Delete an endpoint, with what it had still to get. Raises NotFound."""
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            old = store.endpoint_json(engine, await store.get_row(tx, id, locked=True))
            await write_endpoint(tx, author, "webhook.deleted", before=old)
            await tx.execute(raw("DELETE FROM holdfast.webhooks WHERE id = ") + value(id, "text"))


async def rotate_secret(engine: Engine, author: Author, id: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Give an endpoint another secret; the old one signs along for `overlapHours`, else for a day.

    Raises NotFound and ValidationFailed.
    """
    unknown = body.keys() - {"overlapHours", "secret"}
    if unknown:
        raise ValidationFailed({key: UNKNOWN for key in unknown})
    hours = body.get("overlapHours", OVERLAP_HOURS)
    if not isinstance(hours, int) or isinstance(hours, bool) or not 0 <= hours <= LONGEST_OVERLAP_HOURS:
        message = f"Must be a whole number from 0 to {LONGEST_OVERLAP_HOURS}."
        raise ValidationFailed({"overlapHours": Problem("validation_out_of_range", message)})
    secret = read_secret(body) or new_secret()
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            await store.get_row(tx, id, locked=True)
            until = raw("now() + make_interval(hours => ") + value(hours, "integer") + raw(")")
            changes = {"old_secret": raw("secret"), "old_until": until, "secret": store.sealed(engine, id, secret)}
            await store.change(tx, id, changes)
            made = store.endpoint_json(engine, await store.get_row(tx, id))
            await write_endpoint(tx, author, "webhook.secret_rotated", made, made, {"overlapHours": hours})
            return {**made, "secret": secret}


def version_of(endpoint: Mapping[str, Any] | Row) -> str:
    """Which version of an endpoint this is: when it was changed last, in figures."""
    return "".join(filter(str.isdigit, str(endpoint["updated"])))


def allowed(engine: Engine) -> tuple[Network, ...]:
    """The networks inside that events may be sent to."""
    return (*engine.outbound.allow, *read_networks(engine.settings.webhook_allow))


def _rules(engine: Engine, gone: Mapping[str, str] = MappingProxyType({})) -> Rules:
    production = is_production(engine.catalog.options, engine.settings)
    return Rules(
        allowed(engine),
        https=production and not allowed(engine),
        others=others(engine),
        gone={name: id for id, name in gone.items()},
    )


def others(engine: Engine) -> tuple[str, ...]:
    """The event types that are of no collection, and what those of plugins begin with."""
    return (*OTHERS, *(f"{name}." for name in engine.host.names))
