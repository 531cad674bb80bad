"""How the `fields` of a request become fields: matched with those that are there, read, checked one by one."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from holdfast.errors import Problem, Problems
from holdfast.schema.field import EMPTY_MESSAGE, Field, FieldError
from holdfast.schema.field_default import default_problem, is_key
from holdfast.schema.fields import FIELD_TYPES
from holdfast.schema.names import MAX_FIELD_ID_CHARS, field_name_problem, id_problem
from holdfast.schema.options import INVALID, read_object, read_option, read_struct
from holdfast.schema.system_fields import field_id, system_fields
from holdfast.schema.text import TextField

MAX_FIELDS: Final = 500  # PostgreSQL ends at 1,600 columns, dropped ones counted
MAX_HELP_CHARS: Final = 2000
_READ_APART: Final = frozenset(("id", "name", "type"))
_KEPT_OF_SYSTEM: Final = ("hidden", "nullable", "unique", "default")


class ReadFields(msgspec.Struct, frozen=True):
    """The fields that a request asks for. `positions` says for each field's id where in the list it was."""

    fields: tuple[Field, ...]
    positions: dict[str, int]
    problems: dict[str, Problem | Problems]


def read_fields(
    given: Any,
    before: Sequence[Field],
    *,
    auth: bool = False,
    keep_missing: bool = False,
) -> ReadFields:
    """Read the list of fields.

    `before` are the present fields (of a new collection: its system fields). A given field is one of them when its
    id is, or else its name. Those that the list leaves out go, but for system fields, which always stay, and for
    all of them with `keep_missing`. `system` protects a field from being renamed or left out; only the fields of
    the server's own making cannot lose it.
    """
    if not isinstance(given, list):
        return _refused(before, Problem(INVALID, "Must be a list of objects."))
    items = cast(list[Any], given)
    if len(items) > MAX_FIELDS:
        return _refused(before, Problem("validation_too_many_values", f"There can be at most {MAX_FIELDS} fields."))
    reader = _Reader(before, auth=auth)
    for at, item in enumerate(items):
        reader.read(at, item)
    kept = [field for field in before if (field.system or keep_missing) and field.id not in reader.positions]
    reader.check_names(kept)
    fields = _in_order(before, kept, reader.fields)
    return ReadFields(fields, reader.positions, reader.problems)


def _refused(before: Sequence[Field], problem: Problem) -> ReadFields:
    return ReadFields(tuple(before), {}, {"": problem})


def _in_order(before: Sequence[Field], kept: list[Field], read: list[Field]) -> tuple[Field, ...]:
    """System fields that were left out stay behind what they were behind; others that are kept come last."""
    found = list(read)
    ids = [field.id for field in before]
    for field in kept:
        at = ids.index(field.id)
        places = [place for place, other in enumerate(found) if at > 0 and other.id == ids[at - 1]]
        found.insert(places[0] + 1 if places else 0, field) if field.system else found.append(field)
    return tuple(found)


