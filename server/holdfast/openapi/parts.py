"""What operations share, in the words of OpenAPI: parameters, answers, security. Pure."""

from typing import Any, Final, cast

from holdfast.errors import ApiError, Internal, RateLimited, Unauthenticated, Unavailable, catalogue
from holdfast.http.routing import Parameter

_VALUES: Final = frozenset(("const", "default", "enum", "examples", "required"))  # of schemas, and no schemas
_MEMBERS: Final = frozenset(("properties", "additionalProperties", "patternProperties", "$ref"))
_ITEMS: Final = frozenset(("items", "prefixItems"))
TOKEN: Final[dict[str, list[str]]] = {"token": []}
ERRORS: Final = {
    "Error": {
        "type": "object",
        "required": ["data", "message", "status", "code", "requestId"],
        "properties": {
            "data": {"$ref": "#/components/schemas/Problems"},
            "message": {"type": "string", "description": "A sentence that a person can act on."},
            "status": {"type": "integer"},
            "code": {"type": "string", "enum": sorted({error.code for error in catalogue()})},
            "requestId": {"type": "string", "description": "The same as X-Request-Id; the log has it."},
        },
    },
    "Problems": {
        "type": "object",
        "description": "Field name to what is wrong with it; nested where the input is nested.",
        "additionalProperties": {
            "anyOf": [{"$ref": "#/components/schemas/Problem"}, {"$ref": "#/components/schemas/Problems"}]
        },
    },
    "MfaNeeded": {
        "type": "object",
        "required": ["mfaId"],
        "properties": {"mfaId": {"type": "string", "description": "For the login that completes this one."}},
    },
    "Problem": {
        "type": "object",
        "required": ["code", "message"],
        "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
    },
}
_MEANINGS: Final = {
    400: "The request cannot be understood, or some fields are not valid.",
    401: "A valid token is needed.",
    403: "The caller may not do this.",
    404: "There is nothing here, or nothing that the caller may see.",
    405: "The path is there, the method is not.",
    409: "The request meets something that is already there.",
    412: "The record has another version, or the plan is another one by now.",
    413: "The body is too large.",
    414: "Path and query are too long.",
    415: "The Content-Type is none that this path takes.",
    416: "The Range is none that the file has.",
    422: "The Idempotency-Key belongs to another request.",
    429: "Too many requests; Retry-After says when to try again.",
    460: "The bytes are not those that their checksum was made of.",
    500: "A fault of the server; the log has the rest.",
    503: "The server cannot answer just now; Retry-After says when to try again.",
    507: "There would be more bytes of files than the operator allows.",
}


_SECOND_FACTOR: Final = {
    "SecondFactor": {
        "description": "The login has to be completed by another one, or a valid token is needed.",
        "content": {
            "application/json": {
                "schema": {
                    "anyOf": [{"$ref": "#/components/schemas/MfaNeeded"}, {"$ref": "#/components/schemas/Error"}]
                }
            }
        },
    }
}


def components() -> dict[str, Any]:
    """Everything that operations refer to, apart from the collections' own schemas."""
    return {
        "schemas": dict(ERRORS),
        "responses": {**{_name(status): _error(text) for status, text in _MEANINGS.items()}, **_SECOND_FACTOR},
        "parameters": {parameter.name: as_openapi(parameter) for parameter in SHARED},
        "securitySchemes": {
            "token": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "The token of auth-with-password, with or without Bearer before it.",
            }
        },
        "x-errors": {error.__name__: _told(error) for error in catalogue()},
    }


def _told(error: type[ApiError]) -> dict[str, Any]:
    """A refusal with the first paragraph of its documentation, without a line end."""
    when = (error.__doc__ or "").partition("\n\n")[0]
    return {"status": error.status, "code": error.code, "when": " ".join(when.replace("`", "").split())}


def _name(status: int) -> str:
    return f"Error{status}"


def _error(text: str) -> dict[str, Any]:
    return {"description": text, "content": as_json({"$ref": "#/components/schemas/Error"})}


def refusals(*statuses: int) -> dict[str, Any]:
    """References to the answers of these statuses; 500 and 503 are always among them."""
    return {
        str(status): {"$ref": f"#/components/responses/{_name(status)}"} for status in sorted({*statuses, 500, 503})
    }


