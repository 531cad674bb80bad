"""The columns of a file: which field each of them sets, and how it names the records of a relation. Pure."""

from collections.abc import Sequence
from typing import Final, cast

import msgspec

from holdfast.catalog.snapshot import Catalog
from holdfast.errors import Problem, ValidationFailed
from holdfast.records.given import ECHOED, NOT_ALLOWED, writing
from holdfast.rules.access import Access, Audience
from holdfast.schema.autodate import AutodateField
from holdfast.schema.collection import Collection
from holdfast.schema.email import EmailField
from holdfast.schema.field import Field
from holdfast.schema.file import FileField
from holdfast.schema.index_reading import read_indexes
from holdfast.schema.relation import RelationField
from holdfast.schema.system_fields import ROLES
from holdfast.transfer.asked import not_there

PASSWORD: Final = "password"
PASSWORD_HASH: Final = "passwordHash"
"""The column of an auth collection that holds hashes of passwords, of Argon2 or bcrypt."""
_IGNORED: Final = ECHOED | {"passwordConfirm", "oldPassword"}


class FileColumn(msgspec.Struct, frozen=True):
    """One column. `natural` is the field of the target by whose values a relation names records: `author.email`."""

    label: str
    field: Field
    natural: Field | None = None
    folded: bool = False  # the natural key means the same in capitals
    is_hash: bool = False


class Into(msgspec.Struct, frozen=True):
    """Where a file goes, and as far as it matters by whom. `ways` are those of creating and of updating."""

    catalog: Catalog
    collection: Collection
    who: Audience
    ways: tuple[Access, ...]
    ignore_unknown: bool = False

    def names(self, field: Field) -> bool:
        """Whether the caller may know that there is such a field."""
        return self.who.superuser or not field.hidden or self.writes(field)

    def writes(self, field: Field) -> bool:
        """Whether every way that is needed may set the field, in some rows at least."""
        return all(writing(self.collection, field, way) for way in self.ways)


class Refused(Exception):
    """A column that cannot be taken."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.problem: Problem = Problem(code, message)


def find_column(into: Into, label: str) -> FileColumn | None:
    """What a column of this name sets; None if it is left out. Raises Refused."""
    if label in _IGNORED:
        return None
    collection = into.collection
    if label == PASSWORD_HASH and collection.is_auth and into.who.superuser:
        return FileColumn(label, collection.by_name[PASSWORD], is_hash=True)
    field = collection.by_name.get(label)
    if field is not None and into.names(field):
        return _own(into, field)
    relation, dot, rest = label.partition(".")
    through = collection.by_name.get(relation) if dot else None
    if isinstance(through, RelationField) and into.names(through):
        return _natural(into, label, through, rest)
    if into.ignore_unknown:
        return None
    known = [one.name for one in collection.fields if into.names(one)]
    raise Refused("validation_unknown_column", not_there(f"{collection.name} has no such field", label, known))


def _own(into: Into, field: Field) -> FileColumn | None:
    if isinstance(field, FileField) and into.ignore_unknown:
        return None
    if isinstance(field, AutodateField) and not into.who.superuser:
        return None  # as in any write
    if field.settable and not into.writes(field):
        raise Refused(NOT_ALLOWED.code, NOT_ALLOWED.message)
    return FileColumn(field.name, field)


def _natural(into: Into, label: str, through: RelationField, rest: str) -> FileColumn:
    target = into.catalog.target(through)
    field = target.by_name.get(rest)
    if field is None or not field.readable or (field.hidden and not into.who.superuser):
        known = [one.name for one in target.fields if one.readable and not one.hidden]
        raise Refused("validation_unknown_column", not_there(f"{target.name} has no such field", rest, known))
    if not into.writes(through):
        raise Refused(NOT_ALLOWED.code, NOT_ALLOWED.message)
    if field.name == "id":
        return FileColumn(label, through)
    if field.cast != "text" or not is_unique(target, field):
        message = f"{field.name} does not tell the records of {target.name} apart: it has to be a unique text."
        raise Refused("validation_invalid_value", message)
    return FileColumn(label, through, field, is_folded(target, field))


def is_unique(collection: Collection, field: Field) -> bool:
    """Whether no two records have the same value in the field."""
    if field.name == "id" or field.unique:
        return True
    return any(index.sole_unique_field == field.name for index in read_indexes(collection).values())


def is_folded(collection: Collection, field: Field) -> bool:
    """Whether the field's values mean the same in capitals: the email of an account, by which people log in."""
    return collection.is_auth and field.system and isinstance(field, EmailField)


def read_header(into: Into, labels: Sequence[str]) -> tuple[FileColumn | None, ...]:
    """The columns of a header, None for those that are left out. Raises ValidationFailed with all that is wrong."""
    found: list[FileColumn | None] = []
    problems: dict[str, Problem] = {}
    setters: dict[str, str] = {}
    for place, given in enumerate(labels, start=1):
        label = given.strip()
        try:
            column = _next(into, label, setters)
        except Refused as refusal:
            problems[label or f"column {place}"] = refusal.problem
            continue
        found.append(column)
    if problems:
        raise ValidationFailed(problems, "The header of the file has columns that cannot be taken: see data.")
    if not any(found):
        raise ValidationFailed({}, "The file has no column that can be imported: its first line has to name fields.")
    return tuple(found)


def _next(into: Into, label: str, setters: dict[str, str]) -> FileColumn | None:
    if not label:
        raise Refused("validation_required", "The column has no name.")
    column = find_column(into, label)
    key = label if column is None else column.field.name
    if key in setters:
        message = f"The field is set twice: by {setters[key]} and by {label}."
        if setters[key] == label:
            message = "There are two columns of this name."
        raise Refused("validation_duplicate_column", message)
    setters[key] = label
    return column


def unknown_roles(catalog: Catalog, field: Field, taken: object) -> Problem | None:
    """What is wrong with the roles that an account is to have."""
    if not (field.system and field.name == ROLES) or not isinstance(taken, list):
        return None
    names = {role.name for role in catalog.roles}
    for one in cast("list[str]", taken):
        if one not in names:
            return Problem("validation_invalid_value", f"There is no role {one[:100]!r}.")
    return None
