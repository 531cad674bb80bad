"""How the JSON of one collection is read: only given keys change, `fields` is replaced as a whole."""

from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from holdfast.errors import Problem, Problems
from holdfast.schema.auth_options import AuthOptions, auth_options, store_auth_options
from holdfast.schema.auth_reading import read_auth_options
from holdfast.schema.collection import Collection, CollectionType
from holdfast.schema.collection_keys import unknown_keys
from holdfast.schema.declared_indexes import given_indexes, kept_indexes, login_indexes
from holdfast.schema.field import EMPTY_MESSAGE, FieldError
from holdfast.schema.field_reading import ReadFields, read_fields
from holdfast.schema.index import index_text
from holdfast.schema.index_reading import read_indexes
from holdfast.schema.names import MAX_COLLECTION_ID_CHARS, collection_name_problem, id_problem
from holdfast.schema.options import INVALID, read_option, read_struct
from holdfast.schema.rule import rule_problem
from holdfast.schema.system_fields import collection_id, system_fields

MAX_COMMENT_CHARS: Final = 2000
MAX_CACHE_SECONDS: Final = 86_400
MAX_HISTORY_DAYS: Final = 36_500
MAX_QUERY_CHARS: Final = 100_000
SEARCHABLE_TYPES: Final = frozenset(("text", "editor", "email", "url", "select", "json"))
RULES: Final = ("list_rule", "view_rule", "create_rule", "update_rule", "delete_rule")
_WRITE_RULES: Final = ("create_rule", "update_rule", "delete_rule")
_READ_APART: Final = frozenset(
    ("id", "name", "type", "system", "fields", "indexes", "auth", "viewQuery", "created", "updated")
)
_Found = dict[str, Problem | Problems]


class Draft(msgspec.Struct, frozen=True):
    """A collection as one request asks for it, before it is held against the others.

    `positions` says for each field's id where in the request's list it was.
    """

    collection: Collection
    positions: dict[str, int]
    problems: dict[str, Problem | Problems]


def read_draft(
    given: Mapping[str, Any],
    *,
    existing: Collection | None,
    keep_missing: bool = False,
    taken_ids: frozenset[str] = frozenset(),
) -> Draft:
    """Read one collection: a new one, or what a request makes of an existing one.

    With `keep_missing`, fields that the request does not list stay. A new id is none of `taken_ids`.
    """
    start = existing or _start(given)
    problems: _Found = {**unknown_keys(given)}
    collection, wrong = read_struct(given, start, without=_READ_APART)
    problems.update(wrong)
    collection = _read_identity(given, collection, existing, problems)
    if not collection.id:
        collection = msgspec.structs.replace(collection, id=_new_id(collection, taken_ids))
    if collection.is_view:
        collection, read = _read_view(given, collection, problems), ReadFields(collection.fields, {}, {})
    else:
        read = _read_fields(given, collection, problems, keep_missing=keep_missing)
        collection = msgspec.structs.replace(collection, fields=read.fields)
    if not problems.keys() & {"id", "name", "fields"}:  # what follows is made of them
        collection = _read_indexes(given, collection, start, problems)
        collection = _follow_renames(given, collection, start)
        collection = _read_auth(given, collection, problems)
    _check(collection, existing, problems)
    return Draft(collection, read.positions, problems)


def _start(given: Mapping[str, Any]) -> Collection:
    """A new collection of the type that is asked for, before anything else of the request."""
    type = given.get("type")
    kind: CollectionType = type if type in ("auth", "view") else "base"
    fields = system_fields(kind)
    auth = store_auth_options(AuthOptions()) if kind == "auth" else {}
    return Collection(id="", name="", type=kind, fields=fields, auth=auth)


