"""A collection as OpenAPI describes it: the schemas of its records, and the paths that read and write them."""

from collections.abc import Sequence
from typing import Any, Final

from holdfast.catalog.snapshot import Catalog
from holdfast.errors import (
    ApiError,
    BadRequest,
    Conflict,
    Forbidden,
    IdempotencyMismatch,
    InvalidFilter,
    InvalidSort,
    NotFound,
    PreconditionFailed,
    QuotaExceeded,
    RuleFailed,
    TooLarge,
    UnsupportedMediaType,
    UriTooLong,
    ValidationFailed,
)
from holdfast.openapi.expands import expanded
from holdfast.openapi.fields import field_in, field_out
from holdfast.openapi.parts import TOKEN, as_json, path_parameter, refused_with, shared
from holdfast.records.document import visible_fields
from holdfast.rules.access import Audience, Grant, covers
from holdfast.schema.autodate import AutodateField
from holdfast.schema.collection import Collection, Rule
from holdfast.schema.field import Field
from holdfast.schema.file import FileField
from holdfast.schema.text import TextField

LIST: Final = (
    "page",
    "perPage",
    "sort",
    "filter",
    "expand",
    "fields",
    "skipTotal",
    "count",
    "cursor",
    "search",
    "asOf",
    "deleted",
)
FORM: Final = "Form"  # in the names of schemas whose files are bytes
SHOWN_TO_FEW: Final = frozenset(("email", "roles"))  # of accounts
SHAPE: Final = ("expand", "fields")
_READING: Final = (BadRequest, Forbidden, NotFound)
_LISTING: Final = (*_READING, InvalidFilter, InvalidSort)
_BODY: Final = (TooLarge, UnsupportedMediaType)
_REMOVING: Final = (*_READING, Conflict, IdempotencyMismatch, PreconditionFailed)
_WRITING: Final = (*_READING, *_BODY, Conflict, IdempotencyMismatch, ValidationFailed)
_ID: Final = path_parameter("id")


def record_schemas(catalog: Catalog, collection: Collection, who: Audience) -> dict[str, Any]:
    """The components of a collection: what goes out, and what a create and an update take.

    A collection with files has further ones for forms, in which a file is bytes.
    """
    name = collection.name
    found: dict[str, Any] = {f"Record_{name}": _record(catalog, collection, who), f"Page_{name}": _page(collection)}
    if collection.is_view:
        return found
    for form, inputs in (("", _inputs(collection)), (FORM, _form_inputs(collection))):
        if not form or has_files(collection):
            found[f"Create{form}_{name}"] = _create(collection, inputs)
            found[f"Update{form}_{name}"] = {"type": "object", "properties": inputs}
    return found


def has_files(collection: Collection) -> bool:
    """Whether a write of it may be a form with files."""
    return any(isinstance(field, FileField) for field in collection.fields)


def _record(catalog: Catalog, collection: Collection, who: Audience) -> dict[str, Any]:
    fields = visible_fields(collection, who)
    sure = ["collectionId", "collectionName", *_always_sent(catalog, collection, fields, who)]
    properties: dict[str, Any] = {
        "collectionId": {"const": collection.id},
        "collectionName": {"const": collection.name},
        **{field.name: field_out(field) for field in fields},
        "expand": expanded(catalog, collection, who),
    }
    schema: dict[str, Any] = {"type": "object", "properties": properties, "required": sure}
    return {**schema, "description": collection.comment} if collection.comment else schema


def _always_sent(catalog: Catalog, collection: Collection, fields: Sequence[Field], who: Audience) -> list[str]:
    """The fields that whoever gets the record gets, if they do not ask for less."""
    if who.superuser:
        return [field.name for field in fields]
    permissions = [one for role in catalog.roles for one in role.permissions if covers(one, collection)]
    ways = [Grant("", one.rule, one.fields.read) for one in permissions]
    return [
        field.name
        for field in fields
        if all(way.reads(field) for way in ways)
        and not (collection.is_auth and field.system and field.name in SHOWN_TO_FEW)
    ]


def _create(collection: Collection, inputs: dict[str, Any]) -> dict[str, Any]:
    required = [field.name for field in collection.fields if _is_needed(field)]
    schema: dict[str, Any] = {"type": "object", "properties": inputs}
    if collection.is_auth:
        required.append("passwordConfirm")
    return {**schema, "required": required} if required else schema


def _is_needed(field: Field) -> bool:
    makes_itself = isinstance(field, TextField) and bool(field.autogenerate_pattern)
    return field.required and field.settable and field.default is None and not makes_itself


def _inputs(collection: Collection) -> dict[str, Any]:
    found = {
        field.name: field_in(field)
        for field in collection.fields
        if field.settable and not isinstance(field, AutodateField)
    }
    if collection.is_auth:
        found.pop("tokenKey", None)
        found["passwordConfirm"] = {"type": "string", "writeOnly": True, "format": "password"}
        found["oldPassword"] = {"type": "string", "writeOnly": True, "format": "password"}
    return found


def _form_inputs(collection: Collection) -> dict[str, Any]:
    """The same in a form, where everything but a file is a text or written as one."""
    found = _inputs(collection)
    for field in collection.fields:
        if isinstance(field, FileField):
            file = {"type": "string", "format": "binary"}
            found[field.name] = {"type": "array", "items": file} if field.many else file
    return found


