"""Rule tests over HTTP, for superusers."""

from typing import Any, Final

import msgspec

from holdfast.access import rule_test_service as service
from holdfast.access.routes import QUESTION
from holdfast.access.rule_test import EXPECTED, MAX_NAME_CHARS
from holdfast.audit.author import Author
from holdfast.engine import Engine
from holdfast.errors import Problem, ValidationFailed
from holdfast.http.request import Request
from holdfast.http.response import NO_CONTENT, Response
from holdfast.http.routing import OBJECT, Parameter, Route, Schema

_MANY: Final = "/api/rules/tests"
_ONE: Final = _MANY + "/{id}"
_TEST: Final[Schema] = {
    "type": "object",
    "required": ["name", "collection", "action", "expect"],
    "properties": {
        **QUESTION["properties"],
        "name": {"type": "string", "maxLength": MAX_NAME_CHARS},
        "collection": {"type": "string"},
        "given": {"type": "object", "additionalProperties": {"type": "array", "items": OBJECT}},
        "expect": {"enum": list(EXPECTED)},
    },
}
_CHANGE: Final[Schema] = {**_TEST, "required": []}
_WHICH: Final[Schema] = {
    "type": "object",
    "properties": {"collections": {"type": "array", "items": {"type": "string"}}},
}
_REPORT: Final[Schema] = {
    "type": "object",
    "required": ["passed", "failed", "results"],
    "properties": {
        "passed": {"type": "integer"},
        "failed": {"type": "integer"},
        "results": {"type": "array", "items": OBJECT},
    },
}
_encode: Final = msgspec.json.encode


async def list_tests(engine: Engine, request: Request) -> Response:
    """All rule tests."""
    return Response(body=_encode({"items": await service.list_tests(engine, request.query.get("collection", ""))}))


async def view_test(engine: Engine, request: Request) -> Response:
    """One rule test."""
    return Response(body=_encode(await service.view_test(engine, request.params["id"])))


async def create_test(engine: Engine, request: Request) -> Response:
    """Keep a rule test."""
    return Response(body=_encode(await service.create_test(engine, Author.of(request), await request.object())))


async def update_test(engine: Engine, request: Request) -> Response:
    """Change a rule test."""
    return Response(
        body=_encode(
            await service.update_test(engine, Author.of(request), request.params["id"], await request.object())
        )
    )


async def delete_test(engine: Engine, request: Request) -> Response:
    """Forget a rule test."""
    await service.remove_test(engine, Author.of(request), request.params["id"])
    return NO_CONTENT


async def run_tests(engine: Engine, request: Request) -> Response:
    """Run rule tests and undo them."""
    wanted = (await request.object()).get("collections")
    return Response(body=_encode(await service.run(engine, None if wanted is None else _names(wanted))))


def _names(given: Any) -> list[str]:
    try:
        return msgspec.convert(given, list[str])
    except msgspec.ValidationError as failure:
        problem = Problem("validation_invalid_value", "Must be a list of names.")
        raise ValidationFailed({"collections": problem}) from failure


ROUTES: Final = (
    Route(
        method="GET",
        path=_MANY,
        handler=list_tests,
        summary="List the rule tests",
        tag="access",
        parameters=(Parameter("collection", "Only those of this collection."),),
        answer={"type": "object", "properties": {"items": {"type": "array", "items": _TEST}}},
    ),
    Route(
        method="POST",
        path=_MANY,
        handler=create_test,
        summary="Keep a rule test",
        tag="access",
        body=_TEST,
        answer=_TEST,
    ),
    Route(method="GET", path=_ONE, handler=view_test, summary="View a rule test", tag="access", answer=_TEST),
    Route(
        method="PATCH",
        path=_ONE,
        handler=update_test,
        summary="Change a rule test",
        tag="access",
        body=_CHANGE,
        answer=_TEST,
    ),
    Route(method="DELETE", path=_ONE, handler=delete_test, summary="Forget a rule test", tag="access", status=204),
    Route(
        method="POST",
        path=_MANY + "/run",
        handler=run_tests,
        summary="Run the rule tests",
        description="Each case is really done and then undone: nothing of it is left.",
        tag="access",
        body=_WHICH,
        body_required=False,
        answer=_REPORT,
    ),
)
