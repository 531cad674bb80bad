"""The keys that the JSON of a collection can have. Pure."""

import difflib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from holdfast.errors import Problem
from holdfast.schema.auth_options import AuthOptions
from holdfast.schema.collection import Collection

TERMS: Final = ("plan", "ruleTests")
"""What stands beside them in a request: on which terms the change is made."""
_OWN: Final = tuple(key.encode_name for key in msgspec.structs.fields(Collection) if key.name != "auth")
# The options of auth collections stand beside the others. Whoever copies a collection may send them for any type.
KEYS: Final = frozenset((*_OWN, *(key.encode_name for key in msgspec.structs.fields(AuthOptions)), *TERMS))


def unknown_keys(given: Mapping[str, Any]) -> dict[str, Problem]:
    """The keys that mean nothing: one that is misspelt must not look as if it had been set."""
    return {key: _unknown(key) for key in given if key not in KEYS}


def _unknown(key: str) -> Problem:
    by_small_letters = {known.lower(): known for known in KEYS}
    near = difflib.get_close_matches(key.lower().replace("_", ""), by_small_letters, n=1)
    meant = f"; perhaps {by_small_letters[near[0]]} was meant" if near else ""
    return Problem("validation_unknown_key", f"There is no such key here{meant}.")
