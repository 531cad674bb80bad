"""What `POST …/records/bulk` asks for: which records, and what becomes of them. Pure."""

from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from holdfast.errors import Problem, Problems, ValidationFailed
from holdfast.records.query import ListQuery, from_body
from holdfast.schema.collection import Collection
from holdfast.schema.file import FileField
from holdfast.schema.password import PasswordField

MOST_IDS: Final = 10_000
KEYS: Final = frozenset(("ids", "where", "set", "delete", "dryRun", "expect"))
_WHICH: Final = frozenset(("ids", "where", "dryRun", "expect"))
_WHERE: Final = frozenset(("filter", "search", "p"))
_UNKNOWN: Final = Problem("validation_unknown_key", "There is no such key here.")
_TEXTS: Final = Problem("validation_invalid_value", f"Has to be a list of at most {MOST_IDS} ids.")
_OBJECT: Final = Problem("validation_invalid_value", "Has to be an object.")
_FLAG: Final = Problem("validation_invalid_value", "Has to be true or false.")
_COUNT: Final = Problem("validation_invalid_value", "Has to be a whole number, 0 or more.")
_ONE_OF: Final = Problem("validation_required", "Give either ids or where: an empty filter is every record.")
_EITHER: Final = Problem("validation_required", "Give either set, with fields and values, or delete: true.")
_ACTION: Final = Problem("validation_invalid_value", "Has to be the name of an action, alone: without set and delete.")
_NO_FIELD: Final = Problem("validation_unknown_key", "There is no such field.")
_NOT_SO: Final = Problem("validation_not_allowed", "This field cannot be set on many records.")


class Bulk(msgspec.Struct, frozen=True, kw_only=True):
    """One change of many records: of those with these `ids`, or of those that `where` finds.

    `settings` is None for a delete, and where an `action` of a plugin is done to them. `expect` is how many records
    it has to find, None if that does not matter.
    """

    ids: tuple[str, ...] | None
    where: ListQuery
    settings: Mapping[str, Any] | None
    dry_run: bool
    expect: int | None
    action: str = ""


def read_bulk(collection: Collection, body: Mapping[str, Any]) -> Bulk:
    """Read the body of a request. Raises ValidationFailed with all that is wrong, and BadRequest for a filter's."""
    problems: dict[str, Problem | Problems] = {key: _UNKNOWN for key in body.keys() - KEYS}
    settings = _settings(collection, body, problems)
    return _read(body, problems, settings, "")


def read_bulk_job(collection: Collection, body: Mapping[str, Any]) -> Bulk:
    """The same of a job, which can also do an `action` of a plugin."""
    action = body.get("action")
    if action is None:
        return read_bulk(collection, {key: value for key, value in body.items() if key != "action"})
    problems: dict[str, Problem | Problems] = {key: _UNKNOWN for key in body.keys() - KEYS - {"action"}}
    if not isinstance(action, str) or not action or body.get("set") or body.get("delete"):
        problems["action"] = _ACTION
    return _read(body, problems, None, str(action))


def read_selection(body: Mapping[str, Any], action: str) -> Bulk:
    """Read which records an action is done to. Raises what `read_bulk` raises."""
    return _read(body, {key: _UNKNOWN for key in body.keys() - _WHICH}, None, action)


def _read(
    body: Mapping[str, Any],
    problems: dict[str, Problem | Problems],
    settings: Mapping[str, Any] | None,
    action: str,
) -> Bulk:
    ids = _ids(body.get("ids"), problems)
    where = _where(body.get("where"), problems)
    if (body.get("ids") is None) == (body.get("where") is None):
        problems.setdefault("where", _ONE_OF)
    dry_run = body.get("dryRun", False)
    if not isinstance(dry_run, bool):
        problems["dryRun"] = _FLAG
    expect = body.get("expect")
    if expect is not None and (isinstance(expect, bool) or not isinstance(expect, int) or expect < 0):
        problems["expect"] = _COUNT
    if problems:
        raise ValidationFailed(problems)
    return Bulk(
        ids=ids, where=from_body(where), settings=settings, dry_run=dry_run is True, expect=expect, action=action
    )


def _ids(given: object, problems: dict[str, Problem | Problems]) -> tuple[str, ...] | None:
    if given is None:
        return None
    found = cast("list[object]", given) if isinstance(given, list) else []
    texts = tuple(dict.fromkeys(one for one in found if isinstance(one, str) and "\0" not in one))
    if not isinstance(given, list) or len(found) > MOST_IDS or not all(isinstance(one, str) for one in found):
        problems["ids"] = _TEXTS
    return texts


def _where(given: object, problems: dict[str, Problem | Problems]) -> Mapping[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        problems["where"] = _OBJECT
        return {}
    where = cast("dict[str, Any]", given)
    unknown = where.keys() - _WHERE
    if unknown:
        problems["where"] = dict.fromkeys(sorted(unknown), _UNKNOWN)
    return where


def _settings(
    collection: Collection, body: Mapping[str, Any], problems: dict[str, Problem | Problems]
) -> Mapping[str, Any] | None:
    given, delete = body.get("set"), body.get("delete", False)
    if not isinstance(delete, bool):
        problems["delete"] = _FLAG
    if given is None or given == {}:
        if delete is False:
            problems.setdefault("set", _EITHER)
        return None
    if not isinstance(given, dict):
        problems["set"] = _OBJECT
        return None
    settings = cast("dict[str, Any]", given)
    if delete is True:
        problems["delete"] = _EITHER
    wrong = {name: problem for name in settings if (problem := _unsettable(collection, name)) is not None}
    if wrong:
        problems["set"] = wrong
    return settings


def _unsettable(collection: Collection, name: str) -> Problem | None:
    """What is wrong with setting this field on many records: what is each record's own, and what is kept apart."""
    field = collection.by_name.get(name)
    if field is None:
        return _NO_FIELD
    own = name in ("id", "tokenKey") or isinstance(field, PasswordField | FileField) or not field.settable
    return _NOT_SO if own or (collection.is_auth and name == "email") else None
