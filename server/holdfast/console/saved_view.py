"""A saved view: how an operator wants to see the records of a collection. Pure."""

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, cast

import msgspec

from holdfast.errors import Problem, Problems, ValidationFailed
from holdfast.schema.field import EMPTY_MESSAGE

Sharing: TypeAlias = Literal["private", "shared", "locked"]
"""Who sees it: its owner alone, or all, who may change it (`shared`) or may not (`locked`)."""

SHARINGS: Final = ("private", "shared", "locked")
MAX_NAME_CHARS: Final = 100
MAX_FILTER_CHARS: Final = 3500  # as of any filter
MAX_SORT_CHARS: Final = 1000
MAX_COLUMNS: Final = 500
WIDTHS: Final = (40, 2000)  # pixels
_KEYS: Final = frozenset(("collection", "name", "sharing", "state"))
_UNKNOWN: Final = Problem("validation_unknown_key", "There is no such key here.")


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A column that is shown, by the id of its field, which a rename keeps. A width of 0 is as it comes."""

    field: str
    width: int = 0
    pinned: bool = False


class ViewState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is shown and how: the columns in their order. Without any, all fields are shown."""

    filter: str = ""
    sort: str = ""
    columns: tuple[Column, ...] = ()
    density: Literal["compact", "normal", "roomy"] = "normal"


class SavedView(msgspec.Struct, frozen=True, kw_only=True):
    """One saved view. `owner` is Principal.key of who has made it."""

    id: str = ""
    collection_id: str
    owner: str
    name: str
    sharing: Sharing = "private"
    state: ViewState = ViewState()
    created: str = ""
    updated: str = ""

    def may_change(self, who: str) -> bool:
        """Whether this principal may change and delete it."""
        return self.owner == who or self.sharing == "shared"


def read_view(body: Mapping[str, Any], old: SavedView) -> SavedView:
    """The view that a body makes of an old one; keys that are not given stay. Raises ValidationFailed."""
    problems: dict[str, Problem | Problems] = {key: _UNKNOWN for key in body.keys() - _KEYS}
    name = _name(body.get("name", old.name), problems)
    sharing = body.get("sharing", old.sharing)
    if sharing not in SHARINGS:
        problems["sharing"] = Problem("validation_invalid_value", f"Must be one of {', '.join(SHARINGS)}.")
    state = _state(body["state"], problems) if "state" in body else old.state
    if problems:
        raise ValidationFailed(problems)
    return msgspec.structs.replace(old, name=name, sharing=cast(Sharing, sharing), state=state)


def view_json(view: SavedView, collection: str, who: str) -> dict[str, Any]:
    """The view as the API writes it for a principal; `collection` is the name of its collection."""
    return {
        "id": view.id,
        "collection": collection,
        "name": view.name,
        "sharing": view.sharing,
        "mine": view.owner == who,
        "state": msgspec.to_builtins(view.state),
        "created": view.created,
        "updated": view.updated,
    }


def _name(given: object, problems: dict[str, Problem | Problems]) -> str:
    if not isinstance(given, str) or not given.strip() or "\0" in given:
        problems["name"] = Problem("validation_required", EMPTY_MESSAGE)
        return ""
    if len(given.strip()) > MAX_NAME_CHARS:
        problems["name"] = Problem("validation_max_text_constraint", f"Must have at most {MAX_NAME_CHARS} characters.")
    return given.strip()


def _state(given: object, problems: dict[str, Problem | Problems]) -> ViewState:
    try:
        state = msgspec.convert(given, ViewState)
    except msgspec.ValidationError as failure:
        problems["state"] = Problem("validation_invalid_value", f"{failure}.")
        return ViewState()
    texts = (("filter", state.filter, MAX_FILTER_CHARS), ("sort", state.sort, MAX_SORT_CHARS))
    wrong: dict[str, Problem] = {
        key: Problem("validation_max_text_constraint", f"Must have at most {most} characters.")
        for key, text, most in texts
        if len(text) > most or "\0" in text
    }
    if len(state.columns) > MAX_COLUMNS or not all(_is_sound(column) for column in state.columns):
        told = f"Must be at most {MAX_COLUMNS} fields, each {WIDTHS[0]} to {WIDTHS[1]} pixels wide or 0."
        wrong["columns"] = Problem("validation_invalid_value", told)
    if wrong:
        problems["state"] = wrong
    return state


def _is_sound(column: Column) -> bool:
    width = column.width == 0 or WIDTHS[0] <= column.width <= WIDTHS[1]
    return width and 0 < len(column.field) <= MAX_NAME_CHARS and "\0" not in column.field
