"""What is wrong with the record actions of a plugin, before any of them is offered. Pure."""

import inspect
from collections.abc import Sequence
from typing import Any, Final, cast

from holdfast.plugin import RecordAction
from holdfast.plugins.soundness import NAME

MOST_LABEL_CHARS: Final = 60
MOST_TEXT_CHARS: Final = 500


def wrong_actions(actions: Sequence[Any]) -> str:
    """What is wrong, as the end of a sentence; empty if nothing."""
    seen = set[str]()
    for one in actions:
        found = _wrong_action(one)
        if found:
            return found
        if one.name in seen:
            return f"it has two actions called {one.name}"
        seen.add(one.name)
    return ""


def _wrong_action(given: Any) -> str:
    if not isinstance(given, RecordAction):
        return f"its actions() hold {type(given).__name__}, where a RecordAction is expected"
    name: Any = given.name
    if not isinstance(name, str) or NAME.fullmatch(name) is None:
        return "the name of an action has to be small letters, digits and underscores, a letter first, at most 40"
    what = f"the action {name}"
    return _wrong_texts(given, what) or _wrong_run(given.run, what) or _wrong_collections(given.collections, what)


def _wrong_texts(action: Any, what: str) -> str:
    label: Any = action.label
    if not isinstance(label, str) or not label.strip() or len(label) > MOST_LABEL_CHARS:
        return f"`label` of {what} has to be a text of 1 to {MOST_LABEL_CHARS} characters"
    for key in ("description", "confirm"):
        text: Any = getattr(action, key)
        if not isinstance(text, str) or len(text) > MOST_TEXT_CHARS:
            return f"`{key}` of {what} has to be a text of at most {MOST_TEXT_CHARS} characters"
    many: Any = action.many
    return "" if isinstance(many, bool) else f"`many` of {what} has to be True or False"


def _wrong_run(run: Any, what: str) -> str:
    if not inspect.iscoroutinefunction(run):
        return f"`run` of {what} has to be an `async def`"
    try:
        inspect.signature(run).bind(None, None)
    except TypeError:
        return f"`run` of {what} has to take ctx and the record"
    return ""


def _wrong_collections(collections: Any, what: str) -> str:
    if collections is None or callable(collections) or (are_names(collections) and collections):
        return ""
    return f"`collections` of {what} has to be names of collections, or a function of the settings that gives them"


def are_names(given: object) -> bool:
    """Whether these can be the names of collections: a text is none, though it is made of texts."""
    if not isinstance(given, (list, tuple, set, frozenset)):
        return False
    return all(isinstance(one, str) for one in cast("Sequence[object]", given))
