"""What it means when the database refuses a write: by SQLSTATE and name of the constraint, never by message. Pure."""

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Literal, TypeAlias, cast

import asyncpg

from holdfast.catalog.snapshot import Catalog, Reference
from holdfast.errors import ApiError, BadRequest, Conflict, Problem, ValidationFailed
from holdfast.identity import Principal
from holdfast.records.writing import value_name
from holdfast.schema.collection import Collection
from holdfast.schema.field import EMPTY_MESSAGE, Field
from holdfast.schema.index_reading import read_indexes
from holdfast.schema.relation import RelationField

Action: TypeAlias = Literal["write", "delete"]

NOT_UNIQUE: Final = Problem("validation_not_unique", "Value must be unique: another record has it.")
MISSING: Final = Problem("validation_missing_rel_records", "There is no such record to point at.")
NO_FILE: Final = Problem("validation_invalid_file", "The record has no such file.")
NOTHING: Final[Mapping[str, object]] = {}
_TOO_LARGE: Final = "54000"  # program_limit_exceeded
_LONG_BYTES: Final = (
    1000  # what is shorter is not what was too long: an index takes 2,704 bytes, all its fields together
)
_TOO_LONG: Final = Problem("validation_max_text_constraint", "Too long for its index, which takes about 2,700 bytes.")
_BLANK: Final = Problem("validation_required", EMPTY_MESSAGE)


@contextmanager
def as_refusals(
    catalog: Catalog,
    collection: Collection,
    who: Principal,
    action: Action,
    inputs: Mapping[str, object] = NOTHING,
) -> Generator[None, None, None]:
    """Turn what the database refuses in the block into what the caller may see; the rest goes on as it is.

    `inputs` hold the values that are written, by `value_name`.
    """
    try:
        yield
    except asyncpg.PostgresError as failure:
        if failure.sqlstate == _TOO_LARGE:
            raise _too_long(collection, who, failure.constraint_name or "", inputs) from failure
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
        case _:
            return None


def _not_unique(collection: Collection, who: Principal, constraint: str) -> ApiError:
    """Never the value, and no field that the caller cannot know of: they may have set none of them."""
    fields = ["id"] if constraint == f"hf_pk_{collection.id}" else list(unique_fields(collection, constraint))
    if not fields or not _may_know(collection, who, fields):
        return Conflict("Another record has the same value where only one may have it.")
    return ValidationFailed(dict.fromkeys(fields, NOT_UNIQUE))


def _too_long(collection: Collection, who: Principal, index: str, inputs: Mapping[str, object]) -> ApiError:
    """PostgreSQL does not always say which index it was: then it is the longest value of those that are indexed."""
    fields = list(unique_fields(collection, index)) or list(_indexed(collection))
    sizes = {field: _size(inputs.get(value_name(field))) for field in fields}
    longest = max(sizes, key=lambda field: sizes[field], default="")
    if not longest or sizes[longest] < _LONG_BYTES or not _may_know(collection, who, (longest,)):
        return BadRequest("A value is too long for this collection: for one of its indexes, or for a row.")
    return ValidationFailed({longest: _TOO_LONG})


def _indexed(collection: Collection) -> Iterator[str]:
    yield from (field.name for field in collection.fields if field.unique)
    for index in read_indexes(collection).values():
        yield from (part.field for part in index.parts)


def _size(value: object) -> int:
    if isinstance(value, str):
        return len(value.encode())
    return sum(_size(one) for one in cast("list[object]", value)) if isinstance(value, list) else 0


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
        return _without_file(collection, who, constraint)
    if action == "write" and reference.collection.id == collection.id:
        if not _may_know(collection, who, (reference.field.name,)):
            return BadRequest("The record points at another one that is not there.")
        return ValidationFailed({reference.field.name: MISSING})
    return BadRequest(needed_message(reference.collection, reference.field, who))


def _without_file(collection: Collection, who: Principal, constraint: str) -> ApiError | None:
    """A file that was let go, and deleted before somebody wanted it back."""
    for field in collection.fields:
        if constraint == f"hf_file_{collection.id}_{field.id}" and _may_know(collection, who, (field.name,)):
            return ValidationFailed({field.name: NO_FILE})
    return BadRequest("The record is to hold a file that is not there.") if constraint.startswith("hf_file_") else None


def needed_message(collection: Collection, field: Field, who: Principal) -> str:
    """Why a record cannot be deleted."""
    if field.hidden and not who.is_superuser:
        return "The record cannot be deleted: another one needs it in a required relation."
    return f"The record cannot be deleted: a record of {collection.name} needs it in its required field {field.name}."