def refused_with(operation: dict[str, Any], *errors: type[ApiError]) -> dict[str, Any]:
    """An operation with the refusals that it can answer: their statuses as OpenAPI has them, and by name `x-errors`.

    A bad key, too many requests and a server in trouble are always among them.
    """
    found = (*errors, Unauthenticated, RateLimited, Internal, Unavailable)
    names = [error.__name__ for error in sorted(found, key=lambda error: error.status)]
    responses = {**operation["responses"], **refusals(*(error.status for error in found))}
    return {**operation, "responses": responses, "x-errors": names}


def as_json(schema: Any) -> dict[str, Any]:
    """A body of JSON with this schema."""
    return {"application/json": {"schema": told(schema)}}


def told(schema: Any) -> Any:
    """A schema as generators of clients understand it.

    What may be in an object or a list is said even where that is anything, and schemas within others have no titles:
    two of one title would be one class.
    """
    if isinstance(schema, list):
        return [told(one) for one in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    given = cast("dict[str, Any]", schema)
    found: dict[str, Any] = {}
    for key, inner in given.items():
        if key != "title" or not isinstance(inner, str):
            found[key] = inner if key in _VALUES else told(inner)
    if found.get("type") == "object" and not found.keys() & _MEMBERS:
        found["additionalProperties"] = True
    if found.get("type") == "array" and not found.keys() & _ITEMS:
        found["items"] = {}
    return found


def as_openapi(parameter: Parameter) -> dict[str, Any]:
    """A parameter as OpenAPI writes it."""
    found: dict[str, Any] = {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.description,
        "schema": dict(parameter.schema),
    }
    if parameter.required:
        found["required"] = True
    return found


def path_parameter(name: str) -> dict[str, Any]:
    """A parameter of the path."""
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def shared(*names: str) -> list[dict[str, Any]]:
    """References to the shared parameters of these names."""
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


_WHOLE: Final = {"type": "integer", "minimum": 1}
SHARED: Final = (
    Parameter("page", "Which page, from 1.", {**_WHOLE, "default": 1}),
    Parameter("perPage", "Records on a page.", {**_WHOLE, "maximum": 1000, "default": 30}),
    Parameter("sort", "Fields, separated by commas; - before one for descending. @random, @rowid."),
    Parameter(
        "filter", "Which records: `status = 'open' && author.name ~ 'ann'`. Values can be `{:NAME}`, see p.NAME."
    ),
    Parameter("expand", "Relations to put into the records, to 6 levels: `author,comments_via_post.author`."),
    Parameter(
        "fields",
        "Parts of the records to send: `id,title,expand.author.name,body:excerpt(200,true)`. Then others are"
        " missing, whatever their schema says.",
    ),
    Parameter("skipTotal", "Do not count: the totals are -1.", {"type": "boolean", "default": False}),
    Parameter("count", "How to count.", {"type": "string", "enum": ["exact", "estimated", "none"], "default": "exact"}),
    Parameter("cursor", "Go through pages by cursor: empty to begin, then the nextCursor of the page before."),
    Parameter("search", "Words to find in the searchable fields, best matches first."),
    Parameter("asOf", "The records as they were then, where the collection keeps a history."),
    Parameter(
        "deleted",
        "The records that are there no more, as they were; for superusers.",
        {"type": "boolean", "default": False},
    ),
    Parameter("groupBy", "Fields to group by, separated by commas."),
    Parameter("select", "What to compute: `count(),sum(x),avg(x),min(x),max(x),countDistinct(x)`."),
    Parameter("limit", "The most groups to answer.", dict(_WHOLE)),
    Parameter("If-None-Match", "The ETag that the client has: 304 if nothing changed.", place="header"),
    Parameter("If-Match", "The ETag that the change is meant for: 412 if it is another by now.", place="header"),
    Parameter(
        "Idempotency-Key",
        "Any text that is new for this request: sent again, the first answer is given again, for 24 hours.",
        {"type": "string", "minLength": 1, "maxLength": 255},
        "header",
    ),
)
