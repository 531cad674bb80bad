"""What it means when the database refuses a write: by SQLSTATE and name of the constraint, never by message. Pure."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, Literal, TypeAlias

import asyncpg

from holdfast.catalog.snapshot import Catalog, Reference
from holdfast.errors import ApiError, BadRequest, Conflict, Problem, ValidationFailed
from holdfast.identity import Principal
from holdfast.schema.collection import Collection
from holdfast.schema.field import EMPTY_MESSAGE, Field
from holdfast.schema.index_reading import read_indexes
from holdfast.schema.relation import RelationField

Action: TypeAlias = Literal["write", "delete"]

NOT_UNIQUE: Final = Problem("validation_not_unique", "Value must be unique: another record has it.")
MISSING: Final = Problem("validation_missing_rel_records", "There is no such record to point at.")
_BLANK: Final = Problem("validation_required", EMPTY_MESSAGE)


@contextmanager
def as_refusals(
    catalog: Catalog, collection: Collection, who: Principal, action: Action
) -> Generator[None, None, None]:
    """Turn what the database refuses in the block into what the caller may see; the rest goes on as it is."""
    try:
        yield
    except asyncpg.PostgresError as failure:
        seen = refusal_of(catalog, collection, who, action, failure)
        if seen is None:
            raise
        raise seen from failure


def refusal_of(
    catalog: Catalog, collection: Collection, who: Principal, action: Action, failure: asyncpg.PostgresError
) -> ApiError | None:
    """The error for a failure that a constraint explains; None if none does."""
    constraint = failure.constraint_name or ""
    match failure.sqlstate:
        case "23505":
            return _not_unique(collection, who, constraint)
        case "23503":
            return _not_related(catalog, collection, who, action, constraint)
        case "23502" if failure.column_name in collection.by_name:
            return ValidationFailed({failure.column_name: _BLANK})
        case "54000":
            return BadRequest("A value is too long for an index of this collection.")
        case _:
            return None


def _not_unique(collection: Collection, who: Principal, constraint: str) -> ApiError:
    """Never the value, and no field that the caller cannot know of: they may have set none of them."""
    fields = ["id"] if constraint == f"hf_pk_{collection.id}" else list(unique_fields(collection, constraint))
    if not fields or not _may_know(collection, who, fields):
        return Conflict("Another record has the same value where only one may have it.")
    return ValidationFailed(dict.fromkeys(fields, NOT_UNIQUE))


def _may_know(collection: Collection, who: Principal, fields: Iterable[str]) -> bool:
    return who.is_superuser or not any(collection.by_name[field].hidden for field in fields)


def unique_fields(collection: Collection, index: str) -> Iterator[str]:
    """The fields that a unique index of the collection is made of."""
    for field in collection.fields:
        if index == f"hf_uq_{collection.id}_{field.id}":
            yield field.name
    declared = read_indexes(collection).get(index)
    if declared is not None:
        yield from dict.fromkeys(part.field for part in declared.parts)


def reference_of(catalog: Catalog, constraint: str) -> Reference | None:
    """The relation field behind the name of a foreign key, or of the trigger that stands in for one."""
    for collection in catalog.collections:
        for field in collection.fields:
            if isinstance(field, RelationField) and constraint == f"hf_fk_{collection.id}_{field.id}":
                return Reference(collection, field)
    return None


def _not_related(
    catalog: Catalog, collection: Collection, who: Principal, action: Action, constraint: str
) -> ApiError | None:
    reference = reference_of(catalog, constraint)
    if reference is None:
        return None
    if action == "write" and reference.collection.id == collection.id:
        if not _may_know(collection, who, (reference.field.name,)):
            return BadRequest("The record points at another one that is not there.")
        return ValidationFailed({reference.field.name: MISSING})
    return BadRequest(needed_message(reference.collection, reference.field, who))


def needed_message(collection: Collection, field: Field, who: Principal) -> str:
    """Why a record cannot be deleted."""
    if field.hidden and not who.is_superuser:
        return "The record cannot be deleted: another one needs it in a required relation."
    return f"The record cannot be deleted: a record of {collection.name} needs it in its required field {field.name}."
