"""No change of collections or roles breaks the filter of a webhook unnoticed: it would lose what it is there for."""

from typing import Final

from holdfast.catalog.snapshot import Catalog
from holdfast.db.pool import Transaction
from holdfast.db.sql import Statement, raw
from holdfast.engine import Engine
from holdfast.errors import InvalidFilter, Problem, ValidationFailed
from holdfast.webhooks import store
from holdfast.webhooks.endpoint import EndpointDraft
from holdfast.webhooks.endpoint_filter import check_endpoint_filter

BROKEN: Final = "validation_webhook_filter"
_FILTERED: Final = Statement.of(store.SELECT + raw(" WHERE w.filter <> '' ORDER BY w.created, w.id"))


async def refuse_broken_filters(engine: Engine, tx: Transaction, changed: Catalog) -> None:
    """A guard of the engine. Raises ValidationFailed with the webhooks whose filters could not be used any more."""
    told: dict[str, Problem] = {}
    for row in await tx.fetch(_FILTERED):
        draft = store.draft_of(row)
        wrong = broken(changed, draft)
        if wrong and not broken(engine.catalog, draft):
            name = row["description"] or row["url"]
            told[row["id"]] = Problem(BROKEN, f"The filter of the webhook {name!r} could not be used: {wrong}")
    if told:
        raise ValidationFailed({"webhooks": told}, next(iter(told.values())).message)


def broken(catalog: Catalog, draft: EndpointDraft) -> str:
    """Why the filter of an endpoint cannot be used, with the collection; empty if it can."""
    for id in dict.fromkeys(pattern.partition(".")[0] for pattern in draft.events):
        collection = catalog.by_id.get(id)
        if collection is None:
            continue
        try:
            check_endpoint_filter(catalog, collection, draft.who, draft.filter)
        except InvalidFilter as failure:
            return f"For {collection.name}: {failure.message}"
    return ""
