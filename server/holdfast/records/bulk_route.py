"""The route of changes of many records."""

from typing import Final

import msgspec

from holdfast.db.pool import Transaction
from holdfast.engine import Engine
from holdfast.http.idempotency import once
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import OBJECT, Route, Schema
from holdfast.records.bulk import change_many
from holdfast.records.bulk_reading import MOST_IDS, read_bulk
from holdfast.records.retry import with_retries
from holdfast.rules.facts import Facts

TEXT: Final[Schema] = {"type": "string"}
COUNT: Final[Schema] = {"type": "integer"}
FLAG: Final[Schema] = {"type": "boolean"}
ASKED: Final[Schema] = {
    "type": "object",
    "properties": {
        "ids": {"type": "array", "items": TEXT, "maxItems": MOST_IDS},
        "where": {"type": "object", "properties": {"filter": TEXT, "search": TEXT, "p": OBJECT}},
        "set": OBJECT,
        "delete": FLAG,
        "dryRun": {"type": "boolean", "description": "Do everything, and take it back."},
        "expect": {"type": "integer", "description": "How many records have to be found; otherwise it is 412."},
    },
}
DONE: Final[Schema] = {
    "type": "object",
    "required": ["matched", "dryRun", "dependants"],
    "properties": {
        "matched": COUNT,
        "dryRun": FLAG,
        "dependants": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["collection", "field", "rows", "deleted"],
                "properties": {"collection": TEXT, "field": TEXT, "rows": COUNT, "deleted": FLAG},
            },
        },
    },
}


async def post_bulk(engine: Engine, request: Request) -> Response:
    """Set fields of many records, or delete them."""
    body = await request.object()

    async def run(tx: Transaction | None) -> Response:
        collection = engine.catalog.get(request.params["collection"])
        request.collection = collection.name
        done = await change_many(engine, collection, Facts.of(request), read_bulk(collection, body), tx)
        return Response(body=msgspec.json.encode(done))

    return await with_retries(engine, once, engine.pool, request, body, run)


BULK: Final = Route(
    method="POST",
    path="/api/collections/{collection}/records/bulk",
    handler=post_bulk,
    summary="Change or delete many records at once",
    description="Those with these ids, or all that a filter finds, in one transaction: all of them or none.",
    tag="records",
    body=ASKED,
    answer=DONE,
    errors=(412, 503),
)