def record_paths(collection: Collection) -> dict[str, Any]:
    """The paths of a collection's records. A view has those that read."""
    base = f"/api/collections/{collection.name}/records"
    listing: dict[str, Any] = {"get": _list(collection)}
    single: dict[str, Any] = {"parameters": [_ID], "get": _view(collection)}
    paths = {
        base: listing,
        f"{base}/{{id}}": single,
        f"{base}/query": {"post": _query(collection)},
        f"{base}/aggregate": {"get": _aggregate(collection)},
    }
    if not collection.is_view:
        listing["post"] = _write(collection, "create", "Create a record", collection.create_rule)
        listing["put"] = _upsert(collection)
        single["put"] = _upsert(collection, by_path=True)
        single["patch"] = _write(collection, "update", "Update a record", collection.update_rule)
        single["delete"] = _delete(collection)
    return paths


def _operation(collection: Collection, action: str, summary: str, rule: Rule) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": f"{action}_{collection.name}",
        "summary": summary,
        "tags": [collection.name],
        "security": [TOKEN] if rule is None else [{}, TOKEN],
    }
    return {**found, "description": "For superusers, and those whose role allows it."} if rule is None else found


def _reference(kind: str, collection: Collection) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{kind}_{collection.name}"}


def _answer(description: str, schema: Any, **headers: str) -> dict[str, Any]:
    found: dict[str, Any] = {"description": description, "content": as_json(schema)}
    if headers:
        described = {name: {"description": text, "schema": {"type": "string"}} for name, text in headers.items()}
        found["headers"] = described
    return found


def _page(collection: Collection) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["items", "perPage"],
        "properties": {
            "items": {"type": "array", "items": _reference("Record", collection)},
            "page": {"type": "integer"},
            "perPage": {"type": "integer"},
            "totalItems": {"type": "integer"},
            "totalPages": {"type": "integer"},
            "totalIsEstimate": {"type": "boolean"},
            "nextCursor": {"type": ["string", "null"]},
        },
    }


def _list(collection: Collection) -> dict[str, Any]:
    found: dict[str, Any] = {
        **_operation(collection, "list", "List records", collection.list_rule),
        "parameters": shared(*LIST),
        "responses": {"200": _answer("A page.", _reference("Page", collection))},
    }
    return refused_with(found, *_LISTING, UriTooLong)


def _query(collection: Collection) -> dict[str, Any]:
    text = {"type": "string"}
    properties: dict[str, Any] = dict.fromkeys(LIST, text)
    properties |= {
        "page": {"type": "integer"},
        "perPage": {"type": "integer"},
        "skipTotal": {"type": "boolean"},
        "deleted": {"type": "boolean"},
        "p": {"type": "object", "description": "Values for {:NAME} in the filter."},
    }
    found: dict[str, Any] = {
        **_operation(collection, "query", "List records; the parameters in a body", collection.list_rule),
        "requestBody": {"content": as_json({"type": "object", "properties": properties})},
        "responses": {"200": _answer("A page.", _reference("Page", collection))},
    }
    return refused_with(found, *_LISTING, *_BODY)


def _aggregate(collection: Collection) -> dict[str, Any]:
    answer = {
        "type": "object",
        "required": ["items"],
        "properties": {"items": {"type": "array", "items": {"type": "object"}}},
    }
    found: dict[str, Any] = {
        **_operation(collection, "aggregate", "Compute over groups of records", collection.list_rule),
        "parameters": shared("groupBy", "select", "filter", "sort", "limit"),
        "responses": {"200": _answer("One item for each group.", answer)},
    }
    return refused_with(found, *_LISTING, UriTooLong)


def _view(collection: Collection) -> dict[str, Any]:
    answer = _answer("The record.", _reference("Record", collection), ETag="The version, for If-Match.")
    found: dict[str, Any] = {
        **_operation(collection, "view", "View a record", collection.view_rule),
        "parameters": shared(*SHAPE, "asOf", "If-None-Match"),
        "responses": {
            "200": answer,
            "304": {"description": "The client has this version already."},
        },
    }
    return refused_with(found, *_READING, UriTooLong)


def _bodies(collection: Collection, kind: str) -> dict[str, Any]:
    content = as_json(_reference(kind, collection))
    if has_files(collection):
        content["multipart/form-data"] = {"schema": _reference(kind + FORM, collection)}
    return {"required": True, "content": content}


def _write(collection: Collection, action: str, summary: str, rule: Rule) -> dict[str, Any]:
    update = action == "update"
    headers = ("If-Match", "Idempotency-Key") if update else ("Idempotency-Key",)
    body = _bodies(collection, "Update" if update else "Create")
    found: dict[str, Any] = {
        **_operation(collection, action, summary, rule),
        "parameters": shared(*SHAPE, *headers),
        "requestBody": body,
        "responses": {
            "200": _answer("The record as it is now.", _reference("Record", collection)),
        },
    }
    more: list[type[ApiError]] = [PreconditionFailed] if update else [RuleFailed]
    if has_files(collection):
        more.append(QuotaExceeded)
    return refused_with(found, *_WRITING, *more)


def _upsert(collection: Collection, *, by_path: bool = False) -> dict[str, Any]:
    open_to_all = collection.create_rule == "" and collection.update_rule == ""
    found = _write(collection, "upsert", "Create a record, or update the one with this id", "" if open_to_all else None)
    return {**found, "operationId": f"upsert_{collection.name}_by_id"} if by_path else found


def _delete(collection: Collection) -> dict[str, Any]:
    found: dict[str, Any] = {
        **_operation(collection, "delete", "Delete a record", collection.delete_rule),
        "parameters": shared("If-Match", "Idempotency-Key"),
        "responses": {"204": {"description": "It is gone."}},
    }
    return refused_with(found, *_REMOVING)