def _read_identity(
    given: Mapping[str, Any], collection: Collection, existing: Collection | None, problems: _Found
) -> Collection:
    """Name, id, type and the system flag."""
    name = _string(given, "name", collection.name, problems)
    type = _string(given, "type", collection.type, problems)
    id = _string(given, "id", collection.id, problems)
    if type not in ("base", "auth", "view"):
        problems.setdefault("type", Problem(INVALID, "Must be base, auth or view."))
    if existing is not None:
        _check_identity(existing, id, name, type, problems)
        id = existing.id
    elif id:
        _note(problems, "id", id_problem(id, MAX_COLLECTION_ID_CHARS))
    system = collection.system if existing is not None else given.get("system") is True
    if existing is not None and given.get("system") not in (None, existing.system):
        message = "Whether a collection is a system collection cannot be changed."
        problems["system"] = Problem("validation_collection_system_flag_change", message)
    _note(problems, "name", collection_name_problem(name, system=system))
    return msgspec.structs.replace(collection, id=id, name=name, system=system)


def _new_id(collection: Collection, taken: frozenset[str]) -> str:
    """The id that PocketBase would give, or the next one that is free (a renamed collection keeps its old one)."""
    number = 1
    found = collection_id(collection.type, collection.name)
    while found in taken:
        number += 1
        found = collection_id(collection.type, f"{collection.name}_{number}")
    return found


def _check_identity(existing: Collection, id: str, name: str, type: str, problems: _Found) -> None:
    if id and id != existing.id:
        problems["id"] = Problem("validation_collection_id_change", "The id of a collection cannot be changed.")
    if type != existing.type:
        message = f"The type of a collection cannot be changed; this one is {existing.type}."
        problems["type"] = Problem("validation_collection_type_change", message)
    if existing.system and name != existing.name:
        message = "A system collection cannot be renamed."
        problems["name"] = Problem("validation_collection_system_name_change", message)


def _string(given: Mapping[str, Any], key: str, now: str, problems: _Found) -> str:
    if given.get(key) is None:
        return now
    try:
        return cast(str, read_option(given[key], str))
    except FieldError as failure:
        problems[key] = failure.problem
        return now


def _note(problems: _Found, key: str, problem: Problem | None) -> None:
    if problem is not None:
        problems.setdefault(key, problem)


def _read_view(given: Mapping[str, Any], collection: Collection, problems: _Found) -> Collection:
    """The query of a view. Its fields are inferred from it elsewhere, never taken from the request."""
    query = _string(given, "viewQuery", collection.view_query, problems)
    if not query.strip():
        problems.setdefault("viewQuery", Problem("validation_required", EMPTY_MESSAGE))
    elif len(query) > MAX_QUERY_CHARS:
        message = f"Must have at most {MAX_QUERY_CHARS} characters."
        problems["viewQuery"] = Problem("validation_length_out_of_range", message)
    if given.get("indexes"):
        message = "A view has no indexes: make them on the collections that it reads."
        problems["indexes"] = Problem("validation_indexes_not_supported", message)
    if collection.searchable:
        message = "A view has no full-text index: search the collections that it reads."
        problems["searchable"] = Problem(INVALID, message)
    return msgspec.structs.replace(collection, view_query=query)


def _read_fields(
    given: Mapping[str, Any], collection: Collection, problems: _Found, *, keep_missing: bool
) -> ReadFields:
    if given.get("fields") is None:
        return ReadFields(collection.fields, {}, {})
    read = read_fields(given["fields"], collection.fields, auth=collection.is_auth, keep_missing=keep_missing)
    if read.problems:
        problems["fields"] = read.problems.get("", read.problems)
    return read


def _read_indexes(given: Mapping[str, Any], collection: Collection, start: Collection, problems: _Found) -> Collection:
    """The declared indexes, renamed along with their fields; those of the login are added when they are missing."""
    if collection.is_view:
        return collection
    renames = _renames(start, collection)
    if given.get("indexes") is None:
        indexes, wrong = kept_indexes(start, renames, collection.by_name)
    else:
        indexes, wrong = given_indexes(given["indexes"], collection.by_name, renames)
    if wrong:
        problems["indexes"] = wrong.get("", wrong)
    if collection.is_auth:
        indexes += login_indexes(collection, indexes)
    return msgspec.structs.replace(collection, indexes=tuple(index_text(index, collection.name) for index in indexes))


def _renames(start: Collection, collection: Collection) -> dict[str, str]:
    """Old name to new name, of the fields that are still there."""
    now = collection.by_id
    return {field.name: now[field.id].name for field in start.fields if field.id in now}


