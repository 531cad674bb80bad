"""Which names collections, fields and indexes may have."""

import re
from typing import Final

from holdfast.db.sql import MAX_IDENTIFIER_BYTES
from holdfast.errors import Problem
from holdfast.schema.field import EMPTY_MESSAGE

MAX_COLLECTION_ID_CHARS: Final = 24  # the names of our constraints hold both ids and have to fit into 63 bytes
MAX_FIELD_ID_CHARS: Final = 31
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ID: Final = re.compile(r"[A-Za-z0-9_]+")
_OURS: Final = ("hf_", "pg_")
_FIELDS_TAKEN: Final = frozenset(("collectionid", "collectionname", "expand"))  # keys of every record that goes out
_WORDS: Final = frozenset(("true", "false", "null"))  # of the filter language
_COLUMNS: Final = frozenset(("ctid", "oid", "tableoid", "xmin", "xmax", "cmin", "cmax", "rowid", "_rowid_"))
_AUTH_KEYS: Final = frozenset(("passwordconfirm", "oldpassword"))  # sent along with a password
_COLLECTIONS_TAKEN: Final = frozenset(("trash",))  # GET /api/collections/trash
_TYPES: Final = frozenset(("vector", "halfvec", "sparsevec"))  # of pgvector: a table is also the name of a type


def collection_name_problem(name: str, *, system: bool = False) -> Problem | None:
    """What is wrong with the name of a collection, which becomes a table's."""
    found = _form_problem(name)
    if found is not None:
        return found
    folded = name.lower()
    if folded in _COLLECTIONS_TAKEN or folded in _TYPES:
        return _reserved(f"{name} is a name that Holdfast or PostgreSQL uses itself.")
    if folded.startswith("_") and not system:
        return _reserved("Names that begin with _ are for system collections.")
    return None


def field_name_problem(name: str, *, auth: bool = False) -> Problem | None:
    """What is wrong with the name of a field, which becomes a column's."""
    found = _form_problem(name)
    if found is not None:
        return found
    folded = name.lower()
    if folded in _FIELDS_TAKEN:
        return _reserved(f"{name} is a key of every record already.")
    if folded in _WORDS:
        return _reserved(f"{name} is a word of filters.")
    if folded in _COLUMNS:
        return _reserved(f"{name} is a column that databases have of their own.")
    if auth and folded in _AUTH_KEYS:
        return _reserved(f"{name} is sent along with a password.")
    if auth and folded == "roles":
        return _reserved("roles is the name under which Holdfast keeps a person's roles.")
    return None


def index_name_problem(name: str) -> str | None:
    """What is wrong with the name of an index, in words."""
    found = _form_problem(name)
    return None if found is None else found.message


def id_problem(id: str, most: int) -> Problem | None:
    """What is wrong with an id that a client has chosen for a collection or a field."""
    if len(id) > most:
        return Problem("validation_length_out_of_range", f"Must have at most {most} characters.")
    if _ID.fullmatch(id) is None:
        return Problem("validation_match_invalid", "Must be made of the letters a-z, A-Z, digits and _.")
    return None


def _form_problem(name: str) -> Problem | None:
    if not name:
        return Problem("validation_required", EMPTY_MESSAGE)
    if _NAME.fullmatch(name) is None:
        message = (
            "Must begin with a letter or _ and go on with letters, digits and _: a-z and A-Z, no accents or alike."
        )
        return Problem("validation_match_invalid", message)
    if len(name) > MAX_IDENTIFIER_BYTES:
        message = f"Must have at most {MAX_IDENTIFIER_BYTES} characters: PostgreSQL shortens longer names."
        return Problem("validation_length_out_of_range", message)
    folded = name.lower()
    if folded.startswith(_OURS):
        return _reserved("Names that begin with hf_ or pg_ are for Holdfast and PostgreSQL.")
    if "_via_" in folded:
        return _reserved("Names must not hold _via_: comments_via_post reads a relation backwards.")
    return None


def _reserved(message: str) -> Problem:
    return Problem("validation_reserved_name", message)
