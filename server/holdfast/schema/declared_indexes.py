"""The indexes of a collection as a request declares them, or as they follow its fields."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from holdfast.errors import Problem, Problems
from holdfast.schema.collection import Collection
from holdfast.schema.condition import InvalidIndex
from holdfast.schema.field import Field, FieldError
from holdfast.schema.index import Index, check_index, rename_fields
from holdfast.schema.index_reading import read_index, read_indexes
from holdfast.schema.options import read_option

MAX_INDEXES: Final = 64
_Found = dict[str, Problem | Problems]


def kept_indexes(
    start: Collection, renames: Mapping[str, str], fields: Mapping[str, Field]
) -> tuple[list[Index], _Found]:
    """The present indexes but for those of fields that are gone: PostgreSQL drops them with the column.

    What is wrong is by the index's place: a field may have become one that the index cannot be on.
    """
    kept: list[Index] = []
    problems: _Found = {}
    for at, present in enumerate(read_indexes(start).values()):
        index = rename_fields(present, renames)
        if not index.fields <= fields.keys():
            continue
        kept.append(index)
        try:
            check_index(index, fields)
        except InvalidIndex as failure:
            problems[str(at)] = Problem("validation_invalid_index_expression", f"{index.name}: {failure}")
    return kept, problems


def given_indexes(given: Any, fields: Mapping[str, Field], renames: Mapping[str, str]) -> tuple[list[Index], _Found]:
    """The indexes that a request declares, and what is wrong with them by place (under `""` if it is the list itself).

    `renames` are the fields that the same request renames (old name to new).
    """
    try:
        statements = cast(tuple[str, ...], read_option(given, tuple[str, ...]))
    except FieldError as failure:
        return [], {"": failure.problem}
    if len(statements) > MAX_INDEXES:
        return [], {"": Problem("validation_too_many_values", f"There can be at most {MAX_INDEXES} indexes.")}
    indexes: list[Index] = []
    problems: _Found = {}
    seen: set[str] = set()
    for at, statement in enumerate(statements):
        try:
            index = read_index(statement, fields, old_names=renames)
        except InvalidIndex as failure:
            problems[str(at)] = Problem("validation_invalid_index_expression", str(failure))
            continue
        if index.name.lower() in seen:
            problems[str(at)] = Problem("validation_duplicated_index_name", f"{index.name} is there twice.")
        seen.add(index.name.lower())
        indexes.append(index)
    return indexes, problems


def login_indexes(collection: Collection, indexes: Iterable[Index]) -> list[Index]:
    """The unique indexes that an auth collection needs and does not have yet.

    Ann@example.com and ann@example.com are one address to whoever reads its mail, and so one account.
    """
    there = {index.sole_unique_field for index in indexes}
    statements = {
        "tokenKey": f"CREATE UNIQUE INDEX `idx_tokenKey_{collection.id}` ON `_` (`tokenKey`)",
        "email": f"CREATE UNIQUE INDEX `idx_email_{collection.id}` ON `_` (`email` COLLATE NOCASE) WHERE `email` != ''",
    }
    return [read_index(text, collection.by_name) for name, text in statements.items() if name not in there]
