"""Collections that are made to be nasty, as a server takes them: what no generator should stumble over."""

import keyword
from typing import Any, Final

OPEN: Final = dict.fromkeys(("listRule", "viewRule", "createRule", "updateRule", "deleteRule"), "")
WORDS: Final = (
    *(word for word in keyword.kwlist if word not in ("None", "True", "False")),
    *("self", "cls", "str", "int", "list", "dict", "object", "property", "type", "match", "case", "hf"),
    *("typing", "functools", "annotations", "models", "Record", "classRecord", "__class__", "_x", "_1", "hfx"),
    *("from_", "class_", "_class", "f" * 63),
)
VALUES: Final = ['a"b', "c'd", "\\", "größe", "東京 🏔", "x y", "{}", '"""', "]", "#", "%"]
HELP: Final = 'He said """no""" \\ and left \\N{DIGIT ONE} für 東京.'
CYCLE: Final = ("class", "import", "models", "page", "pages", "list")


def nasty() -> list[dict[str, Any]]:
    """Keywords, names of Python and of the package itself, 200 fields, relations to themselves and in circles."""
    circle = [_in_circle(at, name) for at, name in enumerate(CYCLE)]
    wide = [{"name": f"f{number}", "type": "number"} for number in range(200)]
    words = [{"name": word, "type": "text", "help": HELP} for word in WORDS]
    return [
        *circle,
        {**OPEN, "name": "wide", "fields": wide},
        {**OPEN, "name": "words", "comment": HELP, "fields": words},
        {**OPEN, "name": "batch", "type": "auth", "fields": [{"name": "login", "type": "text"}]},
        {**OPEN, "name": "c" * 63, "fields": [{"name": "r" * 63, "type": "relation", "collectionId": _id(0)}]},
    ]


def _id(at: int) -> str:
    return f"nastycircle{at:04d}"


def _in_circle(at: int, name: str) -> dict[str, Any]:
    fields = [
        {"name": "itself", "type": "relation", "collectionId": _id(at)},
        {"name": "next", "type": "relation", "collectionId": _id((at + 1) % len(CYCLE)), "maxSelect": 5},
        {"name": "kind", "type": "select", "values": VALUES, "help": HELP},
        {"name": "kinds", "type": "select", "values": VALUES, "maxSelect": 3},
    ]
    return {**OPEN, "id": _id(at), "name": name, "comment": HELP, "fields": fields}
