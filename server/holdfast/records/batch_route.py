"""`POST /api/batch` as a route, with what it takes and answers."""

from typing import Final

from holdfast.http.routing import ANY, OBJECT, Route
from holdfast.records import batch

BATCH: Final = Route(
    method="POST",
    path="/api/batch",
    handler=batch.handle,
    summary="Several writes in one transaction, all or nothing",
    tag="records",
    access="anyone",
    body={
        "type": "object",
        "required": ["requests"],
        "properties": {
            "requests": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["method", "url"],
                    "properties": {
                        "method": {"type": "string", "enum": ["POST", "PUT", "PATCH", "DELETE"]},
                        "url": {"type": "string", "examples": ["/api/collections/posts/records"]},
                        "headers": OBJECT,
                        "body": OBJECT,
                    },
                },
            }
        },
    },
    answer={
        "type": "array",
        "items": {
            "type": "object",
            "required": ["status", "body"],
            "properties": {"status": {"type": "integer"}, "body": ANY},
        },
    },
    errors=(409, 413, 415, 422),
)