class _Reader:
    """Reads one field after the other, and notes what is wrong."""

    def __init__(self, before: Sequence[Field], *, auth: bool) -> None:
        self._by_id = {field.id: field for field in before}
        self._by_name = {field.name: field for field in before}
        self._auth = auth
        self._own = frozenset(field.name for field in system_fields("auth" if auth else "base"))
        self.fields: list[Field] = []
        self.positions: dict[str, int] = {}
        self.problems: dict[str, Problem | Problems] = {}

    def read(self, at: int, item: Any) -> None:
        """Read the field at a place of the list."""
        try:
            given = read_object(item)
        except FieldError as failure:
            self.problems[str(at)] = failure.problem
            return
        problems: dict[str, Problem | Problems] = {}
        field = self._field(given, problems)
        if field is not None and not problems:
            problems.update(field_problems(field))
        if problems:
            self.problems[str(at)] = problems
        if field is not None:
            self.fields.append(field)
            self.positions[field.id] = at

    def _field(self, given: Mapping[str, Any], problems: dict[str, Problem | Problems]) -> Field | None:
        id, name, type = (_text(given, key, problems) for key in ("id", "name", "type"))
        kind = FIELD_TYPES.get(type)
        if kind is None and "type" not in problems:
            known = ", ".join(FIELD_TYPES)
            problems["type"] = Problem(INVALID, f"There is no field type {type[:100]!r}. There are: {known}.")
        old = self._by_id.get(id) or self._by_name.get(name)
        if old is not None and old.id in self.positions:
            old = None if old.id != id else old
        self._check_id(old, id, problems)
        if old is not None and old.system and (given.get("system") is not False or old.name in self._own):
            return self._system_field(old, given, name, type, problems)
        name_problem = field_name_problem(name, auth=self._auth)
        if name_problem is not None:
            problems.setdefault("name", name_problem)
        if kind is None:
            return None
        new = kind(id=old.id if old is not None else id or self._new_id(type, name), name=name)
        field, wrong = read_struct(given, new, without=_READ_APART)
        problems.update(wrong)
        return field

    def _check_id(self, old: Field | None, id: str, problems: dict[str, Problem | Problems]) -> None:
        if id and id in self.positions:
            problems["id"] = Problem("validation_duplicated_field_id", "Another field of this list has that id.")
        elif old is None and id:
            problem = id_problem(id, MAX_FIELD_ID_CHARS)
            if problem is not None:
                problems["id"] = problem

    def _system_field(
        self,
        old: Field,
        given: Mapping[str, Any],
        name: str,
        type: str,
        problems: dict[str, Problem | Problems],
    ) -> Field:
        field, wrong = read_struct(given, old, without=_READ_APART | {"system"})
        problems.update(wrong)
        if name != old.name:
            problems["name"] = Problem("validation_system_field_change", "A system field cannot be renamed.")
        if type != old.type:
            message = f"A system field keeps its type, {old.type}."
            problems["type"] = Problem("validation_system_field_change", message)
        for option in _KEPT_OF_SYSTEM:
            if getattr(field, option) != getattr(old, option):
                message = "This cannot be changed in a system field."
                problems.setdefault(option, Problem("validation_system_field_change", message))
        return field

    def _new_id(self, type: str, name: str) -> str:
        """The id that PocketBase would give, or the next one that is free (a renamed field keeps its old one)."""
        first = found = field_id(type, name)
        number = 1
        while found in self._by_id or found in self.positions:
            number += 1
            found = field_id(type, f"{first}_{number}")
        return found

    def check_names(self, kept: list[Field]) -> None:
        """Note names that come twice; PostgreSQL could tell them apart by case, people and SQLite cannot."""
        seen = {field.name.lower() for field in kept}
        for field in self.fields:
            folded = field.name.lower()
            if folded in seen and folded:
                message = f"There is another field {field.name}, in upper or lower case."
                problem = Problem("validation_duplicated_field_name", message)
                at = str(self.positions[field.id])
                now = self.problems.get(at)
                self.problems[at] = {**(now if isinstance(now, Mapping) else {}), "name": problem}
            seen.add(folded)


def _text(given: Mapping[str, Any], key: str, problems: dict[str, Problem | Problems]) -> str:
    """A string of the field; empty when it is absent or none."""
    if given.get(key) is None:
        if key == "type":
            problems[key] = Problem("validation_required", EMPTY_MESSAGE)
        return ""
    try:
        return cast(str, read_option(given[key], str))
    except FieldError as failure:
        problems[key] = failure.problem
        return ""


def field_problems(field: Field) -> dict[str, Problem]:
    """Everything that is wrong with the options of one field, by option name."""
    found = field.problems()
    if len(field.help) > MAX_HELP_CHARS:
        found["help"] = Problem("validation_length_out_of_range", f"Must have at most {MAX_HELP_CHARS} characters.")
    if field.unique and (not field.can_be_unique or is_key(field)):
        reason = "An id is unique anyway." if is_key(field) else f"A field like this ({field.type}) cannot be unique."
        found["unique"] = Problem(INVALID, reason)
    if field.nullable and not field.can_be_null:
        found["nullable"] = Problem(INVALID, f"A field like this ({field.type}) cannot be nullable.")
    if isinstance(field, TextField) and field.name == "id" and not field.primary_key:
        found["primaryKey"] = Problem("validation_required", "The field id is the primary key.")
    if not found:
        problem = default_problem(field)
        if problem is not None:
            found["default"] = problem
    return found
