"""Parts of a JSON value, picked by PostgreSQL."""

from typing import Any

import msgspec

from holdfast.db.sql import Sql, literal, raw
from holdfast.http.selection import Selection


def pick(value: Sql, wanted: Selection) -> Sql:
    """The wanted parts of a jsonb expression: of an object some keys, of a list the same of each item.

    Anything else has no parts, and stays as it is.
    """
    if wanted.whole:
        return value
    parts = msgspec.json.encode(_tree(wanted)).decode()
    return raw("holdfast.pick(") + value + raw(", ") + literal(parts) + raw("::jsonb)")


def _tree(wanted: Selection) -> Any:
    """What holdfast.pick takes: an object of names, `*` for all others, true for a whole part."""
    if wanted.whole:
        return True
    tree: dict[str, Any] = {"*": True} if wanted.every else {}
    tree.update({name: _tree(part) for name, part in wanted.parts})
    return tree