def _follow_renames(given: Mapping[str, Any], collection: Collection, start: Collection) -> Collection:
    """`searchable` and the names by which people log in follow a renamed field; what was searchable may go."""
    renames = _renames(start, collection)
    if given.get("searchable") is None:
        kept = tuple(renames[name] for name in collection.searchable if name in renames)
        collection = msgspec.structs.replace(collection, searchable=kept)
    if collection.is_auth:
        options = auth_options(collection.auth)
        login = options.password_auth
        names = tuple(renames.get(name, name) for name in login.identity_fields)
        login = msgspec.structs.replace(login, identity_fields=names)
        auth = store_auth_options(msgspec.structs.replace(options, password_auth=login))
        collection = msgspec.structs.replace(collection, auth=auth)
    return collection


def _read_auth(given: Mapping[str, Any], collection: Collection, problems: _Found) -> Collection:
    if not collection.is_auth:
        return collection
    unique = {field.name for field in collection.fields if field.unique}
    unique |= {index.sole_unique_field or "" for index in read_indexes(collection).values()}
    options, wrong = read_auth_options(
        given, auth_options(collection.auth), fields=collection.by_name.keys(), unique=unique
    )
    problems.update(wrong)
    for key, rule in (("authRule", options.auth_rule), ("manageRule", options.manage_rule)):
        _note(problems, key, rule_problem(rule))
    mfa = rule_problem(options.mfa.rule)
    if mfa is not None:
        problems.setdefault("mfa", {"rule": mfa})
    return msgspec.structs.replace(collection, auth=store_auth_options(options))


def _check(collection: Collection, existing: Collection | None, problems: _Found) -> None:
    """The keys of all collections: rules, searchable, cacheTtl, history, comment."""
    for name in RULES:
        key = name.removesuffix("_rule") + "Rule"
        rule = getattr(collection, name)
        _note(problems, key, rule_problem(rule))
        if collection.is_view and name in _WRITE_RULES and rule is not None:
            problems[key] = Problem("validation_nil", "A view is read-only: this rule has to be null.")
        if existing is not None and existing.system and rule != getattr(existing, name):
            message = "The rules of a system collection cannot be changed."
            problems[key] = Problem("validation_collection_system_rule_change", message)
    if len(collection.comment) > MAX_COMMENT_CHARS:
        message = f"Must have at most {MAX_COMMENT_CHARS} characters."
        problems["comment"] = Problem("validation_length_out_of_range", message)
    if not 0 <= collection.cache_ttl <= MAX_CACHE_SECONDS:
        message = f"Must be from 0 to {MAX_CACHE_SECONDS} seconds."
        problems["cacheTtl"] = Problem("validation_out_of_range", message)
    _check_history(collection, problems)
    if not collection.is_view and "fields" not in problems:
        _note(problems, "searchable", _searchable_problem(collection))


def _check_history(collection: Collection, problems: _Found) -> None:
    if not 0 <= collection.history_days <= MAX_HISTORY_DAYS:
        message = f"Must be from 0, which is for ever, to {MAX_HISTORY_DAYS} days."
        problems["historyDays"] = Problem("validation_out_of_range", message)
    if collection.history and collection.is_view:
        problems["history"] = Problem(INVALID, "A view keeps no history: its collections can.")
    elif collection.history and not collection.events:
        problems["history"] = Problem(INVALID, "A history is made of events, and `events` is off.")


def _searchable_problem(collection: Collection) -> Problem | None:
    for name in collection.searchable:
        field = collection.by_name.get(name)
        if field is None:
            return Problem("validation_missing_field", f"There is no field {name[:100]}.")
        if field.type not in SEARCHABLE_TYPES:
            return Problem(INVALID, f"{name} is of type {field.type}, in which no words can be searched.")
        if field.hidden:
            return Problem(INVALID, f"{name} is hidden: a search would show what it holds.")
    if len(set(collection.searchable)) < len(collection.searchable):
        return Problem(INVALID, "Each field may be there once.")
    return None
