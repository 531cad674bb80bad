"""Which labels of rate limits can ever count something. Pure."""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Final

from holdfast.errors import Problem
from holdfast.http.rate_limits import AUTH_ACTIONS, RECORD_ACTIONS
from holdfast.schema.collection import Collection

ANY: Final = "*"
_LABEL: Final = re.compile(r"((GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) )?/[\w/.{}-]*|(\w+|\*):\w+", re.ASCII)
_FORM: Final = Problem("validation_invalid_format", "Must be such as /api/, POST /api/batch, posts:create or *:auth.")
_NEVER: Final = "validation_rate_limit_never_counts"


def label_problem(label: str, collections: Iterable[Collection]) -> Problem | None:
    """What is wrong with a label, as a sentence; None for one that fits some requests."""
    if _LABEL.fullmatch(label) is None:
        return _FORM
    if "/" in label:
        return _of_path(label)
    collection, _, action = label.partition(":")
    return _of_collection(collection, action, {one.name: one for one in collections})


def _of_path(label: str) -> Problem | None:
    if "{" in label or "}" in label:
        return Problem(_NEVER, "A path is compared as it is: name a collection, or end with a slash to mean all below.")
    if label.startswith("HEAD "):
        return Problem(_NEVER, "HEAD is counted as GET: say GET.")
    return None


def _of_collection(name: str, action: str, known: Mapping[str, Collection]) -> Problem | None:
    if action not in RECORD_ACTIONS and action not in AUTH_ACTIONS:
        return Problem(_NEVER, f"There is no action {action}{_nearest(action, (*RECORD_ACTIONS, *AUTH_ACTIONS))}.")
    if name == ANY:
        return None
    collection = known.get(name)
    if collection is None:
        return Problem(_NEVER, f"There is no collection {name}{_nearest(name, known)}.")
    if action in AUTH_ACTIONS and not collection.is_auth:
        return Problem(_NEVER, f"Nobody logs in to {name}: it is no auth collection.")
    return None


def _nearest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; perhaps {near[0]} was meant" if near else ""
